"""Whatever goes wrong, no log, row or error holds a realm id, a token or the app's secret."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import ReadReason
from dunahub_qbo_plugin.qbo.transport import http_client
from dunahub_qbo_plugin.store.tables import connections, history, records
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost
from tests.support.host import CONTRACTOR, connection_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TROUBLES: list[dict[str, object]] = [
    {"kind": "refuse"},
    {"kind": "lose"},
    {"kind": "cut"},
    {"kind": "late", "seconds": 100},
    {"kind": "fail", "status": 400, "code": "6240", "shape": "fault"},
    {"kind": "fail", "status": 403, "code": "3100", "shape": "gateway"},
    {"kind": "fail", "status": 429},
    {"kind": "fail", "status": 503, "shape": "html"},
]


@pytest.fixture
def host(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[FaultyHost]:
    """Return a connected host, everything that is logged from its start on being kept."""
    caplog.set_level(logging.DEBUG)
    made = FaultyHost(tmp_path)
    yield made
    made.close()


def _secrets(host: FaultyHost) -> list[str]:
    with host.runtime.database.read.connect() as db:
        tokens = host.runtime.connections.tokens(db, connection_of(host).id)
    assert tokens is not None
    return [tokens.realm_id, tokens.access, tokens.refresh, host.config.client_secret]


def _stored(host: FaultyHost) -> str:
    with host.runtime.database.read.connect() as db:
        tables = (connections, records, history)
        return "\n".join(
            str(tuple(row)) for table in tables for row in db.execute(sa.select(table))
        )


def test_nothing_secret_is_logged_or_stored(
    host: FaultyHost, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests, faults and renewals leave no secret and no realm id behind (rule 11)."""
    caplog.set_level(logging.DEBUG)
    secrets = _secrets(host)
    host.runtime.panel.connection_service.read_profile(
        connection_of(host).id, reason=ReadReason.OFFICE
    )
    host.save(make_lead(), make_invoice(), make_payment())
    host.send()
    for number, rule in enumerate(TROUBLES):
        host.qbo.trouble(TroubleRule.from_mapping(rule))
        host.save(make_lead(phone=f"(512) 555-01{number:02}"))
        host.send()
        host.qbo.emulator.world.trouble.clear()
        host.clock.advance(3700)
        host.settle()
    for detail in secrets[:3]:
        text = f"Token expired: {detail} for {CONTRACTOR}"
        host.qbo.trouble(TroubleRule(kind="fail", status=401, code="3200", detail=text, times=2))
        host.save(make_lead(email=f"e{len(detail)}@example.com"))
        host.send()
        host.clock.advance(700)
        host.settle()
    secrets += _secrets(host)
    assert "companyinfo" in caplog.text
    assert "/v3/company/[hidden]/customer" in caplog.text
    stored = _stored(host)
    assert "6240" in stored
    for secret in secrets:
        assert secret not in caplog.text
        assert secret not in stored


@pytest.mark.parametrize(
    "address",
    [
        "https://qbo.example/v3/company/{realm}/companyinfo/{realm}?minorversion=75",
        "https://qbo.example/v3/company/{realm}/query?query=select%20{realm}",
        "https://qbo.example/v3/company/{realm}",
        "https://qbo.example/v3/company/{realm}/invoice/17",
    ],
)
def test_realm_is_hidden_wherever_it_stands(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """An address that httpx logs holds the realm id nowhere, and what else it says stays."""
    http_client(user_agent="test/1").close()
    caplog.set_level(logging.INFO, "httpx")
    realm = "9341454838118701"
    logging.getLogger("httpx").info("HTTP Request: %s %s", "GET", address.format(realm=realm))
    assert "https://qbo.example/v3/company/[hidden]" in caplog.text
    assert realm not in caplog.text
    assert ("/invoice/17" in caplog.text) is address.endswith("/invoice/17")
