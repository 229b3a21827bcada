"""Analysed curves of known shape, from which suites of any composition are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.noise import Noise, draw_successes
from benchmarks.simulators import DataSet, simulate
from benchmarks.suites import SimulatedSuite, suite_curve_of
from models.analysis import analyze, suite_evidence
from models.arrays import Floats, Ints
from models.between_model import resolve_suite_scale
from models.curve import ScalePoint, ScalingCurve
from models.engines.quadrature import quadrature
from models.metrics import REGISTRY
from models.options import Options, Shape
from models.results import Analysis
from models.shapes import SHAPES
from models.suite_curve import SuiteCurve, suite_curve

FLAT_MODELS, FLAT_EXAMPLES = 6, 2000  # of the flat curves: enough examples for their scatter to be seen
FLAT = {  # name -> between-model sd, and whether the analyses know of one another
    "sd .03, curves analysed one by one": (0.03, "default"),
    "sd .03, as one suite": (0.03, "suite"),
    "sd .1, curves analysed one by one": (0.1, "default"),
    "sd .1, as one suite": (0.1, "suite"),
}
FLAT_LEVELS = (0.2, 0.8)


@dataclass(frozen=True, slots=True)
class Pool:
    """Analysed curves and the index of the true shape of each (I,)."""

    curves: tuple[SuiteCurve, ...]
    truth: Ints

    def suite(self, rng: np.random.Generator, pi: Floats, size: int) -> SimulatedSuite:
        """`size` curves whose true shapes have prevalences `pi`; shapes that the pool lacks have none."""
        shapes = rng.choice(len(SHAPES), size=size, p=pi)
        chosen = np.empty(size, dtype=np.int64)
        for code in np.unique(shapes):
            here, there = np.flatnonzero(shapes == code), np.flatnonzero(self.truth == code)
            chosen[here] = rng.choice(there, size=len(here), replace=len(here) > len(there))
        curves = tuple(replace(self.curves[i], outputs=(f"task {k}",)) for k, i in enumerate(chosen.tolist()))
        return SimulatedSuite(curves, self.truth[chosen])


def analysed_work(name: str, seed: int, indices: range) -> list[dict[str, Any]]:
    """Evidences, label and truth of curves of a data set, analysed one by one."""
    made = [simulate(DataSet(name), seed, index) for index in indices]
    return [_line(analyze(one.curve, Options()), one.truth.shape) for one in made]


def flat_work(name: str, seed: int, indices: range) -> list[dict[str, Any]]:
    """The same of flat curves that scatter, analysed one by one (`default`) and as one suite (`suite`)."""
    between_model_sd, way = FLAT[name]
    curves = [_flat(seed, index, between_model_sd) for index in indices]
    if way == "default":
        return [_line(analyze(curve, Options()), Shape.FLAT) for curve in curves]
    evidence = [suite_evidence(curve, Options()) for curve in curves]
    total = np.sum(evidence, axis=0)
    scales = [resolve_suite_scale(total, own) for own in evidence]
    return [
        _line(analyze(curve, Options(), quadrature, scale), Shape.FLAT)
        for curve, scale in zip(curves, scales, strict=True)
    ]


def pool_of(lines: Sequence[dict[str, Any]]) -> Pool:
    """The pool of what the work found; curves that the engine could not do have no vote, as in a suite."""
    kept = [line for line in lines if line["reliable"]]
    curves = (
        replace(suite_curve_of(np.array(line["evidence"]), f"task {i}", "accuracy"), label=line["label"])
        for i, line in enumerate(kept)
    )
    return Pool(tuple(curves), np.array([SHAPES.index(Shape(line["truth"])) for line in kept]))


def _line(analysis: Analysis, truth: Shape) -> dict[str, Any]:
    found = suite_curve(analysis)
    return {
        "evidence": found.evidence.tolist(),
        "label": found.label,
        "truth": truth.value,
        "reliable": found.reliable,
    }


def _flat(seed: int, index: int, between_model_sd: float) -> ScalingCurve:
    rng = np.random.default_rng([seed, round(1000 * between_model_sd), index])
    level = np.full(FLAT_MODELS, rng.uniform(*FLAT_LEVELS))
    counts = draw_successes(rng, level, FLAT_EXAMPLES, between_model_sd, Noise.BETA_BINOMIAL)
    points = (
        ScalePoint(10.0 ** (8 + i / 2), k / FLAT_EXAMPLES, n_examples=FLAT_EXAMPLES, n_correct=int(k))
        for i, k in enumerate(counts.tolist())
    )
    return ScalingCurve(f"flat {index}", REGISTRY["accuracy"], tuple(points))
