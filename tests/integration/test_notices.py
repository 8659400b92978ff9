"""The host is told when a person is needed, and when it is over (rule 43)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import pytest
import sqlalchemy as sa

from dunahub_hookspecs import Audience, SettingsRequest
from dunahub_hookspecs.host import collect_panels
from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.runtime import build
from dunahub_qbo_plugin.store import notices
from dunahub_qbo_plugin.store.db.cipher import generate_key
from dunahub_qbo_plugin.store.tables import connections
from dunahub_qbo_plugin.testing import ORG, PERSON, make_invoice, make_lead
from tests.support.host import CONTRACTOR, connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_hookspecs import Notice
    from dunahub_qbo_plugin.testing import FakeHost

GATHERED = 301.0


class Mailbox:
    """What a host does with notices: it keeps those that it has not got yet."""

    def __init__(self) -> None:
        self.came: list[Notice] = []
        self.fails: type[BaseException] | None = None

    def __call__(self, notice: Notice) -> None:
        """Take a notice; afterwards, fail if that was asked for."""
        self.came.append(notice)
        if self.fails is not None:
            raise self.fails("the mail server is away")

    def kinds(self) -> list[tuple[str, bool]]:
        """Return what came, oldest first."""
        return [(one.kind, one.over) for one in self.came]


@pytest.fixture
def mailbox() -> Mailbox:
    """Return an empty mailbox."""
    return Mailbox()


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str | None:
    """Return the database: SQLite, but where the dialect matters."""
    if not getattr(request, "param", False):
        return None
    address: str = request.getfixturevalue("postgres_url")
    return address


on_both = pytest.mark.parametrize(
    "store_url", [False, True], ids=["sqlite", "postgres"], indirect=True
)


@pytest.fixture
def host(tmp_path: Path, mailbox: Mailbox, store_url: str | None) -> Iterator[FakeHost]:
    """Give a connected host with a mailbox."""
    host = make_host(tmp_path, notify=mailbox, database_url=store_url)
    host.connect()
    yield host
    host.close()


def fail_two(host: FakeHost) -> None:
    """Have two customers need attention, one of which has an invoice."""
    for name in ("Home Depot", "Lowes"):
        host.qbo.company().books.create("Vendor", {"DisplayName": name})
    lead = make_lead("lead-1", name="Home Depot")
    host.save(make_invoice(lead=lead), make_lead("lead-2", name="Lowes", email=""))
    host.send()


def later(host: FakeHost, seconds: float = GATHERED) -> int:
    """Let time pass, and tell the host."""
    host.clock.advance(seconds)
    return host.tell()


@on_both
def test_records_that_need_attention_are_one_notice(host: FakeHost, mailbox: Mailbox) -> None:
    """Case C5: one notice with a count and the worst cause, once; and one when it is over."""
    fail_two(host)
    assert (host.tell(), later(host), later(host)) == (0, 1, 0)
    (notice,) = mailbox.came
    assert (notice.kind, notice.over, notice.org_id, notice.count) == (
        "attention",
        False,
        ORG.id,
        2,
    )
    assert notice.audience is Audience.OFFICE
    assert notice.panel == "quickbooks"
    assert notice.title == "QuickBooks: 2 records need attention"
    assert "name" in notice.text
    assert "Blue Ridge Gutters" in notice.text
    host.press("dismiss", "customer:lead-1", "customer:lead-2", reason="no")
    assert later(host) == 1
    assert mailbox.kinds() == [("attention", False), ("attention", True)]
    assert mailbox.came[1].about == notice.id
    assert mailbox.came[1].id != notice.id


def test_what_is_mended_at_once_is_never_told(host: FakeHost, mailbox: Mailbox) -> None:
    """Within the minutes in which records are gathered, nobody is told of what is over."""
    fail_two(host)
    host.tell()
    host.press("dismiss", "customer:lead-1", "customer:lead-2", reason="no")
    assert later(host) == 0
    assert mailbox.came == []


def test_a_host_that_fails_is_told_again(host: FakeHost, mailbox: Mailbox) -> None:
    """The same notice, with the same id, comes until the host's callable returns."""
    fail_two(host)
    host.tell()
    mailbox.fails = OSError
    assert (later(host), later(host, 70), later(host, 70)) == (0, 0, 0)
    mailbox.fails = None
    assert later(host, 3600) == 1
    assert len(mailbox.came) == 4 - 1
    assert len({one.id for one in mailbox.came}) == 1


@on_both
@pytest.mark.parametrize("mended", [False, True])
def test_killed_while_it_tells(host: FakeHost, mailbox: Mailbox, *, mended: bool) -> None:
    """Killed when the host may have taken it: told again, same id; and its end, if it is over."""
    fail_two(host)
    host.tell()
    mailbox.fails = KeyboardInterrupt  # as a kill: nothing is written afterwards
    with pytest.raises(KeyboardInterrupt):
        later(host)
    mailbox.fails = None
    host.restart()
    if mended:
        host.press("dismiss", "customer:lead-1", "customer:lead-2", reason="no")
    assert later(host) == 1 + mended
    expected = [("attention", False), ("attention", False), ("attention", True)]
    assert mailbox.kinds() == expected[: 2 + mended]
    assert mailbox.came[0].id == mailbox.came[1].id


def test_access_lost_and_back(host: FakeHost, mailbox: Mailbox) -> None:
    """A grant that Intuit ended is told at once, and that the office has reconnected."""
    host.qbo.emulator.world.tokens.end_grants(realm=CONTRACTOR)
    host.save(make_lead())
    host.send()
    assert host.tell() == 1
    assert mailbox.came[0].title == "QuickBooks: please reconnect Blue Ridge Gutters"
    host.connect()
    assert later(host) == 1
    assert mailbox.kinds() == [("access-lost", False), ("access-lost", True)]


def test_access_that_ends_in_days(host: FakeHost, mailbox: Mailbox) -> None:
    """Case C4: Intuit's end of a grant is kept; the page says so from 30 days, a notice from 7."""
    ends = connection_of(host).grant_expires_at
    assert ends is not None
    assert ends > host.clock.now() + timedelta(days=365)
    now = host.clock.now()
    for days, page, told in ((31, False, 0), (29, True, 0), (6, True, 1)):
        with host.runtime.database.write.begin() as db:
            stamp = round((now + timedelta(days=days)).timestamp() * 1000)
            db.execute(sa.update(connections).values(grant_expires_at=stamp))
        assert ("This connection ends" in host.page()) is page
        assert host.tell() == told
    assert mailbox.came[0].kind == "access-ending"
    assert mailbox.came[0].until == now + timedelta(days=6)
    assert "March 8, 2026" in mailbox.came[0].title


@on_both
def test_silence(host: FakeHost, mailbox: Mailbox) -> None:
    """Nothing was sent for three days although a record waits: it is told, with how many."""
    host.qbo.trouble("fail status=503 times=10000")
    host.save(make_lead())
    host.send()
    assert later(host, 3 * 86400) == 0
    assert later(host, 3600) == 1
    assert (mailbox.came[0].kind, mailbox.came[0].count) == ("silence", 1)


@on_both
def test_reads_used_up(host: FakeHost, mailbox: Mailbox) -> None:
    """That the month's reads are used up is the operator's, and told once for the app."""
    gate = host.runtime.client.reads
    gate.refused("a", None)
    gate.written("a")
    host.clock.advance(61)
    gate.refused("a", None)
    host.save(make_lead())
    host.send()
    host.runtime.worker_tasks.meter.note(at_once=True)
    assert host.tell() == 1
    notice = mailbox.came[0]
    assert (notice.kind, notice.audience, notice.org_id) == (
        "reads-used-up",
        Audience.OPERATOR,
        None,
    )
    gate.answered("a")
    host.save(make_lead(name="Other"))
    host.send()
    host.clock.advance(20)
    host.runtime.worker_tasks.meter.note(at_once=True)
    assert later(host) == 1
    assert mailbox.came[1].over


def test_a_key_that_does_not_fit(host: FakeHost, mailbox: Mailbox, tmp_path: Path) -> None:
    """Tokens that no key decrypts are told to the operator, in whichever process."""
    other = make_host(
        tmp_path,
        qbo=host.qbo,
        notify=mailbox,
        database_url=host.config.database_url,
        fernet_keys=(generate_key(),),
    )
    assert other.tell() == 1
    other.close()
    assert later(host) == 1
    assert mailbox.kinds() == [("key", False), ("key", True)]


def took(notice: Notice) -> None:
    """Stand for a callable that a setting names."""
    TAKEN.append(notice)


TAKEN: list[Notice] = []


def test_a_worker_process_is_given_its_callable_by_name(host: FakeHost) -> None:
    """A worker without a host tells the callable that DUNAHUB_QBO_NOTIFY names; a typo is said."""
    named = attrs.evolve(host.config, fernet_keys=(generate_key(),), notify=f"{__name__}:took")
    runtime = build(named, clock=host.clock)
    assert runtime.worker_tasks.teller.run() == 1
    assert TAKEN[0].kind == "key"
    runtime.close()
    with pytest.raises(ConfigurationError, match="DUNAHUB_QBO_NOTIFY"):
        build(attrs.evolve(named, notify="no.such:thing"))


def test_a_database_that_is_away(host: FakeHost, mailbox: Mailbox) -> None:
    """What the database cannot keep is told from memory, after two minutes, and its end."""
    teller = host.runtime.worker_tasks.teller
    teller.database_away()
    host.clock.advance(60)
    teller.database_away()
    assert mailbox.came == []
    host.clock.advance(61)
    teller.database_away()
    teller.database_away()
    teller.database_back()
    teller.database_back()
    assert mailbox.kinds() == [("database", False), ("database", True)]
    assert mailbox.came[0].about == mailbox.came[1].about


def test_one_process_notices_and_another_tells(
    host: FakeHost, mailbox: Mailbox, tmp_path: Path
) -> None:
    """A worker without the host's callable keeps what it noticed for a process that has it."""
    worker = make_host(
        tmp_path,
        qbo=host.qbo,
        database_url=host.config.database_url,
        fernet_keys=host.config.fernet_keys,
    )
    fail_two(host)
    assert worker.tell() == 0
    host.clock.advance(GATHERED)
    assert worker.tell() == 0
    assert host.tell() == 1
    worker.close()
    assert mailbox.came[0].amount in (None, Decimal(0))


def test_the_menu_has_a_count(host: FakeHost) -> None:
    """What waits for a person is counted for the host's menu, without rendering the page."""
    fail_two(host)
    request = SettingsRequest(
        person=PERSON, page_url="https://a.example", action_url="https://a.example", render=False
    )
    (panel,) = collect_panels(host.manager, ORG, request)
    assert (panel.count, panel.html) == (2, "")


def test_killed_before_it_tells(host: FakeHost, mailbox: Mailbox, tmp_path: Path) -> None:
    """Killed between deciding to tell and telling: told once another process' turn has come."""
    fail_two(host)
    host.tell()
    host.clock.advance(GATHERED)
    with host.runtime.database.write.begin() as db:  # as far as a process came that was killed
        assert len(notices.claim(db, now=host.clock.now(), limit=10)) == 1
    other = make_host(
        tmp_path,
        qbo=host.qbo,
        notify=mailbox,
        database_url=host.config.database_url,
        fernet_keys=host.config.fernet_keys,
    )
    assert other.tell() == 0
    assert later(other) == 1
    other.close()
    assert mailbox.kinds() == [("attention", False)]


def test_records_still_need_attention_while_access_is_lost(
    host: FakeHost, mailbox: Mailbox
) -> None:
    """Nobody is told that records are done with because the company's access has expired."""
    fail_two(host)
    host.tell()
    later(host)
    host.qbo.emulator.world.tokens.end_grants(realm=CONTRACTOR)
    host.save(make_lead("lead-3", name="Bo Chen", email=""))
    host.send()
    later(host)
    assert mailbox.kinds() == [("attention", False), ("access-lost", False)]
