"""Metric curves as they are returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.metrics import MetricKind
from models.results import Warned
from service.metric_words import predicted_sentence, rescored_sentence
from service.schemas.records import encoded

if TYPE_CHECKING:
    from models.curve import ScalePoint
    from models.metric_curves import PredictedMetric, Question
    from models.rescoring import Rescored
    from models.results import Analysis
    from models.token_fit import TokenFit
    from service.schemas.metric_curves import OutputsAsked

PREDICTED, RESCORED = "predicted", "rescored"
NOT_IMPLIED, NO_TIES = "per_token_curve_given", "no_choice_among_options"
INADEQUATE = "power_law_inadequate"
INADEQUATE_WORDS = (
    "other curve models fit these scores far better than the power law of a token: what it implies is not what was seen"
)
CREDIBLE_WEIGHT = 0.05  # of the power law among the curve models: half of its share in the menu
CANNOT_SHARPEN, NOTHING_TO_EXPLAIN, NOT_GIVEN = "metric_linear_and_continuous", "not_explained", "not_given"
_NAMES = ("prompting", "model_family", "suite")


@dataclass(frozen=True, slots=True)
class Prediction:
    """Metrics implied by a per-token curve; `analysis` and `fitted` where that is behind an accuracy curve."""

    source: str
    question: Question
    metrics: tuple[PredictedMetric, ...]
    analysis: Analysis | None = None
    fitted: TokenFit | None = None

    @property
    def warning(self) -> Warned | None:
        """What must be known before the implied metrics are believed."""
        if self.fitted is None or self.fitted.weight >= CREDIBLE_WEIGHT:
            return None
        return Warned(INADEQUATE, INADEQUATE_WORDS)


def predicted_document(found: Prediction) -> dict[str, Any]:
    """The answer for a per-token curve."""
    implied = found.analysis is not None and found.fitted is not None
    behind: dict[str, Any] = {"token_fit": None, "token_fit_reason": NOT_IMPLIED}
    behind |= {"interval": None, "interval_reason": NOT_IMPLIED, "task": None, "task_reason": NOT_GIVEN}
    if found.analysis is not None and implied:
        behind = {
            "token_fit": encoded(found.fitted),
            "interval": found.analysis.options.interval,
            "task": found.analysis.curve.task,
        }
    return {
        "kind": PREDICTED,
        "source": found.source,
        "summary": predicted_sentence(found.metrics),
        "target_length": found.question.target_length,
        "n_options": found.question.n_options,
        **behind,
        "warnings": [] if found.warning is None else [encoded(found.warning)],
        "metrics": [encoded(metric) for metric in found.metrics],
    }


def rescored_document(asked: OutputsAsked, found: Sequence[Rescored]) -> dict[str, Any]:
    """The answer for outputs."""
    task, options = asked.task, asked.options
    names = {name: getattr(task, name) for name in _NAMES}
    return {
        "kind": RESCORED,
        "summary": rescored_sentence(found),
        "task": task.name,
        **names,
        **{f"{name}_reason": NOT_GIVEN for name, value in names.items() if value is None},
        "scale_kind": task.scale_kind.value,
        "n_models": len(asked.outputs.models),
        "n_examples": int(found[0].scored.values.shape[1]),
        "options": {
            "interval": options.interval,
            "decision_threshold": options.decision_threshold,
            "seed": options.seed,
        },
        "metrics": [_row(each, asked) for each in found],
    }


def explained_by(found: Rescored) -> str | None:
    """The metric that explains a jump under this one, where one does."""
    from models.metric_swap import GRADUAL_UNDER_ANOTHER

    if found.emergence is None or found.swap is None:
        return None
    return found.swap.by if GRADUAL_UNDER_ANOTHER in found.emergence.verdict_reasons else None


def _row(found: Rescored, asked: OutputsAsked) -> dict[str, Any]:
    metric = found.scored.metric
    return {
        "name": metric.name,
        "kind": metric.kind.value,
        "higher_is_better": metric.higher_is_better,
        **_maybe("linear", metric.linear, "not_registered"),
        **_maybe("continuous", metric.continuous, "not_registered"),
        **_maybe("smallest_effect", found.smallest_effect, found.reason),
        **_label(found),
        "warnings": []
        if found.analysis is None
        else [encoded(warned) for warned in found.analysis.diagnostics.warnings],
        "points": _points(found, asked),
        "grid": [] if found.analysis is None else [encoded(point) for point in found.analysis.fit.grid],
        **_maybe("emergence", None if found.emergence is None else encoded(found.emergence), found.reason),
        **_maybe("verdict", None if found.emergence is None else encoded(found.emergence.verdict), found.reason),
        **_maybe("explained_by", explained_by(found), NOTHING_TO_EXPLAIN),
        **_maybe("swap", None if found.swap is None else encoded(found.swap), found.reason or CANNOT_SHARPEN),
    }


def _label(found: Rescored) -> dict[str, Any]:
    names = ("label", "most_probable", "probability")
    if found.analysis is None:
        return {key: item for name in names for key, item in _maybe(name, None, found.reason).items()}
    return {name: encoded(getattr(found.analysis.classification, name)) for name in names}


def _points(found: Rescored, asked: OutputsAsked) -> list[dict[str, Any]]:
    """Scores with their standard errors; those of proportions follow from n.

    Where all examples of a model agree there is none.
    """
    from models.rescoring import NO_STDERR

    models = [(model.scale, model.name) for model in asked.outputs.models]
    ties = dict(zip(models, found.scored.ties or (), strict=False))
    reason = "proportion" if found.scored.metric.kind is MetricKind.PROPORTION else NO_STDERR
    return [
        {
            **_maybe("model", point.language_model, NOT_GIVEN),
            "scale": point.scale,
            "score": point.score,
            **_maybe("stderr", point.stderr, reason),
            **_maybe("ties", ties.get((point.scale, point.language_model)), NO_TIES),
        }
        for point in _scale_points(found, asked)
    ]


def _scale_points(found: Rescored, asked: OutputsAsked) -> Sequence[ScalePoint]:
    """Those of the curve; where the metric was left out there is none, and its scores stand in the same order."""
    from models.rescoring import scale_points

    if found.analysis is not None:
        return found.analysis.curve.points
    points = scale_points(asked.outputs, found.scored)
    return sorted(points, key=lambda point: (point.scale, point.score, point.language_model or ""))


def _maybe(name: str, value: Any, reason: str | None) -> Mapping[str, Any]:
    return {name: value} if value is not None else {name: None, f"{name}_reason": reason}
