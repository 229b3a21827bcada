"""The page that sets curves side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from models.comparison import MOST_CURVES, told_apart
from models.crossing import NOT_TOLD_APART
from models.curve import ScaleKind
from models.errors import InvalidInput, Problem
from service.comparisons import Compared, factor_words
from service.number_format import NOTHING, estimate_text, interval_text, number_text, probability_text
from service.pages.charts import chart_document
from service.pages.suite_table import label_words
from service.plots import comparison_svg
from service.report.texts import plain, typeset
from service.schemas.scalars import shown
from service.table_row import setting_text, table_row

FEWEST = 2
LONGEST_ID = 64
UNTOLD = {NOT_TOLD_APART: "not told apart"}


def asked_ids(given: Sequence[str]) -> tuple[str, ...]:
    """The ids in the address, each once; raises `InvalidInput`."""
    ids = tuple(dict.fromkeys(one for text in given for one in text.split(",") if one))
    if len(ids) > MOST_CURVES:
        raise InvalidInput([Problem("?ids", f"{len(ids)} curves: a comparison takes at most {MOST_CURVES}")])
    problems = [Problem("?ids", f"{shown(one)} is no id") for one in ids if len(one) > LONGEST_ID or not one.isalnum()]
    if problems:
        raise InvalidInput(problems)
    return ids


def compare_view(compared: Sequence[Compared]) -> dict[str, Any]:
    """The curves on one axis, if they have one in common; "chart" is their data."""
    analyses = [each.analysis for each in compared]
    first = analyses[0].curve
    together = all(
        one.curve.scale_kind is first.scale_kind and one.curve.metric.kind is first.metric.kind for one in analyses
    )
    rows = []
    added = told_apart([one.curve for one in analyses])
    for place, each in enumerate(compared):
        cells = table_row(each.analysis)
        rows.append(
            {
                "id": each.identifier,
                "number": place + 1,
                "task": plain(each.analysis.curve.task),
                "setting": plain(", ".join(filter(None, (setting_text(each.analysis.curve), added[place])))),
                "label": cells.label,
                "shape": cells.shape or "",
                "words": label_words(cells),
                "probability": cells.probability,
                "turn": typeset(" ".join(cells.turn)),
            }
        )
    return {
        "rows": rows,
        "ids": [each.identifier for each in compared],
        "chart": _inside_page(chart_document(analyses)) if together else "",
        "together": together,
        "figure": comparison_svg(analyses) if together else "",
    }


def difference_view(document: Mapping[str, Any], kind: ScaleKind) -> list[dict[str, Any]]:
    """Every pair: how probably the shapes differ, by how much the changes do, where the curves meet."""
    return [_difference(one, kind) for one in document["differences"]]


def _inside_page(document: Mapping[str, Any]) -> str:
    """JSON that cannot end the element that it stands in."""
    text = orjson.dumps(document).decode()
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _difference(found: Mapping[str, Any], kind: ScaleKind) -> dict[str, Any]:
    crossing, factor = found["crossing"], 100.0 if found["unit"] == "fraction_of_range" else 1.0
    unit = " points" if factor > 1 else ""
    meets = crossing.get("probability")
    place = crossing["scale"]
    return {
        "first": found["first"] + 1,
        "second": found["second"] + 1,
        "differ": probability_text(found["probability_shapes_differ"]),
        "labels": found["labels_differ"],
        "net": _interval(found["net_change"], factor, unit),
        "turn": _ratio(found["turn_ratio"]) or _ratio(found["inverted_turn_ratio"]),
        "meets": UNTOLD.get(crossing.get("reason"), NOTHING) if meets is None else probability_text(meets),
        "place": "" if place.get("estimate") is None else _scales(place, kind),
        "start": _chance(crossing.get("probability_second_better_at_start")),
        "end": _chance(crossing.get("probability_second_better_at_end")),
        "differs_in": factor_words(found["differs_in"]) or "nothing that is named",
    }


def _chance(value: float | None) -> str:
    return NOTHING if value is None else probability_text(value)


def _interval(found: Mapping[str, Any], factor: float, unit: str) -> str:
    if found.get("estimate") is None:
        return NOTHING
    middle, lower, upper = (f"{factor * found[name]:+.3g}" for name in ("estimate", "lower", "upper"))
    return typeset(f"{middle}{unit} ({lower} to {upper})")


def _ratio(found: Mapping[str, Any]) -> str:
    if found.get("estimate") is None:
        return ""
    ends = [number_text(found[name], 2) for name in ("estimate", "lower", "upper") if found[name] is not None]
    return f"{ends[0]} times ({' to '.join(ends[1:])})"


def _scales(found: Mapping[str, Any], kind: ScaleKind) -> str:
    from models.results import Interval

    own = Interval(found["estimate"], found["lower"], found["upper"])
    return typeset(interval_text(own, lambda value: estimate_text(value, kind)))
