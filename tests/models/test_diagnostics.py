"""When a sampler's own checks cost an analysis its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import CurveModel
from models.diagnostics import LARGEST_DIVERGENT_SHARE, SMALLEST_BFMI
from models.engines.quadrature import quadrature
from models.likelihood import Observations
from models.metrics import REGISTRY
from models.options import Options
from models.posterior import Engine, ModelPosterior, SamplerChecks, Work
from models.results import Analysis

RISE = ScalingCurve(
    "task",
    REGISTRY["accuracy"],
    tuple(ScalePoint(10.0 ** (8 + i), y, 1000) for i, y in enumerate((0.2, 0.35, 0.5, 0.65))),
)
SOUND = SamplerChecks(r_hat=1.0, ess_bulk=2000.0, ess_tail=2000.0, divergences=0, bfmi=1.0)


def sampler(bfmi: float, divergent_share: float) -> Engine:
    """An engine whose draws are those of `quadrature` and whose checks are given."""

    def sample(
        models: Sequence[CurveModel], observations: Observations, variation: HalfCauchy, work: Work
    ) -> tuple[ModelPosterior, ...]:
        found = quadrature(models, observations, variation, work)
        return tuple(
            replace(each, checks=replace(SOUND, bfmi=bfmi, divergences=round(divergent_share * each.draws)))
            for each in found
        )

    return sample


def analysed(bfmi: float = 1.0, divergent_share: float = 0.0) -> Analysis:
    return analyze(RISE, Options(), sampler(bfmi, divergent_share))


@pytest.mark.parametrize(
    ("bfmi", "divergent_share"), [(1.0, 0.0), (SMALLEST_BFMI, 0.0), (1.0, 0.5 * LARGEST_DIVERGENT_SHARE)]
)
def test_a_sampler_that_reaches_all_of_the_posterior_gets_its_label(bfmi: float, divergent_share: float) -> None:
    found = analysed(bfmi, divergent_share)
    assert (found.classification.label, found.classification.reasons) == ("positive", ())
    assert found.diagnostics.bfmi == bfmi
    assert (found.diagnostics.divergences == 0) == (divergent_share == 0)


@pytest.mark.parametrize(("bfmi", "divergent_share"), [(0.29, 0.0), (1.0, 2 * LARGEST_DIVERGENT_SHARE)])
def test_low_energy_information_or_many_divergences_cost_the_label_though_two_runs_agree(
    bfmi: float, divergent_share: float
) -> None:
    found = analysed(bfmi, divergent_share)
    assert (found.classification.label, found.classification.reasons) == ("undetermined", ("engine_unreliable",))
    assert "engine_unreliable" in {warning.code for warning in found.diagnostics.warnings}
