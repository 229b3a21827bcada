"""The place of a run on the scale axes, and its family: from the tables, the file, or the model's name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from service.readers.columns import SCALES
from service.readers.evaluation import Run
from service.readers.load_report import Ledger
from service.readers.model_names import base_name, read_name
from service.readers.models_table import KnownModel, ModelsTable, built_in_models

PARAMETERS, FLOPS, TOKENS = SCALES[:3]
CHECKPOINTS = "their checkpoints"  # the origin of a scale that is no property of the model
FLOPS_PER_PARAMETER_AND_TOKEN = 6  # Kaplan et al. 2020, arXiv 2001.08361, section 2.1
AGREEMENT = 1.4  # ratio of two sizes of one model that its embeddings explain: Gemma 2 2B has 2.61 billion with them
_STEP = re.compile(r"step(\d+)")
_COMMIT = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{7,40}|[0-9a-f]{40}", re.IGNORECASE)  # whole or cut short
# Biderman et al. 2023, arXiv 2304.01373, section 2.1: 143,000 steps of 2,097,152 tokens.
PYTHIA, PYTHIA_STEPS, PYTHIA_STEP_TOKENS = "pythia", 143_000, 2_097_152


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands: what its point is called, its family, and its scale on each axis that is known.

    `checkpoint` is None for the end of training; `commit` is the revision that was pinned, which is no checkpoint;
    `origins` says where the scale on each axis is from.
    """

    label: str
    family: str
    checkpoint: str | None
    scales: Mapping[str, float]
    origins: Mapping[str, str]
    commit: str | None = None


def placed(run: Run, table: ModelsTable | None, ledger: Ledger) -> Place:
    """The place of a run; what no file says is noted."""
    given = None if table is None else table.find(run.model)
    built_in = built_in_models().find(run.model)
    read = read_name(run.model)
    families = (given.family if given else None, run.family, built_in.family if built_in else None)
    family = next((name for name in families if name), None) or _as_known(read.family, table)
    if table is not None and given is None:
        ledger.mixed("not_in_models_table", "models that the models table lacks", run.model)
    commit = run.checkpoint if _COMMIT.fullmatch(run.checkpoint or "") else None
    if commit is not None:
        message = "models whose revision is a commit, which is taken as no checkpoint of their training"
        ledger.inferred("commit", message, f"{run.model}: {commit}")
    checkpoint, tokens = (None, None) if commit is not None else _checkpoint(run.checkpoint, family)
    tables = given.scales if given else {}, _at(checkpoint, built_in)
    found = dict(_scales(run, tables, tokens))
    size = found.get(PARAMETERS)
    if size and read.parameters and not 1 / AGREEMENT < size[0] / read.parameters < AGREEMENT:
        ledger.mixed("size_disagrees", "models whose name says another size", f"{run.model}: {size[0]:g} parameters")
    scales = {axis: value for axis, (value, _) in found.items()}
    origins = {axis: origin for axis, (_, origin) in found.items()}
    label, family = ("-".join(filter(None, (name, run.variant))) for name in (base_name(run.model), family))
    return Place(label, family, checkpoint, scales, origins, commit)


def _as_known(family: str, table: ModelsTable | None) -> str:
    """A family that a model's name gives, written as in the tables, where other models of it may stand."""
    known = {**built_in_models().families, **(table.families if table else {})}
    return known.get(family.lower(), family)


def _at(checkpoint: str | None, known: KnownModel | None) -> Mapping[str, float]:
    """The scales in the built-in table; a checkpoint before the end of training has seen less than that says."""
    scales = known.scales if known else {}
    return scales if checkpoint is None else {axis: scales[axis] for axis in scales if axis not in (TOKENS, FLOPS)}


def _scales(
    run: Run, tables: tuple[Mapping[str, float], Mapping[str, float]], tokens: float | None
) -> Iterator[tuple[str, tuple[float, str]]]:
    """Each axis with its value and origin; sources in reverse order, so that in a dictionary the first one wins.

    `tables` are the scales in the models table and in the built-in one.
    """
    sizes: dict[str, float] = {}
    own = dict(zip(SCALES, (run.parameters, run.training_flops, run.training_tokens, run.scale), strict=True))
    sources = (
        ("their names", {PARAMETERS: read_name(run.model).parameters}),
        ("the built-in table", tables[1]),
        ("the files", own),
        ("the models table", tables[0]),
        (CHECKPOINTS, {TOKENS: tokens}),
    )
    for origin, values in sources:
        for axis, value in values.items():
            if value is not None and value > 0:
                sizes[axis] = value
                yield axis, (value, origin)
    if FLOPS not in sizes and PARAMETERS in sizes and TOKENS in sizes:
        flops = FLOPS_PER_PARAMETER_AND_TOKEN * sizes[PARAMETERS] * sizes[TOKENS]
        yield FLOPS, (flops, "6 x parameters x tokens")


def _checkpoint(revision: str | None, family: str) -> tuple[str | None, float | None]:
    """The checkpoint, None for the end of training, and the tokens seen until then where they are known."""
    if not family.lower().startswith(PYTHIA):
        return revision, None
    step = _STEP.fullmatch(revision or f"step{PYTHIA_STEPS}")
    if step is None:
        return revision, None
    count = int(step[1][:12])
    return None if count == PYTHIA_STEPS else revision, float(count * PYTHIA_STEP_TOKENS) or None
