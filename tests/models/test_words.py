"""The sentences: what they claim is what the record says, with the same numbers."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.curve import ScaleKind, ScalePoint
from models.emergence_words import emergence_words, verdict_name
from models.metrics import MetricKind
from models.next_data import next_data
from models.options import UNDETERMINED, Shape
from models.results import Analysis, Interval, Range, Verdict
from models.scatter_words import data_text
from models.summary_words import MORE_LIKELY, summary
from models.words import SHORT, VERDICTS, probability_text, scale_text, started
from service.number_format import NOTHING
from service.table_row import table_row
from tests.models.analyses_drawn import METRICS, analyses, real

MANY = settings(max_examples=150, deadline=None)
STARTS = {shape: started(word) for shape, word in SHORT.items()}
PAPER = Interval(6.2e10, 1.2e10, 2.3e11)


def unsure(found: Analysis, **numbers: float) -> Analysis:
    """The same, undetermined for lack of probability."""
    probabilities = {shape: numbers.get(shape.value, 0.0) for shape in Shape}
    best = max(Shape, key=lambda shape: probabilities[shape])
    label = replace(
        found.classification,
        label=UNDETERMINED,
        most_probable=best,
        probability=probabilities[best],
        probabilities=probabilities,
        reasons=("below_decision_threshold",),
        prior_sensitivity=Range(None, None, "not_known"),
        erratic=False,
        robust=False,
    )
    return replace(found, classification=label)


def labelled(found: Analysis, shape: Shape) -> Analysis:
    """The same, beyond doubt."""
    probabilities = {other: 0.97 if other is shape else 0.0075 for other in Shape}
    label = replace(
        found.classification,
        label=shape.value,
        most_probable=shape,
        probability=0.97,
        probabilities=probabilities,
        reasons=(),
        robust=True,
        erratic=False,
    )
    return replace(found, classification=label)


def palm() -> Analysis:
    found = real(METRICS[0], 3)
    points = tuple(replace(p, score=y) for p, y in zip(found.curve.points, (0.86, 0.81, 1.0), strict=True))
    turned = replace(found.u_turn, scale=PAPER)
    found = replace(found, curve=replace(found.curve, points=points), u_turn=turned)
    return replace(found, fit=replace(found.fit, between_model_sd=Interval(0.01, 0.001, 0.05)))


@MANY
@given(analyses())
def test_no_sentence_claims_a_label_that_the_classification_does_not_have(found: Analysis) -> None:
    label, text = found.classification, summary(found)
    if label.label != UNDETERMINED:
        assert text.startswith(f"{STARTS[label.most_probable]} ({probability_text(label.probability)}): ")
    elif "engine_unreliable" in label.reasons:
        assert text.startswith("No shape is told: ")
    elif label.probability >= MORE_LIKELY:
        assert text.startswith(f"Most probably {SHORT[label.most_probable]} (")
    else:
        assert text.startswith(f"Undetermined between {SHORT[label.most_probable]} (")
    if label.label == UNDETERMINED:
        assert "is not ruled out" not in text
        assert "emergent" not in text.casefold()


@MANY
@given(analyses())
def test_no_sentence_holds_what_is_not_a_number_or_a_stray_sign(found: Analysis) -> None:
    for text in (summary(found), emergence_words(found), next_data(found), verdict_name(found)):
        assert not re.search(r"\b(nan|None|inf|null|True|False)\b", text)
        assert not re.search(r"  | [.,;:)]|\(\)|\.\.|[;,]\.|e\+", text), text
        assert text.count("(") == text.count(")")
    assert summary(found).endswith(".")
    assert not next_data(found).endswith(".")


@MANY
@given(analyses())
def test_every_probability_of_a_shape_is_that_of_the_record(found: Analysis) -> None:
    label = found.classification
    names = {word: shape for shape, word in SHORT.items()}
    told = re.findall(r"([A-Za-z][\w -]*?) \(([<>]?\d\.\d\d)\)", summary(found).split(":")[0])
    assert told or "engine_unreliable" in found.classification.reasons
    for words, number in told:
        plain = re.sub(r"^(Most probably|Undetermined between|and) ", "", words).lower()
        shape = next(shape for word, shape in names.items() if plain.endswith(word.lower()))
        if shape is Shape.U_SHAPED and "inverted" in plain:
            shape = Shape.INVERTED_U
        assert number == probability_text(label.probabilities[shape])


@MANY
@given(analyses())
def test_every_score_is_that_of_its_scale_to_three_digits(found: Analysis) -> None:
    curve = found.curve
    percent = curve.metric.kind is MetricKind.PROPORTION
    scores = {scale_text(point.scale, curve.scale_kind): point.score for point in curve.points}
    told = re.findall(r"(>?)([-\d.e]+)( %)? at (\d[\w.]*)", summary(found).split(";")[0])
    assert {scale for *_, scale in told} >= {min(scores, key=len)} & {scale for *_, scale in told}
    assert len(told) >= 2
    for above, number, unit, scale in told:
        assert bool(unit) is percent
        assert float(number) == pytest.approx(scores[scale] * (100 if percent else 1), rel=6e-3 if not above else 2e-3)


@MANY
@given(analyses())
def test_a_turn_is_told_with_the_ends_of_its_interval_and_only_of_a_probable_shape(found: Analysis) -> None:
    label, text = found.classification, summary(found)
    turn = {Shape.U_SHAPED: found.u_turn, Shape.INVERTED_U: found.inverted_u_turn}.get(label.most_probable)
    if turn is None or turn.scale.lower is None or turn.scale.upper is None or label.probability < MORE_LIKELY:
        assert "turn lies" not in text
        assert "turn would" not in text
        return
    lower, upper = (scale_text(end, found.curve.scale_kind, 2) for end in (turn.scale.lower, turn.scale.upper))
    assert f"between {lower} and {upper} (" in text or f"{lower} to {upper})" in text
    assert ("turn lies" in text or "it turns is open" in text) == (label.label != UNDETERMINED)


@MANY
@given(analyses())
def test_a_direction_is_told_only_where_the_whole_interval_has_it(found: Analysis) -> None:
    net, text = found.effects.net_change, summary(found)
    if "performance rises by" in text:
        assert net.lower is not None
        assert net.lower > 0
    if "performance falls by" in text:
        assert net.upper is not None
        assert net.upper < 0


def test_the_published_example_reads_as_people_would_say_it() -> None:
    found = unsure(palm(), u_shaped=0.55, positive=0.38, flat=0.07)
    assert summary(found) == (
        "Most probably U-shaped (0.55): 86 % at 8B, 81 % at 62B, 100 % at 540B; the turn would lie between 12B and "
        "230B (95 %). Three models of 300 examples each cannot rule out a plain rise (0.38)."
    )
    assert next_data(found) == (
        "models between 12B and 230B would show whether performance dips, best with more than 300 examples each"
    )


def test_an_inverse_curve_falls_so_far() -> None:
    found = labelled(palm(), Shape.INVERSE)
    assert summary(found).startswith("Falling so far (0.97): 86 % at 8B")
    assert next_data(found) == (
        "a model beyond 540B that does clearly better on as large a test set could make it U-shaped"
    )


@pytest.mark.parametrize("label", Shape)
def test_what_could_change_a_label_is_not_promised_to_change_it(label: Shape) -> None:
    first = next_data(labelled(palm(), label)).split(";")[0]
    assert " could " in first
    assert " would " not in first


def test_a_turn_anywhere_in_the_range_is_called_open() -> None:
    turned = replace(palm().u_turn, scale=Interval(6e10, 9e9, 5e11), probability_end_above_chance=0.4)
    text = summary(labelled(replace(palm(), u_turn=turned), Shape.U_SHAPED))
    assert (
        "; where it turns is open (95 %: 9B to 500B). That its end is better than chance has probability 0.40." in text
    )


def test_losses_are_said_to_be_better_when_low_and_have_no_percent() -> None:
    text = summary(labelled(real(METRICS[3], 5), Shape.POSITIVE))
    assert "(lower is better); performance" in text
    assert "%" not in text.replace("95 %", "").replace("90 %", "")


def test_an_erratic_curve_says_that_its_models_scatter_and_asks_for_more_of_them() -> None:
    found = unsure(palm(), u_shaped=0.9, positive=0.1)
    label = replace(found.classification, erratic=True, reasons=("erratic",))
    found = replace(found, classification=label)
    assert "The models scatter around any smooth curve by more than the effect, so no label is given." in summary(found)
    assert next_data(found).startswith("several models of each size would help, not more examples: models scatter by")


def test_scatter_is_blamed_only_where_its_whole_interval_exceeds_the_error_of_the_test_sets() -> None:
    found = unsure(palm(), u_shaped=0.55, positive=0.45)
    wide = replace(found, fit=replace(found.fit, between_model_sd=Interval(0.2, 0.1, 0.3)))
    assert "of 300 examples each, which scatter by about 20 points around a smooth curve, cannot" in summary(wide)
    assert "scatter" not in summary(found)
    assert "examples" not in next_data(wide)


def test_a_label_that_depends_on_a_choice_says_on_which() -> None:
    found = labelled(palm(), Shape.U_SHAPED)
    label = replace(
        found.classification, robust=False, smallest_effect_sensitivity={"halved": "u_shaped", "doubled": "positive"}
    )
    assert "With twice the smallest effect it would be rising." in summary(replace(found, classification=label))
    same = replace(label, smallest_effect_sensitivity={}, prior_sensitivity=Range(0.61, 0.99))
    assert "under other reasonable ones its probability is 0.61 to 0.99." in summary(
        replace(found, classification=same)
    )


def test_results_at_one_scale_are_averaged_and_counted_as_results() -> None:
    found = labelled(palm(), Shape.U_SHAPED)
    twin = ScalePoint(8e9, 0.80, 300, language_model="again")
    curve = replace(found.curve, points=(*found.curve.points, twin))
    assert "83 % at 8B, 81 % at 62B, 100 % at 540B (means of results at one scale);" in summary(
        replace(found, curve=curve)
    )
    assert data_text(curve) == "four results at three scales of 300 examples each"


@pytest.mark.parametrize("verdict", [*Verdict, None])
def test_every_verdict_has_its_words_and_only_of_a_rise(verdict: Verdict | None) -> None:
    rising = labelled(real(METRICS[0], 3), Shape.POSITIVE)
    rising = replace(rising, emergence=replace(rising.emergence, verdict=verdict, verdict_reasons=()))
    assert bool(verdict_name(rising)) is (verdict is not None)
    assert bool(emergence_words(rising)) is (verdict is not None)
    assert emergence_words(rising) in summary(rising)
    assert emergence_words(labelled(rising, Shape.U_SHAPED)) == ""


def test_the_target_length_alone_is_only_consistent_with_the_metric() -> None:
    rising = labelled(real(METRICS[0], 3), Shape.POSITIVE)
    explained = replace(rising.emergence.explanations.metric, holds=True, route="target_length", p_value=0.41)
    explanations = replace(rising.emergence.explanations, metric=explained)
    emergence = replace(rising.emergence, verdict=Verdict.EXPLAINED_BY_METRIC, explanations=explanations)
    found = replace(rising, emergence=emergence)
    assert verdict_name(found) == "consistent with the metric"
    assert emergence_words(found).startswith("The jump is consistent with an effect of the metric: ")
    assert "explains" not in summary(found)
    swapped = replace(explanations, metric=replace(explained, route="same_outputs"))
    assert "The metric explains the jump" in emergence_words(
        replace(found, emergence=replace(emergence, explanations=swapped))
    )


def test_every_verdict_has_a_name() -> None:
    assert set(VERDICTS) == {verdict.value for verdict in Verdict}


@given(st.floats(1e-3, 1e30), st.sampled_from(ScaleKind), st.integers(2, 3))
def test_scales_are_written_within_their_rounding_and_without_plus_signs(
    scale: float, kind: ScaleKind, digits: int
) -> None:
    text = scale_text(scale, kind, digits)
    factor = {"T": 1e12, "B": 1e9, "M": 1e6, "K": 1e3}.get(text[-1], 1.0)
    assert float(text.rstrip("TBMK")) * factor == pytest.approx(scale, rel=0.5 * 10 ** (1 - digits) * 1.02)
    assert "+" not in text


def test_a_probability_too_near_the_threshold_for_the_engine_is_told_as_that() -> None:
    found = unsure(labelled(real(METRICS[0], 4), Shape.POSITIVE), positive=0.82, inverted_u=0.18)
    reasons = replace(found.classification, reasons=("within_monte_carlo_error",))
    text = summary(replace(found, classification=reasons))
    assert "too near the threshold of 0.80" in text
    assert "cannot" not in text


def test_models_of_equal_scores_are_not_said_to_scatter() -> None:
    found = real(METRICS[0], 4)
    wild = replace(found.fit, between_model_sd=Interval(0.14, 0.12, 0.3))
    unlike = unsure(replace(found, fit=wild), flat=0.6, inverse=0.4)
    points = tuple(replace(point, score=1.0) for point in found.curve.points)
    equal = replace(unlike, curve=replace(found.curve, points=points))
    assert "scatter by about" in summary(unlike)
    assert "scatter by about" not in summary(equal)


def test_where_the_engine_failed_no_shape_and_no_turn_is_told() -> None:
    found = unsure(palm(), u_shaped=0.97, flat=0.03)
    assert "turn" in summary(found)
    failed = replace(found, classification=replace(found.classification, reasons=("engine_unreliable",)))
    assert table_row(found).turn != table_row(failed).turn == (NOTHING, "")
    text = summary(failed)
    assert text.startswith("No shape is told: ")
    assert "did not reach its accuracy" in text
    assert "turn" not in text
    assert "U-shaped" not in text
