"""Verdicts over a suite: counts, shares with intervals over tasks, the metrics that carry the claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.suites import suite_curve_of
from models.results import Verdict
from models.suite_curve import SuiteCurve
from models.suite_emergence import looking_share, share_of_clusters, share_over_tasks, suite_emergence
from models.suite_words import claims_words

METRICS = ("exact_match", "multiple_choice_grade", "brier", "edit_distance")


def judged(task: str, metric: str, verdict: Verdict | None) -> SuiteCurve:
    return replace(suite_curve_of(np.eye(5)[0], task, metric), verdict=verdict)


def suite(claims: Sequence[Sequence[bool]], verdict: Verdict = Verdict.EMERGENT) -> list[SuiteCurve]:
    """A task a row, a curve under every metric; True where it claims emergence."""
    return [
        judged(f"task {i}", metric, verdict if claimed else Verdict.NOT_EMERGENT)
        for i, row in enumerate(claims)
        for metric, claimed in zip(METRICS, row, strict=True)
    ]


def test_the_two_metrics_with_the_most_claims_are_named_with_their_share() -> None:
    found = suite_emergence(suite([(True, True, False, False)] * 4 + [(True, False, True, False)]), 0.95)
    own = found.emergent
    assert own.top_metrics == ("exact_match", "multiple_choice_grade")
    assert (own.n_claims, own.n_tasks, own.n_metrics, found.n_metrics) == (10, 5, 3, 4)
    assert own.share.estimate == pytest.approx(0.9)
    assert own.share.lower is not None
    assert own.share.upper is not None
    assert 0.4 < own.share.lower < 0.9 < own.share.upper < 1
    assert own.share_of_all_curves == pytest.approx(0.5)
    assert own.held_out_share == pytest.approx(0.9)


def test_looking_emergent_is_whatever_explains_it_and_emergent_is_the_verdict() -> None:
    curves = suite([(True, True, True, False)] * 3, Verdict.EXPLAINED_BY_METRIC)
    found = suite_emergence(curves, 0.95)
    assert found.emergent_looking.n_claims == 9
    assert found.emergent.n_claims == 0
    assert found.emergent.reason == found.emergent.share.reason == "no_claims"
    assert found.all_metrics.verdicts == {Verdict.NOT_EMERGENT: 3, Verdict.EXPLAINED_BY_METRIC: 9}
    assert found.all_metrics.shares[Verdict.EXPLAINED_BY_METRIC].estimate == pytest.approx(0.75)
    assert looking_share(found.all_metrics).estimate == pytest.approx(0.75)


def test_metrics_chosen_from_other_tasks_do_not_flatter_their_share() -> None:
    """Each claim under a metric of its own: any two hold a third of six, but no task's is foretold by the others."""
    curves = [judged(f"task {i}", f"metric {i}", Verdict.EMERGENT) for i in range(6)]
    own = suite_emergence(curves, 0.95).emergent
    assert own.share.estimate == pytest.approx(1 / 3)
    assert own.held_out_share == 0.0


def test_what_cannot_be_said_is_null_with_its_reason() -> None:
    none = suite_emergence([judged("task", "brier", None)], 0.95)
    assert (none.reason, none.n_curves, none.all_metrics.shares) == ("no_verdicts", 0, {})
    two = suite_emergence([judged(f"task {i}", METRICS[i % 2], Verdict.EMERGENT) for i in range(4)], 0.95)
    assert two.emergent.share.reason == "fewer_than_three_metrics"
    one = suite_emergence(suite([(True, True, True, False)]), 0.95).emergent
    assert (one.share.lower, one.share.reason, one.held_out_share) == (None, "fewer_than_two_tasks", None)
    assert one.share.estimate == pytest.approx(2 / 3)


def test_a_share_of_none_or_all_is_as_unsure_as_its_tasks_are_few() -> None:
    few, many = (suite([(True, True, False, False)] * size) for size in (3, 30))
    shares = [suite_emergence(curves, 0.95).emergent.share for curves in (few, many)]
    assert [share.upper for share in shares] == [1.0, 1.0]
    lower = [share.lower or 0.0 for share in shares]
    assert lower[0] < 0.5
    assert lower[1] > 0.9


def test_tasks_of_one_mix_are_no_surer_than_those_that_nearly_have_it() -> None:
    """Two tasks of ten curves: between equal shares of hits there is no variance, which two tasks cannot know."""
    alike, nearly = (share_of_clusters(np.full(2, 10.0), np.array(hits), 0.95) for hits in ([5.0, 5.0], [5.0, 6.0]))
    widths = [(share.upper or 0) - (share.lower or 0) for share in (alike, nearly)]
    assert widths[0] == pytest.approx(widths[1], rel=0.05)


def test_intervals_over_tasks_cover_where_intervals_over_curves_would_not() -> None:
    """The curves of a task share its own propensity: beta(2, 2), 1 to 12 curves a task."""
    rng = np.random.default_rng(21)
    hits: list[bool] = []
    naive: list[bool] = []
    for _ in range(400):
        tasks = int(rng.integers(8, 40))
        curves, singles = [], []
        for i in range(tasks):
            claimed = rng.random(int(rng.integers(1, 13))) < rng.beta(2, 2)
            curves += [judged(f"task {i}", METRICS[not c], Verdict.EMERGENT) for c in claimed]
            singles += [judged(f"curve {i} {j}", METRICS[not c], Verdict.EMERGENT) for j, c in enumerate(claimed)]
        for own, found in ((curves, hits), (singles, naive)):
            share = share_over_tasks(own, lambda curve: curve.groups["metric"] == METRICS[0], 0.95)
            found.append((share.lower or 0) <= 0.5 <= (share.upper or 1))
    assert 0.92 <= np.mean(hits) <= 0.98
    assert np.mean(naive) < 0.9


def test_words_tell_what_explains_the_claims_and_which_metrics_carry_them() -> None:
    curves = suite([(True, True, False, False)] * 9 + [(True, False, True, False)], Verdict.EXPLAINED_BY_METRIC)
    curves[0] = replace(curves[0], verdict=Verdict.UNDETERMINED)
    text = claims_words(suite_emergence(curves, 0.95))
    assert text.startswith(
        "20 of 40 curves look emergent (a sharp rise): 19 explained by the metric, 1 open, none called emergent. "
        "Of the emergent-looking curves 95 % ("
    )
    assert "under exact_match and multiple_choice_grade; these metrics have 50 % of all curves." in text
    assert claims_words(suite_emergence(suite([(False,) * 4] * 2), 0.95)).startswith("None of 8 curves")
    assert claims_words(suite_emergence([judged("task", "brier", None)], 0.95)) == ""
