"""Logged examples of lm-evaluation-harness: `samples_<task>_<time>.jsonl` beside `results_<time>.json`.

Facts about the format: lm_eval/loggers/evaluation_tracker.py of 0.4.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import orjson

from service.readers.evaluation import Scores, text_of
from service.readers.load_report import Ledger
from service.readers.outcomes import outcomes_of

SAMPLES = re.compile(r"(?:.*/)?samples_.+_[^_]+\.jsonl")
_RESULTS = re.compile(r"results_(.+)\.json")
_NO_METRICS = frozenset({"doc_id"})

type Lines = Callable[[str], Iterable[bytes] | None]
"""The lines of the file of that name; None where there is none."""


def with_outcomes(scores: Iterable[Scores], file: str, lines: Lines, ledger: Ledger) -> Iterator[Scores]:
    """The scores of a results file with the outcomes of single examples, where these were logged beside it."""
    folder, slash, name = file.rpartition("/")
    match = _RESULTS.fullmatch(name)
    if match is None:
        yield from scores
        return
    read = ""
    values: dict[tuple[str, str], dict[str, object]] = {}
    for one in (one for several in scores for one in several.apart()):
        (task,), (full,) = one.tasks, one.metrics
        if task != read:
            read, samples = task, f"{folder}{slash}samples_{task}_{match[1]}.jsonl"
            found = lines(samples)
            values = {} if found is None else _values(found, samples, ledger)
        metric, _, kept = full.partition(",")
        given = values.get((metric, kept or "none"))
        outcomes = None if given is None else outcomes_of(given, one.scores[0])
        if given is not None and outcomes is None:
            message = "logged examples that are not 0 or 1, or whose mean is not the score: not used"
            ledger.left_out("outcomes", message, f"{task}, {full} in {file}")
        yield one if outcomes is None else one._replace(outcomes=(outcomes,), n_examples=(len(outcomes.values),))


def _values(lines: Iterable[bytes], file: str, ledger: Ledger) -> dict[tuple[str, str], dict[str, object]]:
    """By metric and filter, the value of each example by its name; nothing of a file with a line that is damaged."""
    found: defaultdict[tuple[str, str], dict[str, object]] = defaultdict(dict)
    for number, line in enumerate(lines, 1):
        try:
            sample = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            ledger.left_out(
                "damaged_samples", "files of examples with a damaged line", f"{file}, line {number}: {error}"
            )
            return {}
        if not isinstance(sample, dict):
            continue
        kept = text_of(sample.get("filter")) or "none"
        example = f"{sample.get('doc_id')} {sample.get('doc_hash')}"
        for metric, value in sample.items():
            if isinstance(value, (int, float)) and metric not in _NO_METRICS:
                found[metric, kept][example] = value
    return found


def results_of(file: str) -> Iterator[str]:
    """Names that the results file may have to which logged examples belong: the time is the end of their name."""
    parts = file.rpartition("/")[2].removesuffix(".jsonl").split("_")
    yield from (f"results_{'_'.join(parts[start:])}.json" for start in range(1, len(parts)))
