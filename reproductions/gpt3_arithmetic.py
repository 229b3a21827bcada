"""GPT-3 arithmetic again: what exact match makes of per-digit accuracy, by target length and test-set size.

S = Schaeffer et al. (arXiv 2304.15004), sections 2 and 3; scores of Brown et al. (arXiv 2005.14165), Table H.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import minimize_scalar
from scipy.stats import binom, chi2

from models.arrays import Floats
from models.results import Interval
from models.words import scale_text
from reproductions.arithmetic_tasks import LENGTHS, Task, tasks
from reproductions.emergence import score_interval, score_of
from reproductions.page import COLOURS, NOTHING, Page, estimate, number, panels, parser, table
from reproductions.test_set_sizes import JUDGED, add_test_set_sizes

LEVEL = 0.95


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    given = parser(__doc__)
    given.add_argument("--judged", type=int, default=JUDGED, help="simulated curves of each size analysed in full")
    told = given.parse_args(arguments)
    page = Page("gpt3_arithmetic", told.out)
    page.say("# GPT-3 arithmetic: exact match and what lies behind it", _introduction())
    _metrics(page)
    _lengths(page)
    add_test_set_sizes(page, [task for task in tasks() if task.operation == "+" and task.length > 2], told.judged)
    print(page.write())


def _introduction() -> str:
    return (
        "Written by `python -m reproductions.gpt3_arithmetic`. Scores are the few-shot rows of Table H.1 of Brown "
        "et al. 2020 "
        "([arXiv 2005.14165](https://arxiv.org/abs/2005.14165)), 2,000 problems a task and eight language models; "
        "the argument is that of Schaeffer, "
        "Miranda and Koyejo 2023 ([arXiv 2304.15004](https://arxiv.org/abs/2304.15004)).\n\n"
        "**Implied** figures are not measured: if the L digits of an answer are right independently and with one "
        "probability c, exact match is c^L, so c = "
        "(exact match)^(1/L), and the expected number of wrong digits (token edit distance, substitutions only) is "
        "L (1 - c). L is the number of digits of the operands. "
        "The sum of two such numbers may have one digit more; L + 1 would raise each implied c, and the last table "
        "of the second section shows by how much. Tokens of "
        "GPT-3 are not digits: c is a per-digit accuracy by convention."
    )


def implied(exact_match: Floats, length: int) -> Floats:
    """Per-digit accuracy that exact match implies under independence."""
    return np.asarray(np.maximum(exact_match, 0.0) ** (1.0 / length))


def _metrics(page: Page) -> None:
    page.say(
        "## One set of outputs, three metrics",
        "Emergence score of Schaeffer et al. (eq. 1): seen, and that of the model-averaged curve with its 95 % "
        "interval. Edit distance is L (1 - c), so its score is that of the implied per-digit "
        "accuracy with the sign turned. An upper end is open where the curve's median step is smaller than the "
        "scores can show. The verdict is that of `scaleshape analyze` with the target length given.",
        table(
            ("task", "exact match, seen", "curve", "per digit (implied), seen", "curve", "verdict"),
            [_metric_row(task) for task in tasks()],
        ),
    )
    page.picture(
        _metric_figure(), "metrics", "Exact match and implied per-digit accuracy of addition against parameters"
    )


def _metric_row(task: Task) -> tuple[str, ...]:
    score = task.found.analysis.emergence.score
    verdict = task.found.analysis.emergence.verdict
    return (
        task.name,
        number(score.observed, 2),
        estimate(score),
        number(score_of(implied(task.found.observed, task.length)), 2),
        estimate(_implied_interval(task)),
        NOTHING if verdict is None else verdict.value.replace("_", " "),
    )


def _implied_interval(task: Task) -> Interval:
    """The smallest step of c that a count can show is the one from 0 to 1 of n, where c is 0: no bound from there."""
    return score_interval(implied(task.found.curves, task.length), LEVEL, 0.0)


def _metric_figure() -> Figure:
    figure, axes = panels(2)
    for task, colour in zip([t for t in tasks() if t.operation == "+"], COLOURS, strict=False):
        found = task.found
        for axis, change in ((axes[0], lambda f: f), (axes[1], lambda f, L=task.length: implied(f, L))):
            low, middle, high = np.quantile(change(found.curves), [0.025, 0.5, 0.975], axis=0)
            axis.fill_between(found.scales, low, high, color=colour, alpha=0.2, linewidth=0)
            axis.plot(found.scales, middle, color=colour, linewidth=1.2)
            axis.plot(found.scales, change(found.observed), "o", color=colour, markersize=3.5, label=task.name)
    axes[0].set(xscale="log", ylim=(-0.03, 1.03), xlabel="parameters", ylabel="exact match")
    axes[1].set(xscale="log", ylim=(-0.03, 1.03), xlabel="parameters", ylabel="per-digit accuracy (implied)")
    axes[0].legend(frameon=False, fontsize=7)
    return figure


def _lengths(page: Page) -> None:
    rows, models = _addition(), tasks()[0].found.scales
    page.say(
        "## Longer answers",
        "If all digits were alike and independent, exact match would fall geometrically with the target length, "
        "c^L, and the edit distance would grow quasilinearly, L (1 - c). One c is fitted to the four "
        "lengths of addition of each language model by maximum likelihood; p is that of the binomial deviance "
        "against a free accuracy for each length (3 degrees of freedom).",
        table(
            ("language model", *(f"L = {length}" for length in LENGTHS), "c fitted", "p"),
            [_law_row(scale, seen) for scale, seen in zip(models, rows, strict=True)],
        ),
        _law_verdict(models, rows),
        "Expected edit distance that each length implies, and for the largest model the same if the sum has one "
        "digit more:",
        table(
            ("language model", *(f"L = {length}" for length in LENGTHS)),
            [
                *((_size(scale), *_distances(seen, 0)) for scale, seen in zip(models, rows, strict=True)),
                (f"{_size(models[-1])}, L + 1 digits", *_distances(rows[-1], 1)),
            ],
        ),
    )
    page.picture(_length_figure(models, rows), "lengths", "Exact match and implied edit distance against target length")


def _addition() -> Floats:
    """Exact match (models, lengths) of addition."""
    return np.stack([task.found.observed for task in tasks() if task.operation == "+"], axis=1)


def _size(scale: float) -> str:
    return scale_text(float(scale), tasks()[0].found.analysis.curve.scale_kind)


def geometric_fit(seen: Floats, n: int = 2000) -> tuple[float, float]:
    """The c of the best geometric law c^L for exact match (4,) at lengths 2 to 5, and the p-value of its deviance."""
    k, lengths = np.rint(seen * n), np.array(LENGTHS)

    def loss(log_c: float) -> float:
        return -float(np.sum(binom.logpmf(k, n, np.exp(log_c * lengths))))

    best = minimize_scalar(loss, bounds=(-12.0, -1e-9), method="bounded", options={"xatol": 1e-10})
    free = float(np.sum(binom.logpmf(k, n, k / n)))
    deviance = 2 * (best.fun + free)
    return float(np.exp(best.x)), float(chi2.sf(max(deviance, 0.0), len(LENGTHS) - 1))


def _law_row(scale: float, seen: Floats) -> tuple[str, ...]:
    c, p = geometric_fit(seen)
    return (_size(scale), *(number(float(value)) for value in seen), number(c), _p(p))


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _law_verdict(models: Floats, rows: Floats) -> str:
    refused = [_size(scale) for scale, seen in zip(models, rows, strict=True) if geometric_fit(seen)[1] < 0.01]
    last = rows[-1] ** (1 / np.array(LENGTHS))
    ways = ", ".join(f"{value:.2f}" for value in last)
    return (
        f"The geometric law is refused (p < .01) for {len(refused)} of {len(models)} models "
        f"({', '.join(refused) or 'none'}). "
        f"For {_size(models[-1])} the implied c falls with the length ({ways}): longer sums are harder digit by "
        "digit, "
        "beyond what the metric does to them. So exact match falls faster than geometrically, and the edit distance "
        "that it implies rises faster than quasilinearly: one c for all lengths is an idealisation that these scores "
        "of the larger models do not bear out. Where the small models have few or no right answers, the law cannot "
        "be "
        "told from others."
    )


def _distances(seen: Floats, extra: int) -> tuple[str, ...]:
    lengths = np.array(LENGTHS) + extra
    return tuple(f"{value:.2f}" for value in lengths * (1 - seen ** (1 / lengths)))


def _length_figure(models: Floats, rows: Floats) -> Figure:
    figure, axes = panels(2)
    lengths, fine = np.array(LENGTHS), np.linspace(LENGTHS[0], LENGTHS[-1], 31)
    for place, colour in zip((-1, -2, -3, -4), COLOURS, strict=False):
        c, _ = geometric_fit(rows[place])
        axes[0].plot(fine, c**fine, color=colour, linewidth=1)
        axes[0].plot(lengths, np.where(rows[place] > 0, rows[place], np.nan), "o", color=colour, markersize=4)
        axes[1].plot(fine, fine * (1 - c), color=colour, linewidth=1)
        distances = lengths * (1 - implied(rows[place], 1) ** (1 / lengths))
        axes[1].plot(lengths, distances, "o", color=colour, markersize=4, label=_size(models[place]))
    axes[0].set(yscale="log", xticks=lengths, xlabel="target length L", ylabel="exact match, c^L", ylim=(2e-4, 1.3))
    axes[1].set(xticks=lengths, xlabel="target length L", ylabel="edit distance (implied), L (1 - c)")
    axes[1].legend(frameon=False, fontsize=7)
    return figure


if __name__ == "__main__":
    main()
