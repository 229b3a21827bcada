"""Pictures of the calibration report, as SVG that is the same byte for byte for the same figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.outcomes import Outcome
from benchmarks.scoring import Share, probabilities, reliability, truth_codes, turn_coverage
from benchmarks.truth import FloatArray
from benchmarks.uniformity import band
from service.palette import LIGHT

PANELS = 4  # a row
# Okabe and Ito's colours in the palette's order, with the two of theirs that it leaves free.
COLOURS = [*(LIGHT.marks[token] for token in ("u_shaped", "inverse", "positive", "inverted_u")), "#E69F00", "#56B4E9"]
COLOURS += [LIGHT.marks[token] for token in ("ink", "flat")]
RANK_NODES = 101
MARKS: dict[str, Any] = {"markersize": 4, "capsize": 2, "linewidth": 1}


def reliability_plot(data: Mapping[str, Sequence[Outcome]], path: Path) -> None:
    """Reliability diagrams side by side."""
    figure = Figure(figsize=(4.2 * len(data), 4.2), layout="constrained")
    axes = figure.subplots(1, len(data), squeeze=False)[0]
    for axis, (title, outcomes) in zip(axes, data.items(), strict=True):
        bins = reliability(probabilities(outcomes), truth_codes(outcomes))
        _shares(axis, [b.confidence for b in bins], [b.right for b in bins])
        axis.plot([0, 1], [0, 1], color="0.6", linewidth=1, zorder=0)
        axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of the most probable shape", ylabel="right", title=title)
    _save(figure, path)


def coverage_plot(data: Mapping[str, Sequence[Outcome]], path: Path) -> None:
    """Coverage of the turn's 95 % interval by K and by n."""
    figure = Figure(figsize=(8.4, 3.4 * len(data)), layout="constrained")
    axes = figure.subplots(len(data), 2, squeeze=False, sharey=True)
    for row, (title, outcomes) in zip(axes, data.items(), strict=True):
        for axis, name in zip(row, ("n_scales", "n_examples"), strict=True):
            values = sorted({getattr(o, name) for o in outcomes})
            found = [turn_coverage([o for o in outcomes if getattr(o, name) == value]).covered for value in values]
            _shares(axis, [float(i) for i in range(len(values))], found)
            axis.axhline(0.95, color="0.6", linewidth=1, zorder=0)
            axis.set_xticks(range(len(values)), [str(value) for value in values])
            label = "number of scales K" if name == "n_scales" else "test examples n"
            axis.set(ylim=(0.7, 1.0), xlabel=label, ylabel="coverage", title=title)
    _save(figure, path)


def rank_plot(ranks: Mapping[str, Mapping[str, FloatArray]], title: str, path: Path) -> None:
    """ECDF of the ranks minus the uniform's, one panel a curve model, with the 95 % simultaneous band."""
    rows = -(-len(ranks) // PANELS)
    figure = Figure(figsize=(3.2 * PANELS, 2.6 * rows), layout="constrained")
    axes = figure.subplots(rows, PANELS, squeeze=False, sharex=True, sharey=True).ravel()
    for axis, (name, quantities) in zip(axes, ranks.items(), strict=False):
        _rank_panel(axis, name, quantities)
    for axis in axes[len(ranks) :]:
        axis.set_axis_off()
    figure.suptitle(title)
    _save(figure, path)


def _rank_panel(axis: Axes, name: str, quantities: Mapping[str, FloatArray]) -> None:
    curves = max(values.size for values in quantities.values())
    u = np.linspace(0, 1, RANK_NODES)
    axis.axhspan(-band(curves), band(curves), color="0.9")
    axis.set_prop_cycle(color=COLOURS * 2, linestyle=["-"] * len(COLOURS) + ["--"] * len(COLOURS))
    for quantity, values in quantities.items():
        below = np.searchsorted(np.sort(values), u, side="right") / values.size
        axis.plot(u, np.round(below - u, 4), linewidth=0.8, label=quantity)
    axis.set_title(name, fontsize=9)
    axis.legend(fontsize=5, ncols=2, frameon=False)


def _shares(axis: Axes, x: Sequence[float], found: Sequence[Share]) -> None:
    given = [(place, share) for place, share in zip(x, found, strict=True) if share.value is not None]
    middle = np.array([share.value for _, share in given], dtype=np.float64)
    bounds = np.array([share.interval for _, share in given]).reshape(-1, 2)
    errors = np.abs(bounds.T - middle)
    axis.errorbar([place for place, _ in given], middle, yerr=errors, fmt="o", color=COLOURS[0], **MARKS)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
