import json
from typing import Any

import orjson

from models.between_model import NODES
from models.errors import Problem
from service.jobs.work import analysed, evidence
from service.readers.items import CurveItem
from service.schemas.curve import curve_document
from service.store.payloads import packed
from tests.service.jobs.desk import curve_of

BAD = CurveItem(0, None, (Problem("row 3", "is empty"),))


def order(item: CurveItem, scale: tuple[float, str] | None = None, **options: Any) -> dict[str, Any]:
    return {"payload": packed(item), "options": options, "scale": scale}


def good(task: str = "a", **options: Any) -> CurveItem:
    return CurveItem(0, {**curve_document(curve_of(task)), "options": options})


def test_each_order_of_a_chunk_gets_its_answer() -> None:
    first, second, third = analysed([order(good("a")), order(BAD), order(good("b"))])
    assert [orjson.loads(answer["document"])["curve"]["task"] for answer in (first, third)] == ["a", "b"]
    assert second["problem"]["status"] == 422
    assert second["problem"]["errors"] == [{"pointer": "row 3", "message": "is empty"}]


def test_options_of_a_curve_go_before_those_of_its_batch_and_the_scale_is_told() -> None:
    (answer,) = analysed([order(good(seed=3), (0.05, "suite"), seed=9, interval=0.8)])
    document = orjson.loads(answer["document"])
    assert (document["options"]["seed"], document["options"]["interval"]) == (3, 0.8)
    assert document["provenance"]["between_model_scale"] == 0.05
    assert document["provenance"]["between_model_scale_source"] == "suite"


def test_an_answer_can_be_sent_as_json() -> None:
    answers = analysed([order(BAD)])
    assert json.loads(json.dumps(answers)) == answers


def test_evidence_is_one_number_a_node_and_none_for_what_cannot_be_used() -> None:
    found, nothing = evidence([order(good()), order(BAD)])
    assert found is not None
    assert len(found) == len(NODES)
    assert nothing is None
