from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pytest

from models.curve import ScaleKind
from models.options import UNDETERMINED, Shape
from models.results import Analysis
from service.plots import PlotForm, curve_figure, plot_bytes, plot_name, save_plot


def texts(analysis: Analysis) -> list[str]:
    figure = curve_figure(analysis)
    axes = figure.axes[0]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    ticks = [label.get_text() for label in axes.get_xticklabels()]
    return [*(text.get_text() for text in axes.texts), *legend, *ticks]


def test_a_picture_names_the_curve_its_label_and_its_turn(u_shaped: Analysis) -> None:
    found = texts(u_shaped)
    assert found[0] == "valley"
    assert found[1] == "accuracy, few-shot, Example"
    assert found[2].startswith("U-shaped, probability ")
    assert {"scores", "averaged curve", "95 % band", "100M", "100B"} <= set(found)
    assert any(text.startswith("turn: ") for text in found)


def test_only_a_turned_shape_has_its_turn_drawn(rising: Analysis) -> None:
    assert not any(text.startswith("turn") for text in texts(rising))


def test_an_undetermined_curve_says_what_it_most_probably_is(u_shaped: Analysis) -> None:
    unsure = replace(u_shaped, classification=replace(u_shaped.classification, label=UNDETERMINED))
    assert texts(unsure)[2].startswith("undetermined, most probably U-shaped (")


def test_chance_is_drawn_when_known(u_shaped: Analysis) -> None:
    assert "chance" not in texts(u_shaped)
    metric = replace(u_shaped.curve.metric, chance=0.5)
    assert "chance" in texts(replace(u_shaped, curve=replace(u_shaped.curve, metric=metric)))


def test_every_score_lies_inside_the_picture(u_shaped: Analysis) -> None:
    low, high = curve_figure(u_shaped).axes[0].get_ylim()
    assert all(low < point.score < high for point in u_shaped.points)


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_same_analysis_gives_the_same_bytes(u_shaped: Analysis, tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"first.{suffix}", tmp_path / f"second.{suffix}"
    save_plot(u_shaped, first)
    save_plot(u_shaped, second)
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size > 5_000


@pytest.mark.parametrize("form", ["svg", "png"])
def test_threads_that_draw_at_once_draw_the_same_as_one(u_shaped: Analysis, rising: Analysis, form: PlotForm) -> None:
    alone = {id(analysis): plot_bytes(analysis, form) for analysis in (u_shaped, rising)}
    with ThreadPoolExecutor(4) as pool:
        for analysis, drawn in [(a, pool.submit(plot_bytes, a, form)) for a in (u_shaped, rising) * 4]:
            assert drawn.result() == alone[id(analysis)]


def test_drawing_leaves_the_settings_of_the_process_alone(u_shaped: Analysis) -> None:
    before = mpl.rcParams.copy()
    plot_bytes(u_shaped, "svg")
    assert mpl.rcParams.copy() == before


def test_any_name_can_be_drawn(rising: Analysis, tmp_path: Path) -> None:
    for task in ("hill $x_{$", "任务\nzwei", "x" * 500, "\\frac{"):
        save_plot(replace(rising, curve=replace(rising.curve, task=task)), tmp_path / "any.svg")
        assert (tmp_path / "any.svg").stat().st_size > 5_000


@pytest.mark.parametrize("kind", ScaleKind)
def test_every_kind_of_scale_has_its_axis(rising: Analysis, tmp_path: Path, kind: ScaleKind) -> None:
    analysis = replace(rising, curve=replace(rising.curve, scale_kind=kind))
    assert curve_figure(analysis).axes[0].get_xlabel() != ""


@pytest.mark.parametrize("shape", Shape)
def test_every_shape_has_its_own_colour(rising: Analysis, shape: Shape) -> None:
    label = replace(rising.classification, label=shape.value, most_probable=shape)
    line = curve_figure(replace(rising, classification=label)).axes[0].lines
    others = {
        curve_figure(replace(rising, classification=replace(label, label=other.value, most_probable=other)))
        .axes[0]
        .lines[0]
        .get_color()
        for other in Shape
        if other is not shape
    }
    assert line[0].get_color() not in others


def test_file_names_sort_in_input_order_and_hold_only_safe_characters(rising: Analysis) -> None:
    assert plot_name(rising, 17, "svg") == "0017-hill-x-accuracy-few-shot-example.svg"
    odd = replace(rising, curve=replace(rising.curve, task="../../etc/пароль\0"))
    assert plot_name(odd, 0, "png") == "0000-etc-accuracy-few-shot-example.png"
