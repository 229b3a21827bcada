"""Per-example outcomes: how the scores of a curve's points vary together, because all models saw the same items.

Items are a sample: an easy draw of items lifts all models at once, which says nothing about the shape of the curve.
Clusters of items (questions on one text) vary together: a score then varies like that of fewer examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats
from models.curve import ScalePoint

FEWEST_PAIRED = 10.0  # successes, and failures, from which an empirical logit is nearly normal; design, section 1
HALF = 0.5  # added to both: removes the logit's bias to order 1/n (Gart and Zweifel 1967, Biometrika 54)

type Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Items:
    """What N rows of values did on n shared items: deviations (N, G) from each row's mean, summed over each cluster.

    Without clusters every item is a cluster of its own. `sizes` (G,) are the numbers of items in the clusters, `spread`
    (N,) the mean squared deviation of single items: p (1 - p) for outcomes.
    """

    deviations: Floats
    sizes: Floats
    spread: Floats

    @property
    def n_examples(self) -> float:
        """Number n of items."""
        return float(self.sizes.sum())

    @property
    def clustered(self) -> bool:
        """Whether some cluster has more than one item."""
        return len(self.sizes) < self.n_examples


@dataclass(frozen=True, slots=True)
class Pairing:
    """N empirical logits with correlated errors: weight (logit - curve's logit) ~ N(0, V diag(variances) V' + r² I).

    `logit`, `weight` = sqrt(p (1 - p)) and `variances` are (N,), `vectors` V (N, N) has an eigenvector in each column.
    `n_examples` is the number of shared items.
    """

    logit: Floats
    weight: Floats
    variances: Floats
    vectors: Floats
    n_examples: float


def shared_items(points: Sequence[ScalePoint]) -> Items:
    """The items of the points that have outcomes, one at least; rows in the order of these points."""
    given = [point for point in points if point.outcomes is not None]
    return items(np.stack([np.frombuffer(point.outcomes or b"", dtype=np.uint8) for point in given]), given[0].clusters)


def items(values: Floats | Bytes, clusters: Sequence[int] | None) -> Items:
    """The items behind values (N, n)."""
    deviations = values - values.mean(axis=1, keepdims=True)
    spread = np.mean(deviations**2, axis=1)
    if clusters is None:
        return Items(deviations, np.ones(deviations.shape[1]), spread)
    _, place = np.unique(np.asarray(clusters), return_inverse=True)
    sizes = np.bincount(place).astype(float)
    return Items(np.stack([np.bincount(place, row, len(sizes)) for row in deviations]), sizes, spread)


def covariance(known: Items) -> Floats:
    """Sampling covariance (N, N) of the rows' means: G/(G - 1) sum_g d_g d_g'/n².

    The sandwich of Liang and Zeger 1986 (Biometrika 73) with one mean a row; without clusters the sample covariance/n.
    """
    groups = len(known.sizes)
    product = known.deviations @ known.deviations.T
    return np.asarray(product * (groups / (groups - 1) / known.n_examples**2))


def design_effects(known: Items) -> Floats:
    """Variance (N,) of each mean over that of as many independent examples, 1 at least (Kish 1965, section 5.4).

    Where nothing varies in a row, the mean of the others; where nothing varies in any, the largest effect that clusters
    of these sizes can have.
    """
    n, groups = known.n_examples, len(known.sizes)
    if not known.clustered:
        return np.ones(len(known.spread))
    varies = known.spread > 0
    if not varies.any():
        return np.full(len(known.spread), float(np.sum(known.sizes**2)) / n)
    clustered = groups / (groups - 1) * np.sum(known.deviations[varies] ** 2, axis=1) / n**2
    effects = np.maximum(clustered / (known.spread[varies] / (n - 1)), 1.0)
    every = np.full(len(known.spread), float(np.mean(effects)))
    every[varies] = effects
    return every


def shrunken_correlation(known: Items) -> Floats:
    """Correlation (N, N) of the rows' means, shrunken towards none; every row must vary.

    The intensity is Schäfer and Strimmer's (2005, Statistical Applications in Genetics and Molecular Biology 4:32,
    section 2.4, target "unequal variances"): the correlations' summed variance over their summed square. It is 1/G at
    least, so that two models that agree on every item are not taken to agree on every other.
    """
    groups = len(known.sizes)
    scaled = known.deviations / np.sqrt(np.mean(known.deviations**2, axis=1, keepdims=True))
    mean = scaled @ scaled.T / groups  # of the products, over the clusters
    squares = scaled**2
    variance = np.maximum(squares @ squares.T - groups * mean**2, 0.0) / (groups * (groups - 1))
    apart = ~np.eye(len(mean), dtype=bool)
    noise, signal = float(np.sum(variance[apart])), float(np.sum(mean[apart] ** 2))
    intensity = min(max(noise / signal if signal > noise else 1.0, 1 / groups), 1.0)
    return np.where(apart, (1 - intensity) * mean, 1.0)


def pairing(known: Items, successes: Floats) -> Pairing | None:
    """The joint errors of counts (N,) of success on shared items; None where one of them is too near a bound.

    What is near is judged by k/deff of n/deff.
    """
    n, effects = known.n_examples, design_effects(known)
    if float(np.min(np.minimum(successes, n - successes) / effects)) < FEWEST_PAIRED:
        return None
    share, widening = (successes + HALF) / (n + 2 * HALF), np.sqrt(effects)
    variances, vectors = np.linalg.eigh(widening[:, None] * shrunken_correlation(known) * widening / n)
    return Pairing(
        logit=np.log(share) - np.log1p(-share),
        weight=np.sqrt(share * (1 - share)),
        variances=np.maximum(variances, 0.0),
        vectors=vectors,
        n_examples=n,
    )
