"""`scaleshape plan`: what to measure next, or how large a study must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import click
import orjson

from models.errors import InvalidInput, ScaleshapeError
from service.answers import Output
from service.batch import Batch
from service.commands.choosing import choosing_options, is_chosen, told_choice
from service.commands.curve_options import curve_options, told_options
from service.commands.inputs import (
    FAILURES,
    NONE_CHOSEN,
    NOTHING_READ,
    input_options,
    opened,
    tell_messages,
    told_input,
)
from service.commands.outputs import check_file, not_written
from service.commands.settings import INTERRUPTED
from service.number_format import scale_of
from service.parallel import cores, one_thread_each

ACTIONS = ("new_scale", "another_model", "more_examples")  # of `models.candidates`, which loads the engine
CHANGES = ("dip", "bump", "rise", "fall")
MOST_PLANS = 20  # curves in one call: each takes seconds
_STUDY = ("change", "size", "probability", "n_models", "level", "turn", "chance", "studies")
_OF_FILES = {
    "task": "--task",
    "metric": "--metric",
    "model_family": "--family",
    "prompting": "--prompting",
    "n_examples": "--n-examples",
    "stderr": "--stderr",
    "actions": "--action",
    "everything": "--all",
    "file_format": "--format",
    "axis": "--scale",
    "models": "--models",
}


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE...]")
@click.option("--json", "as_json", is_flag=True, help="One plan a line (NDJSON).")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Picture, SVG or PNG.")
@click.option("--all", "everything", is_flag=True, help="Every candidate in the table, not the most telling alone.")
@choosing_options
@click.option("--at", "scales", multiple=True, metavar="SCALE", help="A scale, for example 5e10 or 50B; repeatable.")
@click.option("--n-examples", type=int, multiple=True, help="Test examples; may be given again.")
@click.option(
    "--stderr", type=float, multiple=True, help="Standard error, where scores have one (of percent: as a fraction)."
)
@click.option("--action", "actions", multiple=True, type=click.Choice(ACTIONS), help="Default: all of them.")
@click.option("--change", type=click.Choice(CHANGES), help="A new study: what it should find.")
@click.option("--size", type=float, help="A new study: how large the change is, as a share (0.1).")
@click.option("--probability", type=float, help="A new study: with which it is to be found. Default: 0.8.")
@click.option("--n-models", type=int, help="A new study: evenly spaced models, or their scales by --at.")
@click.option("--level", type=float, help="A new study: score of the smallest model. Default: 0.5.")
@click.option("--turn", metavar="SCALE", help="A new study: where a dip or bump is. Default: anywhere in the middle.")
@click.option("--chance", type=float, help="A new study: score of guessing.")
@click.option("--studies", type=int, help="A new study: simulated ones for each number of examples. Default: 60.")
@input_options
@curve_options
@click.option("--workers", type=click.IntRange(min=1), help="Processes. Default: one a core.")
@click.pass_context
def plan(ctx: click.Context, /, files: tuple[str, ...], **given: Any) -> None:
    """Plan what to measure next on the curves in FILEs, or, without FILE, how large a new study must be.

    With FILEs: what a model at another scale, another model at a tested scale, or more examples are expected to do for
    the label and the turn. Without: the test examples that each of --n-models needs so that a --change of --size is
    found. Exit code 0: planned; 1: it cannot be planned; 2: no curve could be read, or wrong usage.
    """
    one_thread_each()
    check_file("--plot", given["plot"])
    try:
        code = _next(files, given) if files else _study(given)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        code = INTERRUPTED
    except InvalidInput as error:
        for problem in error.problems:
            click.echo(f"Error: {problem}", err=True)
        code = FAILURES if files else NOTHING_READ
    except ScaleshapeError as error:
        click.echo(f"Error: {error}", err=True)
        code = FAILURES
    ctx.exit(code)


def _study(given: Mapping[str, Any]) -> int:
    from service.plan_table import size_sections
    from service.plans import size_document
    from service.schemas.plans import load_size

    if given["change"] is None or given["size"] is None:
        raise click.UsageError("give a FILE of curves to plan what to measure next, or --change and --size for a study")
    strange = [option for name, option in _OF_FILES.items() if given[name]]
    if strange:
        raise click.UsageError(f"{strange[0]} belongs to the plan of what to measure next, which takes a FILE")
    fields: dict[str, Any] = {name: given[name] for name in _STUDY if given[name] is not None}
    told = told_options(given)
    fields["options"] = told
    if given["scales"]:
        fields["scales"] = _scales(given["scales"])
    if given["turn"] is not None:
        fields["turn"] = _scales([given["turn"]])[0]
    document = size_document(load_size(fields))
    _show([document], given, size_sections)
    return 0


def _next(files: tuple[str, ...], given: Mapping[str, Any]) -> int:
    from service.plan_table import next_sections
    from service.schemas.plans import load_wanted

    strange = [f"--{name.replace('_', '-')}" for name in _STUDY if given[name] is not None]
    if strange:
        raise click.UsageError(f"{strange[0]} belongs to the plan of a new study, which takes no FILE")
    fields: dict[str, Any] = {"scales": _scales(given["scales"]) or None, "actions": list(given["actions"]) or None}
    fields |= {name: list(given[name]) or None for name in ("n_examples", "stderr")}
    try:
        wanted = load_wanted(fields)
    except InvalidInput as error:
        raise click.UsageError(str(error)) from error
    with ExitStack() as stack:
        streams, unreadable = opened(stack, files, told_input(given))
        chosen = told_choice(given, (item for stream in streams for item in stream.items()))
        batch = Batch(streams, told_options(given), Output("json"), partial(is_chosen, chosen))
        if given["plot"] is not None:
            _check_single(batch)
        documents, failed = _documents(batch, wanted, given["workers"] or cores())
        tell_messages(streams)
    _show(documents, given, partial(next_sections, everything=given["everything"]))
    return NOTHING_READ if batch.count == 0 else FAILURES if failed or unreadable or not documents else 0


def _documents(batch: Batch, wanted: Any, processes: int) -> tuple[list[dict[str, Any]], int]:
    """A plan for each chosen curve; its analysis says which between-model scale the file gives it."""
    from models.between_model import ResolvedScale
    from service.plans import Planned, next_document
    from service.schemas.decoding import analysis_of

    found: list[dict[str, Any]] = []
    failed = 0
    for answer in batch.answers(processes):
        document = orjson.loads(str(answer.content))
        if answer.label is None:
            failed += 1
            click.echo(f"Error: {document['curve'].get('task', '')}: {document['error']['detail']}", err=True)
            continue
        if len(found) == MOST_PLANS:
            click.echo(
                f"Error: more than {MOST_PLANS} curves: choose some by --task, --metric or --prompting", err=True
            )
            return found, failed + 1
        analysis = analysis_of(document)
        scale = ResolvedScale(analysis.provenance.between_model_scale, "option")
        found.append(next_document(Planned(analysis.curve, analysis.options, scale), wanted))
    if not found and not failed and batch.count:
        click.echo(f"Error: {NONE_CHOSEN}", err=True)
    return found, failed


def _check_single(batch: Batch) -> None:
    """Raise `UsageError` where more than one plan would have to be drawn."""
    count = sum(1 for _ in batch.wanted())
    if count > 1:
        raise click.UsageError(f"--plot draws one plan, not {count}: choose a curve by --task or --prompting")


def _scales(texts: Sequence[str]) -> list[float]:
    try:
        return [scale_of(text) for text in texts]
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _show(documents: Sequence[Mapping[str, Any]], given: Mapping[str, Any], sections: Any) -> None:
    from service.suite_table import print_sections

    for number, document in enumerate(documents):
        if given["as_json"]:
            click.echo(orjson.dumps(document))
            continue
        if number:
            click.echo()
        print_sections(sections(document))
    if given["plot"] is not None and documents:
        _draw(documents[0], given["plot"])


def _draw(document: Mapping[str, Any], path: Path) -> None:
    from service.plan_scene import plan_scene
    from service.plots import scene_bytes

    try:
        path.write_bytes(scene_bytes(plan_scene(document), "png" if path.suffix == ".png" else "svg"))
    except OSError as error:
        raise not_written("--plot", path, error) from error
