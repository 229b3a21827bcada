"""What is kept of the analysis of one simulated curve."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.simulators import DataSet, Simulated, simulate
from models.analysis import analyze
from models.options import Options, Shape
from models.results import Analysis, Interval


@dataclass(frozen=True, slots=True)
class Outcome:
    """Truth and answer side by side; scales in the curve's unit, None where the analysis gives none."""

    family: str
    noise: str
    shape: str
    between_model_sd: float
    n_scales: int
    n_examples: int
    decades: float
    turn: float | None
    turn_first: float | None
    turn_last: float | None
    probabilities: tuple[float, ...]
    label: str
    most_probable: str
    probability: float
    robust: bool
    erratic: bool
    reasons: tuple[str, ...]
    turn_estimate: float | None
    turn_lower: float | None
    turn_upper: float | None
    pareto_k: float | None
    effective_sample_size: float
    warnings: tuple[str, ...]
    seconds: float


def analysis_work(name: str, seed: int, chunk: range) -> list[dict[str, Any]]:
    """Outcomes of a chunk of the data set `name`."""
    options = Options()
    return [to_json(outcome(simulate(DataSet(name), seed, index), options)) for index in chunk]


def outcome(simulated: Simulated, options: Options) -> Outcome:
    """Analyse a simulated curve and keep what the figures need."""
    began = time.perf_counter()
    analysis = analyze(simulated.curve, options)
    return _kept(simulated, analysis, time.perf_counter() - began)


def to_json(kept: Outcome) -> dict[str, Any]:
    """Plain data for a line of JSON."""
    return asdict(kept)


def from_json(data: dict[str, Any]) -> Outcome:
    """The inverse of `to_json`."""
    tuples = {name: tuple(data[name]) for name in ("probabilities", "reasons", "warnings")}
    return Outcome(**{**data, **tuples})


def _kept(simulated: Simulated, analysis: Analysis, seconds: float) -> Outcome:
    truth, design, found = simulated.truth, simulated.design, analysis.classification
    scale = _turn_interval(analysis, truth.shape)
    return Outcome(
        family=truth.family,
        noise=truth.noise.value,
        shape=truth.shape.value,
        between_model_sd=truth.between_model_sd,
        n_scales=design.z.size,
        n_examples=design.n_examples,
        decades=float(design.z[-1] - design.z[0]),
        turn=truth.turn,
        turn_first=truth.turn_first,
        turn_last=truth.turn_last,
        probabilities=tuple(float(found.probabilities[shape]) for shape in Shape),
        label=str(found.label),
        most_probable=found.most_probable.value,
        probability=found.probability,
        robust=found.robust,
        erratic=found.erratic,
        reasons=found.reasons,
        turn_estimate=scale.estimate,
        turn_lower=scale.lower,
        turn_upper=scale.upper,
        pareto_k=_finite(analysis.diagnostics.pareto_k),
        effective_sample_size=analysis.diagnostics.effective_sample_size,
        warnings=tuple(warned.code for warned in analysis.diagnostics.warnings),
        seconds=seconds,
    )


def _turn_interval(analysis: Analysis, shape: Shape) -> Interval:
    """The interval of the turn that the truth has: of the maximum for an inverted U, else of the minimum."""
    return (analysis.inverted_u_turn if shape is Shape.INVERTED_U else analysis.u_turn).scale


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
