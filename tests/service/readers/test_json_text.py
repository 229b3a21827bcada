import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.readers.json_text import NotJson, parsed, repeated_keys

TEXTS = st.text(st.characters(codec="utf-8"))


@pytest.mark.parametrize(
    "text", ['"\\ud800"', '{"\\uDFFF": 1}', '["\\udfff\\ud800"]', '{"a": {"a": 1, "a": "\\uD83D"}}']
)
def test_half_of_a_surrogate_pair_is_no_text(text: str) -> None:
    with pytest.raises(NotJson, match="surrogate"):
        parsed(text)


def test_whole_pairs_and_escaped_backslashes_are_text() -> None:
    assert parsed('"\\ud83d\\ude00"') == "😀"
    assert parsed('"\\\\ud800"') == "\\ud800"


@given(st.dictionaries(TEXTS, st.lists(TEXTS | st.floats(allow_nan=False, allow_infinity=False) | st.none())))
def test_whatever_json_can_hold_is_read_back(value: object) -> None:
    assert parsed(json.dumps(value)) == value
    assert parsed(json.dumps(value, ensure_ascii=False)) == value


@pytest.mark.parametrize("text", ["NaN", "3", '"text"', "null"])
def test_a_value_that_is_no_container_has_no_repeated_keys(text: str) -> None:
    assert list(repeated_keys(parsed(text))) == []


def test_every_key_that_is_repeated_is_named_once() -> None:
    value = parsed('{"a": 1, "b": {"c": 1, "c": 2, "d": 3}, "a": 2, "a": 3}')
    assert sorted(problem.pointer for problem in repeated_keys(value)) == ["/a", "/b/c"]
