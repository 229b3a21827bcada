"""The part of the calibration report that compares the analysis with classifiers trained on the simulator."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.gates import LARGEST_LOSS_OVER_RIVAL, Gate
from benchmarks.markdown import percent, table, with_error
from benchmarks.outcomes import Outcome
from benchmarks.rival import TRAINING_CURVES, rival_probabilities
from benchmarks.running import Runner
from benchmarks.scoring import log_losses, mean_of, probabilities, right_of, share, truth_codes
from benchmarks.simulators import DataSet


def rival_section(
    runner: Runner, data_set: DataSet, title: str, seed: int, outcomes: Sequence[Outcome]
) -> tuple[str, Gate]:
    """Table of log loss and accuracy side by side, and the gate on the distance to the best rival."""
    truth = truth_codes(outcomes)
    rivals = rival_probabilities(runner, data_set, seed, len(outcomes))
    ours = log_losses(probabilities(outcomes), truth)
    right = share(right_of(probabilities(outcomes), truth))
    rows = [("scaleshape", with_error(mean_of(ours)), percent(right), "")]
    gaps = {}
    for name, p in rivals.items():
        theirs = log_losses(p, truth)
        gaps[name] = mean_of(ours - theirs)
        right = share(right_of(p, truth))
        rows.append((name, with_error(mean_of(theirs)), percent(right), with_error(gaps[name])))
    header = (f"{title}, {len(outcomes)} curves", "log loss", "right", "scaleshape minus this (paired)")
    worst = max(gaps.values(), key=lambda gap: gap.value)
    name = f"log loss above the best of {len(gaps)} classifiers trained on {TRAINING_CURVES:,} curves, {title}"
    target = f"≤ {LARGEST_LOSS_OVER_RIVAL:.2f} nats"
    return table(header, rows), Gate(name, target, with_error(worst), worst.value <= LARGEST_LOSS_OVER_RIVAL)
