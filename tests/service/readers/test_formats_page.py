from __future__ import annotations

from pathlib import Path

from service.readers import archive, contents, files, gathering
from service.readers.columns import SCALES
from service.readers.opening import FORMATS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "formats.md").read_text()


def test_the_page_on_formats_names_all_of_them_and_the_columns_of_a_models_table() -> None:
    assert all(f"`{name}`" in PAGE for name in (*FORMATS, *SCALES, "model", "model_family"))


def test_the_page_on_formats_tells_the_limits_as_they_are() -> None:
    assert files.MOST_FILES == archive.MOST_MEMBERS
    assert f"{files.MOST_FILES:,} files" in PAGE
    assert contents.LARGEST_DOCUMENT == archive.LARGEST_MEMBER
    assert f"{contents.LARGEST_DOCUMENT >> 20} MiB a JSON document" in PAGE
    assert f"{archive.LARGEST_TOTAL >> 30} GiB out of archives" in PAGE
    assert f"{gathering.MOST_SCORES:,} scores" in PAGE
