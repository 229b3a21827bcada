"""The load report: which files were read, which curves were built, what was left out and why, what was inferred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MOST_EXAMPLES = 1000  # names kept for each note; the count goes on
SHOWN_EXAMPLES = 5  # names of a note in the text
LONGEST_NAME = 200  # characters of a name that a note keeps
NO_ERROR = "results without a number of examples or a standard error above 0"

type Section = Literal["left_out", "inferred", "mixed"]
SECTIONS: Mapping[Section, str] = {
    "left_out": "Left out",
    "inferred": "Inferred",
    "mixed": "Look at",
}


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that happened `count` times, with the names of the first of them."""

    section: Section
    code: str
    message: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        return self.text(SHOWN_EXAMPLES)

    def text(self, names: int) -> str:
        """The note with so many of its names."""
        counted = f"{self.message} ({self.count:,})"
        return f"{counted}: {self._names(names)}" if self.examples else counted

    def _names(self, most: int) -> str:
        shown = "; ".join(self.examples[:most])
        more = self.count - min(len(self.examples), most)
        return f"{shown}; and {more:,} more" if more > 0 else shown


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What came of the files of one input: `formats` counts those read by format.

    `points` is None where some files hold curves as they are, whose points were not counted.
    """

    formats: Mapping[str, int]
    curves: int
    points: int | None
    notes: tuple[Note, ...] = ()

    @property
    def files(self) -> int:
        """Files that were read."""
        return sum(self.formats.values())

    def count(self, code: str) -> int:
        """How often the thing of that code happened."""
        return sum(note.count for note in self.notes if note.code == code)

    def lines(self, names: int = SHOWN_EXAMPLES) -> tuple[str, ...]:
        """The report as text, a line for each thing with so many names."""
        formats = ", ".join(f"{count:,} {name}" for name, count in sorted(self.formats.items()))
        read = f"Read {self.files:,} file{'s'[: self.files != 1]} ({formats})" if self.files else "Read no file"
        points = "" if self.points is None else f" of {self.points:,} points"
        built = f"{self.curves:,} curve{'s'[: self.curves != 1]}{points}"
        notes = (f"{SECTIONS[note.section]}: {note.text(names)}" for section in SECTIONS for note in self._of(section))
        return (f"{read}: {built}", *notes)

    def document(self) -> dict[str, Any]:
        """The report for JSON."""
        return {
            "files": self.files,
            "formats": dict(self.formats),
            "curves": self.curves,
            "points": self.points,
            **{section: [_note_document(note) for note in self._of(section)] for section in SECTIONS},
        }

    def _of(self, section: Section) -> tuple[Note, ...]:
        return tuple(note for note in self.notes if note.section == section)


@dataclass(slots=True)
class Ledger:
    """Notes as they come up; those with the same code and message are counted together."""

    _notes: dict[tuple[Section, str, str], tuple[list[int], list[str]]] = field(default_factory=dict)

    def left_out(self, code: str, message: str, name: str = "", count: int = 1) -> None:
        """Something that is in no curve."""
        self._add(("left_out", code, message), name, count)

    def inferred(self, code: str, message: str, name: str = "", count: int = 1) -> None:
        """Something that no file says."""
        self._add(("inferred", code, message), name, count)

    def mixed(self, code: str, message: str, name: str = "", count: int = 1) -> None:
        """Something that a reader should look at before believing a curve."""
        self._add(("mixed", code, message), name, count)

    def notes(self) -> tuple[Note, ...]:
        """All notes, in the order in which each came up first."""
        return tuple(
            Note(section, code, message, counted[0], tuple(names))
            for (section, code, message), (counted, names) in self._notes.items()
        )

    def _add(self, key: tuple[Section, str, str], name: str, count: int) -> None:
        counted, names = self._notes.setdefault(key, ([0], []))
        counted[0] += count
        if name and len(names) < MOST_EXAMPLES:
            names.append(plain(name))


def plain(name: str) -> str:
    """A name from a file, short and without control characters, so that it can stand on a terminal."""
    printable = "".join(
        sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name[: LONGEST_NAME + 1]
    )
    return printable if len(printable) <= LONGEST_NAME else f"{printable[:LONGEST_NAME]}…"


def _note_document(note: Note) -> dict[str, Any]:
    return {"code": note.code, "message": note.message, "count": note.count, "examples": list(note.examples)}
