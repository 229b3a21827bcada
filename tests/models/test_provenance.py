"""Priors in words."""

from dataclasses import replace

from models.curve_models import menu
from models.curve_models.record import Context, CurveModel
from models.provenance import prior_texts


def priors(model: CurveModel) -> list[object]:
    return [*(parameter.prior for parameter in model.shape), *(parameter.prior for parameter in model.levels)]


def test_no_prior_depends_on_where_the_scales_lie() -> None:
    bounded = Context(bounded=True, delta=0.02, chance=0.25, near_ceiling=True)
    for context in (bounded, Context(bounded=False, delta=0.02)):
        moved = replace(context, decades=3.7, u_mean=0.41)
        for here, there in zip(menu(context), menu(moved), strict=True):
            assert priors(here) == priors(there)
        assert prior_texts(context, 0.03) == prior_texts(moved, 0.03)


def test_the_smallest_effect_and_chance_are_in_the_texts() -> None:
    context = Context(bounded=True, delta=0.02, chance=0.25)
    assert prior_texts(context, 0.03) != prior_texts(replace(context, delta=0.04), 0.03)
    assert prior_texts(context, 0.03) != prior_texts(replace(context, chance=0.5), 0.03)
    assert prior_texts(context, 0.03) != prior_texts(context, 0.05)
