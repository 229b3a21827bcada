import math
from typing import Any

import pytest

from models.errors import InvalidOptions
from models.options import EngineName, Options
from service.schemas.options import load_options


def test_nothing_asked_gives_the_defaults() -> None:
    assert load_options({}) == Options()


def test_what_is_asked_goes_before_the_defaults_of_the_file() -> None:
    options = load_options({"seed": 3, "interval": None}, {"seed": 1, "interval": 0.9, "engine": "nuts"})
    assert (options.seed, options.interval, options.engine) == (3, 0.9, EngineName.NUTS)


BAD = (
    ({"engine": "mcmc"}, "/options/engine: 'mcmc' is none of quadrature, nuts"),
    ({"seed": 1.5}, "/options/seed: 1.5 is not a whole number"),
    ({"seed": -1}, "/options/seed: -1 is not between 0 and"),
    ({"smallest_effect": 0}, "/options/smallest_effect: 0.0 is not a positive finite number"),
    ({"smallest_effect": "2%"}, "/options/smallest_effect: '2%' is not a number"),
    ({"decision_threshold": 1}, "/options/decision_threshold: 1.0 is not in"),
    (
        {"between_model_scale": "file"},
        "/options/between_model_scale: 'file' is neither a number, 'default' nor 'suite'",
    ),
    ({"between_model_scale": 1e-200}, "/options/between_model_scale: 1e-200 is not in the range 1e-09 to 1"),
    ({"between_model_scale": True}, "/options/between_model_scale: true is not a number"),
    ({"class_prior": {"positive": 1}}, "/options/class_prior: must name exactly"),
    ({"class_prior": {"rising": 1}}, "/options/class_prior: 'rising' is no shape"),
    ({"class_prior": {"flat": 0.5, "positive": math.nan}}, "/options/class_prior/positive: NaN is not a finite number"),
    ({"class_prior": [1]}, "/options/class_prior: a list is not an object"),
    ({"intervall": 0.9}, "/options/intervall: unknown field: did you mean interval?"),
)


@pytest.mark.parametrize(("asked", "message"), BAD)
def test_a_bad_option_is_refused_with_its_name(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOptions) as caught:
        load_options(asked)
    assert str(caught.value).startswith(message)
