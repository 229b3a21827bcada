"""The tables of the database, for SQLite and PostgreSQL alike.

Times are RFC 3339 UTC text with milliseconds, which sorts as time does. No decision rests on comparing the clocks of
two processes: ownership of work goes by the generation of its dispatcher, see `leadership`.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

CONVENTION = {  # so that migrations can name what they change
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
NULLABLE_JSON = JSON(none_as_null=True)  # None is SQL's NULL, not JSON's null
NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself for INTEGER PRIMARY KEY alone

metadata = MetaData(naming_convention=CONVENTION)

# What lists and filters need, apart from the large documents.
analyses = Table(
    "analyses",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),  # order of arrival; breaks ties in sorting
    Column("id", String(64), nullable=False, unique=True),  # identity: sha256 of curve, options, engine version
    Column("created_at", String(24), nullable=False),
    Column("task", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("model_family", Text, nullable=False),
    Column("prompting", Text),
    Column("suite", Text),
    Column("scale_kind", String(32), nullable=False),
    Column("n_points", Integer, nullable=False),
    Column("label", String(32), nullable=False),
    Column("most_probable", String(32), nullable=False),
    Column("probability", Float(53), nullable=False),
    Column("robust", Boolean, nullable=False),
    Column("verdict", String(64)),
    Column("engine", String(16), nullable=False),
    Column("engine_version", Integer, nullable=False),
    Column("input_sha256", String(64), nullable=False),
    Column("etag", String(64), nullable=False),  # sha256 of the document
    Column("standalone", Boolean, nullable=False),  # asked for by itself: stays when batches that hold it are purged
)
for _columns in (
    ("created_at", "number"),
    ("task", "created_at", "number"),
    ("metric", "created_at", "number"),
    ("model_family", "created_at", "number"),
    ("prompting", "created_at", "number"),
    ("suite", "created_at", "number"),
    ("label", "created_at", "number"),
    ("verdict", "created_at", "number"),
    ("probability", "number"),
    ("input_sha256", "engine_version"),
):
    Index(None, *(analyses.c[name] for name in _columns))

documents = Table(
    "documents",
    metadata,
    Column("analysis_id", String(64), ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True),
    Column("document", LargeBinary, nullable=False),  # zlib of the JSON that is returned
)

tags = Table(
    "tags",
    metadata,
    Column("analysis_id", String(64), ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index(None, "name", "value", "analysis_id"),
)

# A batch of curves, or (kind "single") one curve that is analysed in the background.
batches = Table(
    "batches",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("created_at", String(24), nullable=False),
    Column("kind", String(16), nullable=False),  # batch | single | again (stored curves under the current engine)
    # loading (not acknowledged, cannot be seen) | queued | running | succeeded | cancelled; single: failed too
    Column("status", String(16), nullable=False),
    Column("phase", String(16), nullable=False),  # scale (first pass over a sample) | analysis
    Column("options", JSON, nullable=False),  # as given, checked; below those of a curve
    Column("source", JSON, nullable=False),  # format, messages of the reader, filter of kind "again"
    Column("suite_scale", NULLABLE_JSON),  # summed log evidence on the between-model scale, once known; else null
    Column("total", Integer, nullable=False),
    Column("started_at", String(24)),
    Column("finished_at", String(24)),
    Column("cancel_asked", Boolean, nullable=False),
    Index(None, "status"),
    Index(None, "created_at", "number"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("batch_id", String(32), ForeignKey("batches.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),  # in the submitted input, from 0
    Column("payload", LargeBinary),  # zlib of the JSON of a CurveItem; null once it is of no more use
    Column("names", JSON, nullable=False),  # task, metric, ... as far as they could be read
    Column("rows", JSON, nullable=False),  # rows or lines of the file, first and last; [] where unknown
    Column("sampling_key", String(64)),  # null: the curve cannot be used
    Column("sampled", Boolean, nullable=False),  # belongs to the first pass
    Column("evidence", NULLABLE_JSON),  # of the first pass: log evidence at nodes of the between-model scale, or false
    Column("state", String(16), nullable=False),  # queued | running | succeeded | failed | cancelled
    Column("attempt", Integer, nullable=False),  # times it was handed to a worker and that counted
    Column("generation", Integer),  # of the dispatcher that handed it out; with `attempt` it fences late results
    Column("analysis_id", String(64)),  # result; no foreign key: a deleted analysis leaves the task that made it
    Column("label", String(32)),  # of the result, for counts and changes
    Column("earlier_id", String(64)),  # of kind "again": the analysis that is done again
    Column("error", NULLABLE_JSON),  # problem document
    Column("finished_at", String(24)),
    UniqueConstraint("batch_id", "position"),
    Index(None, "batch_id", "state", "position"),
    Index(None, "state", "batch_id", "position"),
    Index(None, "analysis_id"),
    sqlite_autoincrement=True,  # no id comes twice: a late result of a removed task must not fit another one
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("owner", String(32), primary_key=True),  # id of the API key, "" without keys
    Column("body_sha256", String(64), nullable=False),
    Column("batch_id", String(32), ForeignKey("batches.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", String(24), nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),  # some of read, write, admin
    Column("created_at", String(24), nullable=False),
    Column("revoked_at", String(24)),
)

# One row. The dispatcher that leads counts `beat` up; another takes over, and counts `generation` up, when it has seen
# the same beat for a while by its own monotonic clock. Every write of a dispatcher checks its generation.
leadership = Table(
    "leadership",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),  # host and process, for people
)
