import json
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.analysis import analyze
from models.metrics import REGISTRY, MetricKind
from models.options import Options, Shape
from models.results import Analysis, Warned
from service.csv_export import analysis_line
from service.schemas.analysis import analysis_document
from service.schemas.curve import load_curve
from service.schemas.decoding import UnreadableDocument, analysis_of
from service.table_row import table_row

READ = Warned("metric_assumed_proportion", "m")


def _document(analysis: Analysis, warnings: tuple[Warned, ...] = ()) -> dict[str, Any]:
    """As it comes out of the database."""
    document = analysis_document(analysis, identifier="x", created_at="y", elapsed_s=0.5, warnings=warnings)
    read: dict[str, Any] = orjson.loads(orjson.dumps(document))
    return read


def _resolved(analysis: Analysis) -> Analysis:
    """The analysis with the options that its document tells."""
    found = analysis.provenance
    options = replace(
        analysis.options, smallest_effect=found.smallest_effect, between_model_scale=found.between_model_scale
    )
    return replace(analysis, options=options)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Curves of every kind of metric, with replicates, names and tags now and then."""
    metric = draw(st.sampled_from(sorted(REGISTRY)))
    kind = REGISTRY[metric].kind
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scales = 10 ** np.cumsum(rng.uniform(0.1, 1.5, draw(st.integers(2, 8))))
    points: list[dict[str, Any]] = [
        {"scale": float(x), "score": float(y)} for x, y in zip(scales, rng.uniform(0, 1, scales.size), strict=True)
    ]
    for point in points:
        if kind is MetricKind.PROPORTION:
            point |= {"n_examples": 100, "score": round(point["score"], 2)}
        else:
            point |= {"stderr": 0.02}
    request: dict[str, Any] = {
        "task": draw(st.sampled_from(["addition", "=1+1", "任务"])),
        "metric": metric,
        "points": points,
    }
    if draw(st.booleans()):
        request |= {"prompting": "few-shot", "model_family": "Example", "suite": "s", "tags": {"source": "none"}}
        points[0]["model"] = "small"
    return request


@settings(max_examples=25, deadline=None)
@given(requests(), st.floats(0.5, 0.99))
def test_an_analysis_comes_back_from_its_document_as_it_was(request: dict[str, Any], interval: float) -> None:
    analysis = analyze(load_curve(request).curve, Options(interval=interval, smallest_effect=0.05))
    document = _document(analysis)
    again = analysis_of(document)
    assert again == _resolved(analysis)
    assert _document(again) == document


def test_what_is_made_from_a_stored_document_is_what_was_made_from_the_analysis(u_shaped: Analysis) -> None:
    again = analysis_of(_document(u_shaped))
    assert analysis_line(3, again) == analysis_line(3, u_shaped)
    assert table_row(again, explain=True) == table_row(u_shaped, explain=True)
    assert list(again.classification.probabilities) == list(Shape)


def test_warnings_from_reading_stand_before_the_others(u_shaped: Analysis) -> None:
    again = analysis_of(_document(u_shaped, (READ,)))
    assert again.diagnostics.warnings == (READ, *u_shaped.diagnostics.warnings)


def test_figures_of_the_other_engine_are_read_where_they_stand(u_shaped: Analysis) -> None:
    sampled = replace(u_shaped, diagnostics=replace(u_shaped.diagnostics, r_hat=1.01, divergences=3))
    assert analysis_of(_document(sampled)).diagnostics == sampled.diagnostics


def test_a_field_that_an_older_version_did_not_write_takes_its_default(u_shaped: Analysis) -> None:
    document = _document(u_shaped)
    del document["points"][0]["design_effect"]
    assert analysis_of(document).points[0].design_effect == 1.0


@pytest.mark.parametrize("path", ["classification", "classification/label", "curve", "curve/points", "options"])
def test_a_document_that_lacks_a_part_is_refused_with_a_remedy(u_shaped: Analysis, path: str) -> None:
    document = json.loads(json.dumps(_document(u_shaped)))
    *parents, last = path.split("/")
    place = document
    for parent in parents:
        place = place[parent]
    del place[last]
    with pytest.raises(UnreadableDocument, match="analyse the curve again"):
        analysis_of(document)
