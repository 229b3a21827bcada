"""Scales of language models: from a table that the user gives, the file, the built-in table, or the model's name."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import BinaryIO

from models.errors import Problem
from service.readers.columns import SCALES
from service.readers.errors import UnreadableFile, unreadable
from service.readers.model_names import plain_names, with_point
from service.schemas.scalars import shown

LARGEST_TABLE = 16 << 20  # bytes
_NEEDED = ("model",)
_UNDERSTOOD = ("model", "model_family", *SCALES)


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A row of a models table; `scales` by axis."""

    model: str
    family: str | None
    scales: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ModelsTable:
    """Models by every name they may have, and the families' names by these in lower case."""

    models: Mapping[str, KnownModel]
    families: Mapping[str, str]

    def find(self, name: str) -> KnownModel | None:
        """The row of a model; None where the table lacks it.

        The table also decides whether the underscore of opt_1_3b is a decimal point.
        """
        names = (plain for spelling in (name, with_point(name)) for plain in plain_names(spelling))
        return next((self.models[plain] for plain in names if plain in self.models), None)


def read_models(path: Path) -> ModelsTable:
    """The models table of a CSV file; raises `UnreadableFile`, every problem by its row."""
    try:
        with path.open("rb") as file:
            return models_in(file, str(path))
    except OSError as error:
        raise unreadable(f"{path} cannot be opened: {error.strerror}") from None


def models_in(file: BinaryIO, name: str) -> ModelsTable:
    """The models table in a binary file; raises `UnreadableFile`."""
    content = file.read(LARGEST_TABLE + 1)
    if len(content) > LARGEST_TABLE:
        raise unreadable(f"{name}: a models table of more than {LARGEST_TABLE >> 20} MiB")
    try:
        return models_of(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise unreadable(f"{name} is not UTF-8: save it as UTF-8") from None


def models_of(text: str) -> ModelsTable:
    """The models table in a CSV text; raises `UnreadableFile`."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise unreadable(f"the models table is not CSV: {error}") from None
    header = [cell.strip() for cell in rows[0]] if rows else []
    _check_header(header)
    problems: list[Problem] = []
    exact: dict[str, tuple[int, KnownModel]] = {}
    for number, row in enumerate(rows[1:], 2):
        if any(cell.strip() for cell in row):
            _add(exact, number, dict(zip(header, map(str.strip, row), strict=False)), problems)
    if problems:
        raise UnreadableFile(problems)
    return _named(model for _, model in exact.values())


@cache
def built_in_models() -> ModelsTable:
    """The table of well-known open families that is shipped with the program."""
    return models_of(resources.files("service.readers").joinpath("data/models.csv").read_text("utf-8"))


def _check_header(header: Sequence[str]) -> None:
    missing = [name for name in _NEEDED if name not in header]
    if missing or not set(_UNDERSTOOD[1:]) & set(header):
        wanted = "model and one of " + ", ".join(_UNDERSTOOD[1:])
        raise unreadable(
            f"the models table has the columns {', '.join(header) or '(none)'}: it needs {wanted}", "row 1"
        )
    twice = [name for name in _UNDERSTOOD if header.count(name) > 1]
    if twice:
        raise unreadable(f"several columns are called {twice[0]}: keep one", "row 1")


def _named(models: Iterable[KnownModel]) -> ModelsTable:
    """A table that finds each model by its other names as well, where no row has that name itself."""
    named = list(models)
    other = {plain: model for model in reversed(named) for plain in plain_names(model.model)[1:]}
    families = {model.family.lower(): model.family for model in named if model.family}
    return ModelsTable({**other, **{plain_names(model.model)[0]: model for model in named}}, families)


def _add(
    exact: dict[str, tuple[int, KnownModel]], number: int, row: Mapping[str, str], problems: list[Problem]
) -> None:
    """Add a row; a second one for the same name must say the same."""
    name = row.get("model", "")
    if not name:
        problems.append(Problem(f"row {number}", "has no model"))
        return
    model = KnownModel(name, row.get("model_family") or None, dict(_scales(number, row, problems)))
    first, other = exact.setdefault(name.lower(), (number, model))
    if (other.family, other.scales) != (model.family, model.scales):
        problems.append(Problem(f"row {number}", f"{shown(name)} stands in row {first} with other values"))


def _scales(number: int, row: Mapping[str, str], problems: list[Problem]) -> Iterator[tuple[str, float]]:
    for axis in SCALES:
        cell = row.get(axis, "")
        if not cell:
            continue
        try:
            value = float(cell.replace("_", "?"))
        except ValueError:
            value = math.nan
        if math.isfinite(value) and value > 0:
            yield axis, value
        else:
            problems.append(Problem(f"row {number}, column {axis}", f"{shown(cell)} is not a positive number"))
