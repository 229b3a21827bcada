"""Examples of requests for metric curves, tested against the schemas and against the running app."""

from __future__ import annotations

import math
from typing import Any

_SIZES = (1e8, 1e9, 1e10, 1e11)
_TASK = {"task": "3-digit addition", "model_family": "Example", "prompting": "few-shot"}
_ACCURACY = (0.004, 0.06, 0.32, 0.68)


def _tokens(scale: float) -> list[list[float]]:
    """Log-probabilities of three tokens of eight examples of growing difficulty."""
    rate = (scale / 1e9) ** -0.4
    return [[round(-rate * (0.4 + 0.2 * example + 0.1 * token), 4) for token in range(3)] for example in range(8)]


def _options(scale: float) -> list[list[float]]:
    """Log-probabilities over three options, of which the first is right, of eight examples."""
    lead = math.log10(scale / 1e9)
    rows = [[lead - 0.25 * example, 0.3, 0.05 * example] for example in range(8)]
    return [[round(value - math.log(sum(map(math.exp, row))), 5) for value in row] for row in rows]


def _outputs(name: str, rows: list[Any]) -> list[dict[str, Any]]:
    return [
        {"model": f"size {i}", "scale": scale, name: row}
        for i, (scale, row) in enumerate(zip(_SIZES, rows, strict=True))
    ]


METRIC_CURVES: dict[str, dict[str, Any]] = {
    "power law": {"power_law": {"c": 1e9, "alpha": -0.5}, "scales": list(_SIZES), "target_length": 5, "n_options": 4},
    "log-probabilities of a token": {
        "token_log_probabilities": [-3.2, -1.0, -0.3, -0.1],
        "scales": list(_SIZES),
        "target_length": 5,
    },
    "behind an accuracy curve": {
        "curve": {
            **_TASK,
            "metric": {"name": "exact_match", "target_length": 3},
            "points": [{"scale": x, "score": y, "n_examples": 1000} for x, y in zip(_SIZES, _ACCURACY, strict=True)],
        }
    },
    "outputs: tokens": {**_TASK, "outputs": _outputs("token_log_probabilities", [_tokens(x) for x in _SIZES])},
    "outputs: options": {
        "task": "questions with three options",
        "answers": [0] * 8,
        "outputs": _outputs("option_log_probabilities", [_options(x) for x in _SIZES]),
    },
    "outputs: errors": {
        "task": "reconstruction",
        "thresholds": [0.1, 0.3],
        "smallest_effects": {"mean_error": 0.02},
        "outputs": _outputs("errors", [[0.5 / i + 0.02 * j for j in range(6)] for i in range(1, 5)]),
    },
}
