"""Reading files in tests, with the load report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.readers.items import CurveItem
from service.readers.load_report import LoadReport
from service.readers.opening import open_curves

# Files that their projects publish; a folder beside the repository, not part of it.
PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data"
published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published results are not beside the repository")


def read(*sources: Path, **options: Any) -> tuple[list[CurveItem], LoadReport]:
    """Items and load report of one input."""
    with open_curves(sources[0] if len(sources) == 1 else sources, **options) as stream:
        items = list(stream.items())
        assert stream.report is not None
        assert stream.count == len(items)
        assert [item.index for item in items] == list(range(len(items)))
        return items, stream.report


def codes(report: LoadReport) -> dict[str, int]:
    """Counts of the notes by code."""
    return {note.code: note.count for note in report.notes}


def note(report: LoadReport, code: str) -> str:
    """The first note of a code as text."""
    return next(str(note) for note in report.notes if note.code == code)


def points_of(item: CurveItem) -> list[dict[str, Any]]:
    """The points of an item's document."""
    assert item.document is not None
    points: list[dict[str, Any]] = item.document["points"]
    return points
