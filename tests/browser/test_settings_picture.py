"""The picture of the settings page in the README is the page itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.demo.narrator import Narrator

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from dunahub_qbo_plugin.demo.launch import Demo

LARGEST = 150_000
"""Bytes that the picture may have, so that the repository stays small."""


def test_the_page_fits_into_a_small_picture(page: Page, demo: Demo, tmp_path: Path) -> None:
    """After the story the page shows the connection, the counts and what needs attention.

    With ``PICTURES`` set to a folder (``.github``) the picture is kept there.
    """
    demo.play(Narrator(None))
    page.set_viewport_size({"width": 1120, "height": 1000})
    page.goto(f"{demo.crm.base_url}/leads/new")
    page.get_by_label("E-mail").fill("somebody@example.com")
    page.get_by_role("button", name="Save lead", exact=True).click()
    card = page.get_by_role("complementary", name="From your plugins")
    card.get_by_text("Needs attention").first.wait_for()
    page.goto(f"{demo.crm.base_url}/settings/quickbooks")
    for words in ("Connected to Blue Ridge Gutters", "Needs attention", "Synced"):
        assert page.get_by_text(words).first.is_visible()
    picture = Path(os.environ.get("PICTURES", tmp_path)) / "settings-page.png"
    page.screenshot(path=picture)
    assert 10_000 < picture.stat().st_size < LARGEST
