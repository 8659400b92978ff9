"""Known secrets go through everything that happens, and are looked for wherever they could end up.

Rule 11: no token, client secret, key or company id is in a database file, log, page, traceback,
repr, address, support file or error.
"""

from __future__ import annotations

import io
import json
import logging
import traceback
from typing import TYPE_CHECKING, Any

import attrs
import httpx
import pytest
from sqlalchemy.exc import SQLAlchemyError

from dunahub_hookspecs import Redirect
from dunahub_qbo_plugin.errors import QuickBooksPluginError
from dunahub_qbo_plugin.model import Kind, ReadReason, RecordKey
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.qbo.auth import Secret
from dunahub_qbo_plugin.review.support import support_file
from dunahub_qbo_plugin.runtime import build
from dunahub_qbo_plugin.store.db.cipher import generate_key
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead, make_payment
from dunahub_qbo_plugin.testing.host import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = 3600.0


class Net:
    """Keeps everything that comes out, and every secret that went in."""

    def __init__(self, host: FakeHost, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self.out: dict[str, str] = {}
        self.states: set[str] = set()
        self.log = io.StringIO()
        handler = logging.StreamHandler(self.log)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s %(pathname)s"))
        self.handler = handler

    def keep(self, name: str, value: object) -> None:
        """Keep something that people or programs can see."""
        self.out[f"{len(self.out)} {name}"] = value if isinstance(value, str) else repr(value)

    def press(self, action: str, **options: Any) -> Any:  # noqa: ANN401  an answer
        """Press a button and keep where it leads."""
        answer = self.host.press(action, **options)
        if isinstance(answer, Redirect) and answer.url.startswith(SETTINGS):
            self.keep(f"address after {action}", answer.url)
        self.keep(f"repr after {action}", answer)
        return answer

    def failure(self, name: str, error: BaseException) -> None:
        """Keep an error with its traceback, causes and all, as any tool would print it."""
        lines = traceback.TracebackException.from_exception(error, capture_locals=False).format()
        self.keep(name, "".join(lines) + repr(error) + str(vars(error)))
        self.keep(f"locals of {name}", "".join(_locals_of(error)))

    def look(self) -> None:
        """Keep the page and every card."""
        self.keep("page", self.host.page())
        for kind in Kind:
            for key in ("lead-1", "inv-1", "inv-2", "pay-inv-1"):
                self.keep("card", self.host.card(RecordKey(kind=kind, local_id=key)))

    def secrets(self) -> dict[str, str]:
        """Return every secret there is or was."""
        world = self.host.qbo.emulator.world
        config = self.host.plugin.runtime().config
        found = {
            "client secret": config.client_secret,
            "key": config.fernet_keys[0],
            "company": self.host.qbo.realm(),
            **{f"access {n}": token for n, token in enumerate(world.tokens._access)},
            **{f"refresh {n}": token for n, token in enumerate(world.tokens._refresh)},
            **{f"state {n}": token for n, token in enumerate(self.states)},
        }
        assert len(found) > 5
        return found

    def search(self) -> list[str]:
        """Name each place where a secret was found."""
        self.out["log"] = self.log.getvalue()
        for path in self.folder.glob("*.sqlite3*"):
            self.out[f"file {path.name}"] = path.read_bytes().decode("latin-1")
        return [
            f"{name} in {place}: …{text[max(0, text.index(secret) - 60) :][:60]}…"
            for name, secret in self.secrets().items()
            for place, text in self.out.items()
            if secret in text
        ]


def _locals_of(error: BaseException) -> Iterator[str]:
    """Return the local variables of the plugin's own frames, as tools that report errors do."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "dunahub_qbo_plugin" in frame.f_code.co_filename:
            yield f"{frame.f_code.co_name} {frame.f_locals!r}\n"


@pytest.fixture
def net(tmp_path: Path, fake_host: FakeHost) -> Iterator[Net]:
    """Return a host around which everything is kept, with all logs at their finest."""
    made = Net(fake_host, tmp_path)
    root = logging.getLogger()
    level = root.level
    root.addHandler(made.handler)
    root.setLevel(logging.DEBUG)
    yield made
    root.removeHandler(made.handler)
    root.setLevel(level)


def connect(net: Net, company: str = "contractor") -> None:
    """Connect, keeping what is seen on the way."""
    asked = net.press("connect")
    back = httpx.URL(net.host.qbo.approve(asked.url, company))
    query = dict(back.params)
    net.states.add(query["state"])
    net.press("callback", method="GET", query=query)


def work(net: Net) -> None:
    """Save one record of each kind and send them."""
    bill = make_invoice(lead=make_lead())
    net.host.save(bill, make_payment(bill))
    net.host.settle()


def the_usual(net: Net) -> None:
    """Connect, send, renew tokens, disconnect, connect again."""
    connect(net)
    work(net)
    net.look()
    net.host.clock.advance(2 * HOUR)
    net.press("check")
    net.host.clock.advance(25 * HOUR)
    net.press("check")
    net.press("disconnect")
    net.look()
    connect(net)
    net.look()


def every_fault(net: Net) -> None:
    """Let every kind of refusal and every loss happen to a record."""
    connect(net)
    realm = net.host.qbo.realm()
    rules = [
        f"fail status={status} shape={shape}"
        for status in (400, 401, 403, 429, 500, 503)
        for shape in ("fault", "gateway", "xml", "html", "text", "empty")
    ]
    rules += ["lose", "lose manner=close", "lose manner=silence", "cut", "refuse"]
    token = next(iter(net.host.qbo.emulator.world.tokens._access))
    rules += [
        f'fail status={status} code={code} detail="Token expired: {token} of {realm}"'
        for status, code in ((400, "6000"), (401, "3200"), (403, "3100"), (500, "10000"))
    ]
    for number, rule in enumerate(rules):
        net.host.qbo.trouble(rule)
        net.host.save(make_lead(name=f"Sarah {number}"))
        net.host.send()
        net.look()
        net.press("check")
        net.host.clock.advance(2 * HOUR)
        net.host.send()
        net.press("retry-all")


def lost_access(net: Net) -> None:
    """Have the access revoked in QuickBooks, and come back."""
    connect(net)
    world = net.host.qbo.emulator.world
    world.tokens.expire(realm=net.host.qbo.realm(), access=True, refresh=True)
    work_or_wait(net)
    net.press("check")
    net.look()
    assert "Token expired" in net.host.page()
    connect(net)
    net.host.settle()
    net.look()


def work_or_wait(net: Net) -> None:
    """Save and try to send, whatever comes of it."""
    bill = make_invoice(lead=make_lead())
    net.host.save(bill, make_payment(bill))
    net.host.send()


def wrong_key(net: Net) -> None:
    """Start again with a key that opens nothing, and with one that is none."""
    connect(net)
    given = net.host.plugin.runtime()
    for keys in ((generate_key(),), ("not-a-key-" + given.config.fernet_keys[0],), ()):
        runtime = build(
            attrs.evolve(given.config, fernet_keys=keys),
            clock=net.host.clock,
            transport=net.host.qbo.transport(),
        )
        net.host.plugin._runtime = runtime
        work_or_wait(net)
        net.press("check")
        net.press("connect")
        net.look()
        net.keep("runtime", runtime)
        net.keep("cipher", runtime.connections._cipher)
        with pytest.raises(QuickBooksPluginError) as error:
            runtime.panel.connection_service.tokens.grant(company(net))
        net.failure("no grant", error.value)
        runtime.http.close()
        runtime.database.close()
    net.host.plugin._runtime = given
    net.press("disconnect")


def company(net: Net) -> str:
    """Return our own id of the connected company."""
    runtime = net.host.plugin.runtime()
    with runtime.database.read.connect() as db:
        current = runtime.connections.current(db, ORG.id)
    assert current is not None
    return current.id


def wrong_app(net: Net) -> None:
    """Have Intuit refuse the app's keys, and be out of order."""
    connect(net)
    net.host.qbo.trouble("fail status=401 code=invalid_client shape=oauth target=oauth")
    net.host.clock.advance(2 * HOUR)
    net.press("check")
    for status in (400, 429, 500, 503):
        net.host.qbo.trouble(f"fail status={status} target=oauth")
        net.press("check")
        net.host.send()
    net.host.qbo.trouble("lose target=oauth")
    net.press("disconnect")
    net.look()


def bad_callbacks(net: Net) -> None:
    """Come back from Intuit in every wrong way."""
    connect(net)
    asked = net.press("connect")
    good = dict(httpx.URL(net.host.qbo.approve(asked.url)).params)
    net.states.add(good["state"])
    for changes in ({"state": "x"}, {"realmId": "x"}, {"code": ""}, {"code": "used"}, {}):
        net.press("callback", method="GET", query=good | changes)
    net.look()


def exceptions(net: Net) -> None:
    """Let everything break that can, below hooks, actions and pages."""
    connect(net)
    runtime = net.host.plugin.runtime()
    grant = runtime.panel.connection_service.tokens.grant(company(net))
    with runtime.database.read.connect() as db:
        tokens = runtime.connections.tokens(db, company(net))
    for value in (runtime, runtime.config, net.host.plugin, grant, tokens, runtime.client):
        net.keep("repr", value)
    net.keep("default plugin", QuickBooksPlugin(config=runtime.config))
    net.keep("secret", f"{Secret(grant.access_token.reveal())} {grant.access_token!r:>20}")
    for rule in ("refuse times=9", "fail status=401 times=9", "cut times=9 target=any"):
        net.host.qbo.trouble(rule)
        with pytest.raises(QuickBooksPluginError) as error:
            runtime.client.company_info(grant, reason=ReadReason.LOOK)
        net.failure("client", error.value)
        with pytest.raises(QuickBooksPluginError) as error:
            runtime.panel.connection_service.oauth.refresh(
                Secret("AB11" + grant.access_token.reveal()[-30:])
            )
        net.failure("refresh", error.value)
        net.host.qbo.emulator.world.trouble.clear()
    runtime.database.write.dispose()
    with runtime.database.write.begin() as db:
        db.exec_driver_sql("ALTER TABLE qbo_record RENAME TO gone")
    with pytest.raises(SQLAlchemyError) as broken:
        work_or_wait(net)
    net.failure("worker", broken.value)
    net.look()
    for action in ("retry-all", "check", "disconnect"):
        net.press(action)
    with runtime.database.write.begin() as db:
        db.exec_driver_sql("ALTER TABLE gone RENAME TO qbo_record")


def support(net: Net) -> None:
    """Write a support file of a record that failed with the token in QuickBooks' text."""
    connect(net)
    token = next(iter(net.host.qbo.emulator.world.tokens._access))
    net.host.qbo.trouble(f'fail status=400 code=6000 detail="{token} {net.host.qbo.realm()}"')
    net.host.save(make_lead())
    net.host.send()
    runtime = net.host.plugin.runtime()
    with runtime.database.read.connect() as db:
        current = runtime.connections.current(db, ORG.id)
        assert current is not None
        key = RecordKey(kind=Kind.CUSTOMER, local_id="lead-1")
        told = support_file(db, current, key, version="1", now=net.host.clock.now())
    assert told is not None
    assert told["error"]["code"] == "6000"
    net.keep("support file", json.dumps(told))
    assert PERSON.email not in net.out[list(net.out)[-1]]


@pytest.mark.parametrize(
    "flow",
    [
        the_usual,
        every_fault,
        lost_access,
        wrong_key,
        wrong_app,
        bad_callbacks,
        exceptions,
        support,
    ],
    ids=lambda flow: flow.__name__,
)
def test_no_secret_gets_out(flow: Any, net: Net) -> None:  # noqa: ANN401  one of the above
    """Whatever happens, no secret is in anything that is kept, shown or told."""
    flow(net)
    net.look()
    assert net.search() == []
    assert len(net.log.getvalue()) > 500
    assert any("file" in place for place in net.out)


def test_the_net_finds_what_it_looks_for(net: Net) -> None:
    """A secret that does get out is found: in a log, on a page, in a file."""
    connect(net)
    logging.getLogger("somebody").warning("%s", next(iter(net.secrets().values())))
    net.keep("page", f"<p>{net.host.qbo.realm()}</p>")
    leak = net.folder / "leak.sqlite3"
    leak.write_text(list(net.secrets().values())[3], encoding="utf-8")
    places = " ".join(net.search())
    leak.unlink()  # every test's files are looked through at its end
    for place in ("in log", "page", "file leak.sqlite3"):
        assert place in places
