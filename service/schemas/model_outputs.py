"""Outputs of several language models on the same examples as they are submitted; `models.outputs` checks figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.curve import ScaleKind
from models.errors import InvalidInput, Problem
from models.output_checks import OutputModel
from models.outputs import Outputs, error_outputs, option_outputs, token_outputs
from models.rescoring import Task
from service.schemas.problems import escaped, unknown
from service.schemas.scalars import LARGEST_NUMBER, Check, Refused, choice, number, positive, shown, text, truth, whole

KINDS = ("token_log_probabilities", "option_log_probabilities", "errors")
ROW_FIELDS = ("model", "scale", *KINDS, "greedy")
TASK_FIELDS = ("task", "prompting", "model_family", "scale_kind", "suite")
OUTPUT_FIELDS = ("outputs", *TASK_FIELDS, "answers", "normalize", "thresholds", "smallest_effects", "options")
_OF_KIND = {"answers": "option_log_probabilities", "normalize": "option_log_probabilities", "thresholds": "errors"}
MOST_MODELS = 100
MOST_EXAMPLES = 200_000  # as many as a point of a curve may have
LONGEST_EXAMPLE = 100_000  # tokens or options
MOST_THRESHOLDS = 20
UNNAMED = "outputs"
_PLAIN = frozenset({int, float})


def load_outputs(fields: Mapping[str, Any]) -> Outputs:
    """The outputs in a request; raises `InvalidInput`."""
    rows = _rows(fields["outputs"])
    kind = _kind(rows)
    misplaced = [name for name, owner in _OF_KIND.items() if name in fields and owner != kind]
    if misplaced:
        raise InvalidInput(Problem(f"/{name}", f"means nothing beside {kind}: leave it out") for name in misplaced)
    models = [_model(row, f"/outputs/{index}") for index, row in enumerate(rows)]
    if kind == "errors":
        errors = [listed_numbers(row[kind], f"/outputs/{i}/{kind}", MOST_EXAMPLES) for i, row in enumerate(rows)]
        return error_outputs(models, errors, _thresholds(fields))
    nested = [_nested(row[kind], f"/outputs/{i}/{kind}") for i, row in enumerate(rows)]
    if kind == "option_log_probabilities":
        normalize: bool = value_of(fields, "normalize", truth) if "normalize" in fields else False
        return option_outputs(models, nested, _answers(fields), normalize=normalize)
    return token_outputs(models, nested, _greedy(rows))


def load_task(fields: Mapping[str, Any]) -> Task:
    """What the outputs are of; raises `InvalidInput`."""
    names = {name: value_of(fields, name, text) for name in TASK_FIELDS if name in fields and name != "scale_kind"}
    kind = ScaleKind.PARAMETERS
    if "scale_kind" in fields:
        kind = ScaleKind(value_of(fields, "scale_kind", choice(tuple(ScaleKind))))
    task = names.pop("task", UNNAMED)
    return Task(task, scale_kind=kind, **names)


def value_of(fields: Mapping[str, Any], name: str, check: Check, place: str = "") -> Any:
    """A field, checked; raises `InvalidInput` with its place."""
    try:
        return check(fields[name])
    except Refused as refused:
        raise InvalidInput([Problem(f"{place}/{escaped(name)}", str(refused))]) from None


def listed_numbers(value: Any, place: str, most: int) -> list[float]:
    """A list of numbers, NaN and infinity among them; raises `InvalidInput`."""
    listed = _listed(value, place, most)
    return [float(item) for item in _numbers(listed, place)]


def _rows(value: Any) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for index, row in enumerate(_listed(value, "/outputs", MOST_MODELS)):
        if not isinstance(row, Mapping):
            message = f"{shown(row)} is not an object with scale and {', '.join(KINDS[:2])} or {KINDS[2]}"
            raise InvalidInput([Problem(f"/outputs/{index}", message)])
        strange = [name for name in row if name not in ROW_FIELDS]
        if strange:
            place = f"/outputs/{index}/{escaped(strange[0])}"
            raise InvalidInput([Problem(place, unknown(strange[0], ROW_FIELDS))])
        rows.append({name: item for name, item in row.items() if item is not None})
    return rows


def _kind(rows: Sequence[Mapping[str, Any]]) -> str:
    """What all rows hold: log-probabilities of tokens, of options, or errors."""
    found = ""
    for index, row in enumerate(rows):
        kinds = [name for name in KINDS if name in row]
        if len(kinds) != 1:
            there = " and ".join(kinds) or "nothing"
            raise InvalidInput([Problem(f"/outputs/{index}", f"{there} given: give one of {', '.join(KINDS)}")])
        if found and kinds[0] != found:
            message = f"{kinds[0]} here and {found} at output 0: give all models the same"
            raise InvalidInput([Problem(f"/outputs/{index}", message)])
        found = kinds[0]
        if "greedy" in row and found != KINDS[0]:
            raise InvalidInput([Problem(f"/outputs/{index}/greedy", f"means nothing beside {found}: leave it out")])
    return found


def _model(row: Mapping[str, Any], place: str) -> OutputModel:
    if "scale" not in row:
        raise InvalidInput([Problem(f"{place}/scale", "missing: the size of the model")])
    name = value_of(row, "model", text, place) if "model" in row else None
    return OutputModel(value_of(row, "scale", positive, place), name)


def _nested(value: Any, place: str) -> list[list[float]]:
    return [
        _numbers(_listed(example, f"{place}/{index}", LONGEST_EXAMPLE, fewest=0), f"{place}/{index}")
        for index, example in enumerate(_listed(value, place, MOST_EXAMPLES))
    ]


def _numbers(listed: list[Any], place: str) -> list[float]:
    """The list itself; raises `InvalidInput` where an item is no finite number."""
    if set(map(type, listed)) <= _PLAIN and all(-LARGEST_NUMBER <= item <= LARGEST_NUMBER for item in listed):
        return listed
    _refuse_first(listed, place, number)
    return listed


def _answers(fields: Mapping[str, Any]) -> list[int]:
    if "answers" not in fields:
        raise InvalidInput([Problem("/answers", "missing: the index of the right option of each example, from 0")])
    listed = _listed(fields["answers"], "/answers", MOST_EXAMPLES)
    _refuse_first(listed, "/answers", whole)
    return [int(item) for item in listed]


def _thresholds(fields: Mapping[str, Any]) -> list[float] | None:
    if "thresholds" not in fields:
        return None
    return listed_numbers(fields["thresholds"], "/thresholds", MOST_THRESHOLDS)


def _greedy(rows: Sequence[Mapping[str, Any]]) -> list[list[Any]] | None:
    there = [index for index, row in enumerate(rows) if "greedy" in row]
    if not there:
        return None
    if len(there) < len(rows):
        missing = next(index for index in range(len(rows)) if index not in there)
        message = "missing, but given for other models: give it for all of them or for none"
        raise InvalidInput([Problem(f"/outputs/{missing}/greedy", message)])
    return [_flags(row["greedy"], f"/outputs/{index}/greedy") for index, row in enumerate(rows)]


def _flags(value: Any, place: str) -> list[Any]:
    examples = _listed(value, place, MOST_EXAMPLES)
    for index, example in enumerate(examples):
        if isinstance(example, list):
            _refuse_first(example, f"{place}/{index}", _flag)
    _refuse_first([0 if isinstance(example, list) else example for example in examples], place, _flag)
    return examples


def _flag(value: Any) -> bool:
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    raise Refused(f"{shown(value)} is neither 0 nor 1")


def _refuse_first(listed: Sequence[Any], place: str, check: Check) -> None:
    """Raises `InvalidInput` for the first item that does not pass a check."""
    for index, item in enumerate(listed):
        try:
            check(item)
        except Refused as refused:
            raise InvalidInput([Problem(f"{place}/{index}", str(refused))]) from None


def _listed(value: Any, place: str, most: int, fewest: int = 1) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput([Problem(place, f"{shown(value)} is not a list")])
    if not fewest <= len(value) <= most:
        raise InvalidInput([Problem(place, f"{len(value):,} given, where {fewest} to {most:,} are taken")])
    return value
