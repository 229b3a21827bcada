import math

import orjson
import pytest

from models.model_curves import behind
from models.results import Analysis
from service.pages.charts import Charts, chart_document


def test_the_chart_holds_the_points_the_curve_and_what_is_behind_it(u_shaped: Analysis) -> None:
    chart = chart_document([u_shaped], behind(u_shaped))
    (curve,) = chart["curves"]
    assert [point["score"] for point in curve["points"]] == [point.score for point in u_shaped.points]
    assert len(curve["grid"]["scales"]) == len(curve["grid"]["lower"]) == len(u_shaped.fit.grid)
    assert chart["models"][0]["weight"] == pytest.approx(max(model.weight for model in u_shaped.fit.models), abs=0.02)
    assert [turn["shape"] for turn in chart["turns"]] == ["u_shaped"]


def test_charts_of_several_curves_share_the_axis(u_shaped: Analysis, rising: Analysis) -> None:
    chart = chart_document([u_shaped, rising])
    assert [curve["name"].split(",")[0] for curve in chart["curves"]] == ["valley", "hill $x$"]
    assert "models" not in chart
    assert chart["percent"]


def test_a_kept_chart_is_the_same_and_the_oldest_are_dropped(
    u_shaped: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    charts = Charts()
    first = charts.of("a", u_shaped)
    monkeypatch.setattr("service.pages.charts.behind", lambda _: pytest.fail("made again"))
    assert charts.of("a", u_shaped) is first
    assert all(math.isfinite(value) for value in orjson.loads(first)["models"][0]["grid"]["estimate"])
