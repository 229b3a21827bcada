"""Unbounded scores: the levels' prior, and what it does to small and to very large changes."""

import numpy as np
import pytest
from scipy.special import expit

from models.analysis import analyze
from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.curve_models.constant import UNBOUNDED_LEVEL
from models.errors import InvalidOptions
from models.metrics import REGISTRY
from models.options import Options, Shape
from models.results import Analysis

EFFECT = 0.02
U = np.linspace(0.0, 1.0, 8)
SCALES = 10 ** (7 + 4 * U)


def losses(mean: Floats, noise: Floats) -> Analysis:
    """A curve of losses whose scatter is one effect in all, half of it known as standard error."""
    scores = mean + EFFECT * noise
    points = tuple(ScalePoint(x, y, stderr=EFFECT / 2) for x, y in zip(SCALES.tolist(), scores.tolist(), strict=True))
    return analyze(ScalingCurve("task", REGISTRY["loss"], points), Options(smallest_effect=EFFECT))


def test_the_prior_of_a_level_is_at_its_centre_that_of_a_uniform_one_on_fifty_effects() -> None:
    assert np.exp(UNBOUNDED_LEVEL.log_density(np.zeros(1))) == pytest.approx(1.0, rel=1e-12)


def test_changes_of_a_few_effects_are_not_called_flat_for_want_of_prior() -> None:
    generator = np.random.default_rng(8)
    found = [losses(3 - 3 * EFFECT * (U - 0.5), generator.normal(size=8)).classification for _ in range(20)]
    assert np.median([one.probabilities[Shape.FLAT] for one in found]) < 0.6
    assert sum(one.label == Shape.FLAT for one in found) <= 3


@pytest.mark.parametrize("effects", [300, 3000])
def test_a_range_of_many_effects_is_followed(effects: int) -> None:
    mean = 2 + effects * EFFECT * (np.exp(-3 * U) - np.exp(-3)) / (1 - np.exp(-3))
    found = losses(mean, np.random.default_rng(9).normal(size=8))
    inside = [
        point.fitted.lower <= truth <= point.fitted.upper for point, truth in zip(found.points, mean, strict=True)
    ]
    assert found.classification.label == Shape.POSITIVE
    assert sum(inside) >= 7
    assert found.fit.between_model_sd.estimate is not None
    assert found.fit.between_model_sd.estimate < 4 * EFFECT


def test_two_steps_have_a_model() -> None:
    mean = 4 - 0.5 * expit((U - 0.2) / 0.03) - 0.5 * expit((U - 0.75) / 0.03)
    found = losses(mean, np.random.default_rng(10).normal(size=8))
    weights = {model.name: model.weight for model in found.fit.models}
    assert weights["double_logistic"] == max(weights.values())


@pytest.mark.parametrize("scores", [(1e100, 0.0, -1e100, 1.0, 5.0), (5.0, 4.0, 3.0, 9.0, 2.0)])
def test_an_effect_that_is_lost_beside_the_scores_is_refused(scores: tuple[float, ...]) -> None:
    points = tuple(ScalePoint(10.0 ** (8 + i), score, stderr=0.1) for i, score in enumerate(scores))
    with pytest.raises(InvalidOptions, match="give the change that matters"):
        analyze(ScalingCurve("task", REGISTRY["loss"], points), Options(smallest_effect=1e-60))
