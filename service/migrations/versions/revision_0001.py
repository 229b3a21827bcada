"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ANALYSIS = "analyses.id"
BATCH = "batches.id"
LISTED = (
    *((name, "created_at", "number") for name in ("task", "metric", "model_family", "prompting")),
    *((name, "created_at", "number") for name in ("suite", "label", "verdict")),
    ("created_at", "number"),
    ("probability", "number"),
    ("input_sha256", "engine_version"),
)


def upgrade() -> None:
    """To this revision."""
    _analyses()
    _documents()
    _batches()
    _tasks()
    _access()
    _leadership()


def _analyses() -> None:
    op.create_table(
        "analyses",
        sa.Column("number", NUMBER, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("model_family", sa.Text, nullable=False),
        sa.Column("prompting", sa.Text),
        sa.Column("suite", sa.Text),
        sa.Column("scale_kind", sa.String(32), nullable=False),
        sa.Column("n_points", sa.Integer, nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("most_probable", sa.String(32), nullable=False),
        sa.Column("probability", sa.Float(53), nullable=False),
        sa.Column("robust", sa.Boolean, nullable=False),
        sa.Column("verdict", sa.String(64)),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("engine_version", sa.Integer, nullable=False),
        sa.Column("input_sha256", sa.String(64), nullable=False),
        sa.Column("etag", sa.String(64), nullable=False),
        sa.Column("standalone", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_analyses"),
        sa.UniqueConstraint("id", name="uq_analyses_id"),
    )
    for columns in LISTED:
        _index("analyses", *columns)


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("analysis_id", sa.String(64), nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("analysis_id", name="pk_documents"),
        _reference("documents", "analysis_id", ANALYSIS),
    )
    op.create_table(
        "tags",
        sa.Column("analysis_id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("analysis_id", "name", name="pk_tags"),
        _reference("tags", "analysis_id", ANALYSIS),
    )
    _index("tags", "name", "value", "analysis_id")


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("number", NUMBER, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("source", sa.JSON, nullable=False),
        sa.Column("suite_scale", sa.JSON),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("started_at", sa.String(24)),
        sa.Column("finished_at", sa.String(24)),
        sa.Column("cancel_asked", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_batches"),
        sa.UniqueConstraint("id", name="uq_batches_id"),
    )
    _index("batches", "status")
    _index("batches", "created_at", "number")


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", NUMBER, autoincrement=True),
        sa.Column("batch_id", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("payload", sa.LargeBinary),
        sa.Column("names", sa.JSON, nullable=False),
        sa.Column("rows", sa.JSON, nullable=False),
        sa.Column("sampling_key", sa.String(64)),
        sa.Column("sampled", sa.Boolean, nullable=False),
        sa.Column("evidence", sa.JSON),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("generation", sa.Integer),
        sa.Column("analysis_id", sa.String(64)),
        sa.Column("label", sa.String(32)),
        sa.Column("earlier_id", sa.String(64)),
        sa.Column("error", sa.JSON),
        sa.Column("finished_at", sa.String(24)),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.UniqueConstraint("batch_id", "position", name="uq_tasks_batch_id_position"),
        _reference("tasks", "batch_id", BATCH),
        sqlite_autoincrement=True,
    )
    _index("tasks", "batch_id", "state", "position")
    _index("tasks", "state", "batch_id", "position")
    _index("tasks", "analysis_id")


def _access() -> None:
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("batch_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("key", "owner", name="pk_idempotency"),
        _reference("idempotency", "batch_id", BATCH),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.Column("revoked_at", sa.String(24)),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )


def _leadership() -> None:
    op.create_table(
        "leadership",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leadership"),
    )


def _reference(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{to.partition('.')[0]}"
    return sa.ForeignKeyConstraint([column], [to], name=name, ondelete="CASCADE")


def _index(table: str, *columns: str) -> None:
    op.create_index("_".join(("ix", table, *columns)), table, list(columns))
