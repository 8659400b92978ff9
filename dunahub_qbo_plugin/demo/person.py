"""The browser user of the story: opens pages, fills in forms, presses buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from dunahub_qbo_plugin.demo import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dunahub_qbo_plugin.demo.pages import Page

STATES = ("Needs attention", "Not sent", "Waiting", "Synced")
_LOOK_EVERY = 0.1


class StoryError(RuntimeError):
    """The story cannot go on; the text says where it stopped."""


class Person:
    """A user at a browser.

    Args:
        base_url: the CRM's address.
        pause: waits for seconds between two looks at a page.
        timer: seconds from a steady clock.
    """

    def __init__(
        self, base_url: str, pause: Callable[[float], None], timer: Callable[[], float]
    ) -> None:
        self._http = httpx.Client(
            base_url=base_url, follow_redirects=True, timeout=30, trust_env=False
        )
        self._pause = pause
        self._timer = timer

    def close(self) -> None:
        """Close the browser."""
        self._http.close()

    def open(self, url: str) -> Page:
        """Open an address.

        Raises:
            StoryError: there is no such page.
        """
        return self._seen(self._http.get(url))

    def press(self, page: Page, label: str, **typed: str | list[str]) -> Page:
        """Fill in a form and press its button.

        Args:
            page: where the button is.
            label: the button's words.
            typed: what is typed into the form's fields, by their names.

        Raises:
            StoryError: the page has no such button, or what it does fails.
        """
        found = page.button(label)
        if found is None:
            raise StoryError(f"There is no button “{label}” on {page.url}: {page.text[:300]}")
        form, button = found
        data = form.filled(button, typed)
        if form.method == "GET":
            return self._seen(self._http.get(form.action, params=_flat(data)))
        return self._seen(self._http.post(form.action, data=data))

    def wait_for_card(self, kind: str, record_id: str, states: set[str], seconds: float) -> str:
        """Look at a record's card until it shows one of some states.

        Returns:
            the state it shows at last, also when it is another one after that many seconds.
        """
        until = self._timer() + seconds
        while True:
            state = self.state(kind, record_id)
            if state in states or self._timer() >= until:
                return state
            self._pause(_LOOK_EVERY)

    def state(self, kind: str, record_id: str) -> str:
        """Return the state that a record's cards show, empty when they show none."""
        words = " ".join(self.card(kind, record_id).cards)
        places = {words.find(state): state for state in STATES if state in words}
        return places[min(places)] if places else ""

    def card(self, kind: str, record_id: str) -> Page:
        """Return the cards of a record, with their buttons."""
        return self.open(f"/cards/{kind}/{record_id}")

    def _seen(self, answer: httpx.Response) -> Page:
        page = pages.read(str(answer.url), answer.status_code, answer.text)
        if answer.is_error:
            raise StoryError(f"{answer.status_code} at {answer.url}: {page.text[:300]}")
        return page


def _flat(data: Mapping[str, list[str]]) -> list[tuple[str, str | int | float | bool | None]]:
    return [(name, value) for name, values in data.items() for value in values]
