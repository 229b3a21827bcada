"""Simulated suites: evidences of curves whose shapes are known, without the curves.

A curve is one number from a normal distribution around its shape's own place in five dimensions, so that its evidences
are exact; `separation` says how far the shapes lie apart. Labels follow the rule of the analysis under its own prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats, Ints
from models.curve import ScaleKind
from models.options import DEFAULT_CLASS_PRIOR, DEFAULT_DECISION_THRESHOLD, UNDETERMINED
from models.shapes import SHAPES
from models.suite_curve import FRACTION_OF_RANGE, SuiteCurve

PRIOR = np.array([DEFAULT_CLASS_PRIOR[shape] for shape in SHAPES])


@dataclass(frozen=True, slots=True)
class SimulatedSuite:
    """Curves and the index of the true shape of each (I,)."""

    curves: tuple[SuiteCurve, ...]
    truth: Ints


def simulated_suite(
    rng: np.random.Generator, pi: Floats, size: int, separation: float, metrics: int = 1
) -> SimulatedSuite:
    """`size` tasks whose shapes have prevalences `pi`, each with `metrics` metrics of the same outputs."""
    truth = np.repeat(rng.choice(len(SHAPES), size=size, p=pi), metrics)
    place = np.repeat(rng.normal(size=(size, len(SHAPES))), metrics, axis=0)
    place[np.arange(len(truth)), truth] += separation
    log_evidence = separation * place
    evidence = np.exp(log_evidence - log_evidence.max(axis=1, keepdims=True))
    curves = (suite_curve_of(row, f"task {i // metrics}", f"metric {i % metrics}") for i, row in enumerate(evidence))
    return SimulatedSuite(tuple(curves), truth)


def suite_curve_of(evidence: Floats, task: str, metric: str) -> SuiteCurve:
    """A curve of which nothing but the evidences (5,) is known."""
    joint = PRIOR * evidence
    probabilities = joint / joint.sum()
    best = int(np.argmax(probabilities))
    sure = probabilities[best] >= DEFAULT_DECISION_THRESHOLD
    return SuiteCurve(
        name=f"{task}, {metric}",
        outputs=(task,),
        groups={"metric": metric, "task_group": None, "model_family": None, "prompting": None},
        label=SHAPES[best].value if sure else UNDETERMINED,
        probabilities=probabilities,
        evidence=evidence / evidence.max(),
        evidence_bound=evidence / evidence.max(),
        reliable=True,
        erratic=False,
        verdict=None,
        linear=None,
        scale_kind=ScaleKind.PARAMETERS,
        effect_unit=FRACTION_OF_RANGE,
        effects={},
        u_turn=None,
        inverted_u_turn=None,
        log_range=(8.0, 11.0),
    )
