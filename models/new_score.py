"""The score of a language model that nobody has tested: scatter around the curve, and the test's own error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Floats
from models.continuation import Continuation, correlated
from models.likelihood import Observations
from models.predictive import predicted_scores

SCORE_DRAWS = 4000


@dataclass(frozen=True, slots=True)
class NewTest:
    """What a new model is tested with: kind of noise, number of examples, standard error (0 if not given)."""

    kind: int
    trials: float
    stderr: float


def usual_test(observations: Observations, n_examples: int | None) -> NewTest:
    """A test like most of the curve's, or of so many examples."""
    kind = observations.usual_noise
    alike = observations.noise == kind
    trials = float(np.median(observations.trials[alike]))
    return NewTest(
        kind=int(kind),
        trials=trials if n_examples is None else float(n_examples),
        stderr=float(np.median(observations.stderr[alike])),
    )


def score_draws(
    future: Continuation, observations: Observations, test: NewTest, correlation: float, seed: int
) -> tuple[Floats, Floats]:
    """Draws (S,) of a new model's performance, within the metric's bounds, and of the mean curve there.

    The curve is one on its own items. On them a new model has their common error already; on other items it has its
    own error and, as far as the curve's scores share theirs, that of the curve: variances 1/n and correlation/n_curve.
    """
    means, r = future.draws(SCORE_DRAWS)
    shared = correlated(observations)
    if _same_items(observations, test, means):
        trials = test.trials / (1.0 - correlation)
    elif shared.any():
        trials = 1.0 / (1.0 / test.trials + correlation / float(np.median(observations.trials[shared])))
    else:
        trials = test.trials
    one = np.ones(1)
    new = replace(
        observations,
        u=one,
        z=one,
        y=one,
        successes=0.0 * one,
        trials=trials * one,
        stderr=test.stderr * one,
        noise=np.array([test.kind]),
        pairing=None,
        design_effects=None,
    )
    scores = predicted_scores(new, means[:, None], r, seed)[:, 0]
    return np.clip(scores, 0.0, 1.0) if observations.bounded else scores, means


def _same_items(observations: Observations, test: NewTest, means: Floats) -> bool:
    """Whether the new model answers the items of the curve, with counts that are not small."""
    middle = float(np.median(means))
    return bool(correlated(_with_last(observations, test, middle))[-1])


def _with_last(observations: Observations, test: NewTest, share: float) -> Observations:
    """The observations with this test, and this share of successes, at the end."""
    return replace(
        observations,
        successes=np.append(observations.successes, test.trials * share),
        trials=np.append(observations.trials, test.trials),
        noise=np.append(observations.noise, test.kind),
    )
