from __future__ import annotations

import csv
import re
from importlib import resources
from pathlib import Path

import pytest

from service.readers.errors import UnreadableFile
from service.readers.model_names import read_name
from service.readers.models_table import built_in_models, models_of, read_models
from service.readers.placing import AGREEMENT


@pytest.mark.parametrize(
    ("name", "family", "parameters"),
    [
        ("EleutherAI/pythia-1.4b", "pythia", 1.4e9),
        ("EleutherAI/pythia-v1.1-1b-bf16", "pythia-v1.1", 1e9),
        ("EleutherAI/pythia-6.9b-deduped", "pythia-deduped", 6.9e9),
        ("meta-llama/Llama-2-7b-hf", "Llama-2", 7e9),
        ("bigscience/bloom-7b1", "bloom", 7.1e9),
        ("alpaca7B", "alpaca", 7e9),
        ("ollama/llama3.1:8b", "llama3.1", 8e9),
        ("RylanSchaeffer/mem_Qwen3-93M_minerva", "mem-Qwen3-minerva", 93e6),
        ("/data/models/opt-125m/", "opt", 125e6),
        ("openai/gpt-4o", "gpt-4o", None),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "Llama-3-Instruct", 8e9),
        ("mistralai/Mixtral-8x7B-v0.1", "Mixtral-8x7B-v0.1", None),
        ("draft-1b-target-7b", "draft-target", None),
        ("stabilityai/stablelm-2-1_6b", "stablelm-2", 1.6e9),
        ("stabilityai/stablelm-2-1_6b-chat", "stablelm-2-chat", 1.6e9),
        ("internlm/internlm2-1_8b", "internlm2", 1.8e9),
        ("internlm/internlm2_5-1_8B_chat", "internlm2-5-chat", 1.8e9),
        ("internlm/internlm2_5-7b", "internlm2-5", 7e9),
        ("llama_7b", "llama", 7e9),
        ("llama_2_7b", "llama-2", 7e9),
        ("llama-2_7b", "llama-2", 7e9),
        ("llama-2-1_13b", "llama-2-1", 13e9),
        ("bigscience/T0_3B", "T0", 3e9),
        ("opt_1_3b", "opt-1", 3e9),
        ("model-v2_7b", "model-v2", 7e9),
        ("model_v2_7b", "model-v2", 7e9),
        ("nvidia/Llama-3_1-Nemotron-51B", "Llama-3-1-Nemotron", 51e9),
        ("microsoft/phi-1_5", "phi-1-5", None),
    ],
)
def test_a_name_is_taken_apart_into_family_and_size(name: str, family: str, parameters: float | None) -> None:
    read = read_name(name)
    assert (read.family, read.parameters) == (family, parameters)


def test_the_built_in_table_gives_a_source_for_every_row() -> None:
    text = resources.files("service.readers").joinpath("data/models.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) > 100
    for row in rows:
        assert float(row["parameters"]) > 1e7
        assert row["training_tokens"] == "" or float(row["training_tokens"]) > 1e9
        assert re.search(r"arXiv \d{4}\.\d{5}|doi|model card|Radford", row["source"]), row["model"]


def test_the_sizes_of_the_built_in_table_agree_with_the_names_of_the_models() -> None:
    for model in built_in_models().models.values():
        read = read_name(model.model)
        if read.parameters is not None:
            assert 1 / AGREEMENT < model.scales["parameters"] / read.parameters < AGREEMENT, model.model


@pytest.mark.parametrize("name", ["EleutherAI/Pythia-1.4B", "pythia-1.4b", "models/pythia_1.4b", "pythia-1.4b-bf16"])
def test_a_model_is_found_under_its_other_names(name: str) -> None:
    found = built_in_models().find(name)
    assert found is not None
    assert found.model == "pythia-1.4b"


@pytest.mark.parametrize("name", ["stabilityai/stablelm-2-1_6b", "stablelm-2-1.6b", "stablelm-2-1_6b-bf16"])
def test_a_model_is_found_with_an_underscore_for_its_decimal_point(name: str) -> None:
    for row in ("stablelm-2-1.6b", "stablelm-2-1_6b"):
        found = models_of(f"model,parameters\n{row},1.64e9\n").find(name)
        assert found is not None, row


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("facebook/opt_1_3b", 1.3e9), ("opt-1_3b", 1.3e9), ("Llama_2_7b", 7e9), ("bloom_7b1", 7.1e9)],
)
def test_the_table_decides_whether_an_underscore_is_a_decimal_point(name: str, parameters: float) -> None:
    found = built_in_models().find(name)
    assert found is not None
    assert found.scales["parameters"] == pytest.approx(parameters, rel=0.1)


def test_a_name_with_an_underscore_goes_before_the_one_with_a_decimal_point() -> None:
    found = models_of("model,parameters\nmine-2.7b,2.7e9\nmine-2-7b,7e9\n").find("mine_2_7b")
    assert found is not None
    assert found.scales["parameters"] == 7e9


def test_an_exact_name_goes_before_a_shorter_form_of_another_one() -> None:
    table = models_of("model,parameters\npythia-1b-bf16,2e9\npythia-1b,1e9\n")
    bf16, plain = table.find("EleutherAI/pythia-1b-bf16"), table.find("EleutherAI/pythia-1b")
    assert bf16 is not None
    assert plain is not None
    assert (bf16.scales["parameters"], plain.scales["parameters"]) == (2e9, 1e9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it needs model"),
        ("model\na\n", "it needs model"),
        ("name,parameters\na,1\n", "it needs model"),
        ("model,parameters\na,x\nb,-1\nc,1e9\n", "row 2, column parameters: 'x' is not a positive number"),
        ("model,parameters\na,1e9\nA,2e9\n", "row 3: 'A' stands in row 2 with other values"),
        ("model,parameters\n,1e9\n", "row 2: has no model"),
        ("model,parameters,parameters\na,1,1\n", "several columns are called parameters"),
        ('model,parameters\n"a,1', "no scale|not CSV|has no|missing|row 2"),
    ],
)
def test_a_faulty_table_is_refused_with_row_and_reason(text: str, message: str) -> None:
    if text.endswith('"a,1'):
        assert models_of(text).find("a,1") is not None  # CSV lets a quotation mark stay open at the end
        return
    with pytest.raises(UnreadableFile, match=re.escape(message)):
        models_of(text)


def test_a_table_is_read_from_a_file_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "models.csv"
    path.write_bytes(b"\xef\xbb\xbfmodel,training_tokens\nx,1e12\n")
    found = read_models(path).find("org/X")
    assert found is not None
    assert found.scales == {"training_tokens": 1e12}
    with pytest.raises(UnreadableFile, match="cannot be opened"):
        read_models(tmp_path / "none.csv")
    path.write_bytes(b"model,parameters\n\xff,1\n")
    with pytest.raises(UnreadableFile, match="UTF-8"):
        read_models(path)
