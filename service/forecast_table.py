"""Forecasts and backtests as a person reads them in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from models.backtest import FEWEST_TASKS, OURS, Backtest, MethodResult
from models.forecast import Distribution, Forecast, ForecastAssumptions, ScaleForecast
from models.results import Interval, Range
from service.number_format import NOTHING, number_text, probability_text, scale_text
from service.suite_table import Row, Section
from service.table_words import NAMES

METHODS = {
    OURS: "scaleshape",
    "last_value": "last value",
    "logit_line": "line on the logit",
    "logistic": "logistic",
    "broken_scaling_law": "broken scaling law",
}
DIGITS = 3
MOST_LISTED = 12  # left-out curves by name


def forecast_sections(found: Sequence[Forecast]) -> Iterator[Section]:
    """One row a curve and scale, then what all of it rests on."""
    head = ("task", "setting", "largest model", "at", "score (80 % interval)", "> largest", "> chance", "turns before")
    rows: list[Row] = [head]
    for each in found:
        rows += [_forecast_row(each, one) for one in each.forecasts]
    yield Section("", rows)
    if any(each.warnings for each in found):
        told = {warning.code: warning.message for each in found for warning in each.warnings}
        yield Section("", (), [f"{code.replace('_', ' ')}: {message}" for code, message in told.items()])
    kinds = {str(each.assumptions): each.assumptions for each in found}
    for assumed in list(kinds.values())[:1]:
        yield _assumptions(assumed)


def _forecast_row(found: Forecast, one: ScaleForecast) -> Row:
    setting = ", ".join(part for part in (found.metric, found.prompting, found.model_family) if part)
    chance = one.probability_above_chance
    return (
        found.task,
        setting,
        f"{scale_text(found.largest_scale, found.scale_kind)}: {number_text(found.largest_score, DIGITS)}",
        scale_text(one.scale, found.scale_kind),
        _distribution(one.score),
        probability_text(one.probability_better_than_largest),
        NOTHING if chance is None else probability_text(chance),
        probability_text(one.probability_turn),
    )


def _distribution(found: Distribution) -> str:
    return f"{number_text(found.median, DIGITS)} ({_range(found.interval_80)})"


def _range(found: Range) -> str:
    ends = (found.lower, found.upper)
    return " to ".join(NOTHING if end is None else number_text(end, DIGITS) for end in ends)


def _assumptions(assumed: ForecastAssumptions) -> Section:
    prior = ", ".join(f"{NAMES[shape]} {probability_text(share)}" for shape, share in assumed.class_prior.items())
    rows: list[Row] = [
        ("taken as known", "", "from"),
        ("turns per decade of scale", number_text(assumed.turn_hazard_per_decade, 2), _source(assumed, 2)),
        ("scatter of models around the curve", number_text(assumed.between_model_scale, 2), _source(assumed, 0)),
        ("correlation of errors on shared items", number_text(assumed.item_correlation, 2), _source(assumed, 1)),
        ("shapes", prior, _source(assumed, 3)),
    ]
    return Section("", rows)


def _source(assumed: ForecastAssumptions, place: int) -> str:
    words = {"request": "what you say", "suite": "these curves", "default": "default"}
    return words[list(assumed.source.values())[place]]


def backtest_sections(found: Backtest) -> Iterator[Section]:
    """The methods side by side, what was learnt, and what was left out."""
    rows: list[Row] = [("method", "absolute error", "CRPS", "50 % covers", "80 % covers", "95 % covers", "CRPS saved")]
    rows += [_method_row(method) for method in found.methods]
    hidden = "largest scale" if found.hidden_scales == 1 else f"{found.hidden_scales} largest scales"
    curves = f"{found.n_forecasts:,} hidden scores of {found.n_curves:,} curves, {found.n_tasks:,} tasks"
    best = METHODS[found.best_rival]
    notes = [
        "",
        f"Errors are in % of the metric's range; {_intervals(found)}.",
        f"CRPS {_against(found.crps_reduction)} that of the best rival, {best}.",
    ]
    yield Section(f"The {hidden} of each curve hidden: {curves}", rows, notes)
    yield _assumptions(found.assumptions)
    if found.left_out:
        counts = Counter(each.reason.replace("_", " ") for each in found.left_out)
        told = [f"{count:,} left out: {reason}" for reason, count in counts.items()]
        named = [f"  {each.name}: {each.reason.replace('_', ' ')}" for each in found.left_out[:MOST_LISTED]]
        more = len(found.left_out) - len(named)
        yield Section("Left out", (), [*told, *named, *([f"  and {more:,} more"] if more else [])])


def _intervals(found: Backtest) -> str:
    if found.n_tasks < FEWEST_TASKS:
        return f"fewer than {FEWEST_TASKS} tasks give no intervals"
    return "intervals are 95 % intervals over tasks, of errors by the bootstrap, of coverages Jeffreys's"


def _against(saved: Interval) -> str:
    """By how much the CRPS is below a rival's, or above it."""
    if saved.estimate is None or saved.estimate >= 0:
        return f"{_saved(saved)} below"
    lower, upper = (None if end is None else -end for end in (saved.upper, saved.lower))
    return f"{_saved(Interval(-saved.estimate, lower, upper))} above"


def _method_row(method: MethodResult) -> Row:
    errors = (_percent(method.absolute_error, 2), _percent(method.crps, 2))
    shares = (method.coverage_50, method.coverage_80, method.coverage_95)
    saved = "" if method.crps_reduction.estimate is None else _saved(method.crps_reduction)
    return (METHODS[method.method], *errors, *(_percent(share, 0) for share in shares), saved)


def _saved(interval: Interval) -> str:
    return f"{_percent(interval, 0)} %" if interval.estimate is not None else "-"


def _percent(interval: Interval, decimals: int) -> str:
    if interval.estimate is None:
        return NOTHING
    if interval.lower is None or interval.upper is None:
        return f"{100 * interval.estimate:.{decimals}f}"
    estimate, lower, upper = (
        f"{100 * value:.{decimals}f}" for value in (interval.estimate, interval.lower, interval.upper)
    )
    return f"{estimate} ({lower} to {upper})"
