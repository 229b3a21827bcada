"""Columns of a tidy table: what each is for, and what is wrong with a header."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.curve import ScaleKind
from models.errors import Problem
from service.csv_export import without_quote
from service.readers.errors import UnreadableFile

KEY_COLUMNS = ("suite", "task", "metric", "prompting", "model_family")
SCALES = ("parameters", "training_flops", "training_tokens", "scale")  # in order of preference
DISTRACTOR_COLUMNS = ("distractor_score", "n_distractor_correct")
POINT_COLUMNS = ("model", "score", "n_examples", "stderr", "n_correct", *DISTRACTOR_COLUMNS)
METRIC_COLUMNS = ("kind", "higher_is_better", "lower", "upper", "chance", "target_length", "unit")
_KNOWN = (*KEY_COLUMNS, *SCALES, *POINT_COLUMNS, *METRIC_COLUMNS, "scale_kind")
_OFTEN_MEANT = {
    "n": "n_examples",
    "n_samples": "n_examples",
    "acc": "score",
    "accuracy": "score",
    "value": "score",
    "se": "stderr",
    "standard_error": "stderr",
    "size": "parameters",
    "params": "parameters",
    "n_params": "parameters",
    "flops": "training_flops",
    "compute": "training_flops",
    "tokens": "training_tokens",
    "dataset": "task",
}
_DELIMITERS = ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"))


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions of the columns by what they are for; `keys` and `scales` in their order of importance.

    `keys` has a None where the table lacks the column. `tags` are all columns that mean nothing to an analysis.
    """

    header: tuple[str, ...]
    keys: tuple[int | None, ...]
    scales: tuple[tuple[str, int], ...]
    points: tuple[tuple[str, int], ...]
    metric: tuple[tuple[str, int], ...]
    scale_kind: int | None
    tags: tuple[tuple[str, int], ...]


def columns_of(header: Sequence[str], scale: str | None) -> Columns:
    """The columns of a table; `scale` is the axis asked for. Raises `UnreadableFile` where needed ones are missing."""
    problems = tuple(_problems(header, scale))
    if problems:
        raise UnreadableFile(problems)
    place = {name: index for index, name in enumerate(header) if name}

    def present(names: Sequence[str]) -> tuple[tuple[str, int], ...]:
        return tuple((name, place[name]) for name in names if name in place)

    return Columns(
        header=tuple(header),
        keys=tuple(place.get(name) for name in KEY_COLUMNS),
        scales=present(SCALES if scale is None else (scale,)),
        points=present(POINT_COLUMNS),
        metric=present(METRIC_COLUMNS),
        scale_kind=place.get("scale_kind"),
        tags=tuple((without_quote(name), index) for name, index in place.items() if name not in _KNOWN),
    )


def scale_kind_of(axis: str, given: str | None) -> str:
    """The scale kind of an axis column; that of the column `scale` is what the table says."""
    return given or (axis if axis != "scale" else ScaleKind.OTHER.value)


def check_delimiter(first_line: str) -> None:
    """Raise `UnreadableFile` for a header in which another delimiter than the comma separates known names."""
    by_comma = known_in(first_line, ",")
    for delimiter, name in _DELIMITERS:
        if known_in(first_line, delimiter) > by_comma:
            message = (
                f"the columns are separated by {name}, not by commas: save the file with commas "
                "(and decimal points, where it has decimal commas)"
            )
            raise UnreadableFile([Problem("row 1", message)])


def known_in(line: str, delimiter: str) -> int:
    """How many of a line's cells are names of columns that a tidy table may have."""
    try:
        cells = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), [])
    except csv.Error:  # a cell longer than any name
        return 0
    return sum(cell.strip() in _KNOWN for cell in cells)


def meant_in(line: str) -> bool:
    """Whether a line has a name of such a column, or one that is often used in its place, whatever separates them."""
    names = {*_KNOWN, *_OFTEN_MEANT}
    return any(cell.strip(" \"'\r").lower() in names for cell in re.split("[,;\t|]", line))


def _problems(header: Sequence[str], scale: str | None) -> Iterator[Problem]:
    for name, count in Counter(header).items():
        if name and count > 1:
            yield Problem("row 1", f"{count} columns are called {name}: keep one")
    if scale is not None and scale not in header:
        yield Problem("row 1", f"the column {scale} that --scale asks for is missing; found are {_found(header)}")
    needed = (("task",), ("metric",), SCALES, ("score", "n_correct"), ("n_examples", "stderr"))
    missing = [names for names in needed if not set(names) & set(header)]
    if missing:
        wanted = "; ".join(" or ".join(names) for names in missing)
        yield Problem("row 1", f"missing columns: {wanted}. Found are {_found(header)}{_meant(header, missing)}")


def _found(header: Sequence[str]) -> str:
    return ", ".join(name or "(no name)" for name in header[:30]) + (", …" if len(header) > 30 else "")


def _meant(header: Sequence[str], missing: Sequence[Sequence[str]]) -> str:
    """Which of the columns found were probably meant to be those missing."""
    wanted = [name for names in missing for name in names]
    hints = []
    for name in header:
        plain = name.lower().replace(" ", "_").replace("-", "_")
        near = [_OFTEN_MEANT[plain]] if plain in _OFTEN_MEANT else difflib.get_close_matches(plain, wanted, n=1)
        if name not in _KNOWN and near and near[0] in wanted:
            hints.append(f"rename {name} to {near[0]}?")
    return f" ({' '.join(hints)})" if hints else ""
