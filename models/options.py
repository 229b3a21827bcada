"""Options of an analysis, checked once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from models.errors import InvalidOptions, Problem


class Shape(StrEnum):
    """The five shapes of a mean curve, in terms of performance; together a partition."""

    POSITIVE = "positive"
    INVERSE = "inverse"
    U_SHAPED = "u_shaped"
    INVERTED_U = "inverted_u"
    FLAT = "flat"


class EngineName(StrEnum):
    """The two engines: deterministic importance sampling, and NUTS as the reference."""

    QUADRATURE = "quadrature"
    NUTS = "nuts"


UNDETERMINED = "undetermined"
ENGINE_UNRELIABLE = "engine_unreliable"  # reason for no label: the engine did not reach its accuracy

# Prior on classes: rising curves are the most common in published suites, then flat ones; the design's figures.
DEFAULT_CLASS_PRIOR: Mapping[Shape, float] = MappingProxyType(
    {Shape.POSITIVE: 0.30, Shape.INVERSE: 0.20, Shape.U_SHAPED: 0.15, Shape.INVERTED_U: 0.10, Shape.FLAT: 0.25}
)
DEFAULT_BETWEEN_MODEL_SCALE = 0.03  # between the 0.01 and 0.10 found by maximum likelihood on published suites
SUITE_MINIMUM = 10  # curves from which a suite's scale can be estimated
SUITE_AUTOMATIC = 20  # curves from which it is estimated unless told otherwise
SUITE_SAMPLE = 128  # curves that tell log s with a standard deviation of .18 (simulated, development seed); of 250, .13
DEFAULT_SMALLEST_EFFECT = 0.02  # of upper - lower
DEFAULT_DECISION_THRESHOLD = 0.8
DEFAULT_INTERVAL = 0.95
LARGEST_INTERVAL = 0.9999  # beyond it the ends are the extremes of some thousand draws, and at last no numbers
LARGEST_SMALLEST_EFFECT = 0.25  # of upper - lower; beyond it every class but flat nearly vanishes
LARGEST_BETWEEN_MODEL_SCALE = 1.0
SMALLEST_BETWEEN_MODEL_SCALE = 1e-9  # no test set could see it; far below, divisions by it overflow
LARGEST_SEED = 2**32 - 1
CLASS_PRIOR_TOLERANCE = 1e-6

BetweenModelScale = float | Literal["default", "suite"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a request may choose. `smallest_effect` is in score units (None: 0.02 of upper - lower).

    Raises `InvalidOptions` naming each value that is out of range.
    """

    engine: EngineName = EngineName.QUADRATURE
    smallest_effect: float | None = None
    decision_threshold: float = DEFAULT_DECISION_THRESHOLD
    class_prior: Mapping[Shape, float] = field(default_factory=lambda: DEFAULT_CLASS_PRIOR)
    interval: float = DEFAULT_INTERVAL
    seed: int = 0
    between_model_scale: BetweenModelScale = "default"

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise InvalidOptions(problems)


def _problems(options: Options) -> Iterator[Problem]:
    effect = options.smallest_effect
    if effect is not None and not (math.isfinite(effect) and effect > 0):
        yield Problem("/options/smallest_effect", f"{effect!r} is not a positive finite number")
    if not 0.5 <= options.decision_threshold < 1:
        yield Problem("/options/decision_threshold", f"{options.decision_threshold!r} is not in [0.5, 1)")
    if not 0.5 <= options.interval <= LARGEST_INTERVAL:
        yield Problem("/options/interval", f"{options.interval!r} is not in [0.5, {LARGEST_INTERVAL}]")
    if not 0 <= options.seed <= LARGEST_SEED:
        yield Problem("/options/seed", f"{options.seed!r} is not between 0 and {LARGEST_SEED}")
    yield from _prior_problems(options.class_prior)
    yield from _scale_problems(options.between_model_scale)


def _prior_problems(prior: Mapping[Shape, float]) -> Iterator[Problem]:
    if set(prior) != set(Shape):
        yield Problem("/options/class_prior", f"must name exactly {', '.join(Shape)}")
    elif not all(math.isfinite(p) and p > 0 for p in prior.values()):
        yield Problem("/options/class_prior", "each probability must be positive: zero would decide before the data")
    elif abs(sum(prior.values()) - 1) > CLASS_PRIOR_TOLERANCE:
        yield Problem("/options/class_prior", f"the probabilities sum to {sum(prior.values()):g}, not 1")


def _scale_problems(scale: BetweenModelScale) -> Iterator[Problem]:
    if isinstance(scale, str):
        if scale not in ("default", "suite"):
            yield Problem("/options/between_model_scale", f"{scale!r} is neither a number, 'default' nor 'suite'")
    elif not (math.isfinite(scale) and SMALLEST_BETWEEN_MODEL_SCALE <= scale <= LARGEST_BETWEEN_MODEL_SCALE):
        ends = f"{SMALLEST_BETWEEN_MODEL_SCALE:g} to {LARGEST_BETWEEN_MODEL_SCALE:g}"
        yield Problem("/options/between_model_scale", f"{scale!r} is not in the range {ends}")
