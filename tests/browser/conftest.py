"""A real browser: Debian's Chromium, headless. A message on its console fails the test."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.demo.launch import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page

    from dunahub_qbo_plugin.demo.launch import Demo

# A sandbox needs rights that a container does not give; the rest saves memory and time.
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return one browser for all tests; skip where there is none."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def console_errors() -> list[str]:
    """Return what the browser complained of; a test that expects a complaint empties it."""
    return []


@pytest.fixture
def page(chromium: Browser, console_errors: list[str]) -> Iterator[Page]:
    """Return a page of a fresh profile, 1280 wide; complaints on its console fail the test."""

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            console_errors.append(f"{message.text} ({message.location.get('url', '')})")

    context = chromium.new_context(viewport={"width": 1280, "height": 860}, locale="en-US")
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.on("console", listen)
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    yield page
    context.close()
    assert console_errors == []


@pytest.fixture
def demo(page: Page) -> Iterator[Demo]:
    """Return a demo CRM with the plugin beside a QuickBooks emulator; no story was played.

    The page leaves it before it stops: it asks for news, and would complain that nobody answers.
    """
    with running() as started:
        yield started
        page.goto("about:blank")
