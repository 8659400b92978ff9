"""What QuickBooks really answered, judged by our table; needs the recordings (QBO_RECORDINGS)."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dunahub_qbo_plugin import errors
from dunahub_qbo_plugin.qbo import faults, payloads
from dunahub_qbo_plugin.qbo.answer import Answer
from dunahub_qbo_plugin.qbo.profile import company_profile

FOLDER = os.environ.get("QBO_RECORDINGS")
FILES = sorted(Path(FOLDER).glob("*/*.json")) if FOLDER else []
NOW = datetime(2026, 3, 2, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER, reason="QBO_RECORDINGS is not set")

BY_CODE: dict[str, type[errors.QboError]] = {
    "2010": errors.Refused,
    "2020": errors.Refused,
    "2030": errors.Refused,
    "3001": errors.Busy,
    "3200": errors.Unauthorized,
    "4000": errors.Refused,
    "4001": errors.Refused,
    "500": errors.Busy,  # recorded texts: nothing answers at that address
    "5010": errors.Stale,
    "6000": errors.Refused,
    "610": errors.BadReference,
    "6140": errors.DuplicateNumber,
    "6240": errors.DuplicateName,
    "6270": errors.Refused,
}


def load(path: Path) -> tuple[dict[str, Any], Answer]:
    """Read a recording, and its answer as it was on the wire."""
    recording = json.loads(path.read_text())
    body = recording["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    headers = {name.lower(): value for name, value in (recording["headers"] or {}).items()}
    return recording, Answer(status=recording["status"], headers=headers, body=raw)


def named(pattern: str) -> list[Any]:
    """The recordings whose file name matches."""
    return [pytest.param(path, id=path.stem) for path in FILES if path.match(pattern)]


@pytest.mark.parametrize("path", named("fault-*.json"))
def test_recorded_faults(path: Path) -> None:
    """Each recorded fault becomes the error that its code stands for."""
    recording, given = load(path)
    verdict = faults.examine(given, now=NOW)
    assert isinstance(verdict, errors.QboError)
    code = verdict.info.code
    assert code in json.dumps(recording["body"])
    assert type(verdict) is BY_CODE[code]
    assert verdict.info.text
    expected = given.headers.get("intuit_tid") or given.headers.get("intuit-tid", "")
    assert verdict.info.intuit_tid == expected


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem)
        for path in FILES
        if not path.stem.startswith("fault-") and not path.match("upload.qbo-api.02.json")
    ],
)
def test_recorded_good_answers(path: Path) -> None:
    """Each recorded JSON answer without a fault is good; XML and text in its place are not read."""
    recording, given = load(path)
    verdict = faults.examine(given, now=NOW)
    if recording["body_format"] == "json":
        assert isinstance(verdict, dict)
    else:
        assert isinstance(verdict, errors.Unreachable)
        assert verdict.sent


@pytest.mark.parametrize(
    "path",
    [*named("*-create.qbo-api*.json"), *named("*-update-full.qbo-api*.json"), *named("*-void.q*")],
)
def test_recorded_writes(path: Path) -> None:
    """Id, SyncToken, total and number are found in each recorded answer to a write."""
    recording, given = load(path)
    payload = faults.examine(given, now=NOW)
    assert isinstance(payload, dict)
    name = recording["request"]["path"].rpartition("/")[2]
    entity = payloads.entity(payload, name, "")
    done = payloads.written(entity, name, "tid")
    assert done.remote.id == entity["Id"]
    assert done.remote.sync_token == entity["SyncToken"]
    assert (done.total is None) == (name == "customer")
    assert done.number == entity.get("DocNumber", "")


@pytest.mark.parametrize("path", [*named("preferences-get.*"), *named("query-preferences.*")])
def test_recorded_preferences(path: Path) -> None:
    """A profile can be made of any recorded preferences."""
    recording, _ = load(path)
    profile = company_profile(company={}, preferences=recording["body"]["Preferences"])
    assert profile.home_currency == "USD"
    assert not profile.custom_txn_numbers


def test_there_are_recordings() -> None:
    """The folder that was named holds recordings."""
    assert len(named("fault-*.json")) > 30
