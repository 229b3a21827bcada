"""Every Eval Ever, the interchange format of the EvalEval coalition.

Facts about the format: eval.schema.json 0.2.1 of evaleval/every_eval_ever; 0.1 keeps source_data at the top.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Any

from models.metrics import MetricKind
from service.readers.evaluation import (
    Evaluation,
    MetricFacts,
    Run,
    Score,
    count_of,
    list_of,
    number_of,
    object_of,
    text_of,
)
from service.readers.load_report import Ledger

NAME = "every-eval-ever"
# Of metric_config.additional_details, as the export writes them; values are strings.
DETAILS = ("metric", "kind", "prompting", "chance", "target_length", "task_group", "task_version")
_NO_BOUND = 1e300  # the schema wants bounds where a metric has none
KINDS = frozenset(kind.value for kind in MetricKind)
LEAST_LEVEL, MOST_LEVEL = 0.5, 0.9999  # of intervals from whose width a standard error follows
_PERCENT = 100.0  # a metric from 0 to 100 is stated in percent


def is_every_eval_ever(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a record of Every Eval Ever."""
    return isinstance(document.get("evaluation_results"), list) and isinstance(document.get("model_info"), dict)


def read_every_eval_ever(document: Mapping[str, Any], file: str, ledger: Ledger) -> Iterator[Evaluation]:
    """The one run of a record."""
    info = object_of(document.get("model_info"))
    model = text_of(info.get("id")) or text_of(info.get("name"))
    if model is None:
        ledger.left_out("no_model", "files that do not name their model", file)
        return
    library = object_of(document.get("eval_library"))
    harness = " ".join(filter(None, (text_of(library.get("name")), text_of(library.get("version")))))
    details = object_of(info.get("additional_details"))
    run = Run(
        model,
        file,
        harness or "Every Eval Ever",
        checkpoint=text_of(details.get("checkpoint")),
        family=text_of(details.get("model_family")),
        parameters=_number_in(details, ("parameters", "num_parameters", "params")),
        training_tokens=_number_in(details, ("training_tokens",)),
        training_flops=_number_in(details, ("training_flops",)),
        scale=_number_in(details, ("scale",)),
    )
    yield run, map(Score.alone, _scores(document, file, ledger))


def _number_in(details: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    """A number that the schema wants to stand as a string."""
    for name in names:
        value = details.get(name)
        try:
            number = number_of(float(value)) if isinstance(value, str) and "_" not in value else number_of(value)
        except ValueError:
            number = None
        if number is not None:
            return number
    return None


def _scores(document: Mapping[str, Any], file: str, ledger: Ledger) -> Iterator[Score]:
    for index, result in enumerate(list_of(document.get("evaluation_results"))):
        one = object_of(result)
        details = object_of(one.get("score_details"))
        score = number_of(details.get("score"))
        source = object_of(one.get("source_data")) or object_of(document.get("source_data"))
        name = text_of(one.get("evaluation_name"))
        if score is None or name is None:
            ledger.left_out("no_numbers", "results without a name or a score", f"result {index + 1} in {file}")
            continue
        config = object_of(one.get("metric_config"))
        dataset = text_of(source.get("dataset_name"))
        extra = object_of(config.get("additional_details"))
        uncertainty = object_of(details.get("uncertainty"))
        n_examples = count_of(uncertainty.get("num_samples")) or count_of(source.get("samples_number"))
        stderr, origin = _stderr(uncertainty, n_examples)
        if origin is not None:
            ledger.inferred("stderr_elsewhere", f"standard errors from their {origin}", f"{name} in {file}")
        unit = _PERCENT if _in_percent(config) else 1.0
        yield Score(
            name,
            text_of(extra.get("metric")) or text_of(config.get("metric_name")) or "score",
            text_of(extra.get("prompting")),
            text_of(extra.get("task_version")),
            score / unit,
            None if stderr is None else stderr / unit,
            n_examples,
            group=text_of(extra.get("task_group")) or (None if dataset == name else dataset),
            facts=_facts(config, unit),
        )


def _stderr(uncertainty: Mapping[str, Any], n_examples: int | None) -> tuple[float | None, str | None]:
    """Standard error in the unit of the score, and what it was made of where it does not stand there itself."""
    given = number_of(object_of(uncertainty.get("standard_error")).get("value"))
    if given is not None:
        return given, None
    spread = number_of(uncertainty.get("standard_deviation"))
    if spread is not None and spread > 0 and n_examples is not None:
        return spread / math.sqrt(n_examples), "standard deviations"
    interval = object_of(uncertainty.get("confidence_interval"))
    lower, upper = number_of(interval.get("lower")), number_of(interval.get("upper"))
    level = number_of(interval.get("confidence_level"))
    if lower is None or upper is None or not lower < upper or level is None or not LEAST_LEVEL <= level <= MOST_LEVEL:
        return None, None
    stderr = upper / 2 / (z := NormalDist().inv_cdf((1 + level) / 2)) - lower / 2 / z
    return (stderr, "confidence intervals, taken as normal") if math.isfinite(stderr) else (None, None)


def _in_percent(config: Mapping[str, Any]) -> bool:
    return number_of(config.get("min_score")) == 0 and number_of(config.get("max_score")) == _PERCENT


def _facts(config: Mapping[str, Any], unit: float) -> MetricFacts:
    lower_is_better = config.get("lower_is_better")
    lower, upper = number_of(config.get("min_score")), number_of(config.get("max_score"))
    bounded = lower is not None and upper is not None and -_NO_BOUND < lower < upper < _NO_BOUND
    extra = object_of(config.get("additional_details"))
    kind = text_of(extra.get("kind"))
    if kind not in KINDS:
        kind = "proportion" if config.get("score_type") == "binary" else None
    return MetricFacts(
        higher_is_better=None if not isinstance(lower_is_better, bool) else not lower_is_better,
        kind=kind,
        lower=lower / unit if lower is not None and bounded else None,
        upper=upper / unit if upper is not None and bounded else None,
        chance=_number_in(extra, ("chance",)),
        target_length=count_of(_number_in(extra, ("target_length",))),
    )
