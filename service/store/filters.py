"""What a list of analyses is asked for: which, in what order, from where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, literal, or_, select, tuple_

from service.tables import analyses, tags

type Sort = Literal["created_at", "-created_at", "probability", "-probability", "task", "-task"]
SORTS: tuple[Sort, ...] = get_args(Sort.__value__)
NEWEST: Sort = "-created_at"
LONGEST_KEY = 300  # characters: PostgreSQL indexes at most 2,704 bytes, and a tag's name and value stand in one index
SEPARATORS = ":="  # between name and value of a tag
COMMON = 2000  # analyses with a tag from which on it is a common one
_EQUAL = ("task", "metric", "model_family", "prompting", "suite", "label", "verdict", "engine_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Conditions that must all hold; None asks nothing. `tag` is "name:value", "name=value" or "name" (any value).

    `created_after` (inclusive) and `created_before` (exclusive) are times as `service.clock.stamp` writes them.
    `engine_below` is for analyses of earlier engines.
    """

    task: str | None = None
    metric: str | None = None
    model_family: str | None = None
    prompting: str | None = None
    suite: str | None = None
    tag: str | None = None
    label: str | None = None
    verdict: str | None = None
    min_probability: float | None = None
    created_after: str | None = None
    created_before: str | None = None
    engine_version: int | None = None
    engine_below: int | None = None

    def given(self) -> dict[str, Any]:
        """The conditions that ask something, ready for JSON; `Filter(**given)` is the same filter."""
        return {name: value for name, value in asdict(self).items() if value is not None}


FILTER_FIELDS = tuple(field.name for field in fields(Filter))


def key(text: str) -> str:
    """A text as it is stored beside its document for lists and filters: the beginning of a very long one."""
    return text[:LONGEST_KEY]


def conditions(connection: Connection, asked: Filter) -> Iterator[ColumnElement[bool]]:
    """The filter as SQL on `analyses`."""
    given = {name: key(value) if isinstance(value, str) else value for name, value in asked.given().items()}
    yield from (analyses.c[name] == given[name] for name in _EQUAL if name in given)
    if asked.min_probability is not None:
        yield analyses.c.probability >= asked.min_probability
    if asked.created_after is not None:
        yield analyses.c.created_at >= asked.created_after
    if asked.created_before is not None:
        yield analyses.c.created_at < asked.created_before
    if asked.engine_below is not None:
        yield analyses.c.engine_version < asked.engine_below
    if asked.tag is not None:
        yield _tagged(connection, asked.tag)


def _tagged(connection: Connection, tag: str) -> ColumnElement[bool]:
    """Analyses with a tag. Name and value may both hold the separator, so every way to part them counts.

    The ids of a rare tag are collected first; of a common one each analysis is asked, which stops at a full page.
    """
    pairs = [(key(tag[:at]), key(tag[at + 1 :])) for at, sign in enumerate(tag) if sign in SEPARATORS]
    named = tags.c.name == key(tag)
    held = tuple_(tags.c.name, tags.c.value).in_(pairs) if pairs else named
    if pairs and len(tag) <= LONGEST_KEY:  # of a longer one the beginning may be another name's
        held = or_(named, held)
    some = select(tags.c.analysis_id).where(held)
    if len(connection.execute(some.limit(COMMON)).all()) < COMMON:
        return analyses.c.id.in_(some)
    one = select(literal(1)).where(tags.c.analysis_id == analyses.c.id, held).limit(1)
    return one.correlate(analyses).scalar_subquery().is_not(None)  # PostgreSQL takes this for common, unlike EXISTS
