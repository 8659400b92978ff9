"""``dunahub-qbo failed`` and ``retry``: what needs attention, and trying it again."""

import getpass
from typing import Annotated, Final

import attrs
import typer

from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.cli.options import AsJson, DataDir, Org
from dunahub_qbo_plugin.cli.output import (
    NOTHING_DONE,
    fail,
    moment,
    note,
    say,
    say_json,
    several,
    when,
)
from dunahub_qbo_plugin.cli.session import Session, open_session
from dunahub_qbo_plugin.connect import pause
from dunahub_qbo_plugin.mapping.money import amount_text
from dunahub_qbo_plugin.model import Kind, NameHolder, RecordKey, RecordState, Status
from dunahub_qbo_plugin.store.companies.connection import Connection
from dunahub_qbo_plugin.store.queries import records
from dunahub_qbo_plugin.store.queries.records import RecordView
from dunahub_qbo_plugin.store.records import commands

HOST_WORDS = {"lead": Kind.CUSTOMER}
"""What the host calls a kind where QuickBooks calls it otherwise."""

Limit = Annotated[int, typer.Option("--limit", min=1, help="The most records to show.")]
Records = Annotated[
    list[str] | None,
    typer.Option(
        "--record",
        metavar="KIND:ID",
        help="A record: customer:ID, invoice:ID or payment:ID, with the host's id. Repeatable.",
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Every record that needs attention.")]


def failed(
    *, org: Org = None, limit: Limit = 1000, as_json: AsJson = False, data_dir: DataDir = None
) -> None:
    """List the records that need attention: what happened, why, and what to do.

    Exit status: 0 listed (also when there is none), 1 the named organization never connected,
    2 settings or database.
    """
    with open_session(data_dir) as opened:
        found: list[tuple[Connection, RecordView]] = []
        for connection in opened.current(org):
            room = limit + 1 - len(found)
            with opened.database.read.connect() as db:
                troubled = records.of_state(db, connection, RecordState.ATTENTION, limit=room)
            found += [(connection, view) for view in troubled]
            if len(found) > limit:
                break
        more, found = len(found) > limit, found[:limit]
        if as_json:
            say_json([_json(connection, view) for connection, view in found])
        elif found:
            say("\n\n".join(_text(connection, view) for connection, view in found))
        else:
            note("No record needs attention.")
        if more:
            note(f"There are more than {several(limit, 'record')}; see --limit and --org.")


def _json(connection: Connection, view: RecordView) -> dict[str, object]:
    assert view.error is not None  # noqa: S101  that is what needs attention
    advice = advise(view.key.kind, view.error)
    return {
        "org": connection.org_id,
        "record": str(view.key),
        "label": view.label,
        "amount": None if view.amount is None else str(view.amount),
        "title": advice.title,
        "why": advice.why,
        "action": advice.action,
        "who": advice.who.value,
        "facts": dict(view.error.facts),
        "code": view.error.code,
        "text": view.error.text,
        "intuit_tid": view.error.intuit_tid,
        "attempts": view.attempts,
        "first_failed_at": moment(view.first_failed_at),
        "last_tried_at": moment(view.error_at),
        "qbo_id": view.qbo_id,
    }


def _text(connection: Connection, view: RecordView) -> str:
    assert view.error is not None  # noqa: S101  that is what needs attention
    advice = advise(view.key.kind, view.error)
    name = f" ({view.label})" if view.label else ""
    lines = [f"{connection.org_id}  {view.key}{name}", f"  {advice.title}."]
    lines += [f"  {text}" for text in (advice.why, advice.action)]
    if holder := NameHolder.from_facts(view.error.facts):
        known = [holder.email] if holder.email else []
        known += [f"owes {amount_text(holder.balance)}"] if holder.balance > 0 else []
        lines.append(f"  QuickBooks has: {', '.join([holder.name, holder.kind.value, *known])}")
    support = [f"code {view.error.code}"]
    if view.error.intuit_tid:
        support.append(f"intuit_tid {view.error.intuit_tid}")
    if view.error_at:
        support.append(f"last tried {when(view.error_at)}")
    lines.append(f"  [{', '.join(support)}]")
    return "\n".join(lines)


@attrs.frozen(kw_only=True)
class Asked:
    """The result of a retry for one organization.

    Attributes:
        retried: how many are tried again.
        problems: what could not be done, in words.
    """

    org: str
    retried: int = 0
    problems: tuple[str, ...] = ()


def retry(
    *,
    org: Org = None,
    record: Records = None,
    everything: Everything = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Try records again at once. Safe to run twice: nothing is ever sent a second time.

    The running host or worker notices within a second and sends them.

    Exit status: 0 done, 1 something named could not be tried again, 2 settings, database or
    options.
    """
    if bool(record) == everything:
        raise typer.BadParameter("say which: --record KIND:ID, or --all")
    keys = [record_key(text) for text in record] if record else None
    with open_session(data_dir) as opened:
        connections = opened.current(org)
        if keys and len(connections) > 1:
            fail("there are several organizations: say whose record it is with --org ID")
        asked = [_ask(opened, connection, keys) for connection in connections]
    retried = sum(one.retried for one in asked)
    if as_json:
        say_json({"retried": retried, "organizations": [attrs.asdict(one) for one in asked]})
    else:
        verb = "is" if retried == 1 else "are"
        say(f"{several(retried, 'record')} {verb} tried again.")
    for one in asked:
        for problem in one.problems:
            note(f"{one.org}: {problem}.")
    if keys and (not asked or any(one.problems for one in asked)):
        raise typer.Exit(NOTHING_DONE)


def record_key(text: str) -> RecordKey:
    """Parse how a command names a record.

    Raises:
        typer.BadParameter: it names none.
    """
    kind, colon, local_id = text.partition(":")
    try:
        known = HOST_WORDS.get(kind) or Kind(kind)
    except ValueError:
        known = None
    if known is None or not colon or not local_id:
        kinds = ", ".join(f"{kind.value}:ID" for kind in Kind)
        raise typer.BadParameter(f"{text!r} is not a record; write {kinds}")
    return RecordKey(kind=known, local_id=local_id)


def _ask(opened: Session, connection: Connection, keys: list[RecordKey] | None) -> Asked:
    if connection.region_closed_at is not None:
        return Asked(org=connection.org_id, problems=("it is not in the US, so nothing is sent",))
    if connection.status is Status.NOT_CONNECTED:
        return Asked(org=connection.org_id, problems=("it is not connected to QuickBooks",))
    problems: list[str] = []
    with opened.database.write.begin() as db:
        pause.resume(db, connection)
        wanted = keys
        if keys is not None:
            seen = {key: records.one(db, connection, key) for key in keys}
            problems = [text for key, view in seen.items() if (text := _why_not(key, view))]
            wanted = [key for key, view in seen.items() if not _why_not(key, view)]
        retried = commands.retry(db, connection, wanted, by=person(), now=opened.clock.now())
        if keys is None and (left := commands.asking(db, connection)):
            problems.append(f"{several(left, 'record')} {_QUESTION[left == 1]}")
    return Asked(org=connection.org_id, retried=retried, problems=tuple(problems))


_QUESTION: Final = {
    True: "asks a question and was left out: see it with failed, and answer it with --record",
    False: "ask questions and were left out: see them with failed, and answer each with --record",
}


def _why_not(key: RecordKey, view: RecordView | None) -> str:
    """Return why a record cannot be tried again; empty if it can."""
    name = f"{key.kind.word} {key.local_id}"
    if view is None:
        return f"there is no {name}"
    if view.state is RecordState.SYNCED:
        return f"{name} is synced already"
    if view.state is RecordState.NOT_SENT:
        return f"{name} is not sent by decision; it is sent from Settings → QuickBooks"
    return ""


def person() -> str:
    """Return the name of the person at the command line, for the history."""
    try:
        return f"{getpass.getuser()} at the command line"
    except (OSError, KeyError):
        return "command line"
