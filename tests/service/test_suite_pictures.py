from xml.etree import ElementTree as ET

import pytest

from models.options import UNDETERMINED, Shape
from service.palette import DARK, LIGHT
from service.plots import scene_bytes
from service.plots.forest_scene import forest_scene
from service.plots.map_scene import map_scene
from service.plots.scene import Area, Dot, Line, Scene
from service.plots.svg import inline_svg, scene_svg
from service.report.class_map import MOST_ROWS, MapCurve, class_map
from service.report.forest import ForestRow
from service.table_words import FAILED
from tests.service.test_plots import boxes, places, texts

ROWS = [
    ForestRow("group", None, None, None, "", kind="heading"),
    ForestRow("a & <b>", 0.5, None, 0.9, "50 %", "positive"),
    ForestRow("beyond " * 20, 0.5, 0.2, 3.0, "50 % " * 40, "flat"),
    ForestRow("together", 0.5, 0.4, 0.6, "50 % (40 – 60 %)", "positive", "pooled"),
    ForestRow("a new one", 0.5, 0.1, 0.9, "50 %", "positive", "reach"),
    ForestRow("nothing", None, None, None, "-"),
]
MARKS = [(0.0, "0"), (1.0, "1")]
LABELS = (*(shape.value for shape in Shape), UNDETERMINED, FAILED)


def forest() -> Scene:
    return forest_scene(ROWS, (0.0, 1.0), MARKS, "A forest")


def curves(tasks: int, promptings: int = 3) -> list[MapCurve]:
    return [_curve(t, p, LABELS[(t + p) % len(LABELS)]) for t in range(tasks) for p in range(promptings)]


def _curve(task: int, prompting: int, label: str) -> MapCurve:
    return MapCurve(
        f"task {task}", ("accuracy", f"p{prompting}", "F"), label, label_shape(label), f"{task} {prompting}"
    )


def label_shape(label: str) -> str:
    return "u_shaped" if label == UNDETERMINED else "" if label == FAILED else label


def apart(scene: Scene) -> bool:
    words = boxes(scene)
    return all(
        abs(one[2] - other[2]) >= 0.8 * max(one[3], other[3]) or one[1] <= other[0] or other[1] <= one[0]
        for index, one in enumerate(words)
        for other in words[index + 1 :]
    )


def inside(scene: Scene) -> bool:
    return all(0 <= x <= scene.width and 0 <= y <= scene.height for x, y in places(scene))


def test_a_forest_shows_every_row_and_arrows_at_open_ends() -> None:
    scene = forest()
    assert {"group", "a & <b>", "together", "nothing"} <= set(texts(scene))
    bars = [mark for mark in scene.marks if isinstance(mark, Line) and mark.colour in ("positive", "flat")]
    assert [len(bar.paths) for bar in bars] == [2, 2, 1]
    assert sum(isinstance(mark, Dot) for mark in scene.marks) == 2
    assert sum(isinstance(mark, Area) for mark in scene.marks) == 1
    assert apart(scene)
    assert inside(scene)


@pytest.mark.parametrize("size", [1, 8, 40, MOST_ROWS + 1])
def test_a_map_shows_every_curve_inside_the_picture(size: int) -> None:
    scene = map_scene(class_map(curves(size)), "A map")
    hints = [mark.hint for mark in scene.marks if isinstance(mark, Area) and mark.hint]
    assert len(hints) == 3 * size
    assert apart(scene)
    assert inside(scene)


def test_every_label_has_a_sign_beside_its_colour() -> None:
    scene = map_scene(class_map(curves(7, 1)), "A map")
    signs = {mark.paths for mark in scene.marks if isinstance(mark, Line) and mark.colour == "paper"}
    assert len(signs) == 12  # six signs, on the map and in the legend
    assert texts(scene).count("?") == 2


@pytest.mark.parametrize("scene", [forest(), map_scene(class_map(curves(4)), "A map")], ids=["forest", "map"])
def test_pictures_of_suites_are_well_formed_in_every_form(scene: Scene) -> None:
    for svg in (scene_svg(scene, LIGHT), scene_svg(scene, DARK), inline_svg(scene)):
        ET.fromstring(svg)  # noqa: S314 - of the program itself
    assert scene_bytes(scene, "png", "dark").startswith(b"\x89PNG")


def test_many_curves_in_one_cell_are_drawn_up_to_six() -> None:
    same = [MapCurve("t", ("accuracy", "p", "F"), "flat", "flat", f"{i}") for i in range(9)]
    scene = map_scene(class_map(same), "A map")
    assert sum(1 for mark in scene.marks if isinstance(mark, Area) and mark.hint) == 6
    assert "+3" in texts(scene)
