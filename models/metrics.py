"""Metrics: what a score means, and the registry of the well-known ones.

Sources: S = Schaeffer et al., arXiv 2304.15004, sections 2 and 4; B = BIG-bench, arXiv 2206.04615.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class MetricKind(StrEnum):
    """How a score arises from test examples, hence how it varies."""

    PROPORTION = "proportion"
    BOUNDED = "bounded"
    UNBOUNDED = "unbounded"


class ScoreUnit(StrEnum):
    """Unit in which scores, standard errors, bounds and chance are submitted."""

    FRACTION = "fraction"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as one curve uses it.

    `lower`, `upper` and `chance` are in the submitted orientation and as fractions (percent is divided by 100
    at the edge). `lower` and `upper` are None for unbounded metrics; `chance` and `target_length` when unknown.
    `linear` and `continuous` are properties in the sense of S section 2, None when unknown.
    """

    name: str
    kind: MetricKind
    higher_is_better: bool = True
    lower: float | None = 0.0
    upper: float | None = 1.0
    chance: float | None = None
    target_length: int | None = None
    unit: ScoreUnit = ScoreUnit.FRACTION
    linear: bool | None = None
    continuous: bool | None = None
    corpus_level: bool = False

    @property
    def width(self) -> float:
        """Upper minus lower bound; 1 for an unbounded metric, whose unit is the score itself."""
        return 1.0 if self.lower is None or self.upper is None else self.upper - self.lower


def _proportion(name: str, *, chance: float | None = None, linear: bool | None = None) -> Metric:
    return Metric(name, MetricKind.PROPORTION, chance=chance, linear=linear, continuous=False)


# Corpus-level scores are no means over examples: their standard error must be given.
_REGISTERED = (
    _proportion("exact_match", chance=0.0, linear=False),
    _proportion("accuracy"),
    _proportion("multiple_choice_grade"),
    _proportion("error_below", linear=False),
    Metric("token_edit_distance", MetricKind.BOUNDED, higher_is_better=False, linear=True, continuous=True),
    Metric("brier", MetricKind.BOUNDED, higher_is_better=False, linear=False, continuous=True),
    Metric("mean_probability", MetricKind.BOUNDED, linear=True, continuous=True),
    Metric("token_accuracy", MetricKind.BOUNDED, linear=True, continuous=False),
    Metric("expected_exact_match", MetricKind.BOUNDED, linear=False, continuous=True),
    Metric(
        "mean_error", MetricKind.UNBOUNDED, higher_is_better=False, lower=None, upper=None, linear=True, continuous=True
    ),
    Metric("log_likelihood", MetricKind.UNBOUNDED, lower=None, upper=None, linear=False, continuous=True),
    Metric("loss", MetricKind.UNBOUNDED, higher_is_better=False, lower=None, upper=None, linear=False, continuous=True),
    Metric("bleu", MetricKind.BOUNDED, linear=False, continuous=False, corpus_level=True),
    Metric("rouge_l", MetricKind.BOUNDED, linear=False, continuous=False, corpus_level=True),
    Metric("f1", MetricKind.BOUNDED, linear=False, continuous=False, corpus_level=True),
)

REGISTRY: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _REGISTERED})

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "acc": "accuracy",
        "acc_norm": "accuracy",
        "mc1": "multiple_choice_grade",
        "mc2": "mean_probability",
        "exact_str_match": "exact_match",
        "em": "exact_match",
        "multiple_choice_accuracy": "multiple_choice_grade",
        "brier_score": "brier",
        "ted": "token_edit_distance",
        "log_prob": "log_likelihood",
        "nll": "loss",
        "cross_entropy": "loss",
        "rouge": "rouge_l",
        "rougeL": "rouge_l",
    }
)


def registered(name: str) -> Metric | None:
    """The registered metric of that name or alias; None when it is unknown.

    What follows a comma is lm-evaluation-harness's filter of the answers: "exact_match,strict-match" is exact_match.
    """
    plain = name.partition(",")[0]
    return REGISTRY.get(ALIASES.get(plain, plain))
