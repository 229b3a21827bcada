"""Plans as a person reads them in a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.candidates import Action
from models.curve import ScaleKind
from models.options import UNDETERMINED
from service.number_format import NOTHING, number_text, probability_text, scale_text
from service.plan_words import rounded_size
from service.suite_table import WIDTH, Row, Section

ACTIONS = {
    Action.NEW_SCALE: "new scale",
    Action.ANOTHER_MODEL: "another model",
    Action.MORE_EXAMPLES: "more examples",
}
SHOWN = 12  # prospects of each action, the best ones, unless all are asked for
LABEL, TURN, BOTH = "label", "turn", "label, turn"


def next_sections(document: Mapping[str, Any], *, everything: bool = False) -> Iterator[Section]:
    """What is expected of each measurement; the best for the label and for the turn are marked."""
    yield Section(document["task"], (), textwrap.wrap(document["summary"], WIDTH))
    prospects = document["prospects"]
    best = {LABEL: document["best_for_label"], TURN: document["best_for_turn"]}
    for action, title in ACTIONS.items():
        own = [index for index, prospect in enumerate(prospects) if prospect["action"] == action]
        if own:
            kept = own if everything else _foremost(own, prospects, best)
            yield _table(title, [(index, prospects[index]) for index in kept], best, document)
    yield Section("", (), list(_notes(document, prospects)))


def size_sections(document: Mapping[str, Any]) -> Iterator[Section]:
    """The number of examples, and every simulated point on the way to it."""
    yield Section("", (), textwrap.wrap(document["summary"], WIDTH))
    rows: list[Row] = [("models", "examples each", "found with probability", "undetermined", "simulated studies")]
    for power in document["tried"]:
        found = f"{power['probability']:.2f} ± {power['mcse']:.2f}"
        size = f"{rounded_size(power['n_examples']):,}"
        rows.append((str(power["n_models"]), size, found, f"{power['undetermined']:.2f}", str(power["studies"])))
    scale = number_text(document["between_model_scale"])
    note = f"models of one family scatter by r = {scale}; a label needs probability {document['decision_threshold']:g}"
    yield Section("Simulated", rows, [note])


def _foremost(own: Sequence[int], prospects: Sequence[Mapping[str, Any]], best: Mapping[str, int | None]) -> list[int]:
    """The most telling ones, in their order, and always the best."""
    order = sorted(own, key=lambda index: -prospects[index]["expected_bits"])[:SHOWN]
    return sorted({*order, *(index for index in best.values() if index is not None and index in own)})


def _table(
    title: str,
    numbered: Sequence[tuple[int, Mapping[str, Any]]],
    best: Mapping[str, int | None],
    document: Mapping[str, Any],
) -> Section:
    effort = "examples" if numbered[0][1]["n_examples"] is not None else "stderr"
    kind = ScaleKind(document["scale_kind"])
    rows: list[Row] = [
        (title, effort, "label decided", "top probability", "bits on shape", "turn (decades)", "best for"),
        *(_row(prospect, kind, _praise(index, best)) for index, prospect in numbered),
    ]
    return Section("", rows)


def _row(prospect: Mapping[str, Any], kind: ScaleKind, praise: str) -> Row:
    scale = scale_text(prospect["scale"], kind) + (" *" if prospect["extends_range"] else "")
    effort = f"{prospect['n_examples']:,}" if prospect["n_examples"] is not None else number_text(prospect["stderr"])
    before, after = prospect["top_probability_before"], prospect["expected_top_probability"]
    return (
        scale,
        effort,
        probability_text(prospect["probability_decided"]),
        f"{before:.2f} to {after:.2f}",
        f"{prospect['expected_bits']:.2f}",
        NOTHING if prospect["turn_decades"] is None else f"{prospect['turn_decades']:.2f}",
        praise,
    )


def _praise(index: int, best: Mapping[str, int | None]) -> str:
    names = [name for name, place in best.items() if place == index]
    return ", ".join(names)


def _notes(document: Mapping[str, Any], prospects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    now = document["now"]
    label = UNDETERMINED if now["label"] == UNDETERMINED else now["label"].replace("_", "-")
    width = (
        ""
        if now["turn_decades"] is None
        else f"; the turn, if there is one, is known to {now['turn_decades']:.2f} decades"
    )
    yield f"today: {label}{width}"
    if any(prospect["extends_range"] for prospect in prospects):
        yield "* outside the tested range: the label is then one of the wider range, less certain to begin with"
    hidden = len(prospects) > len(ACTIONS) * SHOWN
    if hidden:
        yield "the most telling of each kind are shown; --all shows every one"
    for warning in document["warnings"]:
        yield f"{warning['code'].replace('_', ' ')}: {warning['message']}"
