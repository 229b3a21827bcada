"""Pictures of analyses: as files in the colours of a theme, and as parts of a page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from models.results import Analysis
from service.palette import THEMES, ThemeName
from service.plots.comparison import comparison_scene
from service.plots.curve_scene import curve_scene, drawn_turn, verdict_text
from service.plots.frame import AXIS_NAMES
from service.plots.scene import Scene
from service.plots.svg import inline_svg, scene_svg
from service.table_row import setting_text

__all__ = [
    "AXIS_NAMES",
    "PlotForm",
    "comparison_bytes",
    "comparison_svg",
    "curve_svg",
    "drawn_turn",
    "plot_bytes",
    "plot_name",
    "save_plot",
    "scene_bytes",
    "verdict_text",
]

PlotForm = Literal["svg", "png"]


def save_plot(analysis: Analysis, path: Path, theme: ThemeName = "light") -> None:
    """Write the picture as SVG or PNG, as the name says."""
    path.write_bytes(plot_bytes(analysis, "svg" if path.suffix == ".svg" else "png", theme))


def plot_bytes(analysis: Analysis, form: PlotForm, theme: ThemeName = "light") -> bytes:
    """The picture as the content of a file; the same analysis gives the same bytes."""
    return scene_bytes(curve_scene(analysis), form, theme)


def scene_bytes(scene: Scene, form: PlotForm, theme: ThemeName = "light") -> bytes:
    """Any picture as the content of a file."""
    if form == "svg":
        return scene_svg(scene, THEMES[theme]).encode()
    from service.plots.png import scene_png  # matplotlib is not loaded before it is wanted

    return scene_png(scene, THEMES[theme])


def curve_svg(analysis: Analysis) -> str:
    """The picture as a part of a page, which brings `palette_css`; every text in it is escaped."""
    return inline_svg(curve_scene(analysis))


def comparison_svg(analyses: Sequence[Analysis]) -> str:
    """Curves on one pair of axes, as a part of a page."""
    return inline_svg(comparison_scene(analyses))


def comparison_bytes(analyses: Sequence[Analysis], form: PlotForm, theme: ThemeName = "light") -> bytes:
    """Curves on one pair of axes, as the content of a file."""
    return scene_bytes(comparison_scene(analyses), form, theme)


def plot_name(analysis: Analysis, index: int, suffix: str) -> str:
    """A file name that sorts in input order and says what is drawn: `0017-anli-r1-few-shot.svg`."""
    words = f"{analysis.curve.task} {setting_text(analysis.curve)}"
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].rstrip("-")
    return f"{index:04d}-{slug}.{suffix}" if slug else f"{index:04d}.{suffix}"
