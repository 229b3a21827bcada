"""The stateless calculators and the registries, as plain documents; nothing is stored."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.curve_models import CURVE_MODELS
from models.curve_models.at_ceiling import NEAR_CEILING
from models.curve_models.record import Context
from models.emergence import ZERO_MEDIAN, ZERO_RANGE, steps
from models.metrics import ALIASES, REGISTRY
from models.options import DEFAULT_BETWEEN_MODEL_SCALE, DEFAULT_SMALLEST_EFFECT
from models.provenance import prior_texts
from models.resolution import FITTED_NEAR_ZERO, N_NOT_GIVEN, jeffreys, n_needed, upper_bound_at_zero, wilson
from service.schemas.calculators import ResolutionsAsked, ScoresAsked

TOO_LARGE = "beyond_floating_point"
NOT_APPLICABLE = "not_applicable"
EXAMPLE_CHANCE = 0.25  # for curve models that need to know it
_OPTIONAL = ("lower", "upper", "chance", "linear", "continuous")


def emergence_scores(asked: ScoresAsked) -> dict[str, Any]:
    """Emergence score, linearity and share of the largest step; null with a reason where a denominator is zero."""
    found = steps(asked.scores[None, :])
    share = abs(float(found.signed_step_share[0]))
    return {
        **_explained("emergence_score", float(found.emergence_score[0]), ZERO_MEDIAN),
        **_explained("linearity", float(found.linearity[0]), ZERO_RANGE),
        **_explained("largest_step_share", share, ZERO_RANGE),
        **_seen(asked, float(found.median[0])),
    }


def resolutions(asked: ResolutionsAsked) -> dict[str, Any]:
    """What each test set can show of its score, with its scale where scales were given."""
    counts = asked.scores * asked.n_examples
    columns = (
        asked.scores,
        asked.n_examples,
        *jeffreys(counts, asked.n_examples, asked.level),
        *np.clip(wilson(counts, asked.n_examples, asked.level), 0.0, 1.0),  # rounding may go a little beyond
        upper_bound_at_zero(asked.n_examples),
    )
    items = [_resolution([float(value) for value in row]) for row in zip(*columns, strict=True)]
    if asked.scales is not None:
        items = [{"scale": scale, **item} for scale, item in zip(asked.scales, items, strict=True)]
    return {"items": items}


def registered_metrics() -> dict[str, Any]:
    """Every registered metric with its other names."""
    return {"items": [_metric(name) for name in sorted(REGISTRY)]}


def curve_models() -> dict[str, Any]:
    """Every curve model with its parameters and their priors, for a range of one decade."""
    return {"items": [item for bounded in (True, False) for item in _curve_models(bounded=bounded)]}


def _curve_models(*, bounded: bool) -> Iterator[dict[str, Any]]:
    plain = Context(bounded=bounded, delta=DEFAULT_SMALLEST_EFFECT)
    contexts = {
        plain: "",
        replace(plain, chance=EXAMPLE_CHANCE): f"; here for a chance of {EXAMPLE_CHANCE}",
        replace(plain, near_ceiling=True): f"; only where no score lies below {NEAR_CEILING}",
    }
    for factory in CURVE_MODELS.values():
        for context, condition in contexts.items():
            model = factory(context)
            if model is not None:
                texts = prior_texts(context, DEFAULT_BETWEEN_MODEL_SCALE)[model.name]
                priors = [{"name": name, "prior": text} for name, text in texts.items()]
                source = f"{model.source}{condition}"
                yield {"name": model.name, "source": source, "parameters": priors, "bounded": bounded}
                break


def _seen(asked: ScoresAsked, median: float) -> dict[str, Any]:
    if asked.n_examples is None:
        return {"below_resolution": None, "below_resolution_reason": N_NOT_GIVEN}
    return {"below_resolution": median < 1 / asked.n_examples}


def _explained(name: str, value: float, undefined: str) -> dict[str, Any]:
    if math.isfinite(value):
        return {name: value}
    return {name: None, f"{name}_reason": undefined if math.isnan(value) else TOO_LARGE}


def _resolution(row: Sequence[float]) -> dict[str, Any]:
    """`row`: the columns of `resolutions`."""
    score, n_examples, lower, upper, wilson_lower, wilson_upper, bound = row
    needed = n_needed(score)
    unseen: dict[str, Any] = {"n_needed": needed, "below_resolution": None if needed is None else n_examples < needed}
    if needed is None:
        unseen |= {"n_needed_reason": FITTED_NEAR_ZERO, "below_resolution_reason": FITTED_NEAR_ZERO}
    return {
        "score": score,
        "n_examples": int(n_examples),
        "resolution": 1 / n_examples,
        "interval": {"lower": lower, "upper": upper},
        "wilson": {"lower": wilson_lower, "upper": wilson_upper},
        "upper_bound_at_zero": bound,
        **unseen,
    }


def _metric(name: str) -> dict[str, Any]:
    metric = REGISTRY[name]
    document: dict[str, Any] = {
        "name": name,
        "aliases": sorted(alias for alias, meant in ALIASES.items() if meant == name),
        "kind": metric.kind.value,
        "higher_is_better": metric.higher_is_better,
        "corpus_level": metric.corpus_level,
    }
    for field in _OPTIONAL:
        value = getattr(metric, field)
        document[field] = value
        if value is None:
            document[f"{field}_reason"] = NOT_APPLICABLE
    return document
