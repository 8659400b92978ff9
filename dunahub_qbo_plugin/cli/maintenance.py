"""The commands for occasional work: rotate keys, support file, restore, forget."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from dunahub_hookspecs import Organization, Person, Region
from dunahub_qbo_plugin.cli.options import AsJson, DataDir
from dunahub_qbo_plugin.cli.output import (
    NOTHING_DONE,
    fail,
    note,
    say,
    say_json,
    several,
    write_private,
)
from dunahub_qbo_plugin.cli.records import person, record_key
from dunahub_qbo_plugin.cli.session import Session, open_session, read_config
from dunahub_qbo_plugin.review.support import support_file as redacted
from dunahub_qbo_plugin.store.companies import pauses
from dunahub_qbo_plugin.store.companies.forget import forget
from dunahub_qbo_plugin.store.companies.rekey import rekey
from dunahub_qbo_plugin.store.db import queue_schema
from dunahub_qbo_plugin.store.db.cipher import Cipher
from dunahub_qbo_plugin.store.records import forget_person

COMPANIES_PER_NOTE = 100
"""Companies between two lines of progress."""

REVOKED = {
    None: "",
    True: " Its access was revoked at Intuit.",
    False: " Intuit could not be reached to revoke its access, which was deleted here only. "
    "Remove DunaHub in QuickBooks under Apps.",
}

OneOrg = Annotated[
    str, typer.Option("--org", metavar="ID", help="The organization, by the host's id.")
]
OneRecord = Annotated[
    str,
    typer.Option(
        "--record",
        metavar="KIND:ID",
        help="customer:ID, invoice:ID or payment:ID, with the host's id.",
    ),
]
AnyOrg = Annotated[
    str | None,
    typer.Option(
        "--org", metavar="ID", help="Only this organization, by the host's id. Without it: all."
    ),
]
Days = Annotated[int, typer.Option("--days", min=0, max=90, help="For how long; 0 ends it.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Where to write it. Without it: stdout."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def rotate_keys(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Re-encrypt the stored QuickBooks access with the newest key.

    1. Make a key with generate-key and put it first in DUNAHUB_QBO_FERNET_KEYS, the old one behind
    it, with a comma; restart the host and its workers: both keys are valid now.

    2. Run this. It can be broken off and run again, also while the host works.

    3. Take the old key out of the variable, and restart.

    Exit status: 0 everything has the newest key, 1 something that none of the keys opens is left,
    2 settings or database.
    """

    def progress(done: int, companies: int) -> None:
        if done % COMPANIES_PER_NOTE == 0 or done == companies:
            note(f"{done:,} of {companies:,} done.")

    with open_session(data_dir) as opened:
        came = rekey(opened.database, Cipher(opened.config.fernet_keys), progress=progress)
    if as_json:
        say_json(
            {
                "companies": came.companies,
                "changed": came.changed,
                "unreadable": list(came.unreadable),
                "log_is_empty": came.log_is_empty,
            }
        )
    else:
        kept = came.companies - came.changed - len(came.unreadable)
        say(f"Re-encrypted: {came.changed:,}; already had the newest key: {kept:,}.")
    for org in came.unreadable:
        note(f"{org}: none of the keys opens it. Put its key back, or disconnect and reconnect.")
    if not came.log_is_empty:
        note(
            "The database is being read, so its log (-wal) still holds what the old key encrypted. "
            "Run this again, if need be while the host is stopped."
        )
    if came.unreadable:
        raise typer.Exit(NOTHING_DONE)
    if not as_json:
        note("The older keys can be taken out of DUNAHUB_QBO_FERNET_KEYS now.")


def support_file(
    *, org: OneOrg, record: OneRecord, output: Output = None, data_dir: DataDir = None
) -> None:
    """Write down what happened to one record, without anybody's data, for support.

    It holds states, times, codes, QuickBooks' texts cleared of names and addresses, and intuit_tid;
    no name, e-mail address, amount, token or company id.

    Exit status: 0 written, 1 there is no such organization or record, 2 settings, database or
    options.
    """
    from dunahub_qbo_plugin.runtime import version  # noqa: PLC0415  heavy

    key = record_key(record)
    with open_session(data_dir) as opened:
        (connection,) = opened.current(org)
        with opened.database.read.connect() as db:
            told = redacted(db, connection, key, version=version(), now=opened.clock.now())
    if told is None:
        fail(f"organization {org!r} has no {key.kind.word} {key.local_id}", code=NOTHING_DONE)
    if output is None:
        say_json(told)
        return
    try:
        write_private(output, (json.dumps(told, indent=2) + "\n").encode())
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}")
    note(f"Written to {output}. Look it over before you send it.")


def after_restore(
    *, days: Days = 7, org: AnyOrg = None, as_json: AsJson = False, data_dir: DataDir = None
) -> None:
    """After restoring a backup: look in QuickBooks before each new record, for some days.

    What was sent after the backup was made is in QuickBooks, and the restored database does not
    know it. With this, such a record is found there and linked, not made a second time. It costs
    one metered read for each new record. Run it before the host and its workers start again.

    Exit status: 0 done, 1 there is no such organization, 2 settings or database.
    """
    with open_session(data_dir) as opened:
        companies = opened.current(org)
        until = opened.clock.now() + timedelta(days=days)
        with opened.database.write.begin() as db:
            for connection in companies:
                pauses.look_first(db, connection.id, until=until)
    if as_json:
        say_json({"companies": len(companies), "until": until.isoformat(timespec="seconds")})
    else:
        say(
            f"{several(len(companies), 'organization')}: looked up before each new record "
            f"until {until:%b %d, %Y}."
        )


def forget_org(
    *, org: OneOrg, yes: Yes = False, as_json: AsJson = False, data_dir: DataDir = None
) -> None:
    """Delete everything that is stored of one organization, and give its access back at Intuit.

    What is in the host and in QuickBooks stays. If the organization connects again, it starts
    without links: what is in QuickBooks already could get in a second time.

    Exit status: 0 deleted, 1 there was nothing or it was not meant, 2 settings or database.
    """
    if not yes and not typer.confirm(f"Delete everything of organization {org!r}?", err=True):
        raise typer.Exit(NOTHING_DONE)
    with open_session(data_dir) as opened:
        companies = _companies(opened, org)  # one that awaits a yes goes with the disconnect
        revoked = _disconnect(opened, org, data_dir)
        jobs = _forget_jobs(opened, companies)
        deleted = forget(opened.database, org)
        if jobs:
            deleted["queue"] = jobs
    if as_json:
        say_json({"org": org, "deleted": deleted})
    elif deleted:
        rows = several(sum(deleted.values()), "row")
        say(f"{rows} of organization {org!r} deleted.{REVOKED[revoked]}")
    if not deleted:
        fail(f"nothing is stored of an organization {org!r}", code=NOTHING_DONE)


def forget_record(
    *,
    org: OneOrg,
    record: OneRecord,
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Delete what is stored of one person: a customer, with its invoices and payments.

    Names, contact data, lines and what was sent go. Ids, amounts and days stay, so that nothing
    gets into QuickBooks a second time; what was still to be sent is dismissed. What is in the host
    and in QuickBooks stays, and so does what is in backups. A record that the host saves again is
    stored again: delete it there first.

    Exit status: 0 deleted, 1 there is no such record, it is just being sent or it was not meant,
    2 settings, database or options.
    """
    key = record_key(record)
    name = f"{key.kind.word} {key.local_id}"
    if not yes and not typer.confirm(f"Delete what is stored of {name}?", err=True):
        raise typer.Exit(NOTHING_DONE)
    with open_session(data_dir) as opened:
        try:
            forgotten = forget_person.forget_record(opened.database, org, key)
        except forget_person.BeingSent:
            fail(f"{name} is just being sent: try again in some minutes", code=NOTHING_DONE)
    if not forgotten:
        fail(f"organization {org!r} has no {name}", code=NOTHING_DONE)
    if as_json:
        say_json({"org": org, "record": str(key), "forgotten": forgotten})
    else:
        say(f"{several(forgotten, 'record')} forgotten: {name}, and what stands on it.")


def _companies(opened: Session, org: str) -> list[str]:
    with opened.database.read.connect() as db:
        return [one.id for one in opened.connections.all(db) if one.org_id == org]


def _forget_jobs(opened: Session, companies: list[str]) -> int:
    """Empty the queue of an organization's companies, where a queue on PostgreSQL is used."""
    config = opened.config
    queue = config.queue_url or config.database_url
    if not queue.startswith("postgres"):
        return 0
    return queue_schema.forget(queue, config.queue_schema, companies)


def _disconnect(opened: Session, org: str, data_dir: Path | None) -> bool | None:
    """Stop sending and revoke the access.

    Returns:
        whether it was revoked at Intuit; None where the organization is not connected.
    """
    from dunahub_qbo_plugin.runtime import build  # noqa: PLC0415  heavy

    with opened.database.read.connect() as db:
        connection = opened.connections.current(db, org)
    if connection is None or connection.disconnected_at is not None:
        return None
    runtime = build(read_config(data_dir))
    try:
        organization = Organization(id=org, region=Region.US)
        who = Person(id="operator", name=person())
        return runtime.panel.connection_service.disconnect(organization, who)
    finally:
        runtime.http.close()
        runtime.database.close()
