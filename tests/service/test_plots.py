import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.curve import ScaleKind
from models.options import UNDETERMINED, Shape
from models.results import Analysis, Interval, Verdict
from service.palette import THEMES, Theme, palette_css
from service.plots import PlotForm, comparison_svg, curve_svg, plot_bytes, plot_name, save_plot
from service.plots.comparison import comparison_scene
from service.plots.curve_scene import curve_scene
from service.plots.scene import Area, Dot, Line, Scene, Text, fitted, text_width
from tests.models.analyses_drawn import METRICS, analyses, real

PNG = b"\x89PNG\r\n"


def texts(scene: Scene) -> list[str]:
    return [mark.words for mark in scene.marks if isinstance(mark, Text)]


def places(scene: Scene) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for mark in scene.marks:
        match mark:
            case Line():
                found += [place for path in mark.paths for place in path]
            case Area():
                found += mark.corners
            case Dot() | Text():
                found.append(mark.place)
    return found


def boxes(scene: Scene) -> list[tuple[float, float, float, float, str]]:
    """Left, right, baseline and size of each text."""
    found = []
    for mark in scene.marks:
        if isinstance(mark, Text) and mark.words:
            width = text_width(mark.words, mark.size, bold=mark.bold)
            left = mark.place[0] - {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor] * width
            found.append((left, left + width, mark.place[1], mark.size, mark.words))
    return found


def named(analysis: Analysis, name: str) -> Analysis:
    points = tuple(replace(p, language_model=f"{name} {i}") for i, p in enumerate(analysis.curve.points))
    return replace(analysis, curve=replace(analysis.curve, points=points))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_picture_names_the_curve_its_label_and_its_turn(u_shaped: Analysis) -> None:
    found = texts(curve_scene(u_shaped))
    assert found[:2] == ["valley", "accuracy, few-shot, Example"]
    assert found[2].startswith("U-shaped, probability ")
    assert {"score, 95 % interval", "averaged curve", "95 % band", "single models", "100M", "100B"} <= set(found)
    assert any(text.startswith("turn: ") for text in found)


def test_only_a_turned_shape_has_its_turn_drawn(rising: Analysis) -> None:
    assert not any(text.startswith("turn") for text in texts(curve_scene(rising)))


def test_an_undetermined_curve_says_what_it_most_probably_is_and_is_dashed(u_shaped: Analysis) -> None:
    unsure = replace(u_shaped, classification=replace(u_shaped.classification, label=UNDETERMINED))
    scene = curve_scene(unsure)
    assert texts(scene)[2].startswith("undetermined, most probably U-shaped (")
    assert any(isinstance(mark, Line) and mark.dash and mark.width > 2 for mark in scene.marks)
    assert any(text.startswith("turn, if U-shaped: ") for text in texts(scene))


def test_the_verdict_on_emergence_stands_in_the_title(rising: Analysis) -> None:
    title = texts(curve_scene(replace(rising, emergence=replace(rising.emergence, verdict=Verdict.EMERGENT))))[2]
    assert title.endswith(" · emergence: emergent")


def test_chance_is_drawn_when_known(u_shaped: Analysis) -> None:
    assert "chance" not in texts(curve_scene(u_shaped))
    metric = replace(u_shaped.curve.metric, chance=0.5)
    assert "chance" in texts(curve_scene(replace(u_shaped, curve=replace(u_shaped.curve, metric=metric))))


@settings(max_examples=60, deadline=None)
@given(analyses())
def test_everything_lies_inside_the_picture_and_no_words_lie_on_others(found: Analysis) -> None:
    scene = curve_scene(found)
    assert all(0 <= x <= scene.width and 0 <= y <= scene.height for x, y in places(scene))
    words = boxes(scene)
    assert all(left >= 0 and right <= scene.width + 1 for left, right, *_ in words), words
    for index, (left, right, height, size, text) in enumerate(words):
        for other in words[index + 1 :]:
            apart = abs(height - other[2]) >= 0.8 * max(size, other[3])
            assert apart or right <= other[0] or other[1] <= left, (text, other[4])


@pytest.mark.parametrize("name", ["PaLM", "a model with a rather long name", "x" * 60, "任务"])
def test_names_of_models_touch_nothing_however_long_they_are(name: str) -> None:
    words = boxes(curve_scene(named(real(METRICS[0], 5), name)))
    for index, (left, right, height, *_) in enumerate(words):
        assert left >= 0
        assert all(height != other[2] or right <= other[0] or other[1] <= left for other in words[index + 1 :])


def test_what_all_names_of_models_share_is_left_out() -> None:
    found = named(real(METRICS[0], 3), "org/model-chat")
    assert {"0", "1", "2"} <= set(texts(curve_scene(found)))


@settings(max_examples=30, deadline=None)
@given(analyses(), st.sampled_from(sorted(THEMES)))
def test_every_picture_is_well_formed_and_has_words_for_who_does_not_see_it(found: Analysis, theme: str) -> None:
    for svg in (plot_bytes(found, "svg", "dark" if theme == "dark" else "light").decode(), curve_svg(found)):
        root = ET.fromstring(svg)  # noqa: S314 - of the program itself
        assert root.get("role") == "img"
        assert root[0].tag.endswith("title")
        assert root[1].text == " ".join(found.summary.split())
        assert not re.search(r"nan|inf\b|None|--positive", svg)


def test_a_picture_in_a_page_takes_its_colours_and_brings_neither_style_nor_script(u_shaped: Analysis) -> None:
    svg = curve_svg(u_shaped)
    assert not re.search(r"style=|<style|<script|#[0-9A-Fa-f]{6}|on\w+=", svg)
    rules = palette_css()
    classes = {name for found in re.findall(r'class="([^"]+)"', svg) for name in found.split()} - {"picture"}
    assert all(f".{name}{{" in rules for name in classes)


@pytest.mark.parametrize("form", ["svg", "png"])
def test_light_and_dark_differ_in_paper_and_ink(u_shaped: Analysis, form: PlotForm) -> None:
    assert plot_bytes(u_shaped, form, "light") != plot_bytes(u_shaped, form, "dark")
    assert plot_bytes(u_shaped, form) == plot_bytes(u_shaped, form, "light")


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_same_analysis_gives_the_same_bytes(u_shaped: Analysis, tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"first.{suffix}", tmp_path / f"second.{suffix}"
    save_plot(u_shaped, first)
    save_plot(u_shaped, second)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(PNG if suffix == "png" else b"<svg")


@pytest.mark.parametrize("form", ["svg", "png"])
def test_threads_that_draw_at_once_draw_the_same_as_one(u_shaped: Analysis, rising: Analysis, form: PlotForm) -> None:
    alone = {id(analysis): plot_bytes(analysis, form) for analysis in (u_shaped, rising)}
    with ThreadPoolExecutor(4) as pool:
        for analysis, drawn in [(a, pool.submit(plot_bytes, a, form)) for a in (u_shaped, rising) * 4]:
            assert drawn.result() == alone[id(analysis)]


def test_drawing_leaves_the_settings_of_the_process_alone(u_shaped: Analysis) -> None:
    before = mpl.rcParams.copy()
    plot_bytes(u_shaped, "png")
    assert mpl.rcParams.copy() == before


def test_an_svg_needs_no_matplotlib() -> None:
    code = "import sys, service.plots.svg, service.plots; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("task", ["hill $x_{$", "任务\nzwei", "x" * 500, "\\frac{", "<b>&\0\ud800"])
@pytest.mark.parametrize("form", ["svg", "png"])
def test_any_name_can_be_drawn(rising: Analysis, form: PlotForm, task: str) -> None:
    assert len(plot_bytes(replace(rising, curve=replace(rising.curve, task=task)), form)) > 5_000


@pytest.mark.parametrize("kind", ScaleKind)
def test_every_kind_of_scale_has_its_axis(rising: Analysis, kind: ScaleKind) -> None:
    found = texts(curve_scene(replace(rising, curve=replace(rising.curve, scale_kind=kind))))
    assert {ScaleKind.OTHER: "scale", ScaleKind.TRAINING_FLOPS: "training FLOPs"}.get(
        kind, kind.replace("_", " ")
    ) in found


@pytest.mark.parametrize("theme", THEMES.values(), ids=str)
def test_every_shape_has_its_own_colour_and_words_can_be_read(theme: Theme) -> None:
    assert len({theme.mark(shape.value) for shape in Shape}) == len(Shape)
    written = [*(shape.value for shape in Shape), UNDETERMINED, "failed", "ink", "faint"]
    for paper in ("paper", "wash"):
        assert all(contrast(theme.word(token), theme.mark(paper)) >= 4.5 for token in written)
    assert all(contrast(theme.mark(shape.value), theme.mark("paper")) >= 2.9 for shape in Shape)


def test_several_curves_are_told_apart_by_colour_dash_and_name(u_shaped: Analysis, rising: Analysis) -> None:
    scene = comparison_scene([u_shaped, rising])
    lines = [mark for mark in scene.marks if isinstance(mark, Line) and mark.width == 2.0]
    assert len({(line.colour, line.dash) for line in lines}) == 2
    assert any(text.startswith("valley: U-shaped") for text in texts(scene))
    assert "accuracy, few-shot, Example" in texts(scene)
    ET.fromstring(comparison_svg([u_shaped, rising]))  # noqa: S314 - of the program itself


def test_curves_without_a_common_axis_are_named_as_left_out(u_shaped: Analysis) -> None:
    found = texts(comparison_scene([u_shaped, real(METRICS[3], 3)]))
    assert any(text.startswith("1 curve is not drawn: ") for text in found)
    assert any(text.startswith("4 curves are not drawn: ") for text in texts(comparison_scene([u_shaped] * 10)))


def test_a_missing_scatter_is_not_drawn(u_shaped: Analysis) -> None:
    none = replace(u_shaped, fit=replace(u_shaped.fit, between_model_sd=Interval(None, None, None, "not_known")))
    assert "single models" not in texts(curve_scene(none))


@given(st.text(max_size=80), st.floats(20, 400))
def test_text_that_is_cut_fits_its_room(words: str, room: float) -> None:
    cut = fitted(words, room, 12)
    assert text_width(cut, 12) <= room or len(cut) <= 2


def test_file_names_sort_in_input_order_and_hold_only_safe_characters(rising: Analysis) -> None:
    assert plot_name(rising, 17, "svg") == "0017-hill-x-accuracy-few-shot-example.svg"
    odd = replace(rising, curve=replace(rising.curve, task="../../etc/пароль\0"))
    assert plot_name(odd, 0, "png") == "0000-etc-accuracy-few-shot-example.png"
