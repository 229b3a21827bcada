"""Pages that the reproductions write: markdown and SVG, the same bytes for the same numbers."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.results import EmergenceScore, Interval

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "reproductions"
DATA = ROOT / "data"
NOTHING = "–"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7A7A7A", "#E69F00")  # Okabe and Ito 2008
LARGEST_PLAIN = 1e6  # from here with an exponent


@dataclass(slots=True)
class Page:
    """The parts of a page as they come, and where it goes."""

    name: str
    folder: Path
    parts: list[str] = field(default_factory=list)

    def say(self, *texts: str) -> None:
        """Add paragraphs, headings or tables."""
        self.parts.extend(texts)

    def picture(self, figure: Figure, name: str, words: str) -> None:
        """Save a picture beside the page and show it with `words` for those who do not see it."""
        file = f"{self.name}_{name}.svg"
        self.folder.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context({"svg.hashsalt": file, "svg.fonttype": "none"}):
            figure.savefig(self.folder / file, format="svg", metadata={"Date": None})
        self.say(f"![{words}]({file})")

    def write(self) -> Path:
        """Write the page; returns its path."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.name}.md"
        path.write_text("\n\n".join(self.parts) + "\n", encoding="utf-8")
        return path


def parser(description: str | None) -> argparse.ArgumentParser:
    """The arguments that every reproduction has."""
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument("--out", type=Path, default=DOCS, help="folder of the page and its pictures")
    return made


def panels(count: int, *, width: float = 3.6, height: float = 3.2) -> tuple[Figure, Sequence[Axes]]:
    """A figure with panels side by side."""
    figure = Figure(figsize=(width * count, height), layout="constrained")
    axes: Sequence[Axes] = figure.subplots(1, count, squeeze=False)[0]
    return figure, axes


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table, the first column to the left, the others to the right."""
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


def number(value: float | None, digits: int = 3) -> str:
    """A number to so many significant digits, or a dash for none."""
    if value is None:
        return NOTHING
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(value) < LARGEST_PLAIN else text


def probability(value: float | None) -> str:
    """A probability with two decimals, never 0 or 1 where it is neither."""
    if value is None:
        return NOTHING
    return "> 0.99" if 0.995 <= value < 1 else "< 0.01" if 0 < value < 0.005 else f"{value:.2f}"


def estimate(interval: Interval | EmergenceScore, digits: int = 2) -> str:
    """`31 (12 to 60)`; an open end is said so."""
    if interval.lower is None and interval.upper is None:
        return NOTHING
    if interval.upper is None:
        ends = f"above {number(interval.lower, digits)}"
    elif interval.lower is None:
        ends = f"below {number(interval.upper, digits)}"
    else:
        ends = f"{number(interval.lower, digits)} to {number(interval.upper, digits)}"
    return f"{number(interval.estimate, digits)} ({ends})" if interval.estimate is not None else ends
