"""How many labels of a suite are wrong, and which to keep so that at most a chosen share of them is.

A label's local false discovery rate is one less its probability under the suite's own prevalences, with the evidence of
its curve to a power below 1: kept are the curves with the strongest evidences, and among those are the ones that no
curve model describes and that all models are too sure of. Kept are, within each shape, the most probable labels for as
long as their mean rate stays at or below the level (Newton et al. 2004, Biostatistics 5, 155; Müller et al. 2004, JASA
99, 990). What holds within each shape holds for all together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import Bools, Floats
from models.options import Shape
from models.prevalence import updated_probabilities
from models.shapes import SHAPES
from models.suite_curve import SuiteCurve

# Of evidences, beside the power that each analysis has given them. Chosen on development seeds: of the labels kept at
# 5 % outside the menu 4.4 % are false, without it 6.6 (`benchmarks.suite_calibration`, shapes as the class prior).
LABEL_POWER = 0.85
NO_LABEL = "no_label"


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """Labels of one shape, or of all: how many, how many of them are expected to be false, the same of those kept.

    `largest_rate` is the largest local false discovery rate among the kept; None where none is kept.
    """

    n_labels: int
    expected_false: float
    n_kept: int
    expected_false_kept: float
    largest_rate: float | None
    largest_rate_reason: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedLabel:
    """One curve's label, the probability that it is false (its local false discovery rate), and whether it is kept."""

    name: str
    label: str
    kept: bool
    false_probability: float | None
    false_probability_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorControl:
    """Error of the labels at a Bayesian false discovery rate of `level`; `labels` are in the order of the curves."""

    level: float
    all_labels: LabelErrors
    by_shape: Mapping[Shape, LabelErrors]
    labels: tuple[JudgedLabel, ...]


def label_probabilities(evidence: Floats, draws: Floats) -> Floats:
    """Probabilities (I, 5) by which labels are judged, from evidences (I, 5) and draws (S, 5) of the prevalences."""
    return updated_probabilities(evidence**LABEL_POWER, draws)


def error_control(curves: Sequence[SuiteCurve], probabilities: Floats, level: float) -> ErrorControl:
    """Error control of the labels, given their `label_probabilities` (I, 5)."""
    labelled = np.array([curve.labelled for curve in curves], dtype=bool)
    shape = np.array([curve.shape for curve in curves], dtype=np.int64)
    false = np.clip(1 - probabilities[np.arange(len(curves)), shape], 0.0, 1.0)
    kept = np.zeros(len(curves), dtype=bool)
    for code in range(len(SHAPES)):
        own = np.flatnonzero(labelled & (shape == code))
        kept[own[keep(false[own], level)]] = True
    by_shape = {s: _errors(false, kept, labelled & (shape == code)) for code, s in enumerate(SHAPES)}
    return ErrorControl(
        level=level,
        all_labels=_errors(false, kept, labelled),
        by_shape=by_shape,
        labels=tuple(_judged(curve, float(false[i]), kept=bool(kept[i])) for i, curve in enumerate(curves)),
    )


def _judged(curve: SuiteCurve, rate: float, *, kept: bool) -> JudgedLabel:
    if not curve.labelled:
        return JudgedLabel(curve.name, curve.label, kept, None, NO_LABEL)
    return JudgedLabel(curve.name, curve.label, kept, rate)


def keep(false: Floats, level: float) -> Bools:
    """Which of the labels with these local false discovery rates (L,) to keep."""
    order = np.argsort(false, kind="stable")
    running = np.cumsum(false[order]) / np.arange(1, len(false) + 1)
    # The running mean of increasing rates never falls: all before the last that is low enough are low enough.
    chosen = np.zeros(len(false), dtype=bool)
    chosen[order[: int(np.sum(running <= level))]] = True
    return chosen


def _errors(false: Floats, kept: Bools, members: Bools) -> LabelErrors:
    stay = members & kept
    return LabelErrors(
        n_labels=int(members.sum()),
        expected_false=float(false[members].sum()),
        n_kept=int(stay.sum()),
        expected_false_kept=float(false[stay].sum()),
        largest_rate=float(false[stay].max()) if stay.any() else None,
        largest_rate_reason=None if stay.any() else "no_label_kept",
    )
