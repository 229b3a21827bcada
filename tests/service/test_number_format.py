import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.curve import ScaleKind
from models.results import Interval
from service.number_format import (
    ends_text,
    estimate_text,
    interval_text,
    number_text,
    probability_text,
    scale_text,
)


@pytest.mark.parametrize(
    ("scale", "text"),
    [
        (125e6, "125M"),
        (356e6, "356M"),
        (999.9e6, "1B"),
        (1.3e9, "1.3B"),
        (2.76e9, "2.8B"),
        (62e9, "62B"),
        (175e9, "175B"),
        (1e12, "1T"),
        (70e3, "70K"),
        (3, "3"),
    ],
)
def test_parameters_are_written_as_in_names_of_models(scale: float, text: str) -> None:
    assert scale_text(scale, ScaleKind.PARAMETERS) == text


def test_flops_are_written_as_powers_of_ten() -> None:
    assert scale_text(3.14e23, ScaleKind.TRAINING_FLOPS) == "3.1e23"
    assert scale_text(2.5e24, ScaleKind.TRAINING_FLOPS) == "2.5e24"


def test_an_estimated_scale_has_two_digits() -> None:
    assert estimate_text(507e6, ScaleKind.PARAMETERS) == "510M"
    assert estimate_text(393.4e9, ScaleKind.PARAMETERS) == "390B"


@given(st.floats(1e-6, 1e300), st.sampled_from(ScaleKind))
def test_every_scale_is_written_to_within_five_per_cent(scale: float, kind: ScaleKind) -> None:
    text = scale_text(scale, kind)
    unit = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1.0)
    assert float(text.rstrip("KMBT")) * unit == pytest.approx(scale, rel=0.0501)


@given(st.floats(-1e12, 1e12).filter(lambda x: x == 0 or abs(x) > 1e-12))
def test_a_number_is_written_to_three_digits(value: float) -> None:
    assert float(number_text(value)) == pytest.approx(value, rel=0.00501)


@given(st.floats(0, 1))
def test_a_probability_is_never_written_as_certain(probability: float) -> None:
    text = probability_text(probability)
    assert text not in ("0.00", "1.00")
    assert float(text.strip("<>")) == pytest.approx(probability, abs=0.0101)


def test_an_interval_may_be_open_or_absent() -> None:
    assert ends_text(11.0, 230.0, number_text) == "(11 - 230)"
    assert ends_text(11.0, None, number_text) == "(> 11)"
    assert ends_text(None, 230.0, number_text) == "(< 230)"
    assert ends_text(None, None, number_text) == ""
    assert interval_text(Interval(62.0, 11.0, 230.0), number_text) == "62 (11 - 230)"
    assert interval_text(Interval(None, None, None, "none"), number_text) == "-"
