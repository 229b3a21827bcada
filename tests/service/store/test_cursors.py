import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.failures import StaleCursor
from service.schemas.queries import LONGEST_CURSOR
from service.store.cursors import LARGEST_NUMBER, opened, query_digest, sealed
from service.store.filters import LONGEST_KEY

DIGEST = query_digest([{"task": "addition"}, "-created_at"])


@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    number=st.integers(0, 2**63 - 1),
    value=st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_cursor_gives_its_place_back(text: str, number: int, value: float) -> None:
    cursor = sealed(DIGEST, [text, number, value])
    assert opened(cursor, DIGEST, [str, int, float]) == (text, number, value)
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("sign", ["a", "é", "\N{GRINNING FACE}", '"', "\\"])
def test_a_cursor_is_taken_back_whatever_the_text_of_its_place(sign: str) -> None:
    cursor = sealed(DIGEST, [LONGEST_KEY * sign, LARGEST_NUMBER])
    assert len(cursor) <= LONGEST_CURSOR
    assert opened(cursor, DIGEST, [str, int]) == (LONGEST_KEY * sign, LARGEST_NUMBER)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_anything_else_is_refused(cursor: str) -> None:
    with pytest.raises(StaleCursor):
        opened(cursor, DIGEST, [str, int])


@pytest.mark.parametrize(
    "place",
    [
        [],
        ["a"],
        ["a", 1, 2],
        [1, 1],
        ["a", "b"],
        ["a", True],
        ["a", -1],
        ["a", 2**63],
        ["a", 1.5],
        ["a\0", 1],
        ["\ud800", 1],
        [None, 1],
        [["a"], 1],
    ],
)
def test_a_place_of_another_kind_is_refused(place: list[object]) -> None:
    text = json.dumps([DIGEST, *place])
    with pytest.raises(StaleCursor, match="damaged"):
        opened(base64.urlsafe_b64encode(text.encode()).decode(), DIGEST, [str, int])


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(value: str) -> None:
    text = f'["{DIGEST}", {value}, 1]'
    with pytest.raises(StaleCursor, match="damaged"):
        opened(base64.urlsafe_b64encode(text.encode()).decode(), DIGEST, [float, int])


@pytest.mark.parametrize("text", ["[" * 100_000, "{}", "[]", "7", '"text"', "null", '{"a": 1}', "[[]]"])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(StaleCursor):
        opened(base64.urlsafe_b64encode(text.encode()).decode(), DIGEST, [str, int])


def test_the_order_of_a_query_s_conditions_does_not_matter() -> None:
    assert query_digest({"a": 1, "b": 2}) == query_digest({"b": 2, "a": 1})
    assert query_digest({"a": 1}) != query_digest({"a": 2})
