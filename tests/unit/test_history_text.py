"""Whatever the history keeps is told in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dunahub_qbo_plugin.model import Kind, Note, SkipReason
from dunahub_qbo_plugin.panel.history_text import history_line, last_done
from dunahub_qbo_plugin.store.records.history import Command, Entry, Event

NOW = datetime(2026, 11, 3, 14, 5, tzinfo=UTC)


def entry(event: Event, **others: Any) -> Entry:  # noqa: ANN401  attributes of an Entry
    """Return an entry of the history."""
    return Entry(record_id=1, at=NOW, event=event, **others)


@pytest.mark.parametrize("code", [*Note, *SkipReason])
def test_all_that_is_noticed_has_words(code: str) -> None:
    """No note and no reason to skip is shown as its code."""
    noted = entry(Event.NOTED, code=str(code), note="12.50" if code == Note.UNAPPLIED else None)
    text = history_line(Kind.PAYMENT, noted).text
    assert text[0].isupper()
    assert text.endswith(".")
    assert " " in text
    assert "{" not in text
    assert last_done(noted) == text.rstrip(".")


@pytest.mark.parametrize("command", list(Command))
def test_all_that_people_ask_for_has_words(command: Command) -> None:
    """Each command is told with who asked and why (rule 30)."""
    asked = entry(Event.ASKED, code=command.value, actor="Bo (Jr.)", note="It is paid: see mail.")
    text = history_line(Kind.INVOICE, asked).text
    assert text.endswith(" by Bo (Jr.): It is paid: see mail.")
    assert history_line(Kind.INVOICE, entry(Event.ASKED, code=command.value)).text.endswith(".")


def test_what_was_sent_says_what_was_noticed() -> None:
    """The amount of a note is written as dollars."""
    sent = entry(Event.SENT, operation="create", qbo_id="4", code="unapplied", note="1030.00")
    text = history_line(Kind.PAYMENT, sent).text
    assert text.startswith("Sent to QuickBooks. QuickBooks left $1,030.00 of it unapplied, since")


def test_sentences_of_an_earlier_schema_stay_readable() -> None:
    """What was noted before the first release is told as it was written."""
    old = entry(Event.NOTED, text="it was found voided in QuickBooks.")
    assert history_line(Kind.INVOICE, old).text == "It was found voided in QuickBooks."
