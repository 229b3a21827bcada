import io
import json
import os
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidInput
from service.readers import json_documents
from service.readers.errors import UnreadableFile
from service.readers.items import CurveItem
from service.readers.loading import load_item
from service.readers.ndjson import LONGEST_LINE
from service.readers.opening import FORMATS, READERS, CurveStream, open_curves
from service.schemas.curve import load_curve

POINTS = [{"scale": 1e8, "score": 0.2, "n_examples": 300}, {"scale": 1e9, "score": 0.3, "n_examples": 300}]
CURVE: dict[str, Any] = {"task": "a", "metric": "accuracy", "points": POINTS}
TEXT = json.dumps(CURVE)


def _items(content: str | bytes, format_name: str | None = None) -> list[CurveItem]:
    data = content.encode() if isinstance(content, str) else content
    with open_curves(io.BytesIO(data), format_name) as stream:
        items = list(stream.items())
        assert stream.count == len(items)
        assert list(stream.items()) == items
        return items


def _error(content: str | bytes, format_name: str | None = None) -> str:
    with pytest.raises(UnreadableFile) as caught:
        _items(content, format_name)
    return str(caught.value)


def _item_error(item: CurveItem) -> str:
    with pytest.raises(InvalidInput) as caught:
        load_item(item)
    return str(caught.value)


def _detected(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return next(reader.name for reader in READERS if reader.detect(data))


DETECTED = (
    (TEXT, "json"),
    (f"\n  {TEXT}\n", "json"),
    (json.dumps(CURVE, indent=2), "json"),
    (f"[{TEXT},\n{TEXT}]", "json"),
    (f'{{"curves": [\n{TEXT},\n{TEXT}\n]}}', "json"),
    (f"{TEXT}\n{TEXT}\n", "ndjson"),
    (f"\n{TEXT}\r\n\r\n{TEXT}", "ndjson"),
    (f"{TEXT}\nnot json\n{TEXT}", "ndjson"),
    ('{"task": broken\n' + TEXT, "ndjson"),
    ("task,metric,parameters,score,n_examples\n", "csv"),
    ("anything else", "csv"),
)


@pytest.mark.parametrize(("content", "name"), DETECTED)
def test_the_format_is_known_by_the_content(content: str, name: str) -> None:
    assert _detected(content) == name


@pytest.mark.parametrize("content", [TEXT, f"[{TEXT}]", f'{{"curves": [{TEXT}]}}', "\ufeff" + TEXT])
def test_a_curve_a_list_and_an_object_with_curves_are_understood(content: str) -> None:
    (item,) = _items(content)
    assert load_item(item) == load_curve(CURVE)
    assert (item.rows, item.names, item.label) == ((), {"task": "a", "metric": "accuracy"}, "a, accuracy")


def test_options_of_a_batch_stand_beside_its_curves() -> None:
    with open_curves(io.BytesIO(json.dumps({"curves": [CURVE], "options": {"seed": 3}}).encode())) as stream:
        assert stream.options == {"seed": 3}


UNREADABLE = (
    ("", "the file is empty"),
    ("[]", "the document holds no curve"),
    ('{"curves": []}', "the document holds no curve"),
    ('{"curves": 3}', "/curves: 3 is not a list"),
    ('{"curves": [], "options": []}', "/options: a list is not an object"),
    ('{"curves": [], "optoins": {}}', "/optoins: unknown field: did you mean options?"),
    ('{"curves": [], "curves": []}', "/curves: given more than once in one object: keep one"),
    ('{"task": "a",}', "this is not JSON: line 1, column"),
    (TEXT[:-1], "this is not JSON: line 1, column"),
    ("[" * 100_000, "this is not JSON: nested deeper than a curve can be"),
    (f"[{'9' * 5000}]", "this is not JSON: an integer has too many digits"),
    (b"[\n" + TEXT.encode() + b"\xe9]", "row 2: holds the byte 0xE9, which is not UTF-8"),
)


@pytest.mark.parametrize(("content", "message"), UNREADABLE, ids=[message for _, message in UNREADABLE])
def test_a_document_of_which_nothing_can_be_read_says_why(content: str | bytes, message: str) -> None:
    assert _error(content).startswith(message)


def test_lines_read_as_one_document_get_a_hint() -> None:
    assert _error(f"{TEXT}\n{TEXT}", "json").endswith("(one curve a line? say --format ndjson)")


def test_a_document_that_is_too_large_for_memory_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_documents, "LARGEST_JSON", 10)
    assert "write one curve a line (NDJSON)" in _error(TEXT)


BAD = (
    (TEXT.replace("0.2", "NaN"), "/points/0/score: NaN is not a finite number"),
    (TEXT.replace("0.2", "-Infinity"), "/points/0/score: -Infinity is not a finite number"),
    (TEXT.replace("0.2", "1e400"), "/points/0/score: '1e400' is not a finite number"),
    (TEXT.replace("0.2", "true"), "/points/0/score: true is not a number"),
    (TEXT.replace('"score": 0.2', '"score": 0.2, "score": 0.3'), "/points/0/score: given more than once in one object"),
    ("3", "3 is not a curve: an object with task, metric and points is"),
    ("[]", "a list is not a curve"),
    ('{"curves": []}', "/curves: unknown field"),
)


@pytest.mark.parametrize(("bad", "message"), BAD)
@pytest.mark.parametrize("form", ["[{0},\n{1},\n{0}]", "{0}\n{1}\n{0}"])
def test_one_bad_curve_leaves_the_others_whole(form: str, bad: str, message: str) -> None:
    items = _items(form.format(TEXT, bad), "json" if form.startswith("[") else "ndjson")
    assert message in _item_error(items[1])
    assert load_item(items[0]) == load_item(items[2]) == load_curve(CURVE)
    assert items[1].rows == (() if form.startswith("[") else (2,))


def test_a_line_that_is_no_json_is_one_bad_curve_with_its_line_number() -> None:
    items = _items(f"\n{TEXT}\n{{broken\n\n{TEXT}\n")
    assert [item.rows for item in items] == [(2,), (3,), (5,)]
    assert _item_error(items[1]).startswith("this is not JSON: column 2: ")
    assert items[1].label == "line 3"


def test_a_line_in_another_encoding_is_one_bad_curve() -> None:
    items = _items(f"{TEXT}\n".encode() + TEXT.replace("a", "é").encode("latin-1") + f"\n{TEXT}".encode())
    assert "is not UTF-8: save the file as UTF-8" in _item_error(items[1])
    assert load_item(items[2]) == load_curve(CURVE)


@pytest.mark.parametrize("format_name", [None, "ndjson"])
def test_a_line_with_a_nul_byte_is_one_bad_curve(format_name: str | None) -> None:
    damaged = TEXT.replace('"a"', '"\0"')
    items = _items(f"{TEXT}\n{damaged}\n{TEXT}\n\0\n", format_name)
    assert _item_error(items[1]) == "holds a NUL byte at position 11: it was damaged; write it again"
    assert [items[1].rows, items[3].rows, items[3].document] == [(2,), (4,), None]
    assert load_item(items[2]) == load_curve(CURVE)


def test_a_nul_byte_in_a_document_refuses_it_with_its_row() -> None:
    assert _error(f"[{TEXT},\n{TEXT},\n\0]").startswith("row 3: holds a NUL byte")


@pytest.mark.parametrize("over", [-3, -2, -1, 0, 1, 1000])
def test_an_over_long_line_is_one_bad_curve_that_is_not_held_in_memory(tmp_path: Path, over: int) -> None:
    path = tmp_path / "long.ndjson"
    longer = LONGEST_LINE + 1 - len(TEXT)
    path.write_text(f"{TEXT}\n{TEXT}{' ' * (longer + over)}\n{TEXT}\n")
    items = _with(path, list)
    assert [item.rows for item in items] == [(1,), (2,), (3,)]
    assert (items[1].document is None) == (over >= -1)
    assert load_item(items[2]) == load_curve(CURVE)


def test_the_rest_of_an_endless_line_is_skipped_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.ndjson"
    with path.open("wb") as file:
        file.write(f"{TEXT}\n{{".encode())
        for _ in range(8):
            file.write(b" " * LONGEST_LINE)
        file.write(f"\n{TEXT}\n".encode())
    tracemalloc.start()
    items = _with(path, list)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "the line is longer than 16 MiB" in _item_error(items[1])
    assert peak < 3 * LONGEST_LINE


def _with(path: Path, read: Any) -> list[CurveItem]:
    with open_curves(path) as stream:
        curves: CurveStream = stream
        return [*read(curves.items())]


def test_a_pipe_is_spooled_and_can_be_read_twice() -> None:
    reading, writing = os.pipe()
    os.write(writing, f"{TEXT}\n{TEXT}\n".encode())
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe, open_curves(pipe) as stream:
        assert [len(list(stream.items())) for _ in range(2)] == [2, 2]


def test_passes_over_one_file_do_not_disturb_each_other() -> None:
    content = "\n".join(json.dumps({**CURVE, "task": str(i)}) for i in range(5)).encode()
    with open_curves(io.BytesIO(content)) as stream:
        pairs = list(zip(stream.items(), stream.items(), strict=True))
    assert [one.names["task"] for one, _ in pairs] == list("01234")
    assert all(one == other for one, other in pairs)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="cannot be opened"), open_curves(tmp_path / "missing.csv"):
        pass


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    assert _error(TEXT, "xml") == f"xml is no known format: known are {', '.join(FORMATS)}"


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*CURVE, "x"]), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_every_json_value_is_a_curve_or_invalid_input(value: Any) -> None:
    for document in (value, {**CURVE, "points": value}, {**CURVE, "metric": value}, {**CURVE, "options": value}):
        (item,) = _items(json.dumps([document]), "json")
        with suppress(InvalidInput):
            load_item(item)


def test_options_of_a_batch_that_are_given_twice_are_refused() -> None:
    content = f'{{"curves": [{json.dumps(CURVE)}], "options": {{"seed": 1, "seed": 2}}}}'
    assert "/options/seed: given more than once" in _error(content)
