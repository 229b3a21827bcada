from collections.abc import Iterator
from typing import Any

import pytest

from service.commands.choosing import NAMES, is_chosen, told_choice
from service.readers.items import CurveItem

CURVES = [
    CurveItem(index, None, names={"task": task, "metric": metric, "model_family": family})
    for index, (task, metric, family) in enumerate(
        [
            ("a", "acc", "x"),
            ("a", "acc_norm", "x"),
            ("b", "acc_norm", "x"),
            ("b", "accuracy", "y"),
            ("acc", "brier", "y"),
        ]
    )
]


def chosen(**given: str) -> list[int]:
    wanted: dict[str, Any] = {name: (given[name],) if name in given else () for name in NAMES}
    names = told_choice(wanted, CURVES)
    return [item.index for item in CURVES if is_chosen(names, item)]


@pytest.mark.parametrize(
    ("given", "indices"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"task": "a"}, [0, 1]),
        ({"metric": "acc"}, [0]),
        ({"metric": "accuracy"}, [3]),
        ({"metric": "accuracy", "model_family": "x"}, [0, 1, 2]),
        ({"metric": "acc", "task": "b"}, [2, 3]),
        ({"task": "accuracy"}, []),
        ({"metric": "loss"}, []),
        ({"prompting": "few-shot"}, []),
    ],
)
def test_curves_are_chosen_by_their_own_names_and_a_metric_by_an_alias_only_where_none_has_that_name(
    given: dict[str, str], indices: list[int]
) -> None:
    assert chosen(**given) == indices


def test_curves_are_not_read_where_no_metric_is_asked_for() -> None:
    def unread() -> Iterator[CurveItem]:
        yield pytest.fail("read")

    assert told_choice({"task": ("a",), "metric": (), "model_family": (), "prompting": ()}, unread()) == {
        "task": frozenset({"a"})
    }
