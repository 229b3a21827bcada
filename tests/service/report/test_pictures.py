"""The pictures: well-formed, inside their frame, saying what the record says."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.curve import ScaleKind
from models.options import UNDETERMINED
from models.results import Analysis, Interval
from service.report.axes import Axis, decades, log_range, ticks
from service.report.curve_picture import BOTTOM, LEFT, RIGHT, TOP, curve_picture
from service.report.entries import TurnEntry, report_curve
from service.report.forest import ForestRow, forest_plot
from service.report.suite_forests import turn_forest


def elements(svg: str, tag: str) -> list[ET.Element]:
    """Raises where the picture is not well-formed XML."""
    return list(ET.fromstring(svg).iter(tag))  # noqa: S314 - of the program itself


def corners(svg: str, kind: str) -> Iterator[tuple[float, float]]:
    for path in elements(svg, "path"):
        if kind in (path.get("class") or "").split():
            for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path.get("d") or ""):
                yield float(x), float(y)


def texts(svg: str, kind: str) -> list[str]:
    return [text.text or "" for text in elements(svg, "text") if text.get("class") == kind]


def test_band_curve_and_points_lie_in_the_frame(u_shaped: Analysis, rising: Analysis) -> None:
    for analysis in (u_shaped, rising):
        svg = curve_picture(analysis)
        for kind in ("bd", "ln", "pt", "eb"):
            found = list(corners(svg, kind))
            assert found
            assert all(LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in found)


def test_a_point_is_where_its_score_is(rising: Analysis) -> None:
    svg = curve_picture(rising)
    points = list(corners(svg, "pt"))
    heights = [y for _, y in points]
    assert len(points) == len(rising.points)
    assert heights == sorted(heights, reverse=True)
    lines = dict(zip(texts(svg, "yt"), (y for _, y in corners(svg, "gr")), strict=True))
    share = (rising.points[2].score - 0.4) / 0.2
    assert heights[2] == pytest.approx(lines["40 %"] + share * (lines["60 %"] - lines["40 %"]), abs=0.2)


def test_the_smallest_and_the_largest_model_are_named(rising: Analysis) -> None:
    svg = curve_picture(rising)
    assert texts(svg, "xs") == ["100M"]
    assert texts(svg, "xe") == ["100B"]


def test_a_turn_is_drawn_where_the_label_has_one(u_shaped: Analysis, rising: Analysis) -> None:
    assert 'class="tn u_shaped"' in curve_picture(u_shaped)
    assert 'class="tn' not in curve_picture(rising)


def test_an_undetermined_curve_is_dashed(u_shaped: Analysis) -> None:
    unsure = replace(u_shaped, classification=replace(u_shaped.classification, label=UNDETERMINED))
    assert 'class="ln un"' in curve_picture(unsure)
    assert 'class="ln un"' not in curve_picture(u_shaped)


def test_a_picture_is_small(u_shaped: Analysis) -> None:
    assert len(curve_picture(u_shaped)) < 5000


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 8))
def test_ticks_are_round_few_and_inside(low: float, width: float, most: int) -> None:
    high = low + width
    found = ticks(low, high, most)
    assert len(found) <= max(most, 2)
    margin = 1e-6 * width + 1e-12 * max(abs(low), abs(high))
    assert all(low - margin <= tick <= high + margin for tick in found)


@given(st.floats(1e-3, 1e24), st.floats(1.0, 1e12), st.sampled_from(list(ScaleKind)))
def test_a_log_axis_has_labels_in_order_and_inside(low: float, ratio: float, kind: ScaleKind) -> None:
    ends = log_range(low, low * ratio, 0.04)
    axis, marks = Axis(*ends, 10.0, 90.0), decades(*ends, kind, 6)
    places = [place for place, _ in marks]
    assert 1 <= len(marks) <= 6
    assert places == sorted(places)
    assert all(ends[0] <= place <= ends[1] for place in places)
    assert 10.0 <= axis.at(math.log10(low)) <= axis.at(math.log10(low * ratio)) <= 90.0


def test_a_forest_shows_every_row_and_marks_open_ends() -> None:
    rows = [
        ForestRow("group", None, None, None, "", kind="heading"),
        ForestRow("a & <b>", 0.5, None, 0.9, "50 %", "positive"),
        ForestRow("beyond", 0.5, 0.2, 3.0, "50 %", "positive"),
        ForestRow("together", 0.5, 0.4, 0.6, "50 %", "positive", "pooled"),
        ForestRow("nothing", None, None, None, "-"),
    ]
    svg = forest_plot(rows, (0.0, 1.0), [(0.0, "0"), (1.0, "1")], "title")
    assert texts(svg, "lb") == ["a & <b>", "beyond", "together", "nothing"]
    assert texts(svg, "hd") == ["group"]
    open_left, open_right = (path for path in elements(svg, "path") if path.get("class") == "bar")
    assert (open_left.get("d") or "").count("M") == (open_right.get("d") or "").count("M") == 2
    assert len(list(corners(svg, "dm"))) == 4
    (start, _), (end, _) = corners(svg, "gr")
    assert all(start <= x <= end for kind in ("bar", "dm") for x, _ in corners(svg, kind))


def test_turns_are_sorted_by_scale(u_shaped: Analysis) -> None:
    (turn,) = report_curve(u_shaped, 0).turns
    assert isinstance(turn, TurnEntry)
    late = replace(turn, name="late", scale=Interval(5e10, 1e10, 9e10))
    early = replace(turn, name="early", scale=Interval(2e8, 1e8, None))
    assert texts(turn_forest([late, early], []), "lb") == ["early", "late"]
