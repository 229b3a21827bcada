from service.pages.rendering import LABEL_NAMES
from service.report.class_map import FEWEST_ROWS, MOST_COLUMNS, MOST_ROWS, MapCurve, class_map, counted


def curve(task: str, metric: str = "acc", prompting: str = "", family: str = "", label: str = "flat") -> MapCurve:
    return MapCurve(task, (metric, prompting, family), label, label, task)


def test_columns_are_what_tells_the_curves_of_a_task_apart() -> None:
    made = class_map([curve(f"t{i}", prompting=shot) for i in range(3) for shot in ("0-shot", "1-shot")])
    assert (made.by, made.columns) == ("prompting", ("0-shot", "1-shot"))
    assert [row.task for block in made.blocks for row in block] == ["t0", "t1", "t2"]
    assert all(len(cell) == 1 for block in made.blocks for row in block for cell in row.cells)


def test_a_metric_that_goes_with_the_task_needs_no_column() -> None:
    curves = [curve(f"t{i}", f"metric {i}", family=family) for i in range(4) for family in ("A", "B")]
    assert class_map(curves).by == "model family"


def test_curves_that_nothing_tells_apart_share_the_one_column() -> None:
    made = class_map([curve("t0"), curve("t1")])
    assert (made.by, made.columns) == ("", ("",))


def test_too_many_promptings_are_told_by_their_first_word() -> None:
    shots = [f"few-shot K={number}" for number in range(MOST_COLUMNS + 1)]
    curves = [curve(f"t{i}", prompting=prompting) for i, shot in enumerate(shots) for prompting in ("0-shot", shot)]
    made = class_map(curves)
    assert made.shortened
    assert made.columns == ("0-shot", "few-shot")


def test_too_many_columns_are_given_up_and_cells_hold_several_curves() -> None:
    curves = [curve("t", family=f"f{number}") for number in range(MOST_COLUMNS + 1)]
    made = class_map(curves)
    assert len(made.columns) == 1
    assert len(made.blocks[0][0].cells[0]) == len(curves)


def test_every_curve_is_in_the_map_once() -> None:
    curves = [curve(f"t{i}", family=family) for i in range(3 * FEWEST_ROWS + 1) for family in ("A", "B")]
    made = class_map(curves)
    assert len(made.blocks) == 3
    assert [one for block in made.blocks for row in block for cell in row.cells for one in cell] == curves


def test_many_tasks_are_heaped_by_label() -> None:
    curves = [curve(f"t{i}", label=("flat", "positive")[i % 2]) for i in range(MOST_ROWS + 1)]
    (heap,) = class_map(curves).heaps
    assert counted(heap) == [("positive", MOST_ROWS // 2), ("flat", MOST_ROWS // 2 + 1)]
    assert [one.label for one in heap] == sorted((one.label for one in heap), reverse=True)


def test_a_heap_takes_every_label_that_a_suite_can_have() -> None:
    labels = tuple(LABEL_NAMES)
    curves = [curve(f"t{i}", label=labels[i % len(labels)]) for i in range(MOST_ROWS + len(labels))]
    (heap,) = class_map(curves).heaps
    assert [label for label, _ in counted(heap)] == list(labels)
