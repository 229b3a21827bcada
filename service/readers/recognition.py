"""The table of harnesses' formats, and what a JSON document is by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.readers import bigbench, every_eval_ever, helm, inspect_logs, lm_eval
from service.readers.evaluation import Evaluation
from service.readers.load_report import Ledger

_MARKS = (b'"results"', b'"evaluation_results"', b'"scores"', b'"eval"', b'"doc_id"')  # each has one of these

_OF_EXAMPLES = ("metrics", "filtered_resps", "resps")  # older files of logged examples lack the first


@dataclass(frozen=True, slots=True)
class ResultFormat:
    """A harness's JSON document: its name, whether an object is one, and the runs in it."""

    name: str
    recognise: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any], str, Ledger], Iterator[Evaluation]]


RESULT_FORMATS = (
    ResultFormat(inspect_logs.NAME, inspect_logs.is_inspect, inspect_logs.read_inspect),
    ResultFormat(lm_eval.NAME, lm_eval.is_lm_eval, lm_eval.read_lm_eval),
    ResultFormat(bigbench.NAME, bigbench.is_bigbench, bigbench.read_bigbench),
    ResultFormat(every_eval_ever.NAME, every_eval_ever.is_every_eval_ever, every_eval_ever.read_every_eval_ever),
)
RESULT_FORMAT_NAMES = tuple(sorted((*(known.name for known in RESULT_FORMATS), helm.NAME)))


def format_of(document: Any) -> ResultFormat | None:
    """The format of a parsed document; None where it is no harness's."""
    if not isinstance(document, dict):
        return None
    return next((known for known in RESULT_FORMATS if known.recognise(document)), None)


def may_be_results(head: bytes) -> bool:
    """Whether a text may be a harness's document, so that parsing it to see is worth while."""
    return head.lstrip()[:1] == b"{" and any(mark in head for mark in _MARKS)


def holds_curves(document: Any) -> bool:
    """Whether a document looks like curves as they are submitted, among other files."""
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and ("curves" in first or ("points" in first and "metric" in first))


def is_sample(document: Any) -> bool:
    """Whether a line is about one example, as lm-evaluation-harness logs them."""
    return isinstance(document, dict) and "doc_id" in document and any(name in document for name in _OF_EXAMPLES)
