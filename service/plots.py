"""One picture a curve: the scores with their intervals, the averaged curve with its band, and where it turns."""

from __future__ import annotations

import io
import re
import threading
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from models.curve import ScaleKind
from models.metrics import MetricKind
from models.options import UNDETERMINED, Shape
from models.results import Analysis, PointReport, Turn
from service.number_format import ends_text, estimate_text, probability_text, scale_text
from service.table_row import setting_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PlotForm = Literal["svg", "png"]

_DRAWING = threading.RLock()  # matplotlib's settings, and Python's warning filters, are those of the whole process

# Okabe and Ito's palette, which stays apart for colour-blind readers: one colour a shape, as in the table.
SHAPE_COLOURS = {
    Shape.POSITIVE: "#009E73",
    Shape.INVERSE: "#D55E00",
    Shape.U_SHAPED: "#0072B2",
    Shape.INVERTED_U: "#CC79A7",
    Shape.FLAT: "#7A7A7A",
}
SHAPE_NAMES = {
    Shape.POSITIVE: "positive",
    Shape.INVERSE: "inverse",
    Shape.U_SHAPED: "U-shaped",
    Shape.INVERTED_U: "inverted-U",
    Shape.FLAT: "flat",
}
AXIS_NAMES = {
    ScaleKind.PARAMETERS: "parameters",
    ScaleKind.TRAINING_FLOPS: "training FLOPs",
    ScaleKind.TRAINING_TOKENS: "training tokens",
    ScaleKind.OTHER: "scale",
}
_INK, _FAINT, _GRID, _OPEN = "#222222", "#6B6B6B", "#E4E4E4", "#444444"
_LEGEND_ORDER = ("scores", "curve", "band", "turn", "chance")  # by the last word of an entry's name
_SIZE = (6.4, 4.3)  # inches
_DPI = 160
_MOST_TICKS = 8
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "scaleshape",  # else the names inside an SVG differ from run to run
    "svg.fonttype": "path",  # looks the same on a machine without the font
    "font.family": "DejaVu Sans",  # shipped with matplotlib: the same bytes everywhere
    "text.parse_math": False,  # a dollar sign in a task's name is a dollar sign
    "font.size": 9,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
}


def save_plot(analysis: Analysis, path: Path) -> None:
    """Write the picture as SVG or PNG, as the name says."""
    path.write_bytes(plot_bytes(analysis, "svg" if path.suffix == ".svg" else "png"))


def plot_bytes(analysis: Analysis, form: PlotForm) -> bytes:
    """The picture as the content of a file; the same analysis gives the same bytes. Threads draw in turn."""
    content = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else {"Software": None}
    with _style():
        curve_figure(analysis).savefig(content, format=form, metadata=metadata, dpi=_DPI)
    return content.getvalue()


def plot_name(analysis: Analysis, index: int, suffix: str) -> str:
    """A file name that sorts in input order and says what is drawn: `0017-anli-r1-few-shot.svg`."""
    words = f"{analysis.curve.task} {setting_text(analysis.curve)}"
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].rstrip("-")
    return f"{index:04d}-{slug}.{suffix}" if slug else f"{index:04d}.{suffix}"


def curve_figure(analysis: Analysis) -> Figure:
    """The picture of an analysis."""
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        colour = _colour(analysis)
        _draw_turn(axes, analysis)
        _draw_chance(axes, analysis)
        _draw_fit(axes, analysis, colour)
        _draw_points(axes, analysis)
        _dress(axes, analysis)
        _title(axes, analysis, colour)
        _legend(axes)
    return figure


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    with _DRAWING, mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # drawn as a box: no other font is sure
        yield


def _colour(analysis: Analysis) -> str:
    label = analysis.classification.label
    return _OPEN if label == UNDETERMINED else SHAPE_COLOURS[Shape(label)]


def _draw_fit(axes: Axes, analysis: Analysis, colour: str) -> None:
    grid = analysis.fit.grid
    scales = [point.scale for point in grid]
    level = f"{100 * analysis.options.interval:g} %"
    lower, upper = [point.lower for point in grid], [point.upper for point in grid]
    axes.fill_between(scales, lower, upper, color=colour, alpha=0.18, linewidth=0, zorder=2, label=f"{level} band")
    middle = [point.estimate for point in grid]
    style = "--" if analysis.classification.label == UNDETERMINED else "-"
    axes.plot(scales, middle, style, color=colour, linewidth=2, zorder=3, label="averaged curve")


def _draw_points(axes: Axes, analysis: Analysis) -> None:
    points = analysis.points
    below = [_arm(point, point.interval.lower) for point in points]
    above = [_arm(point, point.interval.upper) for point in points]
    axes.errorbar(
        [point.scale for point in points],
        [point.score for point in points],
        yerr=[below, above],
        fmt="o",
        color=_INK,
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.8,
        elinewidth=1,
        capsize=2.5,
        zorder=4,
        clip_on=False,
        label="scores",
    )


def _arm(point: PointReport, end: float | None) -> float:
    """Length of an error bar; an interval may leave out a score of exactly 0 or 1 by a hair."""
    return 0.0 if end is None else abs(end - point.score)


def _draw_turn(axes: Axes, analysis: Analysis) -> None:
    turn = drawn_turn(analysis)
    if turn is None or turn.scale.lower is None or turn.scale.upper is None or turn.scale.estimate is None:
        return
    colour = SHAPE_COLOURS[Shape.U_SHAPED if turn is analysis.u_turn else Shape.INVERTED_U]
    kind = analysis.curve.scale_kind
    ends = ends_text(turn.scale.lower, turn.scale.upper, lambda scale: estimate_text(scale, kind))
    name = f"turn: {estimate_text(turn.scale.estimate, kind)} {ends}"
    axes.axvspan(turn.scale.lower, turn.scale.upper, color=colour, alpha=0.10, linewidth=0, zorder=0, label=name)
    axes.axvline(turn.scale.estimate, color=colour, alpha=0.7, linewidth=1, zorder=1)


def drawn_turn(analysis: Analysis) -> Turn | None:
    """The turn that belongs to the label or, undetermined, to the most probable shape."""
    turns = {Shape.U_SHAPED: analysis.u_turn, Shape.INVERTED_U: analysis.inverted_u_turn}
    return turns.get(analysis.classification.most_probable)


def _draw_chance(axes: Axes, analysis: Analysis) -> None:
    chance = analysis.curve.metric.chance
    if chance is not None:
        axes.axhline(chance, color=_FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1, label="chance")


def _dress(axes: Axes, analysis: Analysis) -> None:
    curve = analysis.curve
    axes.set_xscale("log")
    _ticks(axes, sorted({point.scale for point in curve.points}), curve.scale_kind)
    axes.set_xlabel(AXIS_NAMES[curve.scale_kind])
    direction = "" if curve.metric.higher_is_better else " (lower is better)"
    axes.set_ylabel(f"{curve.metric.name}{direction}")
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=3)
    if curve.metric.kind is not MetricKind.UNBOUNDED:
        _bounded_view(axes, analysis)


def _bounded_view(axes: Axes, analysis: Analysis) -> None:
    """Never beyond the metric's bounds by more than a margin, and never so close that noise looks like a trend."""
    metric = analysis.curve.metric
    if metric.lower is None or metric.upper is None:
        return
    low, high = axes.get_ylim()
    span = max(high - low, 0.1 * metric.width)
    middle = min(max((low + high) / 2, metric.lower + span / 2), metric.upper - span / 2)
    margin = 0.02 * span
    bottom, top = max(metric.lower, middle - span / 2), min(metric.upper, middle + span / 2)
    axes.set_ylim(bottom - (margin if bottom == metric.lower else 0), top + (margin if top == metric.upper else 0))
    if metric.kind is MetricKind.PROPORTION:
        from matplotlib.ticker import FuncFormatter

        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g} %"))


def _ticks(axes: Axes, scales: list[float], kind: ScaleKind) -> None:
    """Ticks at the language models themselves where there is room, so that the sizes can be read off."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter

    shown = _apart(scales)
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_major_formatter(FixedFormatter([scale_text(scale, kind) for scale in shown]))
    axes.xaxis.set_minor_locator(FixedLocator(scales))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _apart(scales: list[float]) -> list[float]:
    """Scales that are far enough from each other for their labels; the first and the last always."""
    least = log(scales[-1] / scales[0]) / _MOST_TICKS
    kept = [scales[0]]
    for scale in scales[1:-1]:
        if log(scale / kept[-1]) >= least and log(scales[-1] / scale) >= least:
            kept.append(scale)
    return [*kept, scales[-1]]


def _title(axes: Axes, analysis: Analysis, colour: str) -> None:
    classification = analysis.classification
    name = SHAPE_NAMES[classification.most_probable]
    probability = probability_text(classification.probability)
    verdict = f"{name}, probability {probability}"
    if classification.label == UNDETERMINED:
        verdict = f"undetermined, most probably {name} ({probability})"
    lines = (
        (_shortened(analysis.curve.task, 60), _INK, 12, "bold", 40),
        (_shortened(setting_text(analysis.curve), 80), _FAINT, 9, "normal", 26),
        (verdict, colour, 10, "bold", 8),
    )
    for text, ink, size, weight, height in lines:
        axes.annotate(
            text,
            (0, 1),
            (0, height),
            xycoords="axes fraction",
            textcoords="offset points",
            va="bottom",
            color=ink,
            fontsize=size,
            fontweight=weight,
        )


def _shortened(text: str, most: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else words[: most - 1] + "…"


def _legend(axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    order = sorted(range(len(names)), key=lambda i: _LEGEND_ORDER.index(names[i].split(":")[0].split(" ")[-1]))
    axes.figure.legend(
        [handles[i] for i in order],
        [names[i] for i in order],
        loc="outside lower center",
        ncols=5,
        frameon=False,
        fontsize=8,
        labelcolor=_INK,
    )
