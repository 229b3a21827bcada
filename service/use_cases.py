"""What the service can do, one function each: domain objects in, domain objects out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from models.analysis import analyze, suite_evidence
from models.between_model import ResolvedScale
from models.curve import ScalingCurve
from models.engines.quadrature import quadrature
from models.errors import EngineError
from models.options import EngineName, Options
from models.posterior import Engine
from models.results import Analysis
from service.identities import suite_scale
from service.sampling import Evidence, Suite
from service.schemas.analysis import analysis_document, analysis_identity, options_of
from service.schemas.curve import LoadedCurve


def analyze_curve(curve: ScalingCurve, options: Options, suite: Suite | None = None) -> Analysis:
    """One analysis by the engine that the options name; with `suite` its between-model scale is used."""
    return analyze(curve, options, _engine(options.engine), None if suite is None else suite_scale(suite, curve))


def answer_document(loaded: LoadedCurve, options: Options, scale: ResolvedScale | None = None) -> dict[str, Any]:
    """One analysis as the contract returns it, computed now.

    Raises `InvalidInput`, or `EngineError` also for numbers that no engine check foresaw.
    """
    began = time.perf_counter()
    try:
        analysis = analyze(loaded.curve, options, _engine(options.engine), scale)
    except (ArithmeticError, ValueError) as error:
        raise EngineError(f"the engine failed on this curve: {type(error).__name__}: {error}") from error
    return analysis_document(
        analysis,
        identifier=analysis_identity(analysis.curve, options_of(analysis), analysis.provenance.engine_version),
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        elapsed_s=round(time.perf_counter() - began, 6),
        warnings=loaded.warnings,
    )


def evidence_on_scale(curve: ScalingCurve, options: Options) -> Evidence:
    """What one curve says about the between-model scale; always by the fast engine."""
    return tuple(suite_evidence(curve, options).tolist())


def _engine(name: EngineName) -> Engine:
    if name is EngineName.QUADRATURE:
        return quadrature
    from models.engines.nuts import nuts

    return nuts
