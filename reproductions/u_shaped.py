"""U-shaped scaling again: the probability of each published label, on PaLM and on curves of your own.

Wei, Kim, Tay and Le (arXiv 2211.02011) call PaLM on Quote Repetition U-shaped. The tasks of the Inverse Scaling Prize
(McKenzie et al., arXiv 2306.09479) and TruthfulQA (Lin, Hilton and Evans, arXiv 2109.07958) were published as inverse
scaling, on other models than Pythia.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from models.analysis import analyze
from models.curve import ScalingCurve
from models.options import Options, Shape
from models.results import Analysis
from models.words import scale_text
from reproductions.emergence import read_curves
from reproductions.page import COLOURS, DATA, NOTHING, Page, panels, parser, probability, table

INVERSE_TASKS = {
    "isp_hindsight_neglect": "Hindsight Neglect",
    "isp_into_the_unknown": "Into the Unknown",
    "isp_memo_trap": "Memo Trap",
    "isp_modus_tollens": "Modus Tollens",
    "isp_neqa": "Negation QA",
    "isp_pattern_matching_suppression": "Pattern Matching Suppression",
    "isp_redefine": "Redefine Math",
    "isp_repetitive_algebra": "Repetitive Algebra",
    "isp_resisting_correction": "Resisting Correction",
    "isp_sig_figs": "Sig Figs",
    "truthfulqa_mc": "TruthfulQA (mc1)",
}
METRICS = ("accuracy", "acc", "mc1")  # one of the metrics of the same outputs; mc2 is no share of answers
NAMES = {
    Shape.POSITIVE: "positive",
    Shape.INVERSE: "inverse",
    Shape.U_SHAPED: "U-shaped",
    Shape.INVERTED_U: "inverted U",
    Shape.FLAT: "flat",
}
PALM = "PaLM on Quote Repetition"


@dataclass(frozen=True, slots=True)
class Case:
    """A curve with the label that was published for its task, and its analysis."""

    name: str
    published: Shape
    analysis: Analysis

    @property
    def probability(self) -> float:
        """Of the published label."""
        return self.analysis.classification.probabilities[self.published]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    given = parser(__doc__)
    given.add_argument("--pythia", type=Path, help="curves of the prize's tasks, a tidy table with task, acc and mc1")
    told = given.parse_args(arguments)
    page = Page("u_shaped", told.out)
    page.say("# U-shaped scaling: how probable are the published labels?", _introduction())
    _palm(page)
    if told.pythia is not None:
        _pythia(page, told.pythia)
    print(page.write())


def palm() -> Case:
    """PaLM on Quote Repetition."""
    (curve,) = read_curves(DATA / "palm_quote_repetition.csv")
    return Case(PALM, Shape.U_SHAPED, analyze(curve, Options()))


def pythia(path: Path) -> list[Case]:
    """Curves of tasks that were published as inverse scaling."""
    curves = [c for c in read_curves(path) if c.task in INVERSE_TASKS and _wanted(c)]
    return [Case(INVERSE_TASKS[c.task], Shape.INVERSE, analyze(c, Options())) for c in curves]


def _wanted(curve: ScalingCurve) -> bool:
    return curve.metric.name in METRICS


def _introduction() -> str:
    return (
        "Written by `python -m reproductions.u_shaped`, with `--pythia FILE` for the second section. Each curve is "
        "analysed as `scaleshape analyze` does it, with its default priors; the table gives the probability of the "
        "label that was published, whatever the analysis itself says."
    )


def _palm(page: Page) -> None:
    case = palm()
    page.say(
        "## PaLM",
        "Accuracies of three language models of 300 examples each, from Wei, Kim, Tay and Le, *Inverse scaling can "
        "become U-shaped* ([arXiv 2211.02011](https://arxiv.org/abs/2211.02011)), who call this curve U-shaped.",
        _table([case]),
        f"> {case.analysis.summary}",
    )
    page.picture(_palm_figure(case), "palm", "PaLM on Quote Repetition: scores, averaged curve and its band")


def _pythia(page: Page, path: Path) -> None:
    cases = pythia(path)
    same = sum(case.analysis.classification.most_probable is case.published for case in cases)
    refuted = [case.name for case in cases if case.probability < 0.05]
    page.say(
        "## Pythia",
        "The tasks of the Inverse Scaling Prize (McKenzie et al. 2023, [arXiv 2306.09479]"
        "(https://arxiv.org/abs/2306.09479)) and TruthfulQA (Lin, Hilton and Evans 2022, [arXiv 2109.07958]"
        "(https://arxiv.org/abs/2109.07958)) were published as inverse scaling, on other language models. Here they "
        "are on Pythia at its last checkpoint, eight sizes; the scores are from the results of Michaelov and Bergen "
        "2023 ([arXiv 2305.14681](https://arxiv.org/abs/2305.14681)) and are not part of this project.",
        _table(cases),
        f"Inverse scaling is the most probable shape of {same} of {len(cases)} curves. Its probability is below .05 "
        f"for {len(refuted)}: {', '.join(refuted) or 'none'}. That a task was found to fall on other models says "
        "little "
        "about these: the prize's models were larger, and a distractor that none of these has learnt yet leaves a "
        "flat "
        "curve.",
    )
    page.picture(_shapes_figure(cases), "pythia", "Probabilities of the five shapes for each task on Pythia")


def _table(cases: Sequence[Case]) -> str:
    header = ("curve", "published", "its probability", "label here", "most probable", "turn", "robust")
    return table(header, [_row(case) for case in cases])


def _row(case: Case) -> tuple[str, ...]:
    found = case.analysis.classification
    most = f"{NAMES[found.most_probable]} ({probability(found.probability)})"
    label = "undetermined" + (", erratic" if found.erratic else "")
    label = NAMES[Shape(found.label)] if found.label != "undetermined" else label
    robust = "yes" if found.robust else "no"
    return case.name, NAMES[case.published], probability(case.probability), label, most, _turn(case.analysis), robust


def _turn(analysis: Analysis) -> str:
    turns = {Shape.U_SHAPED: analysis.u_turn, Shape.INVERTED_U: analysis.inverted_u_turn}
    turn = turns.get(analysis.classification.most_probable)
    if turn is None or turn.scale.lower is None or turn.scale.upper is None:
        return NOTHING
    kind = analysis.curve.scale_kind
    return f"{scale_text(turn.scale.lower, kind, 2)} to {scale_text(turn.scale.upper, kind, 2)}"


def _palm_figure(case: Case) -> Figure:
    figure, (axis,) = panels(1, width=4.6)
    grid = case.analysis.fit.grid
    scales = [node.scale for node in grid]
    axis.fill_between(
        scales, [n.lower for n in grid], [n.upper for n in grid], color=COLOURS[0], alpha=0.2, linewidth=0
    )
    axis.plot(scales, [n.estimate for n in grid], color=COLOURS[0], linewidth=1.2)
    for point in case.analysis.points:
        axis.plot([point.scale] * 2, [point.interval.lower or 0, point.interval.upper or 1], color="0.3", linewidth=1)
        axis.plot(point.scale, point.score, "o", color="0.2", markersize=4)
    axis.set(xscale="log", xlabel="parameters", ylabel="accuracy", title=case.name)
    axis.xaxis.set_minor_formatter(NullFormatter())
    return figure


def _shapes_figure(cases: Sequence[Case]) -> Figure:
    figure, (axis,) = panels(1, width=6.5, height=0.3 * len(cases) + 1.0)
    left = np.zeros(len(cases))
    for shape, colour in zip(NAMES, COLOURS[2:3] + COLOURS[1:2] + COLOURS[0:1] + COLOURS[3:5], strict=True):
        width = np.array([case.analysis.classification.probabilities[shape] for case in cases])
        axis.barh(range(len(cases)), width, left=left, color=colour, label=NAMES[shape], height=0.7)
        left += width
    axis.set_yticks(range(len(cases)), [case.name for case in cases])
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), xlabel="probability")
    axis.legend(frameon=False, fontsize=7, ncols=5, loc="lower center", bbox_to_anchor=(0.4, 1.0))
    return figure


if __name__ == "__main__":
    main()
