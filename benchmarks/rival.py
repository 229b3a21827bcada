"""A rival that knows the simulator: classifiers trained on it, tested on the same curves as the analysis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.features import test_work, training_work
from benchmarks.running import Runner
from benchmarks.simulators import DataSet
from benchmarks.truth import FloatArray

TRAINING_CURVES = 60_000
TREES, MLP, BOTH = "gradient-boosted trees", "multilayer perceptron", "mean of both"


def rival_probabilities(
    runner: Runner, data_set: DataSet, seed: int, count: int, training: int = TRAINING_CURVES
) -> Mapping[str, FloatArray]:
    """Class probabilities (count, 5) of each rival on the test curves 0 to count - 1."""
    x, y = _table(runner.run(training_work, data_set.value, seed, training))
    tested, _ = _table(runner.run(test_work, data_set.value, seed, count))
    trees = _trees(seed).fit(x, y).predict_proba(tested)
    network = _network(seed).fit(x, y).predict_proba(tested)
    return {TREES: trees, MLP: network, BOTH: (trees + network) / 2}


def _table(lines: list[dict[str, Any]]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    return np.array([line["x"] for line in lines]), np.array([line["y"] for line in lines])


def _trees(seed: int) -> Any:
    return HistGradientBoostingClassifier(
        learning_rate=0.06,
        max_iter=600,
        max_leaf_nodes=24,
        l2_regularization=1.0,
        early_stopping=True,
        n_iter_no_change=15,
        random_state=seed,
    )


def _network(seed: int) -> Any:
    network = MLPClassifier(
        (128, 64), alpha=1e-3, early_stopping=True, n_iter_no_change=8, max_iter=80, random_state=seed
    )
    return make_pipeline(StandardScaler(), network)
