from collections.abc import Callable
from pathlib import Path

import pytest

from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.metrics import registered
from models.options import Options
from models.results import Analysis

HEADER = "task,metric,parameters,score,n_examples"
SIZES = (1e8, 1e9, 1e10, 1e11)
U_SHAPED = (0.8, 0.2, 0.25, 0.85)


def made_curve(task: str, scores: tuple[float, ...]) -> ScalingCurve:
    metric = registered("accuracy")
    assert metric is not None
    points = tuple(ScalePoint(x, y, n_examples=500) for x, y in zip(SIZES, scores, strict=True))
    return ScalingCurve(task, metric, points, prompting="few-shot", model_family="Example")


@pytest.fixture(scope="session")
def u_shaped() -> Analysis:
    """A curve that falls and rises beyond doubt."""
    return analyze(made_curve("valley", U_SHAPED), Options())


@pytest.fixture(scope="session")
def rising() -> Analysis:
    """A curve that rises beyond doubt."""
    return analyze(made_curve("hill $x$", (0.1, 0.3, 0.6, 0.9)), Options())


@pytest.fixture
def table_of(tmp_path: Path) -> Callable[..., Path]:
    """A CSV file of curves: task -> scores at growing sizes, each out of 200."""

    def write(name: str = "curves.csv", **curves: tuple[float, ...]) -> Path:
        rows = [
            f"{task},accuracy,{size:g},{score},200"
            for task, scores in curves.items()
            for size, score in zip(SIZES, scores, strict=False)
        ]
        path = tmp_path / name
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        return path

    return write
