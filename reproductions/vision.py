"""Emergence induced in networks that are trained here: smooth errors, sharp metrics.

S = Schaeffer et al. (arXiv 2304.15004), section 5. Autoencoders and classifiers of growing width on scikit-learn's
digits; the same outputs under metrics that are smooth and metrics that are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from models.analysis import analyze
from models.arrays import Bools, Floats
from models.curve import ScalePoint, ScalingCurve
from models.metrics import Metric, MetricKind
from models.options import Options
from models.results import Analysis
from reproductions.networks import Digits, autoencoder, classifier, digits, parameters
from reproductions.page import COLOURS, NOTHING, Page, estimate, number, panels, parser, table

PIXELS, CLASSES = 64, 10
BOTTLENECKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
STEPS = 400
GROUPS = (2, 5, 20)  # digits that must all be right
CLOSE = 1.5  # times the mean error of the widest autoencoder: the c below which an image counts as rebuilt
SEED = 0
FAMILY = "one hidden layer"
REBUILDING = {"error": "mean squared error", "rebuilt": "share of images with an error below c"}
CLASSIFYING = {
    "brier": "Brier score",
    "grade": "multiple-choice grade",
    **{f"subset_{size}": f"all of {size} digits right" for size in GROUPS},
}

type Reading = Callable[[Mapping[str, Analysis]], str]
"""What is to be read off the analyses by metric."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Scores of networks by metric, as curves over the number of parameters, and the threshold c."""

    curves: Mapping[str, ScalingCurve]
    threshold: float | None = None


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    given = parser(__doc__)
    given.add_argument("--steps", type=int, default=STEPS, help="of training, for each network")
    told = given.parse_args(arguments)
    data = digits()
    rebuilding, classifying = autoencoders(data, told.steps), classifiers(data, told.steps)
    page = Page("vision", told.out)
    page.say("# Emergence induced in networks trained here", _introduction(told.steps))
    _section(page, "Autoencoders", _about_autoencoders(rebuilding), rebuilding, _rebuilding_words)
    _section(page, "Classifiers", _about_classifiers(), classifying, _classifying_words)
    print(page.write())


def autoencoders(data: Digits, steps: int) -> Trained:
    """Reconstruction errors of autoencoders of growing width, and the share of images rebuilt to within c."""
    errors = np.stack([autoencoder(data, width, steps, SEED) for width in BOTTLENECKS])
    sizes = [parameters(PIXELS, width, PIXELS) for width in BOTTLENECKS]
    threshold = CLOSE * float(errors[-1].mean())
    return Trained(
        {"error": _means("error", sizes, errors), "rebuilt": _shares("rebuilt", sizes, errors < threshold)}, threshold
    )


def classifiers(data: Digits, steps: int) -> Trained:
    """The same probabilities under several metrics."""
    probabilities = [classifier(data, width, steps, SEED) for width in WIDTHS]
    sizes = [parameters(PIXELS, width, CLASSES) for width in WIDTHS]
    truth = np.eye(CLASSES)[data.test_labels]
    brier = np.stack([0.5 * np.sum((p - truth) ** 2, axis=1) for p in probabilities])
    right = np.stack([p.argmax(axis=1) == data.test_labels for p in probabilities])
    subsets = {f"subset_{size}": _subset(sizes, right, size) for size in GROUPS}
    return Trained({"brier": _means("brier", sizes, brier), "grade": _shares("grade", sizes, right), **subsets})


def _subset(sizes: Sequence[int], right: Bools, size: int) -> ScalingCurve:
    """Problems of so many images, solved where all are right; the analysis is told that length."""
    curve = _shares("subset", sizes, right.reshape(len(right), -1, size).all(axis=2))
    return replace(curve, metric=replace(curve.metric, name="exact_match", target_length=size))


def _means(name: str, sizes: Sequence[int], values: Floats) -> ScalingCurve:
    """A bounded mean over the images, lower is better."""
    metric = Metric(name, MetricKind.BOUNDED, higher_is_better=False, linear=True, continuous=True)
    points = tuple(
        ScalePoint(float(size), float(row.mean()), len(row), float(row.std(ddof=1) / np.sqrt(len(row))))
        for size, row in zip(sizes, values, strict=True)
    )
    return ScalingCurve("digits", metric, points, model_family=FAMILY)


def _shares(name: str, sizes: Sequence[int], hits: Bools) -> ScalingCurve:
    metric = Metric(name, MetricKind.PROPORTION, linear=False, continuous=False)
    points = tuple(
        ScalePoint(float(size), float(row.mean()), len(row), n_correct=int(row.sum()))
        for size, row in zip(sizes, hits, strict=True)
    )
    return ScalingCurve("digits", metric, points, model_family=FAMILY)


def _introduction(steps: int) -> str:
    return (
        "Written by `python -m reproductions.vision`, which trains all networks anew on one processor core in well "
        "under two minutes. After Schaeffer, Miranda and Koyejo 2023 "
        "([arXiv 2304.15004](https://arxiv.org/abs/2304.15004)), section 5: nobody calls the digits of scikit-learn "
        "an emergent ability, but a metric can make them look like one.\n\n"
        "Networks have one hidden layer of growing width (tanh) and are trained on 797 images of 8 x 8 pixels for "
        f"{steps:,} steps of Adam on all of them, one network a width, nothing "
        "chosen by its result; 1,000 other images are the test set. Scale is the number of parameters. Emergence "
        "scores are those seen and those of the model-averaged curve with 95 % intervals "
        "(open where the curve's median step is below what the scores show)."
    )


def _about_autoencoders(trained: Trained) -> str:
    return (
        f"Bottlenecks of {', '.join(map(str, BOTTLENECKS))} units. The error is the mean squared difference of "
        "pixels in [0, 1]. An image counts as rebuilt when its error is below c = "
        f"{number(trained.threshold)}, {CLOSE:g} times the mean error of the widest network: the threshold is put "
        "where it makes the jump, as in the paper."
    )


def _about_classifiers() -> str:
    return (
        f"Hidden layers of {', '.join(map(str, WIDTHS))} units. The same probabilities for the same images are "
        "scored in several ways: Brier score (half the squared distance to the truth, continuous), "
        "multiple-choice grade (the most probable digit is the right one) and subset accuracy: the 1,000 images "
        "are put into "
        f"problems of {', '.join(map(str, GROUPS))}, each solved if all its images are right; the analysis is told "
        "that target length."
    )


def _section(page: Page, title: str, about: str, trained: Trained, reading: Reading) -> None:
    words = REBUILDING | CLASSIFYING
    found = {name: analyze(curve, Options()) for name, curve in trained.curves.items()}
    page.say(f"## {title}", about, _table(found, words), reading(found))
    page.picture(_figure(trained, found, words), title.lower(), f"{title}: every metric against parameters")


def _table(found: Mapping[str, Analysis], words: Mapping[str, str]) -> str:
    header = (
        "metric",
        "smallest",
        "largest",
        "emergence score, seen",
        "curve",
        "largest step",
        "10-90 % width, decades",
    )
    return table(header, [_row(words[name], analysis) for name, analysis in found.items()])


def _row(words: str, analysis: Analysis) -> tuple[str, ...]:
    points, emergence = analysis.curve.points, analysis.emergence
    step = emergence.largest_step_share
    share = NOTHING if step is None else f"{100 * step:.0f} %"
    ends = number(points[0].score), number(points[-1].score)
    score = number(emergence.score.observed, 2), estimate(emergence.score)
    return words, *ends, *score, share, estimate(emergence.sharpness.width_decades)


def _in_order(found: Mapping[str, Analysis], words: Mapping[str, str]) -> str:
    """Emergence scores seen, the lowest first; what is undefined is said."""
    scores = {words[name]: analysis.emergence.score.observed for name, analysis in found.items()}
    known = sorted((score, name) for name, score in scores.items() if score is not None)
    shown = ", ".join(f"{name} {number(score, 2)}" for score, name in known)
    unknown = ", ".join(name for name, score in scores.items() if score is None)
    missing = f"; undefined, because half of the steps are zero, for {unknown}" if unknown else ""
    return f"Emergence scores of the same networks, the lowest first: {shown}{missing}."


def _rebuilding_words(found: Mapping[str, Analysis]) -> str:
    error, rebuilt = (found[name].emergence.sharpness.width_decades for name in ("error", "rebuilt"))
    return (
        f"{_in_order(found, REBUILDING)} The jump comes from the threshold: the errors of the same images fall over "
        f"{estimate(error)} decades of parameters, the share of them below c rises within {estimate(rebuilt)}."
    )


def _classifying_words(found: Mapping[str, Analysis]) -> str:
    longest = found[f"subset_{GROUPS[-1]}"].curve.points
    zeros = sum(point.score == 0 for point in longest)
    return (
        f"{_in_order(found, CLASSIFYING)} The longer the problem, the later its rise begins: {zeros} of "
        f"{len(longest)} networks solve no problem of {GROUPS[-1]} digits, though all are better than chance at "
        "one digit. The emergence score does not show that here: it is dominated by the smallest steps, and the "
        "smooth scores, which level off among the wide networks, have smaller ones. Over this range of little more "
        "than a decade the widths of the rises are alike. So this half of the reproduction supports the paper's point "
        "about what a small network is seen to do, and not that of a sharper rise."
    )


def _figure(trained: Trained, found: Mapping[str, Analysis], words: Mapping[str, str]) -> Figure:
    figure, axes = panels(len(found), width=3.2, height=2.9)
    for axis, (name, analysis), colour in zip(axes, found.items(), COLOURS, strict=False):
        grid, points = analysis.fit.grid, trained.curves[name].points
        scales = [node.scale for node in grid]
        lower, upper = [node.lower for node in grid], [node.upper for node in grid]
        axis.fill_between(scales, lower, upper, color=colour, alpha=0.2, linewidth=0)
        axis.plot(scales, [node.estimate for node in grid], color=colour, linewidth=1.2)
        axis.plot(
            [point.scale for point in points], [point.score for point in points], "o", color="0.2", markersize=3.5
        )
        axis.set(xscale="log", xlabel="parameters")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(words[name], fontsize=8)
    return figure


if __name__ == "__main__":
    main()
