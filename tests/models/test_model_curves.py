import numpy as np
import pytest

from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.metrics import registered
from models.model_curves import SMALLEST_WEIGHT, behind
from models.options import Options, Shape
from models.results import Analysis


@pytest.fixture(scope="module")
def valley() -> Analysis:
    metric = registered("accuracy")
    assert metric is not None
    sizes, scores = (1e8, 1e9, 1e10, 1e11, 1e12), (0.8, 0.2, 0.25, 0.6, 0.9)
    points = tuple(ScalePoint(x, y, n_examples=500) for x, y in zip(sizes, scores, strict=True))
    return analyze(ScalingCurve("valley", metric, points), Options())


def test_models_have_the_weights_of_the_analysis_and_average_to_its_curve(valley: Analysis) -> None:
    found = behind(valley).models
    weights = {model.name: model.weight for model in valley.fit.models}
    for model in found:
        assert model.weight == pytest.approx(weights[model.name], abs=0.03)
        assert model.weight >= SMALLEST_WEIGHT
    ends = {place: sum(m.weight * m.grid[place].estimate for m in found) for place in (0, 20, -1)}
    for place, average in ends.items():
        assert average / sum(m.weight for m in found) == pytest.approx(valley.fit.grid[place].estimate, abs=0.04)


def test_the_density_of_the_turn_integrates_to_one_and_has_the_interval_of_the_analysis(valley: Analysis) -> None:
    turn = next(turn for turn in behind(valley).turns if turn.shape is Shape.U_SHAPED)
    z = np.log10(turn.scales)
    density = np.array(turn.density)
    step = z[1] - z[0]
    assert float(density.sum() * step) == pytest.approx(1.0, abs=1e-6)
    lower, upper = valley.u_turn.scale.lower, valley.u_turn.scale.upper
    assert lower is not None
    assert upper is not None
    inside = (z >= np.log10(lower) - step) & (z <= np.log10(upper) + step)
    assert float(density[inside].sum() * step) == pytest.approx(0.95, abs=0.05)


def test_the_same_analysis_gives_the_same_curves(valley: Analysis) -> None:
    assert behind(valley) == behind(valley)
