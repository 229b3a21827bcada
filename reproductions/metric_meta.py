"""Which metrics look emergent? The meta-analysis of Schaeffer et al. (arXiv 2304.15004, section 4) on any suite.

They found emergence scores high under at most 5 of 39 metrics of BIG-bench, and 92 % of the claimed abilities under
two. Here emergence-like means an emergence score that neither a flat nor a smooth curve gives (p < .05 under both
nulls), and emergent is the verdict of the analysis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from models.analysis import analyze
from models.arrays import Floats
from models.errors import InvalidInput
from models.options import Options
from models.resolution import jeffreys
from models.results import Analysis, Interval, Verdict
from reproductions.page import COLOURS, DATA, NOTHING, Page, estimate, number, panels, parser, table
from service.readers.loading import load_item
from service.readers.opening import open_curves
from service.schemas.options import load_options

NULL_LEVEL = 0.05
TOP = 2  # metrics, as in section 4 of the paper
BOOTSTRAPS = 4000
SEED = 20230428
LEVEL = 0.95
EXAMPLE = DATA / "gpt3_table_h1.csv"


@dataclass(frozen=True, slots=True)
class Rated:
    """What one curve says: its metric, its task as a cluster, its score with its nulls, and its verdict."""

    metric: str
    task: str
    score: float | None
    looks_emergent: bool
    verdict: Verdict | None


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    given = parser(__doc__)
    given.add_argument("files", nargs="*", type=Path, default=[EXAMPLE], help="suites, in any format that is read")
    told = given.parse_args(arguments)
    rated, failed = rated_curves(told.files)
    page = Page("metric_meta", told.out)
    names = ", ".join(path.name for path in told.files)
    page.say("# Which metrics look emergent?", _introduction(names), _counts(rated, failed), _by_metric(rated))
    page.say("## Under the top two metrics", _top_table(rated), _reading(rated))
    page.picture(_figure(rated), "scores", "Emergence scores of all curves by metric")
    print(page.write())


def rated_curves(files: Sequence[Path]) -> tuple[list[Rated], int]:
    """All curves that can be analysed, and how many cannot."""
    rated: list[Rated] = []
    failed = 0
    with ExitStack() as stack:
        for path in files:
            stream = stack.enter_context(open_curves(path, None, None))
            for item in stream.items():
                try:
                    loaded = load_item(item)
                    options = load_options({}, {**stream.options, **loaded.options})
                    rated.append(_rated(analyze(loaded.curve, _default_scale(options))))
                except InvalidInput:
                    failed += 1
    return rated, failed


def _default_scale(options: Options) -> Options:
    """The between-model scale of the suite is that of `scaleshape meta`; here every curve stands for itself."""
    return replace(options, between_model_scale="default") if options.between_model_scale == "suite" else options


def _rated(analysis: Analysis) -> Rated:
    null, score = analysis.emergence.null, analysis.emergence.score.observed
    values = (null.flat_p_value, null.smooth_p_value)
    curve = analysis.curve
    return Rated(
        metric=curve.metric.name,
        task=curve.task,
        score=score,
        looks_emergent=all(p is not None and p < NULL_LEVEL for p in values) and (score is None or score > 0),
        verdict=analysis.emergence.verdict,
    )


def _introduction(names: str) -> str:
    return (
        f"Written by `python -m reproductions.metric_meta FILES…` on {names}. The question is that of section 4 of "
        "Schaeffer, Miranda and Koyejo 2023 ([arXiv 2304.15004](https://arxiv.org/abs/2304.15004)), who found 92 % "
        "of "
        "the abilities claimed on BIG-bench under two metrics. The answer depends on which metrics the suite has: "
        "it is about this suite alone.\n\n"
        "*Emergence-like*: the emergence score is larger than 95 % of those of posterior predictive draws under a "
        "flat "
        "and under a logit-linear curve. *Emergent*: the verdict of the analysis, which also asks whether the "
        "metric, "
        "the test set or the gap between two models explains the rise. Intervals: tasks weighed at random "
        f"({BOOTSTRAPS:,} Dirichlet weights, Rubin's bootstrap), so that promptings and metrics of one task are one "
        "cluster; where all tasks agree, Jeffreys's interval for as many trials as tasks."
    )


def _counts(rated: Sequence[Rated], failed: int) -> str:
    failures = f"; {failed} could not be analysed" if failed else ""
    metrics = {one.metric for one in rated}
    tasks = {one.task for one in rated}
    parts = (_many(len(rated), "curve"), _many(len(tasks), "task"), _many(len(metrics), "metric"))
    return "{} of {} under {}".format(*parts) + f"{failures}."


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _by_metric(rated: Sequence[Rated]) -> str:
    header = ("metric", "curves", "tasks", "median score", "emergence-like", "verdict emergent", "explained")
    return table(header, [_metric_row(metric, rated) for metric, _ in Counter(o.metric for o in rated).most_common()])


def _metric_row(metric: str, rated: Sequence[Rated]) -> tuple[str, ...]:
    own = [one for one in rated if one.metric == metric]
    scores = [one.score for one in own if one.score is not None]
    median = number(float(np.median(scores)), 2) if scores else NOTHING
    return (
        metric,
        str(len(own)),
        str(len({one.task for one in own})),
        median,
        _percent(task_share(own, lambda one: one.looks_emergent)),
        _percent(task_share(own, lambda one: one.verdict is Verdict.EMERGENT)),
        str(sum(str(one.verdict).startswith("explained") for one in own)),
    )


def _percent(interval: Interval) -> str:
    middle, low, high = (
        None if part is None else 100 * part for part in (interval.estimate, interval.lower, interval.upper)
    )
    return f"{estimate(Interval(middle, low, high))} %"


def task_share(rated: Sequence[Rated], chosen: Callable[[Rated], bool]) -> Interval:
    """Share of curves that are chosen, with tasks as clusters."""
    size, hits = _sums(rated, lambda _: True), _sums(rated, chosen)
    return _bootstrapped(hits, size)


def top_share(rated: Sequence[Rated], chosen: Callable[[Rated], bool]) -> tuple[tuple[str, ...], Interval]:
    """The two metrics with the most chosen curves, and the share of the chosen that they hold.

    The two are found again in every bootstrap sample, as they were found in the suite.
    """
    metrics = sorted({one.metric for one in rated})
    tasks = sorted({one.task for one in rated})
    counts = np.zeros((len(tasks), len(metrics)))
    for one in rated:
        counts[tasks.index(one.task), metrics.index(one.metric)] += chosen(one)
    total = counts.sum(axis=0)
    if total.sum() == 0:
        return (), Interval(None, None, None, "none")
    top = tuple(metrics[j] for j in np.argsort(-total, kind="stable")[:TOP] if total[j] > 0)
    drawn = _weights(len(tasks)) @ counts
    some = drawn.sum(axis=1) > 0
    shares = np.sort(drawn[some], axis=1)[:, -TOP:].sum(axis=1) / drawn[some].sum(axis=1)
    low, high = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return top, Interval(float(np.sort(total)[-TOP:].sum() / total.sum()), float(low), float(high))


def _sums(rated: Sequence[Rated], chosen: Callable[[Rated], bool]) -> Floats:
    found: dict[str, float] = dict.fromkeys((one.task for one in rated), 0.0)
    for one in rated:
        found[one.task] += chosen(one)
    return np.array(list(found.values()))


def _bootstrapped(hits: Floats, size: Floats) -> Interval:
    """Quantiles over the weights of tasks; where all tasks agree, Jeffreys's interval of as many trials as tasks."""
    share, count = float(hits.sum() / size.sum()), np.array([float(len(size))])
    if share in (0.0, 1.0):
        lower, upper = jeffreys(share * count, count, LEVEL)
        return Interval(share, float(lower[0]), float(upper[0]))
    weights = _weights(len(size))
    low, high = np.quantile((weights @ hits) / (weights @ size), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(share, float(low), float(high))


def _weights(tasks: int) -> Floats:
    """Dirichlet weights of the tasks (Rubin 1981, the Bayesian bootstrap): no sample is without any task."""
    return np.asarray(np.random.default_rng(SEED).dirichlet(np.ones(tasks), BOOTSTRAPS))


CHOICES: dict[str, Callable[[Rated], bool]] = {
    "emergence-like": lambda one: one.looks_emergent,
    "verdict emergent": lambda one: one.verdict is Verdict.EMERGENT,
    "sharp, whatever explains it": lambda one: one.verdict not in (None, Verdict.NOT_EMERGENT),
    "all curves": lambda one: bool(one.metric),
}


def _top_table(rated: Sequence[Rated]) -> str:
    rows = []
    for name, chosen in CHOICES.items():
        top, share = top_share(rated, chosen)
        count = sum(chosen(one) for one in rated)
        rows.append((name, str(count), ", ".join(top) or NOTHING, _percent(share) if top else NOTHING))
    return table(("curves", "number", "top metrics", "their share"), rows)


def _reading(rated: Sequence[Rated]) -> str:
    metrics = {one.metric for one in rated}
    if len(metrics) <= TOP:
        return (
            f"With {_many(len(metrics), 'metric')} in the suite the share under the top two is 100 % whatever the "
            "data: the table by metric is what can be read here. Give suites of more metrics to see a concentration."
        )
    return "Compare the shares with that of all curves in the last line: a metric with many curves holds many claims."


def _figure(rated: Sequence[Rated]) -> Figure:
    metrics = [metric for metric, _ in Counter(one.metric for one in rated).most_common()]
    figure, (axis,) = panels(1, width=5.5, height=0.5 * len(metrics) + 1.4)
    generator = np.random.default_rng(SEED)
    for place, metric in enumerate(metrics):
        for looks, colour in ((False, COLOURS[4]), (True, COLOURS[1])):
            own = [o.score for o in rated if o.metric == metric and o.looks_emergent is looks and o.score is not None]
            axis.plot(own, place + generator.uniform(-0.2, 0.2, len(own)), "o", color=colour, markersize=3, alpha=0.7)
    axis.set_yticks(range(len(metrics)), metrics)
    axis.set(xscale="symlog", xlabel="emergence score (orange: emergence-like)", ylim=(len(metrics) - 0.5, -0.5))
    return figure


if __name__ == "__main__":
    main()
