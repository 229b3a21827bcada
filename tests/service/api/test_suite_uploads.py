"""Results of harnesses as an upload to `POST /batches`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.service.api.curves import Client, MakeApp
from tests.service.readers.result_files import SIZES, old_results, share, zipped

COUNTS = dict(zip(SIZES, (60, 120, 200, 290), strict=True))


MODELS = b"model,model_family,parameters\n" + b"".join(
    b"house-%d,house,%d\n" % (i, 10 ** (8 + i)) for i in range(len(SIZES))
)
TABLE = b"task,metric,parameters,score,n_examples\na,accuracy,1e8,.2,1000\na,accuracy,1e9,.5,1000\n"


def _upload(client: Client, content: bytes, name: str, **fields: object) -> Client:
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


@pytest.fixture
def unplaced(tmp_path: Path) -> bytes:
    """Results of models whose names do not tell their size."""
    members = {
        f"suite/{i}.json": json.dumps(old_results(f"house-{i}", {"piqa": share(60 * (i + 1), 312)})).encode()
        for i in range(len(SIZES))
    }
    return zipped(tmp_path / "unplaced.zip", members).read_bytes()


@pytest.mark.parametrize("as_file", [True, False])
def test_a_models_table_beside_the_file_places_its_models(client: Client, unplaced: bytes, *, as_file: bool) -> None:
    assert _upload(client, unplaced, "suite.zip").status_code == 422
    answer = _upload(
        client, unplaced, "suite.zip", models=(io.BytesIO(MODELS), "m.csv") if as_file else MODELS.decode()
    )
    assert answer.status_code == 202
    batch = client.get(answer.headers["Location"]).json
    assert "1 curve of 4 points" in "\n".join(batch["messages"])


def test_another_models_table_is_another_body(client: Client, unplaced: bytes) -> None:
    def answered(models: bytes) -> int:
        data = {"file": (io.BytesIO(unplaced), "suite.zip"), "models": (io.BytesIO(models), "m.csv")}
        headers = {"Idempotency-Key": "one"}
        answer = client.post("/v1/batches", data=data, content_type="multipart/form-data", headers=headers)
        return int(answer.status_code)

    assert [answered(MODELS), answered(MODELS), answered(MODELS + b"other,house,1e13\n")] == [202, 202, 422]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("file", [TABLE, TABLE]),
        ("options", ["{}", '{"seed": 1}']),
        ("models", [MODELS.decode(), MODELS.decode()]),
        ("models", [MODELS.decode(), MODELS]),
        ("format", ["csv", "csv"]),
        ("scale", ["parameters", ""]),
    ],
)
def test_a_part_that_comes_twice_is_refused_by_its_name(client: Client, name: str, parts: list[object]) -> None:
    sent = [(io.BytesIO(part), "a.csv") if isinstance(part, bytes) else part for part in parts]
    data = {"file": (io.BytesIO(TABLE), "a.csv"), name: sent}
    answer = client.post("/v1/batches", data=data, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert [problem["pointer"] for problem in answer.json["errors"]] == [f"/{name}"]
    assert "more than once" in answer.json["detail"]


def test_a_text_that_comes_as_a_file_is_refused_by_its_name(client: Client) -> None:
    answer = _upload(client, TABLE, "a.csv", options=(io.BytesIO(b'{"seed": 1}'), "options.json"))
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"pointer": "/options", "message": "comes as a file: send it as text"}]


@pytest.mark.parametrize(
    ("models", "why"),
    [
        (b"name,size\na,1\n", "row 1"),
        (b"model,parameters\na,-1\n", "row 2, column parameters"),
        (b"model,parameters\n\xff,1\n", "not UTF-8"),
        (b"GIF89a", "columns"),
    ],
)
def test_a_wrong_models_table_is_refused_by_its_row(client: Client, unplaced: bytes, models: bytes, why: str) -> None:
    answer = _upload(client, unplaced, "suite.zip", models=(io.BytesIO(models), "m.csv"))
    assert answer.status_code == 422
    assert [problem["pointer"] for problem in answer.json["errors"]] == ["/models"]
    assert why in answer.json["errors"][0]["message"]


def test_results_in_one_document_may_be_larger_than_curves_in_one(make_app: MakeApp) -> None:
    """An Every Eval Ever record holds one model; several stand one a line, or in an archive."""
    client = make_app(max_body_bytes=2000).test_client()
    results = json.dumps({**old_results("pythia-70m", {"piqa": share(60, 312)}), "notes": "x" * 3000}).encode()
    answer = _upload(client, results, "70m.json")
    assert "fewer than two scales" in answer.get_data(as_text=True)
    curves = json.dumps({"curves": [{"task": "x" * 3000}]}).encode()
    answer = _upload(client, curves, "curves.json")
    assert answer.status_code == 413
    assert "one curve a line (NDJSON)" in answer.json["detail"]
