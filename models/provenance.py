"""Provenance: all that is needed to get the same numbers again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

from models.between_model import ResolvedScale
from models.curve import ScalingCurve
from models.curve_models import SMALL_CHANGES_SHARE, flat_shares, menu
from models.curve_models.priors import LevelPrior, ShapePrior
from models.curve_models.record import Context, CurveModel
from models.identity import input_sha256
from models.likelihood import Observations
from models.options import Options
from models.pool import EVIDENCE_POWER
from models.results import Provenance

ENGINE_VERSION = 10  # raised with every change that changes a number
SUITE_VERSION = 2  # the same for numbers of summaries, where those of the analyses stay


def provenance(
    curve: ScalingCurve, options: Options, scale: ResolvedScale, observations: Observations, draws: int
) -> Provenance:
    """The record of one analysis."""
    return Provenance(
        scaleshape=package_version(),
        engine_version=ENGINE_VERSION,
        input_sha256=input_sha256(curve),
        seed=options.seed,
        draws=draws,
        between_model_scale=scale.value,
        between_model_scale_source=scale.source,
        smallest_effect=observations.delta * observations.unit,
        priors=prior_texts(observations.context, scale.value),
    )


@lru_cache(maxsize=1)
def package_version() -> str:
    """Version of the installed distribution."""
    try:
        return version("scaleshape")
    except PackageNotFoundError:
        return "unknown"


def prior_texts(context: Context, between_model_scale: float) -> Mapping[str, Mapping[str, str]]:
    """Priors of every curve model in words, and what the class flat is made of."""
    # No prior depends on where the scales lie: curves of one metric share their texts.
    return _prior_texts(replace(context, decades=1.0, u_mean=0.5), between_model_scale)


@lru_cache(maxsize=512)
def _prior_texts(context: Context, between_model_scale: float) -> Mapping[str, Mapping[str, str]]:
    models = menu(context)
    shares = flat_shares([model.name for model in models])
    texts: dict[str, Mapping[str, str]] = {
        "between_model_variation": {"r": f"HalfCauchy(scale={between_model_scale:g}) truncated at 1"},
        "class_evidence": {"power": f"{EVIDENCE_POWER:g}"},
        "flat": {**{name: f"{share:g}" for name, share in shares.items()}, "others": f"{SMALL_CHANGES_SHARE:g}"},
    }
    for model in models:
        texts[model.name] = _texts(model)
    return MappingProxyType(texts)


def _texts(model: CurveModel) -> dict[str, str]:
    texts = {parameter.name: _text(parameter.prior, model) for parameter in model.shape}
    return texts | {parameter.name: _text(parameter.prior, model) for parameter in model.levels}


def _text(prior: ShapePrior | LevelPrior, model: CurveModel) -> str:
    values = {field.name: getattr(prior, field.name) for field in fields(prior)}
    for bound in ("lower", "upper"):
        index = values.pop(f"{bound}_index", None)
        if index is not None:
            values[bound] = model.levels[index].name
    parts = (f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items())
    return f"{type(prior).__name__}({', '.join(parts)})"
