import pytest

from service.pages.suite_map import group_bars, label_bar, sign_map
from service.store.suite_rows import Counted, Group, SuiteRow


def row(position: int, task: str, label: str = "positive", prompting: str = "0-shot") -> SuiteRow:
    names = {"task": task, "metric": "accuracy", "prompting": prompting}
    return SuiteRow(
        position=position,
        label=label,
        names=names,
        rows=(),
        error=None,
        analysis_id=None if label == "failed" else f"id{position}",
        most_probable=None if label == "failed" else "positive",
        probability=None if label == "failed" else 0.7,
    )


def test_the_parts_of_a_bar_fill_it_in_the_order_of_the_labels() -> None:
    bar = label_bar({"flat": 1, "positive": 3})
    assert [(part.label, part.start, part.width) for part in bar.parts] == [("positive", 0, 75), ("flat", 75, 25)]
    assert bar.count == 4


def test_each_sign_leads_to_its_analysis_and_says_what_it_is() -> None:
    made = sign_map([row(0, "a"), row(1, "a", "undetermined", "1-shot"), row(2, "b", "failed")])
    cells = [curve for block in made.blocks for line in block for cell in line.cells for curve in cell]
    assert {curve.hint for curve in cells} == {
        "a, accuracy, 0-shot: positive 0.70",
        "a, accuracy, 1-shot: undetermined, most probably positive 0.70",
        "b, accuracy, 0-shot: failed",
    }


def test_groups_of_a_large_suite_are_bars_the_largest_first() -> None:
    groups = [Group((f"m{n % 30:02d}", "", "GPT-3"), "flat", n % 30 + 1) for n in range(30)]
    (found,) = group_bars(Counted(tuple(groups)))
    assert found["name"] == "metric"
    assert found["more"] == 6
    assert [bar.count for bar in found["bars"]] == sorted((bar.count for bar in found["bars"]), reverse=True)


@pytest.mark.parametrize("counts", [{"failed": 1}, {"undetermined": 3, "cancelled": 2}])
def test_a_bar_is_full_whatever_the_labels(counts: dict[str, int]) -> None:
    assert sum(part.width for part in label_bar(counts).parts) == pytest.approx(100, abs=0.01)
