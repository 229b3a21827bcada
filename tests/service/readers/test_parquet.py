from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.errors import InvalidInput
from service.readers.errors import UnreadableFile
from service.readers.loading import load_item
from service.readers.opening import open_curves

COLUMNS = {
    "task": ["arc", "boolq", "arc", "boolq"],
    "metric": ["acc"] * 4,
    "parameters": [1e8, 100_000_000.0, 2.5e9, 2.5e9],
    "score": [0.1, 1 / 3, 0.7, 0.75],
    "n_examples": [100, 300, 100, 100],
    "chance": [0.25, None, 0.25, None],
    "higher_is_better": [True, True, True, True],
    "seed": [1, 2, 1, 2],
}


def _write(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table({**COLUMNS, **columns}), path)
    return path


def test_a_parquet_file_gives_the_same_curves_as_the_csv_file(tmp_path: Path) -> None:
    path, other = _write(tmp_path / "a.parquet"), tmp_path / "a.csv"
    with other.open("w", newline="") as file:
        rows = zip(*COLUMNS.values(), strict=True)
        csv.writer(file).writerows([list(COLUMNS), *([_cell(cell) for cell in row] for row in rows)])
    with open_curves(path) as parquet, open_curves(other) as table:
        assert (parquet.format, table.format) == ("parquet", "csv")
        found = [load_item(item).curve for item in parquet.items()]
        assert found == [load_item(item).curve for item in table.items()]
        assert parquet.messages() == table.messages()
    assert found[0].tags == {"seed": "1"}


def _cell(value: object) -> object:
    return "true" if value is True else repr(value) if isinstance(value, float) else value


def test_a_wrong_value_is_named_by_row_and_column(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.parquet", score=[0.1, 0.2, 7.0, 0.4])
    with open_curves(path) as stream:
        first, _ = stream.items()
        with pytest.raises(InvalidInput, match="row 3, column score"):
            load_item(first)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"task": ["a"], "accuracy": [0.5]}), path)
    with pytest.raises(UnreadableFile, match="missing columns: metric"), open_curves(path):
        pass


def test_lists_in_cells_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.parquet", seed=[[1], [2], [3], [4]])
    with pytest.raises(UnreadableFile, match="the column seed holds lists"), open_curves(path):
        pass


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableFile, match="no Parquet file, or it was damaged"), open_curves(path):
        pass
