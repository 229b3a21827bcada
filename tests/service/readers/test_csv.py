import io
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidInput
from service.readers.errors import UnreadableFile
from service.readers.items import CurveItem
from service.readers.loading import load_item
from service.readers.opening import open_curves
from service.readers.spool import Spool
from service.schemas.curve import LoadedCurve, load_curve

HEADER = "task,metric,model_family,parameters,score,n_examples"
GOOD = ("a,accuracy,F,1e8,0.2,300", "a,accuracy,F,1e9,0.3,300")
DATA = Path("data")


def _text(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *rows, "")).encode()


def _read(content: bytes, scale: str | None = None) -> tuple[list[CurveItem], tuple[str, ...]]:
    with open_curves(io.BytesIO(content), "csv", scale) as stream:
        items = list(stream.items())
        assert stream.count == len(items)
        assert list(stream.items()) == items
        return items, stream.messages()


def _loaded(content: bytes, scale: str | None = None) -> list[LoadedCurve]:
    return [load_item(item) for item in _read(content, scale)[0]]


def _error(content: bytes, scale: str | None = None) -> str:
    with pytest.raises(UnreadableFile) as caught:
        _read(content, scale)
    return str(caught.value)


def _curve_error(content: bytes, scale: str | None = None) -> str:
    """The error of the one bad curve; every other curve must be good."""
    errors = []
    for item in _read(content, scale)[0]:
        try:
            load_item(item)
        except InvalidInput as error:
            errors.append(str(error))
    assert len(errors) == 1
    return errors[0]


UNREADABLE = (
    (b"", "the file is empty"),
    (b"\xef\xbb\xbf \n\n", "the file is empty"),
    (_text(), "there are no rows below the header"),
    (_text("", ",,,,,"), "there are no rows below the header"),
    (b"\n" + _text(*GOOD), "row 1: is blank: the first row must name the columns"),
    (
        _text(*GOOD).replace(b",", b";"),
        "row 1: the columns are separated by semicolons, not by commas: save the file with",
    ),
    (_text(*GOOD).replace(b",", b"\t"), "row 1: the columns are separated by tabs, not by commas"),
    (
        _text("a,accuracy,F,1e8,0,2,300"),
        "row 2: has 7 cells where the header has 6: write numbers with a decimal point",
    ),
    (
        _text(*GOOD, "a,accuracy,F,1e8,0,2,300", '"a,accuracy,F,1e8,0.2,300'),
        "row 5: opens a quotation mark that is never",
    ),
    (_text(*GOOD, "a,accuracy,F,1e8,0,2,300", '"a"a,accuracy,F,1e8,0.2,300'), "row 5: this is not CSV: ',' expected"),
    (_text(*GOOD, '"a,accuracy,F,1e10,0.2,300'), "row 4: opens a quotation mark that is never closed"),
    ("Tâche,métrique\nCalcul,justesse\n".encode("latin-1"), "row 1: holds the byte 0xE2, which is not UTF-8"),
    (_text(*GOOD, "é,accuracy,F,1,1,1").decode().encode("cp1252"), "row 4: holds the byte 0xE9, which is not UTF-8"),
    (_text(*GOOD) + b"a\0", "row 4: holds a NUL byte"),
    (b"PK\5\6" + bytes(18), "this is no table or JSON text but an empty zip archive"),
    (b"\x89PNG\r\n\x1a\n\0\0", "this is no table or JSON text but a PNG picture"),
    (_text(*GOOD).decode().encode("utf-16"), "this is no table or JSON text but UTF-16 text: save it as UTF-8"),
    (_text("a,b", header="task,task,metric"), "row 1: 2 columns are called task: keep one"),
    (b"# a comment\n" + _text(*GOOD), "row 1: missing columns: task; metric; parameters or training_flops or"),
    (b"hello\nworld\n", "row 1: missing columns: task; metric; parameters or training_flops or"),
    (
        _text(header="task,metric,params,acc,n"),
        "(rename params to parameters? rename acc to score? rename n to n_examples?)",
    ),
    (_text(header="Task,metric,parameters,score,stderr"), "missing columns: task. Found are Task, metric, parameters"),
    (b"x" * (3 << 20), "row 1: is longer than 1 MiB: a line end or a closing quote is missing"),
    (_text(*GOOD, "x" * (3 << 20)), "row 4: is longer than 1 MiB"),
)


@pytest.mark.parametrize(("content", "message"), UNREADABLE, ids=[message[:40] for _, message in UNREADABLE])
def test_a_file_of_which_nothing_can_be_read_says_why(content: bytes, message: str) -> None:
    assert message in _error(content)


def test_an_axis_that_is_not_there_cannot_be_asked_for() -> None:
    assert "the column training_flops that --scale asks for is missing" in _error(_text(*GOOD), "training_flops")


BAD_ROWS = (
    ("b,accuracy,F,1e400,0.2,300", "row 5, column parameters: '1e400' is not a finite number"),
    ("b,accuracy,F,0,0.2,300", "row 5, column parameters: 0.0 is not greater than 0"),
    ("b,accuracy,F,,0.2,300", "row 5, column parameters: missing"),
    ("b,accuracy,F,1e9,nan,300", "row 5, column score: 'nan' is not a finite number"),
    ("b,accuracy,F,1e9,,300", "row 5, column score: missing: give score, or n_correct with n_examples"),
    ("b,accuracy,F,1e9,abc,300", "row 5, column score: 'abc' is not a number"),
    ('b,accuracy,F,1e9,"0,2",300', "row 5, column score: '0,2' has a decimal comma: write the number with a point"),
    ("b,accuracy,F,1e9,87,300", "row 5, column score: 87.0 lies outside the metric's bounds 0 to 1 (in percent?"),
    ("b,accuracy,F,1e9,0.2,0", "row 5, column n_examples: 0 is less than 1"),
    ("b,accuracy,F,1e9,0.2,2.5", "row 5, column n_examples: 2.5 is not a whole number"),
    ("b,accuracy,F,1e9,0.2,-3", "row 5, column n_examples: -3 is less than 1"),
    ("b,accuracy,F,1e9,0.2,1_000", "row 5, column n_examples: '1_000' is not a number"),
    ("b,accuracy,F,1e9,0.2,", "row 5, column n_examples: missing, and so is stderr"),
    ("b,accuracy,F,1e9,0.2", "row 5, column n_examples: missing, and so is stderr"),
    ("b,accuracy,F,1e9,0,2,300", "row 5: has 7 cells where the header has 6: write numbers with a decimal point"),
    ("b,accuracy,F,1e9,0,2,300,,9", "row 5: has 9 cells where the header has 6"),
    ("b,accuracy,F,1e8,0.3,300", "row 5: the same as row 4"),
    ("b,accuracy,F,1e8,0.4,300", "rows 4 to 5: 2 point(s) at 1 distinct scale(s)"),
)


@pytest.mark.parametrize(("row", "message"), BAD_ROWS)
def test_a_bad_row_spoils_its_curve_alone_and_is_named(row: str, message: str) -> None:
    rows = (*GOOD, "b,accuracy,F,1e8,0.3,300", row, "c,accuracy,F,1e8,0.2,300", "c,accuracy,F,1e9,0.2,300")
    error = _curve_error(_text(*rows))
    assert message in error


@pytest.mark.parametrize("chunk_rows", [1, 2, 3, 4_000])
def test_long_rows_change_nothing_of_other_curves(chunk_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With blank lines, short rows, line ends in cells and empty cells behind the last column; wherever chunks end."""
    monkeypatch.setattr("service.readers.csv.CHUNK_ROWS", chunk_rows)
    good = "b,accuracy,F,1e9,0.2,300"
    rows = (*GOOD, '"c\nd",accuracy,F,1e8,0.2,300', "", '"c\nd",accuracy,F,1e9, 0.4 ,300', "e,accuracy,F,1e8,0.1")
    plain, *_ = _read(_text(*rows, "z,accuracy,F,1e8,0.1,9"))
    mixed, *_ = _read(_text(*rows[:4], "b,accuracy,F,1e8,0,2,300", *rows[4:], "z,accuracy,F,1e8,0.1,9,,", good))
    others = [item for item in mixed if item.names["task"] != "b"]
    assert [item.document for item in others] == [item.document for item in plain]
    assert [item.rows for item in others] == [(2, 3), (4, 7), (8,), (9,)]
    assert [item.rows for item in mixed if item.names["task"] == "b"] == [(6, 10)]


def test_empty_cells_behind_the_last_column_are_no_cells() -> None:
    plain = _read(_text(*GOOD, "b,accuracy,F,1e8,0.2,300"))[0]
    assert _read(_text(*(f"{row},," for row in GOOD), "b,accuracy,F,1e8,0.2,300"))[0] == plain
    assert "row 2: has 8 cells" in _error(_text(*(f"{row},,1" for row in GOOD)))


def test_long_rows_are_kept_without_what_they_have_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []

    def counted(spool: Spool, groups: Any) -> None:
        groups = list(groups)
        kept.extend(len(cells) for _, rows in groups for _, cells in rows)
        add(spool, groups)

    add = Spool.add
    monkeypatch.setattr(Spool, "add", counted)
    assert "row 4: has 90,007 cells" in _curve_error(_text(*GOOD, f"a,accuracy,F,1e10,0.3,300{',1' * 90_001}"))
    assert max(kept) == 7


@pytest.mark.parametrize(("row", "place"), [(",accuracy,F,1e9,0.2,300", "task"), ("b,,F,1e9,0.2,300", "metric")])
def test_a_row_without_a_name_is_told(row: str, place: str) -> None:
    assert f"row 4, column {place}: missing" in _curve_error(_text(*GOOD, row))


def test_a_standard_error_of_zero_is_refused() -> None:
    rows = ("a,accuracy,1e8,0.2,0", "a,accuracy,1e9,0.2,0.1")
    error = _curve_error(_text(*rows, header="task,metric,parameters,score,stderr"))
    assert error == "row 2, column stderr: 0.0 is not a positive finite number; give n_examples instead"


def test_more_correct_than_asked_is_refused() -> None:
    rows = ("a,accuracy,1e8,5,3", "a,accuracy,1e9,3,5")
    error = _curve_error(_text(*rows, header="task,metric,parameters,n_correct,n_examples"))
    assert "row 2, column n_correct: 5 is not between 0 and n_examples = 3" in error


TWO_AXES = "task,metric,score,n_examples,parameters,training_flops"


def test_a_curve_with_two_axes_is_refused_with_its_rows() -> None:
    rows = ("a,accuracy,0.1,300,1e8,", "a,accuracy,0.2,300,1e9,1e20", "a,accuracy,0.3,300,,1e21")
    error = _curve_error(_text(*rows, header=TWO_AXES))
    assert error.startswith("row 4, column parameters: no parameters but training_flops, while other rows")
    assert "row 2, column training_flops: missing" in _curve_error(_text(*rows, header=TWO_AXES), "training_flops")


def test_each_curve_takes_the_first_axis_that_it_has() -> None:
    rows = ("a,accuracy,0.1,300,1e8,1e19", "a,accuracy,0.2,300,1e9,1e20", "b,accuracy,0.3,300,,1e21")
    curves = [loaded.curve for loaded in _loaded(_text(*rows, "b,accuracy,0.1,300,,1e22", header=TWO_AXES))]
    assert [(curve.scale_kind.value, curve.points[0].scale) for curve in curves] == [
        ("parameters", 1e8),
        ("training_flops", 1e21),
    ]


def test_a_scale_without_a_kind_is_of_another_kind() -> None:
    rows = ("a,accuracy,0.1,300,1", "a,accuracy,0.2,300,2")
    (loaded,) = _loaded(_text(*rows, header="task,metric,score,n_examples,scale"))
    assert loaded.curve.scale_kind.value == "other"


def test_columns_of_the_metric_are_honoured() -> None:
    header = "task,metric,kind,unit,chance,target_length,higher_is_better,parameters,score,n_examples"
    rows = ("a,em2,proportion,percent,25,1,TRUE,1e8,86,300", "a,em2,proportion,percent,25,1,TRUE,1e9,90,300")
    metric = _loaded(_text(*rows, header=header))[0].curve.metric
    assert (metric.name, metric.chance, metric.target_length) == ("em2", 0.25, 1)


def test_a_metric_that_changes_within_a_curve_is_refused() -> None:
    rows = ("a,accuracy,0.25,1e8,0.5,300", "a,accuracy,0.5,1e9,0.5,300")
    error = _curve_error(_text(*rows, header="task,metric,chance,parameters,score,n_examples"))
    assert error == "rows 2 to 3, column chance: '0.25' in row 2 but '0.5' in row 3: one curve has one chance"


def test_extra_columns_become_tags_where_they_are_constant_and_are_reported_where_not() -> None:
    rows = (
        "a,accuracy,1e8,0.2,300,x,y,",
        "a,accuracy,1e9,0.3,300,x,z,",
        "b,accuracy,1e8,0.2,300,,y,",
        "b,accuracy,1e9,0.3,300,,y,",
    )
    items, messages = _read(_text(*rows, header="task,metric,parameters,score,n_examples,source,note,"))
    assert [item.document["tags"] for item in items if item.document] == [{"source": "x"}, {"note": "y"}]
    assert messages == (
        "column 8 has no name and was left out",
        "column note varies within 1 curve, whose tags it was left out of",
    )


def test_a_file_without_a_model_family_has_none() -> None:
    rows = ("a,accuracy,1e8,0.2,300", "a,accuracy,1e9,0.3,300")
    (loaded,) = _loaded(_text(*rows, header="task,metric,parameters,score,n_examples"))
    assert loaded.curve.model_family is None


@pytest.mark.parametrize(
    "change", [lambda t: b"\xef\xbb\xbf" + t, lambda t: t.replace(b"\n", b"\r\n"), lambda t: t[:-1]]
)
def test_byte_order_mark_and_line_ends_change_nothing(change: Any) -> None:
    assert _read(change(_text(*GOOD))) == _read(_text(*GOOD))


def test_blank_lines_are_skipped_but_counted() -> None:
    (item,) = _read(_text(GOOD[0], "", " ", GOOD[1], ""))[0]
    assert item.rows == (2, 5)


def test_names_are_told_for_good_and_bad_curves_alike() -> None:
    (item,) = _read(_text("a,accuracy,F,abc,0.2,300"))[0]
    assert item.names == {"task": "a", "metric": "accuracy", "model_family": "F"}
    assert item.label == "a, accuracy, F"


def test_a_curve_of_too_many_rows_is_refused_without_holding_them() -> None:
    rows = [f"a,accuracy,F,{i},0.2,300" for i in range(1, 3001)]
    (item,) = _read(_text(*rows))[0]
    assert str(item.problems[0]).startswith("from row 2: 3,000 rows make one curve, more than 1,000")


@pytest.mark.parametrize("name", ["gpt3_table_h1.csv", "palm_quote_repetition.csv"])
def test_published_tables_are_read_whole(name: str) -> None:
    with open_curves(DATA / name) as stream:
        curves = [load_item(item) for item in stream.items()]
    assert len(curves) == {"gpt3_table_h1.csv": 120, "palm_quote_repetition.csv": 1}[name]


ROWS = [
    f"{task},accuracy,F,{10.0**size},{(size + len(task)) / 20},300" for task in ("a", "bb", "ccc") for size in range(5)
]


@given(st.permutations(ROWS))
def test_the_order_of_rows_decides_the_order_of_curves_alone(rows: list[str]) -> None:
    items, _ = _read(_text(*rows))
    curves = {loaded.curve.task: loaded.curve for loaded in map(load_item, items)}
    assert list(curves) == list(dict.fromkeys(row.partition(",")[0] for row in rows))
    assert curves == {loaded.curve.task: loaded.curve for loaded in _loaded(_text(*ROWS))}


def test_a_table_and_a_document_give_the_same_curve() -> None:
    points = [{"scale": 1e8, "score": 0.2, "n_examples": 300}, {"scale": 1e9, "score": 0.3, "n_examples": 300}]
    document = {"task": "a", "metric": "accuracy", "model_family": "F", "points": points}
    assert _loaded(_text(*GOOD)) == [load_curve(document)]


@pytest.mark.parametrize("shuffled", [False, True])
def test_memory_does_not_grow_with_the_number_of_curves(tmp_path: Path, *, shuffled: bool) -> None:
    peaks = []
    for curves in (4_000, 10_000):
        rows = [f"task {i},accuracy,F,{10.0**j},0.2,300" for i in range(curves) for j in range(3)]
        path = tmp_path / f"{curves}.csv"
        path.write_bytes(_text(*(rows[::3] + rows[1::3] + rows[2::3] if shuffled else rows)))
        del rows
        peaks.append(_peak(path, curves))
    assert peaks[1] < 1.2 * peaks[0]


def _peak(path: Path, curves: int) -> int:
    """Most bytes held by Python while a file is read twice."""
    tracemalloc.start()
    with open_curves(path) as stream:
        for _ in range(2):
            assert sum(1 for item in stream.items() if len(item.rows) == 3) == curves
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_one_number_written_in_two_ways_is_one_number() -> None:
    rows = ("a,accuracy,.25,TRUE,1e8,0.5,300", "a,accuracy,0.250,yes,1e9,0.5,300")
    header = "task,metric,chance,higher_is_better,parameters,score,n_examples"
    assert _loaded(_text(*rows, header=header))[0].curve.metric.chance == 0.25


def test_values_that_differ_are_told_in_the_order_of_their_rows() -> None:
    rows = ("a,accuracy,.25,1e8,0.5,300", "a,accuracy,x,1e9,0.5,300", "a,accuracy,.250,1e10,0.5,300")
    error = _curve_error(_text(*rows, header="task,metric,chance,parameters,score,n_examples"))
    assert error.endswith("'.25' in row 2 but 'x' in row 3: one curve has one chance")


def test_columns_that_no_tag_can_be_are_left_out_and_told() -> None:
    extra = ",".join(f"c{i}" for i in range(102))
    cells = ",".join(["v"] * 102)
    rows = (f'a,accuracy,1e8,.2,300,{cells},"two\nlines"', f'a,accuracy,1e9,.3,300,{cells},"two\nlines"')
    content = _text(*rows, header=f"task,metric,parameters,score,n_examples,{extra},note")
    (item,), messages = _read(content)
    assert len(item.document["tags"]) == 100 if item.document else False
    assert load_item(item).curve.task == "a"
    assert [message.split(" of 1 curve")[0] for message in messages] == [
        "column c100 is no tag",
        "column c101 is no tag",
        "column note is no tag",
    ]


def test_a_scale_that_never_changes_beside_one_that_does_is_told_by_the_option() -> None:
    rows = ("a,accuracy,7e7,1e9,.2,300", "a,accuracy,7e7,1e10,.3,300")
    content = _text(*rows, header="task,metric,parameters,training_tokens,score,n_examples")
    assert _curve_error(content).endswith("if that is the scale, say --scale training_tokens")
    assert [point.scale for point in _loaded(content, "training_tokens")[0].curve.points] == [1e9, 1e10]


def test_more_correct_than_asked_says_nothing_of_a_score_that_was_not_given() -> None:
    rows = ("a,accuracy,1e8,30,100", "a,accuracy,1e9,101,100")
    error = _curve_error(_text(*rows, header="task,metric,parameters,n_correct,n_examples"))
    assert error.startswith("row 3, column n_correct")
    assert "score" not in error
