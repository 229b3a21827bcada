"""One sentence on what the choice of the metric does to a curve, made from its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from service.number_format import number_text

if TYPE_CHECKING:
    from models.metric_curves import PredictedMetric
    from models.metric_swap import MetricSwap
    from models.rescoring import Rescored


def predicted_sentence(metrics: Sequence[PredictedMetric]) -> str:
    """How narrow the narrowest and the widest rise of one and the same per-token curve are."""
    known = [(metric.width_decades.estimate, metric) for metric in metrics if metric.width_decades.estimate is not None]
    if len(known) < 2:
        return "The per-token curve does not rise over these scales."
    narrow, wide = min(known, key=_rounded), max(known, key=_rounded)
    return (
        f"One per-token curve: its rise takes {_decades(narrow[0])} by {narrow[1].name} ({_emergence(narrow[1])}) and "
        f"{_decades(wide[0])} by {wide[1].name} ({_emergence(wide[1])})."
    )


def _rounded(known: tuple[float, PredictedMetric]) -> float:
    """The width without its last digits, so that of equal ones the first is told."""
    return float(f"{known[0]:.6g}")


def rescored_sentence(found: Sequence[Rescored]) -> str:
    """Under which metrics the outputs make a jump, and what explains it."""
    judged = [(each.emergence.verdict.value, each) for each in found if each.emergence and each.emergence.verdict]
    said = []
    for verdict, words in _SENTENCES.items():
        there = [each for given, each in judged if given == verdict]
        if there:
            said.append(words.format(names=_listed([each.scored.metric.name for each in there]), by=_by(there)))
    return " ".join(said) or "No metric of these outputs shows a rise within one decade."


_SENTENCES: Mapping[str, str] = {
    "emergent": "Emergent by {names}: nothing simpler explains the jump.",
    "explained_by_metric": "Sharp by {names}, but {by}: the metric makes the jump.",
    "explained_by_resolution": "By {names} a gradual curve gives the same counts at this number of examples.",
    "explained_by_scale_gap": "By {names} the whole rise lies in one gap between models.",
    "undetermined": "By {names} the rise may be sharp, which these outputs do not settle.",
}


def _by(found: Sequence[Rescored]) -> str:
    """How another metric of the same outputs rises; without one, what the scores themselves say."""
    swaps = [each.swap for each in found if each.swap is not None and each.swap.holds]
    widths = [swap.width_decades_lower for swap in swaps if swap.width_decades_lower is not None]
    if not widths:
        return "a smooth per-token curve gives that rise"
    return f"the same outputs rise over at least {_decades(min(widths))} by {_listed(_names(swaps))}"


def _names(swaps: Sequence[MetricSwap]) -> list[str]:
    return list(dict.fromkeys(swap.by for swap in swaps if swap.by is not None))


def _decades(width: float) -> str:
    written = "less than 0.01" if width < 0.01 else number_text(width, 2)
    return f"{written} decades"


def _emergence(metric: PredictedMetric) -> str:
    score = metric.emergence_score.estimate
    return "emergence score undefined" if score is None else f"emergence score {number_text(score, 2)}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
