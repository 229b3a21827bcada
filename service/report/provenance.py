"""Where the numbers of a report come from: versions, options, seeds, inputs."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version

from service.report.collection import MOST_VALUES, Collection
from service.report.texts import plain

LIBRARIES = ("numpy", "scipy", "numba")


@dataclass(frozen=True, slots=True)
class About:
    """What the curves cannot say: a title, when the report was made, the inputs, and what reading them had to tell."""

    title: str
    created: str
    inputs: tuple[str, ...] = ()
    load_report: tuple[str, ...] = ()


def provenance_rows(collection: Collection) -> list[tuple[str, str]]:
    """Names and values; a value that differs between curves is told with its counts."""
    rows = [(name, _told(values)) for name, values in collection.facts.items()]
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    rows.append(("software", f"Python {platform.python_version()}, {libraries}"))
    if collection.suite:
        rows.append(("input", f"sha256 {collection.digest} over the digests of the analysed curves, in order"))
    return rows


def _told(values: Counter[str]) -> str:
    if len(values) == 1:
        return plain(next(iter(values)))
    most = values.most_common(MOST_VALUES)
    told = "; ".join(f"{plain(value)} ({count:,} curve{'s'[: count != 1]})" for value, count in most)
    more = len(values) - MOST_VALUES
    return f"{told}; and {more:,} more" if more > 0 else told
