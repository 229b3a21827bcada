"""Pictures of plans: what each measurement is expected to do, over the scale; the power of a study, over its size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log10
from typing import Any

from models.candidates import Action
from models.curve import ScaleKind
from service.number_format import scale_text
from service.plan_table import ACTIONS
from service.plots.frame import AXIS_NAMES
from service.plots.scene import Dot, Line, Mark, Scene, Text, fitted
from service.report.axes import Axis, decades, log_range, ticks
from service.report.texts import plain

WIDTH, PANEL = 640.0, 190.0
LEFT, RIGHT, HEAD, FOOT, GAP = 62.0, 18.0, 80.0, 46.0, 54.0
SMALL, TITLE = 11.0, 15.0
SIDE_MARGIN = 0.05
MOST_TICKS = 5
COLOURS = {  # the palette's three that all readers tell apart
    Action.NEW_SCALE: "u_shaped",
    Action.ANOTHER_MODEL: "inverse",
    Action.MORE_EXAMPLES: "positive",
}


def plan_scene(document: Mapping[str, Any]) -> Scene:
    """The picture of either plan."""
    return _next_scene(document) if document["kind"] == "next" else _size_scene(document)


def _next_scene(document: Mapping[str, Any]) -> Scene:
    kind, prospects = ScaleKind(document["scale_kind"]), document["prospects"]
    scales = [prospect["scale"] for prospect in prospects]
    x = _log_axis(scales)
    panels = [("probability that the label is decided", "probability_decided")]
    if any(prospect["turn_decades"] is not None for prospect in prospects):
        panels.append(("expected width of the turn (decades)", "turn_decades"))
    marks = list(_head(f"What to measure next: {plain(document['task'])}", document["summary"]))
    for number, (name, field) in enumerate(panels):
        top = HEAD + number * (PANEL + GAP)
        shown = [prospect for prospect in prospects if prospect[field] is not None]
        high = 1.0 if number == 0 else max(prospect[field] for prospect in shown) * 1.08 or 1.0
        y = Axis(0.0, high, top + PANEL, top)
        marks += _axes(x, y, kind, name)
        for action in Action:
            own = [prospect for prospect in shown if prospect["action"] == action]
            marks += _series(own, (x, y), field, kind)
    height = HEAD + len(panels) * (PANEL + GAP) + FOOT
    marks += _foot(kind, [action for action in Action if any(p["action"] == action for p in prospects)], height)
    return Scene(WIDTH, height, "What to measure next", document["summary"], tuple(marks))


def _size_scene(document: Mapping[str, Any]) -> Scene:
    more = document["n_examples"] is None
    field = "n_models" if more else "n_examples"
    tried = sorted(document["tried"], key=lambda power: power[field])
    x = _log_axis([power[field] for power in tried])
    y = Axis(0.0, 1.0, HEAD + PANEL, HEAD)
    marks = list(_head(f"A study to find a {document['change']} of {document['size']:g}", document["summary"]))
    labels = [(log10(power[field]), f"{power[field]:,}") for power in tried] if more else None
    marks += _axes(x, y, ScaleKind.OTHER, "probability that it is found", labels)
    goal = y.at(document["probability"])
    marks.append(Line((((x.start, goal), (x.end, goal)),), "faint", 1.2, (5, 3)))
    for power in tried:
        place = (x.at(log10(power[field])), y.at(power["probability"]))
        ends = [y.at(min(1.0, max(0.0, power["probability"] + sign * power["mcse"]))) for sign in (-1, 1)]
        marks.append(Line((((place[0], ends[0]), (place[0], ends[1])),), "ink", 1.2))
        marks.append(Dot(place, "u_shaped", 4.0, f"{power[field]:,}: {power['probability']:.2f}"))
    name = "models, test sets of 100,000 examples" if more else "test examples for each model"
    height = HEAD + PANEL + GAP + FOOT
    marks.append(
        Text(
            (WIDTH - RIGHT, height - 34),
            f"{name} (log scale); dashed: the probability asked for",
            "faint",
            SMALL,
            "end",
        )
    )
    return Scene(WIDTH, height, "The power of a study", document["summary"], tuple(marks))


def _log_axis(values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    if high / low < 1.01:
        low, high = low / 2, high * 2
    return Axis(*log_range(low, high, SIDE_MARGIN), LEFT, WIDTH - RIGHT)


def _head(title: str, summary: str) -> Iterator[Mark]:
    yield Text((18, 26), fitted(title, WIDTH - 36, TITLE, bold=True), "ink", TITLE, bold=True)
    yield Text((18, 46), fitted(summary, WIDTH - 36, SMALL), "faint", SMALL, hint=summary)


def _axes(
    x: Axis, y: Axis, kind: ScaleKind, name: str, labels: Sequence[tuple[float, str]] | None = None
) -> Iterator[Mark]:
    yield Text((18, y.end - 8), name, "ink", SMALL, bold=True)
    for value in ticks(y.low, y.high, MOST_TICKS):
        yield Line((((x.start, y.at(value)), (x.end, y.at(value))),), "grid")
        yield Text((x.start - 6, y.at(value) + 4), f"{value:g}", "faint", SMALL, "end")
    yield Line((((x.start, y.start), (x.end, y.start)),), "axis")
    for place, text in labels or decades(x.low, x.high, kind, MOST_TICKS):
        yield Line((((x.at(place), y.start), (x.at(place), y.start + 4)),), "axis")
        yield Text((x.at(place), y.start + 17), text, "ink", SMALL, "middle")


def _series(own: Sequence[Mapping[str, Any]], axes: tuple[Axis, Axis], field: str, kind: ScaleKind) -> Iterator[Mark]:
    """One line for each effort, the thicker the more examples."""
    x, y = axes
    efforts = sorted({(p["n_examples"] or 0, -(p["stderr"] or 0)) for p in own})
    for rank, effort in enumerate(efforts):
        line = sorted((p for p in own if (p["n_examples"] or 0, -(p["stderr"] or 0)) == effort), key=_scale)
        colour = COLOURS[Action(line[0]["action"])]
        places = [(x.at(log10(p["scale"])), y.at(p[field])) for p in line]
        yield Line((tuple(places),), colour, 1.2 + rank, opacity=0.55)
        for place, prospect in zip(places, line, strict=True):
            size = prospect["n_examples"] or prospect["stderr"]
            hint = f"{ACTIONS[Action(prospect['action'])]}, {scale_text(prospect['scale'], kind)}, {size:,}"
            yield Dot(place, colour, 3.0 + 0.8 * rank, f"{hint}: {prospect[field]:.2f}")


def _scale(prospect: Mapping[str, Any]) -> float:
    return float(prospect["scale"])


def _foot(kind: ScaleKind, actions: Sequence[Action], height: float) -> Iterator[Mark]:
    place = 18.0
    for action in actions:
        yield Dot((place + 4, height - 38), COLOURS[action], 4.0)
        yield Text((place + 14, height - 34), ACTIONS[action], "ink", SMALL)
        place += 118
    note = f"thicker: more examples; {AXIS_NAMES[kind]} on a log scale"
    yield Text((WIDTH - RIGHT, height - 14), note, "faint", SMALL, "end")
