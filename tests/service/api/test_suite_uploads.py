"""Results of harnesses as an upload to `POST /batches`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.service.api.curves import Client
from tests.service.readers.result_files import SIZES, old_results, share, zipped

COUNTS = dict(zip(SIZES, (60, 120, 200, 290), strict=True))


def _upload(client: Client, content: bytes, name: str, **fields: str) -> Client:
    data = {"file": (io.BytesIO(content), name), **fields}
    return client.post("/v1/batches", data=data, content_type="multipart/form-data")


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    members = {
        f"suite/{name}.json": json.dumps(old_results(f"pythia-{name}", {"piqa": share(k, 312)})).encode()
        for name, k in COUNTS.items()
    }
    return zipped(tmp_path / "suite.zip", {**members, "suite/README.md": b"# Results"}).read_bytes()


def test_an_archive_of_results_is_a_batch_with_its_load_report(client: Client, archive: bytes) -> None:
    answer = _upload(client, archive, "suite.zip")
    assert answer.status_code == 202
    batch = client.get(answer.headers["Location"]).json
    assert batch["counts"]["total"] == 1
    messages = "\n".join(batch["messages"])
    assert "Read 4 files (4 lm-eval): 1 curve of 4 points" in messages
    assert "README.md" in messages


@pytest.mark.parametrize("kept", [40, -30])
def test_a_truncated_archive_is_refused(client: Client, archive: bytes, kept: int) -> None:
    answer = _upload(client, archive[:kept], "suite.zip")
    assert answer.status_code == 422
    assert "truncated or damaged" in answer.get_data(as_text=True)


def test_a_single_results_file_is_refused_because_it_has_one_scale(client: Client) -> None:
    content = json.dumps(old_results("pythia-70m", {"piqa": share(60, 312)})).encode()
    answer = _upload(client, content, "70m.json", format="lm-eval")
    assert answer.status_code == 422
    assert "fewer than two scales" in answer.get_data(as_text=True)
