"""Scenes as PNG, drawn by matplotlib, which is loaded only for that."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from service.palette import Theme
from service.plots.scene import Area, Dot, Line, Mark, Place, Scene, Text
from service.plots.svg import RIM
from service.report.texts import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.path import Path

_DRAWING = threading.RLock()  # matplotlib's settings, and Python's warning filters, are those of the whole process

PIXELS = 2.0  # of the file to one of the scene: sharp on today's screens and in print
POINTS = 72.0  # to the inch; a pixel of the scene counts as one
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # shipped with matplotlib: the same bytes everywhere
    "text.parse_math": False,  # a dollar sign in a task's name is a dollar sign
}
ALIGNED = {"start": "left", "middle": "center", "end": "right"}


def scene_png(scene: Scene, theme: Theme) -> bytes:
    """The content of a file; the same scene gives the same bytes. Threads draw in turn."""
    content = io.BytesIO()
    with _style():
        _figure(scene, theme).savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    with _DRAWING, mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # drawn as a box: no other font is sure
        yield


def _figure(scene: Scene, theme: Theme) -> Figure:
    """One pair of axes over the whole figure, in the scene's pixels."""
    from matplotlib.figure import Figure

    size = (scene.width / POINTS, scene.height / POINTS)
    figure = Figure(figsize=size, dpi=POINTS * PIXELS, facecolor=theme.mark("paper"))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, scene.width), ylim=(scene.height, 0))
    axes.set_axis_off()
    for order, mark in enumerate(scene.marks):
        _draw(axes, mark, theme, order)
    return figure


def _draw(axes: Axes, mark: Mark, theme: Theme, order: int) -> None:
    from matplotlib.patches import Circle, PathPatch

    match mark:
        case Line():
            dash = "-" if mark.dash is None else (0, tuple(part / mark.width for part in mark.dash))
            settings: dict[str, Any] = {"linestyle": dash, "linewidth": mark.width, "alpha": mark.opacity}
            colour = theme.mark(mark.colour)
            path = _path(mark.paths)
            axes.add_artist(PathPatch(path, fill=False, edgecolor=colour, joinstyle="round", zorder=order, **settings))
        case Area():
            colour = theme.mark(mark.colour)
            path = _path((mark.corners,), closed=True)
            axes.add_artist(PathPatch(path, facecolor=colour, linewidth=0, alpha=mark.opacity, zorder=order))
        case Dot():
            rim, colour = theme.mark("paper"), theme.mark(mark.colour)
            axes.add_artist(
                Circle(mark.place, mark.radius, facecolor=colour, edgecolor=rim, linewidth=RIM, zorder=order)
            )
        case Text():
            _write(axes, mark, theme, order)


def _path(paths: tuple[tuple[Place, ...], ...], *, closed: bool = False) -> Path:
    from matplotlib.path import Path

    places = [place for path in paths for place in path]
    codes = [code for path in paths for code in (Path.MOVETO, *[Path.LINETO] * (len(path) - 1))]
    if closed:
        places, codes = [*places, places[0]], [*codes, Path.CLOSEPOLY]
    return Path(places, codes)


def _write(axes: Axes, text: Text, theme: Theme, order: int) -> None:
    weight = "bold" if text.bold else "normal"
    axes.text(
        *text.place,
        plain(text.words),
        color=theme.word(text.colour),
        fontsize=text.size,
        fontweight=weight,
        ha=ALIGNED[text.anchor],
        va="baseline",
        zorder=order,
    )
