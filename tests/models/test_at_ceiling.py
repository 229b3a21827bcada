"""Tasks that are too easy: models near the ceiling are flat, and a change that there is stays one."""

from dataclasses import replace

import numpy as np
import pytest

from models.analysis import analyze
from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.curve_models import POINT_MASS_SHARE, POINT_MASSES, flat_shares, menu
from models.curve_models.at_ceiling import CEILING, NEAR_CEILING, at_ceiling
from models.curve_models.record import Context
from models.curve_models.rise_from_floor import floor_prior
from models.likelihood import observe
from models.metrics import REGISTRY, Metric
from models.options import Options, Shape
from models.results import Analysis

BOUNDED = Context(bounded=True, delta=0.02)
U = np.linspace(0.0, 1.0, 7)
ACCURACY = REGISTRY["accuracy"]


def curve(scores: Floats, n: int, metric: Metric = ACCURACY) -> ScalingCurve:
    points = zip((10 ** (8 + 3 * U)).tolist(), scores.tolist(), strict=True)
    return ScalingCurve("task", metric, tuple(ScalePoint(x, y, n_examples=n) for x, y in points))


def analysed(scores: Floats, n: int, metric: Metric = ACCURACY) -> Analysis:
    return analyze(curve(scores, n, metric), Options())


@pytest.mark.parametrize("chance", [None, 0.0, 0.25])
@pytest.mark.parametrize("n", [30, 300, 3000, 30_000])
def test_scores_of_one_throughout_are_flat_however_many_examples_show_it(n: int, chance: float | None) -> None:
    found = analysed(np.ones(7), n, replace(ACCURACY, chance=chance)).classification
    assert found.label == Shape.FLAT
    assert found.probability > 0.9


def test_no_error_at_all_is_the_same_as_everything_right() -> None:
    assert analysed(np.zeros(7), 500, REGISTRY["brier"]).classification.label == Shape.FLAT
    errors = observe(curve(np.zeros(7), 500, REGISTRY["brier"]), Options())
    assert errors.context.near_ceiling


def test_the_ceiling_is_the_floor_of_free_answers_upside_down() -> None:
    floor = floor_prior(replace(BOUNDED, chance=0.0))
    assert (CEILING.mean, CEILING.sd) == (-floor.mean, floor.sd)


def test_it_is_in_the_menu_where_no_score_lies_clearly_below_the_ceiling() -> None:
    below, above = (observe(curve(np.array([y, *[1.0] * 6]), 1000), Options()).context for y in (0.899, NEAR_CEILING))
    names = [{model.name for model in menu(context)} for context in (below, above)]
    assert names[1] - names[0] == {"at_ceiling"}
    assert at_ceiling(Context(bounded=False, delta=0.02, near_ceiling=True)) is None


@pytest.mark.parametrize("context", [BOUNDED, replace(BOUNDED, chance=0.25)])
def test_its_share_is_taken_from_constant_alone(context: Context) -> None:
    without, beside = (
        flat_shares([model.name for model in menu(replace(context, near_ceiling=near))]) for near in (False, True)
    )
    assert beside.pop("at_ceiling") == pytest.approx(without.pop("constant") - beside["constant"])
    assert sum(flat_shares([model.name for model in menu(context)]).get(name, 0.0) for name in POINT_MASSES) == (
        pytest.approx(POINT_MASS_SHARE)
    )
    beside.pop("constant")
    assert beside == without


@pytest.mark.parametrize(
    ("ends", "label"), [((0.93, 0.995), Shape.POSITIVE), ((0.995, 0.93), Shape.INVERSE), ((0.985, 0.985), Shape.FLAT)]
)
def test_changes_near_the_ceiling_are_seen_where_there_are_some(ends: tuple[float, float], label: Shape) -> None:
    generator = np.random.default_rng(11)
    logits = np.log(ends) - np.log1p(-np.array(ends))
    mean = 1 / (1 + np.exp(-np.interp(U, [0, 1], logits)))
    found = [analysed(generator.binomial(2000, mean) / 2000, 2000).classification.label for _ in range(8)]
    assert found.count(label) >= 7


@pytest.mark.slow
def test_probabilities_near_the_ceiling_are_right() -> None:
    """Errors that fall or grow by a power law or stay, scatter that is none or known to no model."""
    generator = np.random.default_rng(12)
    sure = right = 0
    expected = []
    for _ in range(80):
        first, decades = 10 ** -generator.uniform(1.1, 3), generator.choice([0.0, generator.uniform(-1.2, 1.2)])
        error = np.minimum(first * 10 ** (decades * U), 0.09)
        net = error[0] - error[-1]
        truth = Shape.POSITIVE if net > 0.02 else Shape.INVERSE if net < -0.02 else Shape.FLAT
        scatter, n = np.exp(generator.normal(0, generator.choice([0.0, 0.2]), 7)), int(generator.choice([100, 1000]))
        scores = 1 - generator.binomial(n, error * scatter) / n
        if scores.min() < NEAR_CEILING:
            continue
        found = analysed(scores, n).classification
        expected.append(-np.log(found.probabilities[truth]))
        if found.probability >= 0.9:
            sure += 1
            right += found.most_probable == truth
    assert len(expected) >= 60
    assert np.mean(expected) < 0.4
    assert sure >= 30
    assert right >= 0.9 * sure
