"""A person who edits addresses, and a QuickBooks that does not play by its rules."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from dunahub_hookspecs import ActionRequest, Person, Redirect
from dunahub_qbo_plugin.errors import Unreachable
from dunahub_qbo_plugin.model import ReadReason
from dunahub_qbo_plugin.qbo.auth import Grant, Secret
from dunahub_qbo_plugin.qbo.client import MAX_PAGES, QboClient
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.qbo.transport import http_client
from dunahub_qbo_plugin.store.companies.oauth_states import MAX_STATES
from dunahub_qbo_plugin.store.tables import oauth_states
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, SteeredClock, make_lead, make_org
from dunahub_qbo_plugin.testing.host import said
from tests.support.host import CONTRACTOR, EMPTY, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECURITY = "dunahub_qbo_plugin.security"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a host that is not connected yet."""
    made = make_host(tmp_path)
    yield made
    made.close()


def _callback(host: FakeHost) -> dict[str, str]:
    """Approve the contractor's company; gives the parameters that come back."""
    asked = host.press("connect")
    assert isinstance(asked, Redirect)
    back = host.qbo.approve(asked.url, "contractor")
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


@pytest.mark.parametrize("connected", [False, True])
def test_another_companys_id_in_the_callback_connects_nothing(
    host: FakeHost, *, connected: bool
) -> None:
    """The tokens are tried on the company that the address names, before they are stored."""
    if connected:
        host.connect()
    query = _callback(host) | {"realmId": EMPTY}
    assert CONTRACTOR != EMPTY
    answer = host.press("callback", method="GET", query=query)
    assert said(answer) == "failed.wrong-company"
    assert "is not the one that was approved" in host.page(qbo=said(answer))
    if not connected:
        assert "Not connected" in host.page()
        assert host.connect() == "connected"
    host.save(make_lead())
    host.settle()
    assert host.state("customer:lead-1") == "Synced"


def test_connect_pressed_all_day_leaves_the_last_few(host: FakeHost) -> None:
    """States are few for each organization, and the newest still connects."""
    for _ in range(3 * MAX_STATES):
        host.press("connect")
    assert host.connect() == "connected"
    host.press("connect", org=make_org("other"))
    with host.runtime.database.read.connect() as db:
        per_org = sa.select(oauth_states.c.org_id, sa.func.count()).group_by(oauth_states.c.org_id)
        found = {str(row[0]): row[1] for row in db.execute(per_org)}
    assert found == {ORG.id: MAX_STATES - 1, "other": 1}


def test_who_connects_and_disconnects_is_logged(
    host: FakeHost, caplog: pytest.LogCaptureFixture
) -> None:
    """A line for each event, with its outcome, the organization and the person, on one line."""
    caplog.set_level(logging.INFO, logger=SECURITY)
    query = _callback(host)
    mallory = Person(id="mal\nlory: connected")
    host.press("callback", method="GET", query=query, person=mallory)
    host.connect()
    host.press("disconnect")
    host.press("cancel-company", person=mallory)
    lines = [(one.levelname, one.getMessage()) for one in caplog.records if one.name == SECURITY]
    where = f"organization {ORG.id!r}, person"
    assert [line for line in lines if "asked" not in line[1]] == [
        ("WARNING", f"callback: failed (late); {where} 'mal\\nlory: connected'"),
        ("INFO", f"callback: connected; {where} {PERSON.id!r}"),
        ("INFO", f"disconnect: revoked; {where} {PERSON.id!r}"),
        ("INFO", f"cancel: kept the company as it was; {where} 'mal\\nlory: connected'"),
    ]
    assert make_org("x").id not in caplog.text


def test_a_request_hides_its_parameters(host: FakeHost) -> None:
    """Whoever writes down local variables sees neither the code nor the state."""
    query = _callback(host)
    request = ActionRequest(
        org=ORG, person=Person(id="p"), page_url="/p", action_url="/a", query=query
    )
    assert query["code"] not in repr(request.query) + repr(request)
    assert request.query["code"] == query["code"]


def _client(reply: Any) -> tuple[QboClient, Grant]:  # noqa: ANN401  httpx's handler
    client = QboClient(
        api_url="https://qbo.example",
        http=http_client(user_agent="test/1", transport=httpx.MockTransport(reply)),
        throttles=Throttles(SteeredClock()),
        user_agent="test/1",
    )
    grant = Grant(
        company="c", realm_id=Secret("123145123456789"), access_token=Secret("token-of-mine-1")
    )
    return client, grant


@pytest.mark.parametrize(("moves", "asked"), [(False, 2), (True, MAX_PAGES)])
def test_pages_that_are_always_full_end(*, moves: bool, asked: int) -> None:
    """The same page again ends a list at once, ever new objects after so many pages."""
    count = 0

    def reply(_: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        rows = [{"Id": str(number + (count * 10 if moves else 0))} for number in range(10)]
        return httpx.Response(200, json={"QueryResponse": {"Item": rows}})

    client, grant = _client(reply)
    assert client.query_all(grant, "Item", page=10, reason=ReadReason.LOOK)
    assert count == asked


def test_an_exception_that_nobody_knows_shows_no_token() -> None:
    """Whatever the network library raises is an error of ours, without the frames of a request."""

    class Odd(Exception):
        pass

    def reply(_: httpx.Request) -> httpx.Response:
        raise Odd("token-of-mine-1")

    client, grant = _client(reply)
    with pytest.raises(Unreachable) as caught:
        client.company_info(grant, reason=ReadReason.LOOK)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "token-of-mine-1" not in "".join(told.format())
    assert caught.value.sent
