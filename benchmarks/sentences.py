"""Whether the sentences of an analysis are true, on simulated curves: `python -m benchmarks.sentences`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from benchmarks.simulators import GATE_SEED, DataSet, Simulated, simulate
from models.analysis import analyze
from models.options import Options, Shape
from models.results import Analysis
from models.summary_words import rivals

CURVES = 500  # of each data set


def main() -> None:
    """Print the share of true claims of each kind."""
    for data_set in (DataSet.MENU, DataSet.OUTSIDE):
        made, true = Counter[str](), Counter[str]()
        for index in range(CURVES):
            simulated = simulate(data_set, GATE_SEED, index)
            for claim, holds in claims(simulated, analyze(simulated.curve, Options())):
                made[claim] += 1
                true[claim] += holds
        for claim, count in sorted(made.items()):
            print(f"{data_set}: {claim}: {true[claim]} of {count} ({100 * true[claim] / count:.1f} %)")


def claims(simulated: Simulated, found: Analysis) -> Iterator[tuple[str, bool]]:
    """What the sentences of one curve say, each with whether it is so."""
    truth, label, text = simulated.truth, found.classification, found.summary
    yield "the true shape is named", truth.shape in (label.most_probable, *rivals(label))
    if label.label == label.most_probable:
        alone = "is not ruled out" not in text
        yield f"label with {'no rival' if alone else 'a rival'} named", truth.shape is label.most_probable
    if truth.shape in (Shape.POSITIVE, Shape.INVERSE, Shape.FLAT):  # of the others either end may be higher
        for words, shape in (("performance rises by", Shape.POSITIVE), ("performance falls by", Shape.INVERSE)):
            if words in text:
                yield words, truth.shape is shape
    turn = {Shape.U_SHAPED: found.u_turn, Shape.INVERTED_U: found.inverted_u_turn}.get(label.most_probable)
    told = "the turn lies" in text or "the turn would lie" in text
    if told and truth.shape is label.most_probable and turn is not None and truth.turn is not None:
        lower, upper = turn.scale.lower or 0.0, turn.scale.upper or float("inf")
        yield "where it turns, of true turns", lower <= truth.turn <= upper


if __name__ == "__main__":
    main()
