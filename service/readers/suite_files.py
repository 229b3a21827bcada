"""Many files as one input: results of harnesses gathered into curves, tables and JSON of curves as they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from service.readers import bigbench, helm, inspect_logs, lm_eval, ndjson
from service.readers.archive import Archive, Budget, open_archive
from service.readers.columns import known_in, meant_in
from service.readers.contents import content_of, document_of, documents_by_name, lines_by_name
from service.readers.errors import TooMuch, UnreadableFile, unreadable
from service.readers.evaluation import Scores
from service.readers.files import Entry, members_of
from service.readers.gathering import Gathering
from service.readers.items import CurveStream
from service.readers.json_text import NotJson, parsed
from service.readers.lm_eval_samples import SAMPLES, results_of, with_outcomes
from service.readers.load_report import Ledger
from service.readers.models_table import ModelsTable
from service.readers.recognition import (
    RESULT_FORMAT_NAMES,
    ResultFormat,
    format_of,
    holds_curves,
    is_sample,
    may_be_results,
)
from service.readers.source import ARCHIVE, BLOCK_BYTES, binary_kind

_JSON = (".json", ".jsonl", ".ndjson")  # names of files that are meant to be JSON
_LINE_END = re.compile(rb"[\r\n]")
_FEWEST_COLUMNS = 3  # known names in the first line of a text that may be a tidy table
_HEADER, _JOURNAL, _WORKBOOK = "header.json", "_journal/start.json", "[Content_Types].xml"

type Read = Callable[[BinaryIO, str | None], AbstractContextManager[CurveStream]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How an input is to be read: the format and the axis where they are named, the models table where one is given.

    `readers` read files that hold curves as they are, by the format's name.
    """

    readers: Mapping[str, Read]
    format_name: str | None = None
    axis: str | None = None
    models: ModelsTable | None = None

    def unused(self, format_name: str) -> tuple[str, ...]:
        """What is of no use to a file of that format, which holds curves as they are."""
        found = []
        if self.axis is not None and format_name in ("json", "ndjson"):
            found.append(f"the scale {self.axis} is not asked of JSON: a curve has one scale, which scale_kind names")
        if self.models is not None:
            found.append(
                "the models table is not used for tables and JSON of curves: their scales stand beside the scores"
            )
        return tuple(found)


@dataclass(frozen=True, slots=True)
class CurveFile:
    """A file that holds curves as they are, to be opened again for each pass."""

    entry: Entry
    format_name: str
    count: int


@dataclass(slots=True)
class SuiteFiles:
    """Files as they are read: what they say goes to the gathering, what became of them to the ledger."""

    wanted: Wanted
    ledger: Ledger
    gathering: Gathering
    budget: Budget = field(default_factory=Budget)
    formats: Counter[str] = field(default_factory=Counter)
    curve_files: list[CurveFile] = field(default_factory=list)
    sampled: set[str] = field(default_factory=set)  # folders with logged examples
    folders: set[str] = field(default_factory=set)

    def read(self, entries: Sequence[Entry]) -> None:
        """Read all files; raises `TooMuch`, and nothing for a single one that cannot be used."""
        by_name = {entry.name: entry for entry in entries}
        self.folders |= {_folder(name) for name in by_name}
        self.sampled |= {_folder(name) for name in by_name if SAMPLES.fullmatch(name)}
        runs = {_folder(name) for name in by_name if PurePosixPath(name).name == helm.RUN_SPEC}
        for entry in entries:
            name = PurePosixPath(entry.name).name
            in_run = _folder(entry.name) in runs and name in helm.FILES
            if in_run and name != helm.RUN_SPEC:
                continue
            try:
                if in_run:
                    self._helm(_folder(entry.name), by_name)
                else:
                    self._file(entry, by_name)
            except TooMuch:
                raise
            except UnreadableFile as error:
                self.ledger.left_out("unreadable", "files that cannot be read", f"{entry.name}: {error}")

    def _file(self, entry: Entry, by_name: Mapping[str, Entry]) -> None:
        with entry.open() as file:
            head = file.read(BLOCK_BYTES)
            start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
            if head.startswith(ARCHIVE):
                self._archive(file, entry)
                return
        if not head.strip():
            self.ledger.left_out("empty", "empty files", entry.name)
        elif ndjson.detect_ndjson(head):
            self._lines(entry, head, by_name)
        elif start in (b"{", b"["):
            self._document(entry, head, by_name)
        else:
            self._table(entry, head)

    def _archive(self, file: BinaryIO, entry: Entry) -> None:
        archive = open_archive(file, self.budget)
        if _HEADER in archive.members:
            document = document_of(archive.read(_HEADER))
            known = format_of(document)
            if known is None or known.name != inspect_logs.NAME:
                raise unreadable(f"{_HEADER} is no log of Inspect")
            self._results(known, _with_reductions(document, archive), entry.name)
        elif _JOURNAL in archive.members:
            self.ledger.left_out("not_successful", "logs of Inspect that were not finished", entry.name)
        elif _WORKBOOK in archive.members:
            self.ledger.left_out("workbook", "Excel workbooks: save the sheet as CSV", entry.name)
        elif entry.inside:
            self.ledger.left_out("nested", "archives inside an archive: unpack them", entry.name)
        else:
            self.read(members_of(archive, entry, self.ledger))

    def _document(self, entry: Entry, head: bytes, by_name: Mapping[str, Entry]) -> None:
        content = content_of(entry)
        try:
            document = document_of(content)
        except UnreadableFile:
            if entry.name.lower().endswith(_JSON) or may_be_results(head):
                raise
            self._unrelated(entry, "text that is no JSON")  # many a text begins with a bracket
            return
        known = format_of(document)
        if known is not None:
            self._results(known, document, entry.name, by_name)
        elif holds_curves(document):
            self._curves(entry, "json")
        elif not bigbench.is_definition(entry.name, self.folders):
            self._unrelated(entry, "JSON of no known format")

    def _lines(self, entry: Entry, head: bytes, by_name: Mapping[str, Entry]) -> None:
        """One JSON object a line: curves, results, or single examples, by the first of them."""
        try:
            first = parsed(head.split(b"\n", 1)[0].decode("utf-8-sig"))
        except (NotJson, UnicodeDecodeError):
            first = None
        if is_sample(first):
            if not self._beside_results(entry.name, by_name):
                self.ledger.left_out("samples", "files of examples without the results file they belong to", entry.name)
        elif format_of(first) is not None:
            self._result_lines(entry)
        elif holds_curves(first) or first is None:
            self._curves(entry, "ndjson")
        else:
            self._unrelated(entry, "JSON lines of no known format")

    def _result_lines(self, entry: Entry) -> None:
        for number, line in enumerate(content_of(entry).splitlines(), 1):
            if line.strip():
                document = document_of(line)
                known = format_of(document)
                if known is None:
                    self.ledger.left_out("line", "lines of no known format", f"line {number} of {entry.name}")
                else:
                    self._results(known, document, entry.name, counted=number == 1)

    def _results(
        self,
        known: ResultFormat,
        document: Mapping[str, Any],
        name: str,
        by_name: Mapping[str, Entry] | None = None,
        *,
        counted: bool = True,
    ) -> None:
        if self.wanted.format_name not in (None, known.name):
            self.ledger.left_out("other_format", f"files of another format than {self.wanted.format_name}", name)
            return
        self.formats[known.name] += counted
        for run, scores in known.read(document, name, self.ledger):
            self.gathering.add(run, self._completed(known, scores, name, by_name or {}))

    def _completed(
        self, known: ResultFormat, scores: Iterable[Scores], name: str, by_name: Mapping[str, Entry]
    ) -> Iterable[Scores]:
        """Scores with what stands in files beside theirs."""
        if known.name == bigbench.NAME:
            return bigbench.examples_of(name, documents_by_name(by_name)).added(scores, self.ledger)
        if known.name == lm_eval.NAME and _folder(name) in self.sampled:
            return with_outcomes(scores, name, lines_by_name(by_name), self.ledger)
        return scores

    def _helm(self, folder: str, by_name: Mapping[str, Entry]) -> None:
        if self.wanted.format_name not in (None, helm.NAME):
            self.ledger.left_out("other_format", f"files of another format than {self.wanted.format_name}", folder)
            return
        read = documents_by_name(by_name)
        self.formats[helm.NAME] += 1

        def read_below(name: str) -> Any:
            return read(f"{folder}/{name}" if folder else name)

        for run, scores in helm.read_helm(read_below, folder or ".", self.ledger):
            self.gathering.add(run, scores)

    def _table(self, entry: Entry, head: bytes) -> None:
        kind = binary_kind(head)
        if kind == "parquet":
            self._curves(entry, "parquet")
        elif kind is not None:
            self._unrelated(entry, kind)
        elif _may_be_table(head) or (entry.name.lower().endswith(".csv") and meant_in(_first_line(head))):
            self._curves(entry, "csv")
        else:
            self._unrelated(entry, "text that is no table of scores")

    def _curves(self, entry: Entry, format_name: str) -> None:
        wanted = self.wanted.format_name
        if wanted is not None and (wanted in RESULT_FORMAT_NAMES or wanted != format_name):
            self.ledger.left_out("other_format", f"files of another format than {wanted}", entry.name)
            return
        with entry.open() as file, self.wanted.readers[format_name](file, self.wanted.axis) as stream:
            self.curve_files.append(CurveFile(entry, format_name, stream.count))
            self.formats[format_name] += 1
        for message in self.wanted.unused(format_name):
            self.ledger.mixed("unused", message, entry.name)

    def _beside_results(self, name: str, by_name: Mapping[str, Entry]) -> bool:
        """Whether logged examples belong to a results file of this input, with which they are read."""
        return any(f"{_folder(name)}/{other}".lstrip("/") in by_name for other in results_of(name))

    def _unrelated(self, entry: Entry, what: str) -> None:
        self.ledger.left_out("unrelated", f"files that hold no results ({what})", entry.name)


def _with_reductions(document: Mapping[str, Any], archive: Archive) -> Mapping[str, Any]:
    """The header of a log with the list of its samples' scores, from which n follows where the header lacks it."""
    if "reductions" in document or "reductions.json" not in archive.members:
        return document
    return {**document, "reductions": document_of(archive.read("reductions.json"))}


def _may_be_table(head: bytes) -> bool:
    return known_in(_first_line(head), ",") >= _FEWEST_COLUMNS


def _first_line(head: bytes) -> str:
    return _LINE_END.split(head, maxsplit=1)[0][:10_000].decode("utf-8-sig", "replace")


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
