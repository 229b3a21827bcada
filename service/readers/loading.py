"""From an item of a file to a checked curve, with errors that speak of the file's rows and columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from models.errors import InvalidInput, Problem
from service.readers.items import CurveItem
from service.schemas.curve import LoadedCurve, load_curve

_POINT = re.compile(r"/points/(\d+)(?:/(.+))?")
_OTHER_POINT = re.compile(r"\bpoint (\d+)\b")


def load_item(item: CurveItem) -> LoadedCurve:
    """The checked curve of an item; raises `InvalidInput` with its problems, those of a table placed by row."""
    if item.document is None:
        raise InvalidInput(in_file(item.problems, item.file))
    try:
        return load_curve(item.document)
    except InvalidInput as error:
        if item.columns is None and not item.file:
            raise
        problems = error.problems if item.columns is None else placed(error.problems, item.rows, item.columns)
        raise type(error)(in_file(problems, item.file)) from None


def placed(problems: Iterable[Problem], rows: tuple[int, ...], columns: Mapping[str, str]) -> Iterator[Problem]:
    """Problems of a table's curve, by row and column in place of JSON pointers."""
    for problem in problems:
        message = _OTHER_POINT.sub(lambda match: f"row {rows[int(match[1])]}", problem.message)
        yield Problem(_place(problem.pointer, rows, columns), message)


def in_file(problems: Iterable[Problem], file: str) -> Iterator[Problem]:
    """Problems with the file before their place, where the input has several."""
    for problem in problems:
        yield Problem(f"{file}, {problem.pointer}" if problem.pointer else file, problem.message) if file else problem


def rows_text(rows: tuple[int, ...]) -> str:
    """Rows as a message names them."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    together = rows[-1] - rows[0] == len(rows) - 1
    return f"rows {rows[0]} to {rows[-1]}" if together or len(rows) > 10 else f"rows {', '.join(map(str, rows))}"


def _place(pointer: str, rows: tuple[int, ...], columns: Mapping[str, str]) -> str:
    match = _POINT.fullmatch(pointer)
    if match is None:
        name = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        return rows_text(rows) if name in ("", "points") else f"{rows_text(rows)}, column {columns.get(name, name)}"
    row = f"row {rows[int(match[1])]}"
    return row if match[2] is None else f"{row}, column {columns.get(match[2], match[2])}"
