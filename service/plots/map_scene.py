"""The class map as a scene: tasks by what tells their curves apart, each cell the label of a curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.options import UNDETERMINED
from service.plots.frame import MARGIN, SMALL
from service.plots.legend import legend_marks
from service.plots.scene import Area, Line, Mark, Place, Scene, Text, fitted, rectangle, text_width
from service.report.class_map import ClassMap, MapCurve, MapRow, counted
from service.table_words import FAILED, NAMES

CELL, PITCH, ROW, HEADER = 17.0, 22.0, 22.0, 20.0
TOP, BLOCK_GAP, LONGEST, COLUMN = 64.0, 34.0, 190.0, 84.0
HEAP_WIDTH, SQUARE, NARROWEST = 600.0, 9.0, 380.0
MOST_IN_A_CELL = 6  # curves that are drawn one by one
# Strokes inside a square of 16: what the shape looks like, so that colour is not the only sign.
SIGNS: dict[str, tuple[tuple[Place, ...], ...]] = {
    "positive": (((2.5, 12.5), (6, 11.3), (8, 8), (10, 4.7), (13.5, 3.5)),),
    "inverse": (((2.5, 3.5), (6, 4.7), (8, 8), (10, 11.3), (13.5, 12.5)),),
    "u_shaped": (((3, 3.5), (4.4, 8.5), (6.2, 11), (8, 11.8), (9.8, 11), (11.6, 8.5), (13, 3.5)),),
    "inverted_u": (((3, 12.5), (4.4, 7.5), (6.2, 5), (8, 4.2), (9.8, 5), (11.6, 7.5), (13, 12.5)),),
    "flat": (((2.5, 8), (13.5, 8)),),
    FAILED: (((4, 4), (12, 12)), ((12, 4), (4, 12))),
}


def map_scene(found: ClassMap, title: str) -> Scene:
    """Rows in blocks beside one another, or all curves of each column in a heap."""
    curves = [one for block in found.blocks for row in block for cell in row.cells for one in cell]
    curves += [one for heap in found.heaps for one in heap]
    names = {shape.value: name for shape, name in NAMES.items()}
    marks: list[Mark] = []
    width, bottom = _heaps(found, marks) if found.heaps else _blocks(found, marks)
    entries = [(f"{names.get(label, label)} {count:,}", _sample(label)) for label, count in counted(curves)]
    width = max(width, NARROWEST)
    legend, bottom = legend_marks(entries, bottom, width - 2 * MARGIN)
    told = f"one row a task, one column a {found.by}" if found.by and not found.heaps else f"by {found.by}"
    head: list[Mark] = [Text((MARGIN, 28), fitted(title, width - 2 * MARGIN, 16, bold=True), "ink", 16, bold=True)]
    if found.by:
        head.append(Text((MARGIN, 46), fitted(told, width - 2 * MARGIN, SMALL), "faint", SMALL))
    words = ", ".join(words for words, _ in entries)
    return Scene(width, bottom + MARGIN, title, words, (*head, *marks, *legend))


def _blocks(found: ClassMap, marks: list[Mark]) -> tuple[float, float]:
    """Draw the blocks; the width and the bottom of all."""
    left, bottom = MARGIN, TOP
    for block in found.blocks:
        names = min(max(text_width(row.task, SMALL) for row in block), LONGEST) + 10
        widths = [_column(block, index, name) for index, name in enumerate(found.columns)]
        starts = [left + names + sum(widths[:index]) for index in range(len(widths))]
        for name, start, width in zip(found.columns, starts, widths, strict=True):
            marks.append(Text((start + width / 2, TOP + 12), fitted(name, width - 6, SMALL), "faint", SMALL, "middle"))
        for number, row in enumerate(block):
            top = TOP + HEADER + ROW * number
            marks.append(Text((left, top + 13), fitted(row.task, LONGEST, SMALL), "ink", SMALL, hint=row.task))
            for cell, start, width in zip(row.cells, starts, widths, strict=True):
                marks += _cell(cell, start + (width - PITCH * min(len(cell), MOST_IN_A_CELL)) / 2, top)
        left = starts[-1] + widths[-1] + BLOCK_GAP
        bottom = max(bottom, TOP + HEADER + ROW * len(block))
    return left - BLOCK_GAP + MARGIN, bottom


def _column(block: Sequence[MapRow], index: int, name: str) -> float:
    most = max(min(len(row.cells[index]), MOST_IN_A_CELL) for row in block)
    more = 40.0 if any(len(row.cells[index]) > MOST_IN_A_CELL for row in block) else 0.0
    return max(PITCH * most + 2 * more, min(text_width(name, SMALL), COLUMN)) + 8


def _cell(curves: Sequence[MapCurve], left: float, top: float) -> Iterator[Mark]:
    """Each curve of a task under one column; of many the first, and how many more there are."""
    for index, curve in enumerate(curves[:MOST_IN_A_CELL]):
        yield from sign_marks(curve.label, curve.shape, left + PITCH * index + 2, top, curve.hint)
    if len(curves) > MOST_IN_A_CELL:
        place = (left + PITCH * MOST_IN_A_CELL + 2, top + 13)
        yield Text(place, f"+{len(curves) - MOST_IN_A_CELL}", "faint", SMALL)


def sign_marks(label: str, shape: str, left: float, top: float, hint: str = "") -> Iterator[Mark]:
    """A square with the sign of a label; of an undetermined curve a frame in the colour of its most probable shape."""
    square = rectangle(left, top, left + CELL, top + CELL)
    if label == UNDETERMINED:
        inner = rectangle(left + 1, top + 1, left + CELL - 1, top + CELL - 1)
        yield Area(square, "paper", hint=hint)
        yield Line(((*inner, inner[0]),), shape or UNDETERMINED, 1.8)
        yield Text((left + CELL / 2, top + 13), "?", UNDETERMINED, 12, "middle", bold=True)
        return
    yield Area(square, label, hint=hint)
    factor = CELL / 16
    strokes = tuple(tuple((left + factor * x, top + factor * y) for x, y in path) for path in SIGNS[label])
    yield Line(strokes, "paper", 2.0)


def _sample(label: str) -> list[Mark]:
    return list(sign_marks(label, "", 0.0, -CELL / 2))


def _heaps(found: ClassMap, marks: list[Mark]) -> tuple[float, float]:
    """A square for each curve, gathered by label."""
    top, pitch = TOP, SQUARE + 2
    each = int(HEAP_WIDTH / pitch)
    for name, curves in zip(found.columns, found.heaps, strict=True):
        marks.append(Text((MARGIN, top + 12), fitted(f"{name or 'all curves'} ({len(curves):,})", HEAP_WIDTH, SMALL)))
        top += HEADER
        for index, curve in enumerate(curves):
            x, y = MARGIN + pitch * (index % each), top + pitch * (index // each)
            undetermined = curve.label == UNDETERMINED
            colour = (curve.shape or UNDETERMINED) if undetermined else curve.label
            square = rectangle(x, y, x + SQUARE, y + SQUARE)
            marks.append(Area(square, colour, 0.35 if undetermined else 1.0, curve.hint))
        top += pitch * -(-len(curves) // each) + 10
    return HEAP_WIDTH + 2 * MARGIN, top
