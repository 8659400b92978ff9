"""Every state of the page and the card in a browser: axe, small screens, dark, keyboard.

The pictures of each state are kept in the folder that QBO_SCREENSHOTS names, for people to judge.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from tests.integration.test_panel_states import BEGIN, STATES, troubled
from tests.support.host import make_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page, Route

    from dunahub_qbo_plugin.testing import FakeHost

SHOTS = os.environ.get("QBO_SCREENSHOTS", "")

HOST = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>A host</title><style>
body {{ margin: 0; font: 15px/1.5 system-ui, sans-serif; color: {ink}; background: {ground}; }}
main {{ max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem; }}
</style></head><body><main><h1>QuickBooks</h1>{html}</main></body></html>"""
LIGHT = ("#16211d", "#ffffff")
DARK = ("#e6eeea", "#181f1c")
LOOKS = {"wide": (1280, LIGHT), "phone": (375, LIGHT), "dark": (1280, DARK)}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a host."""
    made = make_host(tmp_path, start=BEGIN)
    yield made
    made.close()


def show(page: Page, html: str, look: str) -> None:
    """Put a fragment into a host's page."""
    width, (ink, ground) = LOOKS[look]
    page.set_viewport_size({"width": width, "height": 800})
    page.set_content(HOST.format(html=html, ink=ink, ground=ground))


def violations(page: Page) -> list[str]:
    """Return what axe finds, and what it could not decide about colors."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # noqa: PLC0415  slow to import

    answer = Axe().run(page).response
    assert any(rule["id"] == "color-contrast" for rule in answer["passes"])
    undecided = [rule for rule in answer["incomplete"] if rule["id"] == "color-contrast"]
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in [*answer["violations"], *undecided]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_accessible_on_every_screen(page: Page, host: FakeHost, state: str) -> None:
    """Axe finds nothing in any state, wide, on a phone and dark, with everything unfolded."""
    html = STATES[state](host)
    for look in LOOKS:
        show(page, html, look)
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{state}-{look}.png", full_page=True)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert violations(page) == []
        scrolls = page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        assert not scrolls, f"{state} is wider than the screen ({look})"
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{state}-{look}-open.png", full_page=True)


def test_buttons_have_the_names_that_people_look_for(page: Page, host: FakeHost) -> None:
    """A screen reader finds each button by its words, and hears which record it is about."""
    show(page, troubled(host), "wide")
    for name in ("Check connection", "Disconnect", "Retry all", "Use this customer"):
        assert page.get_by_role("button", name=name, exact=True).count() == 1
    retries = page.get_by_role("button", name="Retry", exact=True)
    assert retries.count() == 2
    about = retries.first.get_attribute("aria-describedby")
    assert "gone from QuickBooks" in page.locator(f"#{about}").inner_text()


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("never", "Connect to QuickBooks"),
        ("disconnected", "Connect to QuickBooks"),
        ("expired", "Reconnect"),
        ("expired", "Disconnect"),
        ("asks_first", "Yes, disconnect"),
        ("other_company", "Use New Company from now on"),
        ("other_company", "Cancel"),
        ("subscription", "Retry"),
    ],
)
def test_the_main_button_of_a_state_is_there(
    page: Page, host: FakeHost, state: str, name: str
) -> None:
    """What a person must do in a state is one button (rules 15 to 19)."""
    show(page, STATES[state](host), "wide")
    assert page.get_by_role("button", name=name, exact=True).count() == 1


def test_dismissing_works_with_the_keyboard_alone(page: Page, host: FakeHost) -> None:
    """Without a mouse and without JavaScript: open, write the reason, send it with its keys."""
    show(page, troubled(host), "phone")
    sent: list[str] = []

    def keep(route: Route) -> None:
        sent.append(route.request.post_data or "")
        route.abort()

    page.route("**/*", keep)
    fold = page.locator("article summary", has_text="Dismiss").last
    fold.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert sent == [], "a reason is required"
    page.keyboard.type("A test")
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    (form,) = (parse_qs(text) for text in sent)
    assert form["csrf_token"] == ["made-up"]
    assert form["reason"] == ["A test"]
    holder = "customer 58"
    assert form["cause"] == [f"customer:6240:{holder}"]


def test_the_page_needs_nothing_from_elsewhere(page: Page, host: FakeHost) -> None:
    """No script, no font, no picture and no style sheet is fetched."""
    html = troubled(host)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    show(page, html, "wide")
    assert "<script" not in html
    assert fetched == []


def test_headings_begin_at_the_second_level_and_skip_none(page: Page, host: FakeHost) -> None:
    """The fragment fits below a host's own first heading."""
    show(page, troubled(host), "wide")
    levels = page.evaluate(
        "[...document.querySelectorAll('.dhqbo h1,.dhqbo h2,.dhqbo h3,.dhqbo h4')]"
        ".map(one => Number(one.tagName[1]))"
    )
    assert levels[0] == 2
    assert set(levels) == {2, 3}


def test_a_host_without_color_mix_still_has_lines(page: Page, host: FakeHost) -> None:
    """Where a browser lacks color-mix the fallback colors stand."""
    html = troubled(host).replace("color-mix", "color-no-mix")
    show(page, html, "wide")
    width = page.evaluate("getComputedStyle(document.querySelector('.dhqbo-box')).borderTopWidth")
    color = page.evaluate("getComputedStyle(document.querySelector('.dhqbo-box')).borderTopColor")
    assert width == "1px"
    assert color == "rgba(136, 136, 136, 0.4)"
