"""The pictures of docs/pictures.md, drawn from the example data: `python -m benchmarks.pictures`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import orjson

from models.results import Analysis
from models.suite_summary import SuiteOptions, summary_of_curves
from service.palette import THEMES
from service.plots.comparison import comparison_scene
from service.plots.curve_scene import curve_scene
from service.plots.forest_scene import forest_scene
from service.plots.map_scene import map_scene
from service.plots.scene import Scene
from service.plots.svg import scene_svg
from service.report.class_map import class_map
from service.report.collection import collecting
from service.report.entries import report_curve
from service.report.suite_forests import prevalence_parts, turn_parts
from service.schemas.decoding import analysis_of

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "images" / "pictures"
GPT3, PALM = ROOT / "data" / "gpt3_table_h1.csv", ROOT / "data" / "palm_quote_repetition.csv"


def main() -> None:
    """Write every picture, light, and the first one dark too."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (palm,) = analysed(PALM)
    gpt3 = analysed(GPT3)
    scenes = pictures(palm, gpt3)
    for name, scene in scenes.items():
        (FOLDER / f"{name}.svg").write_text(scene_svg(scene, THEMES["light"]), "utf-8")
    (FOLDER / "rise-dark.svg").write_text(scene_svg(scenes["rise"], THEMES["dark"]), "utf-8")


def analysed(path: Path) -> list[Analysis]:
    """What the command finds in a file."""
    command = [sys.executable, "-m", "service.cli", "analyze", str(path), "--json"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.splitlines()
    return [analysis_of(orjson.loads(line)) for line in lines]


def pictures(palm: Analysis, gpt3: Sequence[Analysis]) -> Mapping[str, Scene]:
    """Every scene by the name of its file."""
    rise = next(_of(gpt3, "3D+", "few-shot"))
    with collecting() as collection:
        for index, analysis in enumerate(gpt3):
            collection.add(report_curve(analysis, index))
        summary = summary_of_curves(collection.suite, SuiteOptions(group_by=()))
        _, _, turns = collection.turns()[0]
        return {
            "rise": curve_scene(rise),
            "turn": curve_scene(palm),
            "comparison": comparison_scene(list(_of(gpt3, "3D+", ""))),
            "class_map": map_scene(class_map(collection.names), "GPT-3, Table H.1: shapes of 120 curves"),
            "prevalence": forest_scene(*prevalence_parts(summary)),
            "turns": forest_scene(*turn_parts(turns, [("", summary.u_turn_uncensored)])),
        }


def _of(analyses: Sequence[Analysis], task: str, prompting: str) -> Iterator[Analysis]:
    for one in analyses:
        if one.curve.task == task and (one.curve.prompting or "").startswith(prompting):
            yield one


if __name__ == "__main__":
    main()
