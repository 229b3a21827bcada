"""The paragraph that sums up a suite; it never says more than the intervals do."""

from __future__ import annotations

from collections.abc import Mapping

from models.false_labels import ErrorControl
from models.options import UNDETERMINED, Shape
from models.pooling import PooledTurn
from models.prevalence import Prevalence
from models.results import Interval, Verdict
from models.suite_emergence import SuiteEmergence
from models.words import VERDICTS, WORDS, scale_text

LEAST_SHARE = 0.01  # estimated prevalence, below which a shape is told by its upper end alone


def suite_words(
    labels: Mapping[str, int], shares: Prevalence, errors: ErrorControl, turn: PooledTurn, emergence: SuiteEmergence
) -> str:
    """Labels, prevalences, error of the labels, the typical turn, and the claims of emergence."""
    parts = [_labels(labels), _shares(shares), _errors(errors), _turn(turn), claims_words(emergence)]
    return " ".join(part for part in parts if part)


def _labels(labels: Mapping[str, int]) -> str:
    total, open_ = sum(labels.values()), labels.get(UNDETERMINED, 0)
    known = sorted(((count, name) for name, count in labels.items() if name != UNDETERMINED), reverse=True)
    named = ", ".join(f"{count} {WORDS[Shape(name)]}" for count, name in known)
    rest = f"{open_} undetermined" if open_ else ""
    return f"Of {total} curves, {', '.join(part for part in (named, rest) if part)}."


def _shares(shares: Prevalence) -> str:
    if shares.reason is not None:
        return ""
    order = sorted(shares.shapes, key=lambda shape: -(shares.shapes[shape].estimate or 0.0))
    told = "; ".join(f"{WORDS[shape]} {_share(shares.shapes[shape])}" for shape in order)
    return f"With what each curve leaves open, the shapes have these shares: {told}."


def _share(interval: Interval) -> str:
    estimate, lower, upper = (100 * (x or 0.0) for x in (interval.estimate, interval.lower, interval.upper))
    if estimate < 100 * LEAST_SHARE:
        return f"below {max(upper, 0.1):.2g} %" if upper < 10 else f"below {upper:.0f} %"
    return f"{_whole(estimate)} % ({_whole(lower)} to {_whole(upper)})"


def _whole(percent: float) -> str:
    """`88`; never 0 or 100 for what is only close to it."""
    if 0 < percent < 0.5:
        return "<1"
    return ">99" if 99.5 < percent < 100 else f"{percent:.0f}"


def _errors(errors: ErrorControl) -> str:
    found = errors.all_labels
    if found.n_labels == 0:
        return "No curve has a label."
    return (
        f"Of the {found.n_labels} labels {found.expected_false:.1f} are expected to be false; {found.n_kept} can be "
        f"kept, expected to hold at most {100 * errors.level:g} % false."
    )


def _turn(turn: PooledTurn) -> str:
    scale, kind = turn.scale, turn.scale_kind
    if kind is None or scale.estimate is None or scale.lower is None or scale.upper is None:
        return ""
    middle, lower, upper = (scale_text(x, kind, 2) for x in (scale.estimate, scale.lower, scale.upper))
    return f"Among the curves that turn within their range, the typical U turns at {middle} ({lower} to {upper})."


def claims_words(found: SuiteEmergence) -> str:
    """How many curves look emergent, what explains them, and under which metrics they stand."""
    looking = found.emergent_looking
    if found.reason is not None:
        return ""
    if looking.n_claims == 0:
        return f"None of {found.n_curves} curves with a verdict looks emergent."
    verb = "looks" if looking.n_claims == 1 else "look"
    text = f"{looking.n_claims} of {found.n_curves} curves {verb} emergent (a sharp rise): {_what_of_them(found)}"
    if looking.share.estimate is None or looking.share_of_all_curves is None:
        return f"{text}."
    names = " and ".join(looking.top_metrics)
    which, own = ("these metrics", "have") if len(looking.top_metrics) > 1 else ("this metric", "has")
    return (
        f"{text}. Of the emergent-looking curves {_share(looking.share)} stand under {names}; {which} {own} "
        f"{100 * looking.share_of_all_curves:.0f} % of all curves."
    )


def _what_of_them(found: SuiteEmergence) -> str:
    """`9 explained by the test set, 6 open, none called emergent`."""
    counts = found.all_metrics.verdicts
    explained = [
        f"{counts[verdict]} {VERDICTS[verdict]}"
        for verdict in Verdict
        if verdict.startswith("explained") and counts.get(verdict)
    ]
    left_open = [f"{counts[Verdict.UNDETERMINED]} open"] if counts.get(Verdict.UNDETERMINED) else []
    return ", ".join([*explained, *left_open, f"{found.emergent.n_claims or 'none'} called emergent"])
