import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.readers.json_text import NotJson, parsed

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
