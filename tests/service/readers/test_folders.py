from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from models.errors import InvalidInput
from service.readers import archive
from service.readers.errors import UnreadableFile
from service.readers.loading import load_item
from service.readers.opening import open_curves
from tests.service.readers.reading import codes, note, points_of, read
from tests.service.readers.result_files import (
    SIZES,
    helm_run,
    old_results,
    record,
    record_result,
    share,
    write,
    zipped,
    zstd_zip,
)

COUNTS = dict(zip(SIZES, (150, 170, 190, 230), strict=True))
CSV = "task,metric,model,parameters,score,n_examples\n"
ROWS = "arc,acc,a,1e8,0.2,100\narc,acc,b,1e9,0.4,100\n"


def _documents() -> dict[str, bytes]:
    return {
        f"runs/{name}.json": json.dumps(old_results(f"pythia-{name}", {"piqa": share(k, 312)})).encode()
        for name, k in COUNTS.items()
    }


def _folder(folder: Path) -> None:
    for name, content in _documents().items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(content)


def test_unrelated_and_hidden_files_are_named(tmp_path: Path) -> None:
    _folder(tmp_path)
    (tmp_path / "README.md").write_text("# Results\n")
    (tmp_path / "plot.png").write_bytes(b"\x89PNG\r\n")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "x.json").write_text("{}")
    (tmp_path / "empty.json").write_text("")
    write(tmp_path / "config.json", {"hidden_size": 512})
    (tmp_path / "broken.json").write_text('{"results": {')
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 4
    text = "\n".join(report.lines())
    for name in ("README.md", "plot.png", ".cache", "empty.json", "config.json", "broken.json"):
        assert name in text, name
    assert codes(report)["hidden"] == 1


def test_a_zip_of_results_is_read_like_the_folder(tmp_path: Path) -> None:
    _folder(tmp_path / "folder")
    path = zipped(tmp_path / "suite.zip", _documents())
    from_folder, _ = read(tmp_path / "folder")
    from_zip, report = read(path)
    assert [item.document for item in from_zip] == [item.document for item in from_folder]
    assert report.formats == {"lm-eval": 4}
    with path.open("rb") as file, open_curves(file) as stream:
        assert stream.count == 1


def test_archives_inside_an_archive_are_read_where_they_are_logs_and_named_where_not(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("a.json", "{}")
    path = zipped(tmp_path / "suite.zip", {**_documents(), "deep.zip": inner.getvalue()})
    _, report = read(path)
    assert "suite.zip/deep.zip" in note(report, "nested")


@pytest.mark.parametrize("kept", [30, 60, -10])
def test_a_truncated_zip_is_named(tmp_path: Path, kept: int) -> None:
    _folder(tmp_path)
    path = zipped(tmp_path / "log.eval", {"header.json": b"{}" * 500})
    path.write_bytes(path.read_bytes()[:kept])
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 4
    assert "log.eval" in note(report, "unreadable")
    with pytest.raises(UnreadableFile, match="truncated or damaged"), open_curves(path):
        pass


def test_a_member_that_says_it_is_small_does_not_get_past_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 10_000)
    _folder(tmp_path)
    for name, content in (
        ("zstd.eval", zstd_zip({"header.json": b" " * 1_000_000})),
        ("deflate.eval", _lying_zip(b" " * 1_000_000)),
    ):
        (tmp_path / name).write_bytes(content)
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 4
    assert codes(report)["unreadable"] == 2


def _lying_zip(content: bytes) -> bytes:
    """An archive whose directory says that a member is a hundred bytes long."""
    path = io.BytesIO()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("header.json", content)
    return path.getvalue().replace(struct.pack("<I", len(content)), struct.pack("<I", 100))


def test_the_bytes_that_come_out_of_all_archives_together_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "suite.zip", _documents())
    monkeypatch.setattr(archive.Budget.__init__, "__defaults__", (500,))
    with pytest.raises(UnreadableFile, match="come out of the archives"), open_curves(path):
        pass


def test_a_damaged_member_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    documents = _documents()
    path = zipped(tmp_path / "suite.zip", {**documents, "bad.json": zlib.compress(b"x" * 1000)}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    place = content.index(zlib.compress(b"x" * 1000))
    content[place + 3] ^= 0xFF
    path.write_bytes(content)
    (item,), report = read(path)
    assert len(points_of(item)) == 4
    assert "bad.json is damaged" in note(report, "unreadable")


def test_an_excel_workbook_is_told_from_an_archive_of_results(tmp_path: Path) -> None:
    path = zipped(tmp_path / "scores.xlsx", {"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"})
    with pytest.raises(UnreadableFile, match="save the sheet as CSV"), open_curves(path):
        pass


def test_tables_and_results_in_one_folder_are_one_input(tmp_path: Path) -> None:
    _folder(tmp_path)
    (tmp_path / "a.csv").write_text(CSV + ROWS)
    (tmp_path / "b.csv").write_text(CSV + ROWS.replace("arc", "boolq").replace("0.4", "4"))
    write(tmp_path / "c.json", {"curves": [_curve("siqa")]})
    (tmp_path / "d.ndjson").write_text(f"{json.dumps(_curve('copa'))}\n{json.dumps(_curve('wic'))}\n")
    items, report = read(tmp_path)
    assert [item.names["task"] for item in items] == ["piqa", "arc", "boolq", "siqa", "copa", "wic"]
    assert report.formats == {"lm-eval": 4, "csv": 2, "json": 1, "ndjson": 1}
    with pytest.raises(InvalidInput, match=r"b\.csv, row 3, column score"):
        load_item(items[2])


def _curve(task: str) -> dict[str, object]:
    points = [{"scale": 10.0**power, "score": 0.1 * power, "n_examples": 100} for power in (1, 2, 3)]
    return {"task": task, "metric": "acc", "points": points}


def test_a_table_without_the_needed_columns_is_named_with_what_is_missing(tmp_path: Path) -> None:
    _folder(tmp_path)
    (tmp_path / "other.csv").write_text("name,value\nx,1\n")
    _, report = read(tmp_path)
    assert "other.csv: row 1: missing columns" in note(report, "unreadable")


def test_several_files_are_one_input_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    _folder(tmp_path)
    paths = sorted((tmp_path / "runs").iterdir())
    (item,), _ = read(*paths)
    assert len(points_of(item)) == 4
    with pytest.raises(UnreadableFile, match=r"missing\.json cannot be opened"):
        read(*paths, tmp_path / "missing.json")


def test_an_empty_folder_says_that_nothing_could_be_built(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no curve could be built"), open_curves(tmp_path):
        pass


def test_links_that_lead_in_circles_are_not_followed(tmp_path: Path) -> None:
    _folder(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "nowhere.json").symlink_to(tmp_path / "gone.json")
    _, report = read(tmp_path)
    assert codes(report)["link"] == 1
    assert "nowhere.json" in note(report, "no_file")


def test_the_report_is_told_as_messages_and_as_json(tmp_path: Path) -> None:
    _folder(tmp_path)
    (tmp_path / "README.md").write_text("hello\x1b[31m\n")
    with open_curves(tmp_path) as stream:
        assert stream.report is not None
        document = stream.report.document()
        assert stream.messages() == stream.report.lines()
    assert json.loads(json.dumps(document)) == document
    assert (document["files"], document["curves"], document["points"]) == (4, 1, 4)
    assert document["left_out"][0]["examples"] == ["README.md"]


def test_names_in_the_report_have_no_control_characters(tmp_path: Path) -> None:
    _folder(tmp_path)
    (tmp_path / "\x1b[31mred").write_text("x")
    _, report = read(tmp_path)
    assert "\x1b" not in "\n".join(report.lines())


def test_curves_of_many_files_come_in_any_order_of_the_files(tmp_path: Path) -> None:
    _folder(tmp_path)
    paths = sorted((tmp_path / "runs").iterdir())
    forward, _ = read(*paths)
    backward, _ = read(*reversed(paths))
    assert [item.document for item in forward] == [item.document for item in backward]


def test_a_suite_can_be_read_twice(tmp_path: Path) -> None:
    _folder(tmp_path)
    (tmp_path / "a.csv").write_text(CSV + ROWS)
    with open_curves(tmp_path) as stream:
        assert list(stream.items()) == list(stream.items())


def test_tables_in_an_archive_in_a_folder_can_be_read_twice_and_count_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (CSV + ROWS).encode()
    zipped(tmp_path / "suite.zip", {"a.csv": content})
    monkeypatch.setattr(archive.Budget.__init__, "__defaults__", (len(content),))
    with open_curves(tmp_path) as stream:
        assert list(stream.items()) == list(stream.items())
        assert stream.report is not None
        assert (stream.format, stream.report.points) == ("csv", 2)


def test_a_curve_that_several_tables_have_points_of_is_named(tmp_path: Path) -> None:
    first, second = ROWS.splitlines()
    (tmp_path / "a.csv").write_text(f"{CSV}{first}\n")
    (tmp_path / "b.csv").write_text(f"{CSV}{second}\n")
    items, report = read(tmp_path)
    assert len(items) == 2
    assert "arc, acc in b.csv" in note(report, "several_files")


def test_lines_that_end_in_a_carriage_return_are_text_like_any_other(tmp_path: Path) -> None:
    header, *rows = "task,metric,parameters,score,n_examples", "a,accuracy,1e8,.2,500", "a,accuracy,1e9,.3,500"
    (tmp_path / "a.csv").write_text("\n".join((header, *rows, "")))
    (tmp_path / "old.csv").write_text("\r".join((header, *(row.replace("a,", "b,", 1) for row in rows), "")))
    (tmp_path / "log.txt").write_text("progress 10%\rprogress 20%\n")
    items, report = read(tmp_path)
    assert [item.names["task"] for item in items] == ["a", "b"]
    assert "log.txt" in note(report, "unrelated")


@pytest.mark.parametrize("kind", [[], {}, 3])
def test_a_record_with_a_kind_that_is_no_text_is_read(tmp_path: Path, kind: object) -> None:
    for index, name in enumerate(SIZES):
        result = record_result(0.2 + index / 10, 0.01, 400)
        result["metric_config"]["additional_details"] = {"kind": kind}
        write(tmp_path / f"{name}.json", record(f"pythia-{name}", [result]))
    assert len(read(tmp_path)[0]) == 1


def test_a_helm_run_whose_statistics_are_no_list_is_left_out(tmp_path: Path) -> None:
    for name in SIZES:
        helm_run(tmp_path, f"pythia-{name}", [1.0, 0.0, 1.0])
    for damaged in tmp_path.glob("*pythia-70m/stats.json"):
        damaged.write_text("NaN")
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 3
    assert codes(report)["no_scores"] == 1
