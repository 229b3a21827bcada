"""`scaleshape metrics`: one set of outputs under every metric, or the metrics that a per-token curve implies."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from models.errors import InvalidInput, ScaleshapeError
from service.commands.inputs import FAILURES, NOTHING_READ
from service.commands.outputs import not_written, plot_format
from service.commands.settings import INTERRUPTED
from service.parallel import one_thread_each
from service.readers.errors import UnreadableFile
from service.readers.model_outputs import read_request
from service.settings import Settings

ANALYSIS_OPTIONS = ("decision_threshold", "interval", "seed", "between_model_scale")
OF_OUTPUTS = (
    "--smallest-effect, --decision-threshold, --interval, --between-model-scale and --seed belong to the analysis of a "
    "FILE of outputs: the curves of a power law are computed, not estimated"
)
LEFT_OUT = "give FILE, or --c and --alpha with --scales and --target-length"


class _Numbers(click.ParamType[list[float]]):
    """`1e8,1e9,1e10`."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return [float(part) for part in value.split(",")]
        except ValueError:
            self.fail(f"{value!r} is not of the form 1e8,1e9,1e10", param, ctx)


class _Effect(click.ParamType[tuple[str, float]]):
    """`loss=0.05`."""

    name = "effect"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        metric, _, size = value.partition("=")
        try:
            return metric, float(size)
        except ValueError:
            self.fail(f"{value!r} is not of the form loss=0.05", param, ctx)


@click.command()
@click.argument("file", required=False, metavar="[FILE]")
@click.option("--c", "c", type=float, help="Power law of a token, -log p = (N/c)^alpha: its scale.")
@click.option("--alpha", type=float, help="The same: its exponent, below 0.")
@click.option("--token-log-probabilities", type=_Numbers(), metavar="LIST", help="In place of --c: one a scale.")
@click.option("--scales", type=_Numbers(), metavar="LIST", help="Scales at which metrics are wanted: 1e8,1e9,1e10.")
@click.option("--target-length", type=int, help="Tokens of the target.")
@click.option("--n-options", type=int, help="Options of a question. Default: 4.")
@click.option("--thresholds", type=_Numbers(), metavar="LIST", help="Errors below them count as success.")
@click.option("--normalize", is_flag=True, help="Divide the options' probabilities by their sum.")
@click.option(
    "--smallest-effect",
    "effects",
    type=_Effect(),
    multiple=True,
    metavar="METRIC=SIZE",
    help="Change that matters, in the metric's unit. Default: 0.02 of its range, or of the observed one.",
)
@click.option("--decision-threshold", type=float, help="Probability from which a label is given. Default: 0.8.")
@click.option("--interval", type=float, help="Level of the intervals. Default: 0.95.")
@click.option("--between-model-scale", type=float, help="Scatter of models around a smooth curve. Default: 0.03.")
@click.option("--seed", type=int, help="Default: 0.")
@click.option("--json", "as_json", is_flag=True, help="The whole answer as JSON.")
@click.option(
    "--plots", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="One picture of all metrics."
)
@click.option("--plot-format", type=click.Choice(["svg", "png"]), help="Of the pictures. Default: svg.")
@click.pass_context
def metrics(ctx: click.Context, /, file: str | None, **given: Any) -> None:
    """Show what the choice of the metric does to a scaling curve.

    FILE holds outputs of several models on the same examples (log-probabilities of the target's tokens or of options,
    or errors), or an accuracy curve with its target length; `-` is standard input. Without FILE the metrics are those
    of a power law, --c and --alpha.

    Exit code 0: done; 1: the outputs cannot be scored; 2: the file cannot be read, or wrong usage.
    """
    one_thread_each()
    if file is None and given["c"] is None and given["alpha"] is None and given["token_log_probabilities"] is None:
        raise click.UsageError(LEFT_OUT)
    if file is None and (given["effects"] or _any(given, *ANALYSIS_OPTIONS)):
        raise click.UsageError(OF_OUTPUTS)
    plot_format(given)
    try:
        _show(_document(file, given), given)
    except UnreadableFile as error:
        click.echo(f"Error: {error}" if file in (None, "-") else f"Error: {file}: {error}", err=True)
        ctx.exit(NOTHING_READ)
    except InvalidInput as error:
        for problem in error.problems:
            click.echo(f"Error: {problem}", err=True)
        ctx.exit(NOTHING_READ if file is None else FAILURES)
    except ScaleshapeError as error:
        click.echo(f"Error: {error}", err=True)
        ctx.exit(FAILURES)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        ctx.exit(INTERRUPTED)


def _document(file: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The request of a file with what the options say on top."""
    document = {} if file is None else read_request(sys.stdin.buffer if file == "-" else Path(file))
    if "points" in document and "metric" in document:  # a curve as `analyze` takes it
        document = {"curve": document}
    told = {name: given[name] for name in ("scales", "target_length", "n_options", "thresholds")}
    told["token_log_probabilities"] = given["token_log_probabilities"]
    told["power_law"] = {"c": given["c"], "alpha": given["alpha"]} if _any(given, "c", "alpha") else None
    told["normalize"] = given["normalize"] or None
    document |= {name: value for name, value in told.items() if value is not None}
    if given["effects"]:
        document["smallest_effects"] = {**(document.get("smallest_effects") or {}), **dict(given["effects"])}
    if _any(given, *ANALYSIS_OPTIONS):
        own = {name: given[name] for name in ANALYSIS_OPTIONS if given[name] is not None}
        document["options"] = {**(document.get("options") or {}), **own}
    return document


def _any(given: Mapping[str, Any], *names: str) -> bool:
    return any(given[name] is not None for name in names)


def _show(document: dict[str, Any], given: Mapping[str, Any]) -> None:
    from service.metric_curves import load_metric_curves, predicted_from, rescored_from
    from service.metric_documents import predicted_document, rescored_document
    from service.metric_table import predicted_sections, rescored_sections
    from service.schemas.metric_curves import OutputsAsked
    from service.suite_table import print_sections

    asked = load_metric_curves(document, Settings())
    if isinstance(asked, OutputsAsked):
        rescored = rescored_from(asked)
        answer, sections = rescored_document(asked, rescored), rescored_sections(asked, rescored)
    else:
        prediction = predicted_from(asked, None)
        answer, sections = predicted_document(prediction), predicted_sections(prediction)
    if given["as_json"]:
        click.echo(orjson.dumps(answer))
    else:
        print_sections(sections)
    if given["plots"] is not None:
        _save(answer, given["plots"], plot_format(given))


def _save(answer: Mapping[str, Any], folder: Path, form: Any) -> None:
    from service.metric_scene import metric_scene, scene_name
    from service.plots import scene_bytes

    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / scene_name(answer, form)
        path.write_bytes(scene_bytes(metric_scene(answer), form))
    except OSError as error:
        raise not_written("--plots", folder, error) from error
    click.echo(f"wrote {path}", err=True)
