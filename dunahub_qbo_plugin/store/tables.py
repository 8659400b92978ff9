"""The tables, as dumb rows that never leave this package.

Times are whole milliseconds since 1970 in UTC, money is whole cents, so that SQLite and PostgreSQL
give back what was put in, and add it up exactly. Conversions happen at the edge of this package
(`store.edge`).
"""

from __future__ import annotations

from typing import ClassVar

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


IS_OPEN = (
    "request_key IS NOT NULL OR synced_fingerprint IS NULL OR synced_fingerprint <> fingerprint"
)
_NEEDS_ATTENTION = "error_code IS NOT NULL AND next_attempt_at IS NULL AND skip_reason IS NULL AND "
NEEDS_ATTENTION_SQLITE = f"{_NEEDS_ATTENTION}is_open = 1"
NEEDS_ATTENTION_POSTGRESQL = f"{_NEEDS_ATTENTION}is_open"


class _Row(SQLModel):
    """Base of the tables: their own metadata, apart from the host's."""

    metadata: ClassVar[sa.MetaData] = metadata


class ConnectionRow(_Row, table=True):
    """One QuickBooks company of one organization, once it was connected.

    ``current`` marks the one that the organization's records go to. ``connection_period`` grows at
    each connect and disconnect, never when a token merely expires: a record of an older period is
    not sent unless a person asks. ``fence`` grows whenever a worker takes the company over.
    """

    __tablename__ = "qbo_connection"
    __table_args__ = (
        sa.Index(
            "uq_qbo_connection_current",
            "org_id",
            unique=True,
            sqlite_where=sa.text("current"),
            postgresql_where=sa.text("current"),
        ),
    )

    id: str = Field(primary_key=True)
    org_id: str = Field(index=True)
    current: bool = True
    connection_period: int = 1
    environment: str = ""
    company_name: str = ""

    realm_enc: str
    realm_key: str | None = Field(default=None, index=True)
    access_enc: str | None = None
    refresh_enc: str | None = None
    access_expires_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    refresh_expires_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    grant_expires_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    refresh_owner: str | None = None
    refresh_until: int = Field(default=0, sa_type=sa.BigInteger)

    connected_at: int = Field(sa_type=sa.BigInteger)
    connected_by: str = ""
    disconnected_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    expired_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    pending_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    region_closed_at: int | None = Field(default=None, sa_type=sa.BigInteger)

    lease_owner: str | None = None
    lease_until: int = Field(default=0, sa_type=sa.BigInteger)
    fence: int = 0
    paused_at: int = Field(default=0, sa_type=sa.BigInteger)
    paused_until: int = Field(default=0, sa_type=sa.BigInteger)
    pause_code: str | None = None
    pause_cause: str | None = None
    pause_text: str | None = None
    look_first_until: int = Field(default=0, sa_type=sa.BigInteger)

    profile: str | None = None
    profile_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    settings_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    items_stale: bool = False
    settings_stale: bool = False
    default_item_id: str | None = None
    tax_code_id: str | None = None


class RecordRow(_Row, table=True):
    """What one record shall look like in QuickBooks, and what QuickBooks has of it.

    What people see as its state is derived from these columns, never stored (`store.state`).
    ``parent`` is the local id of the customer of an invoice, or of the invoice of a payment.
    ``request_seq`` counts the intents that have ended; ``request_at`` is when the present one was
    committed, ``request_sent_at`` when it last may have left. ``sent_body`` is what the last write
    that went through said, ``qbo_object`` what QuickBooks answered of it: an update changes what
    differs from the one and keeps what the other has besides. ``doubtful_fields`` is a JSON list
    of what a later write may have changed, unknown to us. ``unapplied`` is what of a payment
    pays nothing. ``consent`` is the question of an error that a person answered with yes.
    ``batch`` is the task by which a person had it sent. ``is_open``, which the database computes,
    tells that QuickBooks has not, or may not have, what was asked for.
    """

    __tablename__ = "qbo_record"
    __table_args__ = (
        sa.UniqueConstraint("company_id", "kind", "local_id", name="uq_qbo_record_key"),
        sa.Index(
            "ix_qbo_record_due",
            "company_id",
            "connection_period",
            "kind",
            "next_attempt_at",
            sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
            postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        ),
        # With what a state is derived from, so that counting reads the index alone.
        sa.Index(
            "ix_qbo_record_open",
            "company_id",
            "kind",
            "skip_reason",
            "connection_period",
            "next_attempt_at",
            "error_code",
            "updated_at",
            "batch",
            "is_open",
            sqlite_where=sa.text("is_open = 1"),
            postgresql_where=sa.text("is_open"),
        ),
        # What needs attention, for grouping it by cause; a record that goes through is never in it.
        sa.Index(
            "ix_qbo_record_attention",
            "company_id",
            "connection_period",
            "kind",
            "error_code",
            "error_subject",
            "first_failed_at",
            "error_at",
            "next_attempt_at",
            "skip_reason",
            "is_open",
            sqlite_where=sa.text(NEEDS_ATTENTION_SQLITE),
            postgresql_where=sa.text(NEEDS_ATTENTION_POSTGRESQL),
        ),
        # Customers have neither parent nor day: each index costs a hook a page.
        sa.Index(
            "ix_qbo_record_parent",
            "company_id",
            "kind",
            "parent",
            sqlite_where=sa.text("parent IS NOT NULL"),
            postgresql_where=sa.text("parent IS NOT NULL"),
        ),
        sa.Index("ix_qbo_record_updated", "company_id", "kind", "updated_at"),
        sa.Index(
            "ix_qbo_record_sent",
            "company_id",
            "kind",
            "synced_at",
            sqlite_where=sa.text("synced_at IS NOT NULL"),
            postgresql_where=sa.text("synced_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_qbo_record_remote",
            "company_id",
            "kind",
            "qbo_id",
            sqlite_where=sa.text("qbo_id IS NOT NULL"),
            postgresql_where=sa.text("qbo_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_qbo_record_document_date",
            "company_id",
            "kind",
            "document_date",
            sqlite_where=sa.text("document_date IS NOT NULL"),
            postgresql_where=sa.text("document_date IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    org_id: str
    company_id: str
    kind: str
    local_id: str
    label: str = ""
    amount: int | None = Field(default=None, sa_type=sa.BigInteger)
    document_date: str | None = None
    parent: str | None = None

    snapshot: str
    fingerprint: str
    version: int = 1
    connection_period: int
    skip_reason: str | None = None
    skip_note: str | None = None
    saved_at: int = Field(sa_type=sa.BigInteger)
    created_at: int = Field(sa_type=sa.BigInteger)
    updated_at: int = Field(sa_type=sa.BigInteger)

    next_attempt_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    blocked: bool = False
    attempts: int = 0

    request_seq: int = 0
    request_key: str | None = None
    request_body: str | None = None
    request_base: str | None = None
    request_operation: str | None = None
    request_fingerprint: str | None = None
    request_total: int | None = Field(default=None, sa_type=sa.BigInteger)
    request_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    request_sent_at: int | None = Field(default=None, sa_type=sa.BigInteger)

    qbo_id: str | None = None
    sync_token: str | None = None
    qbo_object: str | None = None
    qbo_customer_id: str | None = None
    qbo_total: int | None = Field(default=None, sa_type=sa.BigInteger)
    qbo_number: str | None = None
    synced_fingerprint: str | None = None
    synced_total: int | None = Field(default=None, sa_type=sa.BigInteger)
    synced_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    sent_body: str | None = None
    doubtful_fields: str | None = None
    unapplied: int | None = Field(default=None, sa_type=sa.BigInteger)

    error_code: str | None = None
    error_cause: str | None = None
    error_text: str | None = None
    error_status: int | None = None
    error_element: str | None = None
    error_tid: str | None = None
    error_subject: str | None = None
    error_facts: str | None = None
    error_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    first_failed_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    candidate_id: str | None = None
    candidate_token: str | None = None
    candidate_name: str | None = None
    consent: str | None = None

    batch: int | None = None
    is_open: bool = Field(
        sa_column=sa.Column(
            "is_open", sa.Boolean, sa.Computed(IS_OPEN, persisted=True), nullable=False
        )
    )


class WordRow(_Row, table=True):
    """A record's label from one of its further words on, for searching (`store.search`)."""

    __tablename__ = "qbo_word"
    __table_args__ = ({"sqlite_with_rowid": False},)

    record_id: int = Field(primary_key=True)
    word: str = Field(primary_key=True)
    company_id: str


class ItemMapRow(_Row, table=True):
    """A DunaHub service that was seen on an invoice, and the QuickBooks item chosen for it."""

    __tablename__ = "qbo_item_map"

    company_id: str = Field(primary_key=True)
    service_key: str = Field(primary_key=True)
    service_name: str = ""
    item_id: str | None = None
    seen_at: int = Field(default=0, sa_type=sa.BigInteger)


class HistoryRow(_Row, table=True):
    """One thing that happened to a record; only ever added, and pruned by age."""

    __tablename__ = "qbo_history"
    __table_args__ = (
        sa.Index("ix_qbo_history_record", "record_id", "id"),
        sa.Index("ix_qbo_history_company", "company_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    company_id: str
    record_id: int
    at: int = Field(sa_type=sa.BigInteger)
    event: str
    operation: str | None = None
    qbo_id: str | None = None
    code: str | None = None
    text: str | None = None
    tid: str | None = None
    actor: str | None = None
    note: str | None = None


class DisconnectionRow(_Row, table=True):
    """A period in which an organization was disconnected from a company."""

    __tablename__ = "qbo_disconnection"

    id: int | None = Field(default=None, primary_key=True)
    company_id: str = Field(index=True)
    connection_period: int
    started_at: int = Field(sa_type=sa.BigInteger)
    started_by: str = ""
    ended_at: int | None = Field(default=None, sa_type=sa.BigInteger)


class TaskRow(_Row, table=True):
    """Something long that a person asked for: how far it is, and what came of it."""

    __tablename__ = "qbo_task"
    __table_args__ = (sa.Index("ix_qbo_task_company", "company_id", "name", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    company_id: str
    name: str
    asked_by: str = ""
    asked_at: int = Field(sa_type=sa.BigInteger)
    arguments: str = "{}"
    owner: str | None = None
    heartbeat_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    done: int = 0
    total: int = 0
    finished_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    result: str | None = None
    problem: str | None = None


class OAuthStateRow(_Row, table=True):
    """A consent page that somebody was sent to; only a hash of its ``state`` is kept."""

    __tablename__ = "qbo_oauth_state"

    state_hash: str = Field(primary_key=True)
    org_id: str
    person_id: str
    redirect_uri: str
    expires_at: int = Field(sa_type=sa.BigInteger, index=True)


class MeterRow(_Row, table=True):
    """What a process asked of QuickBooks within an hour; it belongs to no organization."""

    __tablename__ = "qbo_meter"

    owner: str = Field(primary_key=True)
    hour: int = Field(primary_key=True, sa_type=sa.BigInteger)
    reads: int = 0
    writes: int = 0
    total_ms: int = Field(default=0, sa_type=sa.BigInteger)
    longest_ms: int = Field(default=0, sa_type=sa.BigInteger)
    buckets: str = ""


class ReadsRow(_Row, table=True):
    """How many metered reads of a company QuickBooks answered in a month (UTC), by reason."""

    __tablename__ = "qbo_reads"

    company_id: str = Field(primary_key=True)
    month: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    reads: int = 0


class ConditionRow(_Row, table=True):
    """A state of the whole app that one process noticed and all of them tell."""

    __tablename__ = "qbo_condition"

    name: str = Field(primary_key=True)
    since: int = Field(sa_type=sa.BigInteger)
    heard_at: int = Field(sa_type=sa.BigInteger)


class NoticeRow(_Row, table=True):
    """Something that needs a person, to be told to the host: that it began, and that it is over.

    ``open_key`` tells it from others while it is the case, and is empty afterwards.
    ``attempted_at`` is set before the host is first told: its end is told then, too.
    """

    __tablename__ = "qbo_notice"

    id: str = Field(primary_key=True)
    open_key: str | None = Field(default=None, unique=True)
    kind: str
    company_id: str | None = None
    org_id: str | None = None
    facts: str = "{}"
    started_at: int = Field(sa_type=sa.BigInteger)
    noticed_at: int = Field(sa_type=sa.BigInteger)
    ended_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    tell_at: int = Field(sa_type=sa.BigInteger)
    attempts: int = 0
    claimed_until: int = Field(default=0, sa_type=sa.BigInteger)
    attempted_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    told_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    told_over_at: int | None = Field(default=None, sa_type=sa.BigInteger)


class EventRow(_Row, table=True):
    """An event of Intuit's webhooks that was taken; a repeat is known by its id."""

    __tablename__ = "qbo_event"

    id: str = Field(primary_key=True)
    came_at: int = Field(sa_type=sa.BigInteger, index=True)


class ChangeThereRow(_Row, table=True):
    """A record of ours that was changed in QuickBooks, by QuickBooks' Id, as a webhook told."""

    __tablename__ = "qbo_changed_there"

    company_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    qbo_id: str = Field(primary_key=True)
    operation: str
    at: int = Field(sa_type=sa.BigInteger)
    came_at: int = Field(sa_type=sa.BigInteger)


class SchemaRow(_Row, table=True):
    """Which version of the plugin may write, at least; the one row is made with the tables."""

    __tablename__ = "qbo_schema"

    oldest_writer: str = Field(primary_key=True)


records: sa.Table = RecordRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
connections: sa.Table = ConnectionRow.__table__  # type: ignore[attr-defined]
words: sa.Table = WordRow.__table__  # type: ignore[attr-defined]
item_maps: sa.Table = ItemMapRow.__table__  # type: ignore[attr-defined]
history: sa.Table = HistoryRow.__table__  # type: ignore[attr-defined]
disconnections_table: sa.Table = DisconnectionRow.__table__  # type: ignore[attr-defined]
tasks: sa.Table = TaskRow.__table__  # type: ignore[attr-defined]
oauth_states: sa.Table = OAuthStateRow.__table__  # type: ignore[attr-defined]
meters: sa.Table = MeterRow.__table__  # type: ignore[attr-defined]
metered_reads: sa.Table = ReadsRow.__table__  # type: ignore[attr-defined]
conditions: sa.Table = ConditionRow.__table__  # type: ignore[attr-defined]
notices: sa.Table = NoticeRow.__table__  # type: ignore[attr-defined]
events: sa.Table = EventRow.__table__  # type: ignore[attr-defined]
changes_there: sa.Table = ChangeThereRow.__table__  # type: ignore[attr-defined]
schema_mark: sa.Table = SchemaRow.__table__  # type: ignore[attr-defined]

# For searching by the beginning of a name or number, in any case.
sa.Index(
    "ix_qbo_record_label",
    records.c.company_id,
    sa.func.lower(records.c.label).label("label_key"),
    postgresql_ops={"label_key": "text_pattern_ops"},
)
sa.Index(
    "ix_qbo_record_number",
    records.c.company_id,
    sa.func.lower(records.c.qbo_number).label("number_key"),
    sqlite_where=sa.text("qbo_number IS NOT NULL"),
    postgresql_where=sa.text("qbo_number IS NOT NULL"),
    postgresql_ops={"number_key": "text_pattern_ops"},
)
sa.Index(
    "ix_qbo_word_word",
    words.c.company_id,
    words.c.word.label("word_key"),
    postgresql_ops={"word_key": "text_pattern_ops"},
)
