"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "qbo_connection",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("connection_period", sa.Integer(), nullable=False),
        sa.Column("environment", sa.String(), nullable=False),
        sa.Column("company_name", sa.String(), nullable=False),
        sa.Column("realm_enc", sa.String(), nullable=False),
        sa.Column("realm_key", sa.String(), nullable=True),
        sa.Column("access_enc", sa.String(), nullable=True),
        sa.Column("refresh_enc", sa.String(), nullable=True),
        sa.Column("access_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("refresh_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("grant_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("refresh_owner", sa.String(), nullable=True),
        sa.Column("refresh_until", sa.BigInteger(), nullable=False),
        sa.Column("connected_at", sa.BigInteger(), nullable=False),
        sa.Column("connected_by", sa.String(), nullable=False),
        sa.Column("disconnected_at", sa.BigInteger(), nullable=True),
        sa.Column("expired_at", sa.BigInteger(), nullable=True),
        sa.Column("pending_at", sa.BigInteger(), nullable=True),
        sa.Column("region_closed_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("paused_at", sa.BigInteger(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=False),
        sa.Column("pause_code", sa.String(), nullable=True),
        sa.Column("pause_cause", sa.String(), nullable=True),
        sa.Column("pause_text", sa.String(), nullable=True),
        sa.Column("look_first_until", sa.BigInteger(), nullable=False),
        sa.Column("profile", sa.String(), nullable=True),
        sa.Column("profile_at", sa.BigInteger(), nullable=True),
        sa.Column("settings_at", sa.BigInteger(), nullable=True),
        sa.Column("items_stale", sa.Boolean(), nullable=False),
        sa.Column("settings_stale", sa.Boolean(), nullable=False),
        sa.Column("default_item_id", sa.String(), nullable=True),
        sa.Column("tax_code_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbo_connection")),
    )
    op.create_index(op.f("ix_qbo_connection_org_id"), "qbo_connection", ["org_id"], unique=False)
    op.create_index(
        op.f("ix_qbo_connection_realm_key"), "qbo_connection", ["realm_key"], unique=False
    )
    op.create_index(
        "uq_qbo_connection_current",
        "qbo_connection",
        ["org_id"],
        unique=True,
        sqlite_where=sa.text("current"),
        postgresql_where=sa.text("current"),
    )
    op.create_table(
        "qbo_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.String(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=True),
        sa.Column("qbo_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("tid", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbo_history")),
    )
    op.create_index("ix_qbo_history_company", "qbo_history", ["company_id", "id"], unique=False)
    op.create_index("ix_qbo_history_record", "qbo_history", ["record_id", "id"], unique=False)
    op.create_table(
        "qbo_item_map",
        sa.Column("company_id", sa.String(), nullable=False),
        sa.Column("service_key", sa.String(), nullable=False),
        sa.Column("service_name", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "service_key", name=op.f("pk_qbo_item_map")),
    )
    op.create_table(
        "qbo_oauth_state",
        sa.Column("state_hash", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_qbo_oauth_state")),
    )
    op.create_index(
        op.f("ix_qbo_oauth_state_expires_at"), "qbo_oauth_state", ["expires_at"], unique=False
    )
    op.create_table(
        "qbo_disconnection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.String(), nullable=False),
        sa.Column("connection_period", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbo_disconnection")),
    )
    op.create_index(
        op.f("ix_qbo_disconnection_company_id"), "qbo_disconnection", ["company_id"], unique=False
    )
    op.create_table(
        "qbo_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("company_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("local_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("document_date", sa.String(), nullable=True),
        sa.Column("parent", sa.String(), nullable=True),
        sa.Column("snapshot", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("connection_period", sa.Integer(), nullable=False),
        sa.Column("skip_reason", sa.String(), nullable=True),
        sa.Column("skip_note", sa.String(), nullable=True),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("request_seq", sa.Integer(), nullable=False),
        sa.Column("request_key", sa.String(), nullable=True),
        sa.Column("request_body", sa.String(), nullable=True),
        sa.Column("request_base", sa.String(), nullable=True),
        sa.Column("request_operation", sa.String(), nullable=True),
        sa.Column("request_fingerprint", sa.String(), nullable=True),
        sa.Column("request_total", sa.BigInteger(), nullable=True),
        sa.Column("request_at", sa.BigInteger(), nullable=True),
        sa.Column("request_sent_at", sa.BigInteger(), nullable=True),
        sa.Column("qbo_id", sa.String(), nullable=True),
        sa.Column("sync_token", sa.String(), nullable=True),
        sa.Column("qbo_object", sa.String(), nullable=True),
        sa.Column("qbo_customer_id", sa.String(), nullable=True),
        sa.Column("qbo_total", sa.BigInteger(), nullable=True),
        sa.Column("qbo_number", sa.String(), nullable=True),
        sa.Column("synced_fingerprint", sa.String(), nullable=True),
        sa.Column("synced_total", sa.BigInteger(), nullable=True),
        sa.Column("synced_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_body", sa.String(), nullable=True),
        sa.Column("doubtful_fields", sa.String(), nullable=True),
        sa.Column("unapplied", sa.BigInteger(), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_cause", sa.String(), nullable=True),
        sa.Column("error_text", sa.String(), nullable=True),
        sa.Column("error_status", sa.Integer(), nullable=True),
        sa.Column("error_element", sa.String(), nullable=True),
        sa.Column("error_tid", sa.String(), nullable=True),
        sa.Column("error_subject", sa.String(), nullable=True),
        sa.Column("error_facts", sa.String(), nullable=True),
        sa.Column("error_at", sa.BigInteger(), nullable=True),
        sa.Column("first_failed_at", sa.BigInteger(), nullable=True),
        sa.Column("candidate_id", sa.String(), nullable=True),
        sa.Column("candidate_token", sa.String(), nullable=True),
        sa.Column("candidate_name", sa.String(), nullable=True),
        sa.Column("consent", sa.String(), nullable=True),
        sa.Column("batch", sa.Integer(), nullable=True),
        sa.Column(
            "is_open",
            sa.Boolean(),
            sa.Computed(
                "request_key IS NOT NULL OR synced_fingerprint IS NULL"
                " OR synced_fingerprint <> fingerprint",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbo_record")),
        sa.UniqueConstraint("company_id", "kind", "local_id", name="uq_qbo_record_key"),
    )
    op.create_index(
        "ix_qbo_record_due",
        "qbo_record",
        ["company_id", "connection_period", "kind", "next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index(
        "ix_qbo_record_open",
        "qbo_record",
        [
            "company_id",
            "kind",
            "skip_reason",
            "connection_period",
            "next_attempt_at",
            "error_code",
            "updated_at",
            "batch",
            "is_open",
        ],
        unique=False,
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open"),
    )
    troubled = "error_code IS NOT NULL AND next_attempt_at IS NULL AND skip_reason IS NULL AND "
    op.create_index(
        "ix_qbo_record_attention",
        "qbo_record",
        [
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
        ],
        unique=False,
        sqlite_where=sa.text(f"{troubled}is_open = 1"),
        postgresql_where=sa.text(f"{troubled}is_open"),
    )
    op.create_index(
        "ix_qbo_record_parent",
        "qbo_record",
        ["company_id", "kind", "parent"],
        unique=False,
        sqlite_where=sa.text("parent IS NOT NULL"),
        postgresql_where=sa.text("parent IS NOT NULL"),
    )
    op.create_index(
        "ix_qbo_record_remote",
        "qbo_record",
        ["company_id", "kind", "qbo_id"],
        unique=False,
        sqlite_where=sa.text("qbo_id IS NOT NULL"),
        postgresql_where=sa.text("qbo_id IS NOT NULL"),
    )
    op.create_index(
        "ix_qbo_record_document_date",
        "qbo_record",
        ["company_id", "kind", "document_date"],
        unique=False,
        sqlite_where=sa.text("document_date IS NOT NULL"),
        postgresql_where=sa.text("document_date IS NOT NULL"),
    )
    op.create_index(
        "ix_qbo_record_updated", "qbo_record", ["company_id", "kind", "updated_at"], unique=False
    )
    op.create_index(
        "ix_qbo_record_sent",
        "qbo_record",
        ["company_id", "kind", "synced_at"],
        unique=False,
        sqlite_where=sa.text("synced_at IS NOT NULL"),
        postgresql_where=sa.text("synced_at IS NOT NULL"),
    )
    by_prefix = " text_pattern_ops" if op.get_bind().dialect.name == "postgresql" else ""
    op.create_index(
        "ix_qbo_record_label",
        "qbo_record",
        ["company_id", sa.text(f"lower(label){by_prefix}")],
        unique=False,
    )
    op.create_index(
        "ix_qbo_record_number",
        "qbo_record",
        ["company_id", sa.text(f"lower(qbo_number){by_prefix}")],
        unique=False,
        sqlite_where=sa.text("qbo_number IS NOT NULL"),
        postgresql_where=sa.text("qbo_number IS NOT NULL"),
    )

    op.create_table(
        "qbo_task",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("arguments", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbo_task")),
    )
    op.create_index("ix_qbo_task_company", "qbo_task", ["company_id", "name", "id"], unique=False)

    op.create_table(
        "qbo_word",
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("company_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "word", name=op.f("pk_qbo_word")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_qbo_word_word", "qbo_word", ["company_id", sa.text(f"word{by_prefix}")], unique=False
    )
    op.create_table(
        "qbo_meter",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.Column("writes", sa.Integer(), nullable=False),
        sa.Column("total_ms", sa.BigInteger(), nullable=False),
        sa.Column("longest_ms", sa.BigInteger(), nullable=False),
        sa.Column("buckets", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "hour", name=op.f("pk_qbo_meter")),
    )
    op.create_table(
        "qbo_reads",
        sa.Column("company_id", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "month", "reason", name=op.f("pk_qbo_reads")),
    )
    op.create_table(
        "qbo_condition",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_qbo_condition")),
    )
    op.create_table(
        "qbo_notice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("company_id", sa.String(), nullable=True),
        sa.Column("org_id", sa.String(), nullable=True),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("noticed_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("tell_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.Column("attempted_at", sa.BigInteger(), nullable=True),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("told_over_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbo_notice")),
        sa.UniqueConstraint("open_key", name=op.f("uq_qbo_notice_open_key")),
    )
    op.create_table(
        "qbo_event",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("came_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbo_event")),
    )
    op.create_index(op.f("ix_qbo_event_came_at"), "qbo_event", ["came_at"], unique=False)
    op.create_table(
        "qbo_changed_there",
        sa.Column("company_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("qbo_id", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("came_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "kind", "qbo_id", name=op.f("pk_qbo_changed_there")),
    )
    mark = op.create_table(
        "qbo_schema",
        sa.Column("oldest_writer", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("oldest_writer", name=op.f("pk_qbo_schema")),
    )
    op.bulk_insert(mark, [{"oldest_writer": revision}])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("qbo_schema")
    op.drop_table("qbo_changed_there")
    op.drop_table("qbo_event")
    op.drop_table("qbo_notice")
    op.drop_table("qbo_condition")
    op.drop_table("qbo_reads")
    op.drop_table("qbo_meter")
    op.drop_table("qbo_word")
    op.drop_table("qbo_task")
    op.drop_table("qbo_record")
    op.drop_index(op.f("ix_qbo_disconnection_company_id"), table_name="qbo_disconnection")
    op.drop_table("qbo_disconnection")
    op.drop_index(op.f("ix_qbo_oauth_state_expires_at"), table_name="qbo_oauth_state")
    op.drop_table("qbo_oauth_state")
    op.drop_table("qbo_item_map")
    op.drop_index("ix_qbo_history_record", table_name="qbo_history")
    op.drop_index("ix_qbo_history_company", table_name="qbo_history")
    op.drop_table("qbo_history")
    op.drop_index(
        "uq_qbo_connection_current",
        table_name="qbo_connection",
        sqlite_where=sa.text("current"),
        postgresql_where=sa.text("current"),
    )
    op.drop_index(op.f("ix_qbo_connection_realm_key"), table_name="qbo_connection")
    op.drop_index(op.f("ix_qbo_connection_org_id"), table_name="qbo_connection")
    op.drop_table("qbo_connection")
