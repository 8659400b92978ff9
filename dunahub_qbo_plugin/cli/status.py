"""``dunahub-qbo status``: where every organization stands."""

import attrs

from dunahub_qbo_plugin import observe
from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.cli.options import AsJson, DataDir, Org
from dunahub_qbo_plugin.cli.output import lasting, moment, note, say, say_json, several, when
from dunahub_qbo_plugin.cli.session import Session, open_session
from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.model import Kind, RecordState, Status
from dunahub_qbo_plugin.store.companies.connection import Connection
from dunahub_qbo_plugin.store.db.cipher import Cipher
from dunahub_qbo_plugin.store.db.errors import where
from dunahub_qbo_plugin.store.queries import records
from dunahub_qbo_plugin.store.queries.gauges import Backlog, backlog


@attrs.frozen(kw_only=True)
class Standing:
    """Where one organization stands.

    Attributes:
        paused: why nothing is sent for a while, in words; empty when sending goes on.
    """

    connection: Connection
    counts: dict[Kind, dict[RecordState, int]]
    backlog: Backlog
    paused: str


def status(*, org: Org = None, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show where every organization stands: connection, records by state, and what is due.

    Then all of them together, or more of the one that is named: the queue and its oldest record,
    the last day's outcomes, requests and how long they took, who is being sent, the age of tokens.

    Exit status: 0 shown, 1 the named organization never connected, 2 settings or database.
    """
    with open_session(data_dir) as opened:
        standings = [standing(opened, connection) for connection in opened.current(org)]
        named = standings[0].connection.id if org is not None else None
        figures = observe.standing(
            opened.database,
            opened.clock,
            company_id=named,
            allowed=opened.config.monthly_reads,
        )
        if as_json:
            say_json(
                {
                    "database": where(opened.database),
                    "organizations": [_json(one) for one in standings],
                    "figures": observe.standing_as_json(figures),
                }
            )
        elif standings:
            say("\n\n".join(_text(one, opened) for one in standings))
            say("\n" + "\n".join(observe.lines(figures)))
        else:
            note(f"No organization has connected to QuickBooks yet ({where(opened.database)}).")
        _warn_of_key(opened, [one.connection for one in standings])


def standing(opened: Session, connection: Connection) -> Standing:
    """Return the standing of one organization."""
    now = opened.clock.now()
    with opened.database.read.connect() as db:
        return Standing(
            connection=connection,
            counts=records.counts(db, connection),
            backlog=backlog(db, connection, now=now),
            paused=_paused(connection, opened),
        )


def _paused(connection: Connection, opened: Session) -> str:
    if connection.region_closed_at is not None:
        return f"Stopped {when(connection.region_closed_at)}: the organization is not in the US"
    until = connection.paused_until
    if connection.status is not Status.CONNECTED or until is None or until <= opened.clock.now():
        return ""
    info = connection.paused_by
    advice = advise(Kind.CUSTOMER, info)
    support = f" ({info.code}: {info.text})" if info.text else f" ({info.code})"
    return f"Paused until {when(until)}: {advice.title}{support}"


def _json(one: Standing) -> dict[str, object]:
    connection = one.connection
    return {
        "org": connection.org_id,
        "status": connection.status.value,
        "company": connection.company_name,
        "environment": connection.environment,
        "connected_at": moment(connection.connected_at),
        "connected_by": connection.connected_by,
        "expired_at": moment(connection.expired_at),
        "disconnected_at": moment(connection.disconnected_at),
        "paused": one.paused or None,
        "records": {
            kind.value: {_name(shown): number for shown, number in by_state.items()}
            for kind, by_state in one.counts.items()
        },
        "due": one.backlog.due,
        "oldest_due_at": moment(one.backlog.oldest_due_at),
        "later": one.backlog.later,
        "next_due_at": moment(one.backlog.next_due_at),
    }


def _name(shown: RecordState) -> str:
    return shown.value.lower().replace(" ", "_")


def _text(one: Standing, opened: Session) -> str:
    widths = [max(len(shown.value), 7) for shown in RecordState]
    names = zip(RecordState, widths, strict=True)
    lines = [_heading(one.connection)]
    lines.append(" " * 12 + "".join(f"  {shown.value:>{width}}" for shown, width in names))
    for kind, by_state in one.counts.items():
        cells = zip(RecordState, widths, strict=True)
        numbers = "".join(f"  {by_state[shown]:>{width},}" for shown, width in cells)
        lines.append(f"  {kind.word.capitalize() + 's':<10}{numbers}")
    lines.append(f"  {_due(one, opened)}")
    if one.paused:
        lines.append(f"  {one.paused}.")
    return "\n".join(lines)


def _heading(connection: Connection) -> str:
    company = connection.company_name or "a company whose name is not known yet"
    if connection.pending_at is None and connection.disconnected_at is not None:
        since = f", from {company} since {when(connection.disconnected_at)}"
    elif connection.expired_at is not None:
        since = f" for {company} since {when(connection.expired_at)}; the office must reconnect"
    else:
        by = f" by {connection.connected_by}" if connection.connected_by else ""
        since = f" to {company} since {when(connection.connected_at)}{by}"
    sandbox = " [SANDBOX]" if connection.environment == "sandbox" else ""
    return f"{connection.org_id}: {connection.status.value}{since}{sandbox}"


def _due(one: Standing, opened: Session) -> str:
    waiting = one.backlog
    if waiting.oldest_due_at is not None:
        late = lasting(opened.clock.now() - waiting.oldest_due_at)
        verb = "is" if waiting.due == 1 else "are"
        return f"{several(waiting.due, 'record')} {verb} due, the oldest for {late}."
    if waiting.next_due_at is not None:
        return (
            f"{several(waiting.later, 'record')} waiting to be tried again, "
            f"the first at {when(waiting.next_due_at)}."
        )
    return "Nothing is due."


def _warn_of_key(opened: Session, shown: list[Connection]) -> None:
    """Warn of a missing or wrong key, which otherwise shows only as records that wait."""
    try:
        Cipher(opened.config.fernet_keys).check()
        with opened.database.read.connect() as db:
            for connection in shown[:1]:
                opened.connections.tokens(db, connection.id)
    except ConfigurationError as error:
        note(f"Warning: {error}.")
