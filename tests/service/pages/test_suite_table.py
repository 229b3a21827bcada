from urllib.parse import parse_qsl

import pytest

from models.errors import InvalidInput
from service.pages.suite_table import choices, common_setting, page_numbers, table_state, with_page_that_exists
from service.store.suite_rows import Counted, Group

COUNTED = Counted(
    (
        Group(("accuracy", "0-shot", "GPT-3"), "positive", 3),
        Group(("accuracy", "1-shot", "GPT-3"), "flat", 2),
        Group(("accuracy", "", "GPT-3"), "failed", 1),
    )
)


def test_an_empty_address_asks_for_everything_in_the_order_of_the_file() -> None:
    state = table_state({"q": "", "label": "", "page": ""})
    assert (state.asked.text, state.asked.label, state.asked.sort, state.page, state.view) == (
        "",
        None,
        "position",
        1,
        "table",
    )
    assert state.query() == "?"


def test_the_state_that_is_written_into_an_address_is_read_back() -> None:
    given = {"q": "a & b", "label": "flat", "metric": "f1", "sort": "-probability", "page": "3", "view": "pictures"}
    state = table_state(given)
    assert state.span == (48, 72)
    assert dict(parse_qsl(state.query()[1:])) == given
    assert "page" not in state.query(page=1)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"sort": "size"}, "position"),
        ({"view": "film"}, "pictures"),
        ({"label": "bent"}, "u_shaped"),
        ({"page": "0"}, "no page number"),
        ({"page": "zwei"}, "no page number"),
        ({"page": "٣"}, "no page number"),
        ({"q": "a\x00b"}, "not text"),
        ({"metric": "x" * 400}, "too long"),
        ({"colour": "red"}, "no parameter"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused_with_what_it_may_be(query: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        table_state(query)


def test_a_page_beyond_the_last_is_the_last() -> None:
    assert with_page_that_exists(table_state({"page": "9"}), 120).page == 3
    assert with_page_that_exists(table_state({"page": "9"}), 0).page == 1


def test_page_numbers_show_the_ends_and_the_neighbours() -> None:
    assert page_numbers(1, 1) == [1]
    assert page_numbers(1, 200) == [1, 2, 3, None, 200]
    assert page_numbers(100, 200) == [1, None, 98, 99, 100, 101, 102, None, 200]


def test_what_all_curves_share_is_said_once_and_the_rest_can_be_chosen() -> None:
    assert common_setting(COUNTED) == {"metric": "accuracy", "model_family": "GPT-3"}
    assert [(one["name"], one["values"]) for one in choices(COUNTED)] == [("prompting", ["0-shot", "1-shot"])]
