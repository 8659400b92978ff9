"""No text that people or QuickBooks wrote ever becomes markup on a page."""

from __future__ import annotations

import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dunahub_hookspecs import Address, RecordKind, SettingsRequest
from dunahub_hookspecs.host import collect_cards, show_panel
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead
from dunahub_qbo_plugin.testing.host import SETTINGS
from tests.support.host import make_host

if TYPE_CHECKING:
    from collections.abc import Iterator


NASTY = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "' onmouseover='alert(1)",
            "{{ 7*7 }}{% include 'x' %}",
            "</style><script>alert(1)</script>",
            "javascript:alert(1)",
            "<!-- -->",
            "&#x3c;script&#x3e;",
            "\u202e\u2028\x00\x1b[31m",
        ]
    ),
)
TAGS_WITHOUT_END = frozenset({"input", "br", "img", "hr", "meta", "link"})


class Judge(HTMLParser):
    """Reads a page and names what no page of ours has."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Judge an element."""
        if tag in {"script", "img", "iframe", "object", "embed", "base", "meta", "link"}:
            self.problems.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on"):
                self.problems.append(f"{tag} {name}")
            if name in {"href", "action", "src", "formaction"} and not self._leads_home(value):
                self.problems.append(f"{tag} {name}={value}")
        if tag not in TAGS_WITHOUT_END:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Hold that elements close in order."""
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"stray </{tag}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Judge an element that closes itself, as those of a picture do."""
        self.handle_starttag(tag, attrs)
        if tag not in TAGS_WITHOUT_END:
            self.open.pop()

    @staticmethod
    def _leads_home(value: str | None) -> bool:
        return (value or "").startswith(("https://", "#", "?"))


def judged(html: str) -> list[str]:
    """Name what is wrong with a page."""
    judge = Judge()
    judge.feed(html)
    judge.close()
    return judge.problems + [f"<{tag}> not closed" for tag in judge.open]


def test_the_judge_judges() -> None:
    """What must not be on a page is named."""
    for bad in (
        "<p><script>x</script></p>",
        '<p onclick="x">x</p>',
        '<a href="javascript:x">x</a>',
        "<p>x",
        "x</p>",
    ):
        assert judged(bad), bad


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    texts=st.lists(NASTY, min_size=6, max_size=6),
    said_by_quickbooks=NASTY,
    query=st.dictionaries(
        st.sampled_from(["qbo", "q", "kind", "result", "before", "confirm"]), NASTY, max_size=4
    ),
)
def test_no_text_becomes_markup(
    texts: list[str], said_by_quickbooks: str, query: dict[str, str]
) -> None:
    """Whatever stands in names, numbers, QuickBooks' texts or the address is shown as text."""
    name, email, line1, number, message, identifier = texts
    with tempfile.TemporaryDirectory() as folder:
        host = make_host(Path(folder))
        pages = Pages(host)
        host.connect()
        host.qbo.trouble(
            TroubleRule(kind="fail", status=400, code="6000", detail=said_by_quickbooks, times=3)
        )
        person = make_lead(
            identifier or "1", name=name, company="x", email=email, address=Address(line1=line1)
        )
        bill = make_invoice(identifier or "1", number=number, message=message, lead=person)
        host.save(bill)
        host.send()
        host.save(attrs.evolve(person, phone=message))
        host.send()
        for html in pages.everything(bill.id, query):
            assert judged(html) == []
        host.close()


class Pages:
    """Looks at every page of a host."""

    def __init__(self, host: FakeHost) -> None:
        self._office = host

    def everything(self, key: str, query: dict[str, str]) -> Iterator[str]:
        """Return the page, with and without the query, and the cards."""
        for asked in ({}, query):

            def request(slug: str, asked: dict[str, str] = asked) -> SettingsRequest:
                url = f"{SETTINGS}/{slug}"
                return SettingsRequest(
                    person=PERSON,
                    page_url=url,
                    action_url=url,
                    query=asked,
                    hidden_fields={"csrf": '"><script>'},
                )

            manager = self._office.manager
            panel = show_panel(manager, ORG, "quickbooks", request)
            assert panel is not None
            yield panel.html
            for kind in RecordKind:
                for card in collect_cards(manager, ORG, request, kind, key):
                    yield card.html
