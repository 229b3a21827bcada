"""Examples of requests, tested against the schemas and against the running app."""

from __future__ import annotations

from typing import Any

_POINTS = (
    ("GPT-3 Small", 125e6, 0.0015),
    ("GPT-3 Medium", 350e6, 0.0025),
    ("GPT-3 Large", 760e6, 0.004),
    ("GPT-3 XL", 1.3e9, 0.0085),
    ("GPT-3 2.7B", 2.7e9, 0.0285),
    ("GPT-3 6.7B", 6.7e9, 0.0755),
    ("GPT-3 13B", 13e9, 0.2045),
    ("GPT-3 175B", 175e9, 0.8025),
)
CURVE: dict[str, Any] = {
    "task": "3-digit addition",
    "metric": {"name": "exact_match", "kind": "proportion", "target_length": 3},
    "prompting": "few-shot",
    "model_family": "GPT-3",
    "scale_kind": "parameters",
    "points": [{"model": model, "scale": scale, "score": score, "n_examples": 2000} for model, scale, score in _POINTS],
    "suite": "gpt3-table-h1",
    "tags": {"source": "Table H.1"},
    "options": {"seed": 0},
}
LOSS: dict[str, Any] = {
    "task": "held-out text",
    "metric": "loss",
    "scale_kind": "training_flops",
    "points": [
        {"scale": 1e18, "score": 3.4, "stderr": 0.01},
        {"scale": 1e19, "score": 3.0, "stderr": 0.01},
        {"scale": 1e20, "score": 2.7, "stderr": 0.01},
    ],
    "options": {"smallest_effect": 0.05},
}
DISTRACTOR: dict[str, Any] = {
    "task": "misquoted proverbs",
    "metric": {"name": "accuracy", "chance": 0.25},
    "points": [
        {"scale": 1e8, "score": 0.25, "distractor_score": 0.26, "n_examples": 500},
        {"scale": 1e9, "score": 0.17, "distractor_score": 0.55, "n_examples": 500},
        {"scale": 1e10, "score": 0.15, "distractor_score": 0.72, "n_examples": 500},
        {"scale": 1e11, "score": 0.76, "distractor_score": 0.12, "n_examples": 500},
    ],
}
CURVES = {"accuracy": CURVE, "loss": LOSS, "distractor": DISTRACTOR}
BATCHES = {
    "curves": {"curves": [CURVE, LOSS], "options": {"smallest_effect": 0.01}},
    "stored curves again": {"from": {"suite": "gpt3-table-h1"}, "options": {"seed": 1}},
}
NDJSON = {
    "two curves": (
        '{"task": "a", "metric": "accuracy", "points": [{"scale": 1e8, "score": 0.2, "n_examples": 100}, '
        '{"scale": 1e9, "score": 0.5, "n_examples": 100}, {"scale": 1e10, "score": 0.8, "n_examples": 100}]}\n'
        '{"task": "b", "metric": "accuracy", "points": [{"scale": 1e8, "score": 0.8, "n_examples": 100}, '
        '{"scale": 1e9, "score": 0.5, "n_examples": 100}, {"scale": 1e10, "score": 0.2, "n_examples": 100}]}\n'
    )
}
CSV = {
    "one curve": (
        "task,metric,model,parameters,score,n_examples\n"
        "a,accuracy,small,1e8,0.2,100\n"
        "a,accuracy,medium,1e9,0.5,100\n"
        "a,accuracy,large,1e10,0.8,100\n"
    )
}
SCORES = {"a jump": {"scales": [1e8, 1e9, 1e10, 1e11], "scores": [0.01, 0.02, 0.04, 0.9], "n_examples": [500] * 4}}
RESOLUTIONS: dict[str, dict[str, Any]] = {
    "small test sets": {"scores": [0.0, 0.01, 0.5], "n_examples": [20, 100, 1000]},
    "one curve": {"scales": [1e8, 1e9, 1e10], "scores": [0.1, 0.2, 0.9], "n_examples": [100, 100, 100]},
}
_ITEMS = 40  # of a test set whose outcomes are given
_SOLVED = ((8, 16, 24, 32), (6, 12, 28, 36))  # of them, by zero-shot and few-shot prompting


def _prompted(prompting: str, solved: tuple[int, ...]) -> dict[str, Any]:
    outcomes = [[int(item < count) for item in range(_ITEMS)] for count in solved]
    points = [
        {"scale": 10.0 ** (8 + i), "score": count / _ITEMS, "n_examples": _ITEMS, "outcomes": outcomes[i]}
        for i, count in enumerate(solved)
    ]
    return {"task": "negated questions", "metric": "accuracy", "prompting": prompting, "points": points}


COMPARISONS: dict[str, dict[str, Any]] = {
    "promptings, item by item": {
        "curves": [_prompted("zero-shot", _SOLVED[0]), _prompted("few-shot", _SOLVED[1])],
        "options": {"interval": 0.9},
    },
    "stored curves": {"from": {"suite": "gpt3-table-h1"}},
}
META_ANALYSES = {
    "estimates": {
        "estimates": [
            {"name": "A", "estimate": -0.12, "stderr": 0.04, "moderators": {"few_shot": 0}},
            {"name": "B", "estimate": -0.2, "stderr": 0.05, "moderators": {"few_shot": 0}},
            {"name": "C", "estimate": -0.05, "variance": 0.0016, "moderators": {"few_shot": 1}},
            {"name": "D", "estimate": 0.02, "variance": 0.0025, "moderators": {"few_shot": 1}},
        ],
        "options": {"method": "reml", "knapp_hartung": True},
    },
    "curves": {"curves": [CURVE, LOSS], "options": {"group_by": []}},
    "stored curves": {"from": {"suite": "gpt3-table-h1"}, "options": {"fdr_level": 0.1, "group_by": ["prompting"]}},
}
