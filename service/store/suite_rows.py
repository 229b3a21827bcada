"""The curves of a batch as a page shows them: filtered, sorted, in numbered pages, and counted."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, select

from service.store.batches import ENDED
from service.tables import analyses, documents, tasks

type RowSort = Literal["position", "task", "-task", "label", "-label", "probability", "-probability"]
ROW_SORTS: tuple[RowSort, ...] = get_args(RowSort.__value__)
FACETS = ("metric", "prompting", "model_family")
_ESCAPE = "\\"
_UNKNOWN = -1.0  # sorts curves without a probability below all others
_JOINED = tasks.outerjoin(analyses, tasks.c.analysis_id == analyses.c.id)
# What the label column of the page says: failures and cancelled curves have their state there.
_LABEL = case((tasks.c.state == "succeeded", func.coalesce(tasks.c.label, "failed")), else_=tasks.c.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsAsked:
    """Which curves, in which order; None asks nothing, "" for those that do not say. `text` is looked for in tasks."""

    text: str = ""
    label: str | None = None
    metric: str | None = None
    prompting: str | None = None
    model_family: str | None = None
    sort: RowSort = "position"

    @property
    def leaves_none_out(self) -> bool:
        """Whether every curve that is done is asked for."""
        return not self.text and all(getattr(self, name) is None for name in ("label", *FACETS))


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRow:
    """One curve that is done. `label`: a shape, "undetermined", "failed" or "cancelled"."""

    position: int
    label: str
    names: Mapping[str, str]
    rows: tuple[int, ...]
    error: Mapping[str, Any] | None
    analysis_id: str | None
    most_probable: str | None
    probability: float | None
    document: bytes | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Curves that agree in metric, prompting, model family ("" where not given) and label."""

    setting: tuple[str, str, str]
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Everything that there is to choose from."""

    groups: tuple[Group, ...] = field(default_factory=tuple)

    def values(self, facet: int) -> list[str]:
        """The values of one part of the setting, in order."""
        return sorted({group.setting[facet] for group in self.groups})

    def labels(self) -> dict[str, int]:
        """How many curves have each label."""
        counts: dict[str, int] = {}
        for group in self.groups:
            counts[group.label] = counts.get(group.label, 0) + group.count
        return counts


def rows(
    connection: Connection, batch_id: str, asked: RowsAsked, span: tuple[int, int], *, with_documents: bool = False
) -> tuple[SuiteRow, ...]:
    """The curves from the first to before the second place of the order that is asked for."""
    columns = (tasks.c.position, tasks.c.names, tasks.c.rows, tasks.c.error, _LABEL.label("label"))
    result = (analyses.c.id.label("analysis_id"), analyses.c.most_probable, analyses.c.probability)
    query: Select[Any] = select(*columns, *result).select_from(_JOINED)
    if with_documents:
        joined = _JOINED.outerjoin(documents, documents.c.analysis_id == analyses.c.id)
        query = query.select_from(joined).add_columns(documents.c.document)
    # The place is found first, in as few tables as that takes: to join what is skipped takes most of the time.
    sorted_by = _JOINED if asked.sort.endswith("probability") else tasks
    place = _asked(select(tasks.c.id).select_from(sorted_by), batch_id, asked).order_by(*_order(asked.sort))
    query = query.where(tasks.c.id.in_(place.offset(span[0]).limit(span[1] - span[0]))).order_by(*_order(asked.sort))
    found = connection.execute(query).all()
    return tuple(_row(row, with_documents=with_documents) for row in found)


def count(connection: Connection, batch_id: str, asked: RowsAsked) -> int:
    """How many curves are asked for."""
    return connection.scalar(_asked(select(func.count()).select_from(tasks), batch_id, asked)) or 0


def counted(connection: Connection, batch_id: str) -> Counted:
    """The curves that are done, by setting and label."""
    setting = [_name(name).label(name) for name in FACETS]
    number = func.count().label("number")
    query = select(*setting, _LABEL.label("label"), number).where(*_here(batch_id))
    found = connection.execute(query.group_by(*setting, _LABEL)).all()
    return Counted(tuple(Group((row[0], row[1], row[2]), row.label, row.number) for row in found))


def _asked(query: Select[Any], batch_id: str, asked: RowsAsked) -> Select[Any]:
    return query.where(*_here(batch_id), *_conditions(asked))


def _here(batch_id: str) -> tuple[ColumnElement[bool], ...]:
    return tasks.c.batch_id == batch_id, tasks.c.state.in_(ENDED)


def _conditions(asked: RowsAsked) -> Iterator[ColumnElement[bool]]:
    if asked.label is not None:
        yield _LABEL.in_([asked.label])
    for name in FACETS:
        value = getattr(asked, name)
        if value is not None:
            yield _name(name) == value
    if asked.text:
        plain = asked.text.lower()
        for sign in (_ESCAPE, "%", "_"):
            plain = plain.replace(sign, _ESCAPE + sign)
        yield func.lower(_name("task")).like(f"%{plain}%", escape=_ESCAPE)


def _name(name: str) -> ColumnElement[str]:
    return func.coalesce(tasks.c.names[name].as_string(), "")


def _order(sort: RowSort) -> tuple[ColumnElement[Any], ...]:
    columns: Mapping[str, ColumnElement[Any]] = {
        "position": tasks.c.position,
        "task": func.lower(_name("task")),
        "label": _LABEL,
        "probability": func.coalesce(analyses.c.probability, _UNKNOWN),
    }
    column = columns[sort.removeprefix("-")]
    return (column.desc() if sort.startswith("-") else column.asc()), tasks.c.position


def _row(row: Row[Any], *, with_documents: bool) -> SuiteRow:
    packed = row.document if with_documents else None
    label = "failed" if row.label not in ("failed", "cancelled") and row.analysis_id is None else row.label
    return SuiteRow(
        position=row.position,
        label=label,
        names=row.names,
        rows=tuple(row.rows),
        error=row.error,
        analysis_id=row.analysis_id,
        most_probable=row.most_probable,
        probability=row.probability,
        document=None if packed is None else zlib.decompress(packed),
    )
