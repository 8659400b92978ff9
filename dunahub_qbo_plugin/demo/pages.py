"""A web page as a person sees it: forms, buttons, links and record cards."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

Pairs = list[tuple[str, str]]


@attrs.define(kw_only=True)
class Button:
    """A button of a form: its words, and what it sends."""

    label: str = ""
    name: str = ""
    value: str = ""


@attrs.define(kw_only=True)
class Form:
    """A form with what is filled in already."""

    action: str
    method: str
    fields: Pairs = attrs.field(factory=list, repr=False)
    buttons: list[Button] = attrs.field(factory=list)

    def filled(self, button: Button, typed: Mapping[str, str | list[str]]) -> dict[str, list[str]]:
        """Return what the form sends when the button is pressed after typing."""
        sent: dict[str, list[str]] = {}
        for name, value in self.fields:
            sent.setdefault(name, []).append(value)
        for name, given in typed.items():
            sent[name] = [given] if isinstance(given, str) else list(given)
        if button.name:
            sent[button.name] = [button.value]
        return sent


@attrs.frozen(kw_only=True)
class Page:
    """A page that was opened.

    Attributes:
        url: where it was found, after redirects.
        status: its HTTP status.
        text: its words, without markup.
        cards: the words of each card that a plugin put on it.
        links: the addresses behind the words of its links.
    """

    url: str
    status: int
    text: str = attrs.field(repr=False)
    forms: tuple[Form, ...] = attrs.field(repr=False)
    cards: tuple[str, ...] = ()
    links: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def button(self, label: str) -> tuple[Form, Button] | None:
        """Find a button by its words."""
        for form in self.forms:
            for button in form.buttons:
                if button.label == label:
                    return form, button
        return None

    def field(self, name: str) -> str:
        """Return what a form field holds already, empty when there is no such field."""
        fields = (field for form in self.forms for field in form.fields)
        return next((value for known, value in fields if known == name), "")


def read(url: str, status: int, html: str) -> Page:
    """Parse a page."""
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    return Page(
        url=url,
        status=status,
        text=_words(reader.text),
        forms=tuple(reader.forms),
        cards=tuple(_words(card) for card in reader.cards),
        links={_words(words): target for words, target in reader.links},
    )


def _words(pieces: list[str]) -> str:
    return " ".join("".join(pieces).split())


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.forms: list[Form] = []
        self.text: list[str] = []
        self.cards: list[list[str]] = []
        self.links: list[tuple[list[str], str]] = []
        self._form: Form | None = None
        self._button: Button | None = None
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self._area: tuple[str, list[str]] | None = None
        self._link: list[str] | None = None
        self._sections = 0
        self._hidden = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag in {"script", "style", "title"}:
            self._hidden += 1
        if tag == "section" and (self._sections or "data-card" in given):
            if not self._sections:
                self.cards.append([])
            self._sections += 1
        if tag == "a" and "href" in given:
            self._link = []
            self.links.append((self._link, urljoin(self._url, given["href"])))
        if tag == "form":
            target = urljoin(self._url, given.get("action", "") or self._url)
            self._form = Form(action=target, method=given.get("method", "get").upper())
            self.forms.append(self._form)
        if self._form is not None:
            self._control(self._form, tag, given)
        self._words("")

    def _control(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "input" and name and self._is_sent(given):
            form.fields.append((name, given.get("value", "")))
        if tag == "button" and given.get("type", "submit") == "submit":
            self._button = Button(name=name, value=given.get("value", ""))
            form.buttons.append(self._button)
        if tag == "select":
            self._select = (name, [])
        if tag == "option" and self._select is not None:
            self._select[1].append((given.get("value", ""), "selected" in given))
        if tag == "textarea":
            self._area = (name, [])

    def _is_sent(self, given: dict[str, str]) -> bool:
        if given.get("type") in {"checkbox", "radio"}:
            return "checked" in given
        return given.get("type") not in {"submit", "button"}

    def handle_endtag(self, tag: str) -> None:
        self._words(" ")
        if tag in {"script", "style", "title"}:
            self._hidden -= 1
        if tag == "section" and self._sections:
            self._sections -= 1
        if tag == "a":
            self._link = None
        if tag == "button" and self._button is not None:
            self._button.label = _words([self._button.label])
            self._button = None
        if tag == "select" and self._select is not None and self._form is not None:
            name, options = self._select
            chosen = [value for value, is_chosen in options if is_chosen] or [
                value for value, _ in options[:1]
            ]
            self._form.fields += [(name, value) for value in chosen]
            self._select = None
        if tag == "textarea" and self._area is not None and self._form is not None:
            name, pieces = self._area
            self._form.fields.append((name, "".join(pieces).removeprefix("\n")))
            self._area = None
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)
        self._words(data)

    def _words(self, data: str) -> None:
        if self._hidden:
            return
        self.text.append(data)
        if self._button is not None:
            self._button.label += data
        if self._link is not None:
            self._link.append(data)
        if self._sections:
            self.cards[-1].append(data)
