"""The service under load: `python -m benchmarks.service_load`.

Times single requests, a long list and a large batch over HTTP, the batch side by side with the command on the same
curves. Prints a table and writes docs/load.md. Times are of this machine, with client and server on it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks import load_batches, load_requests
from benchmarks.load_batches import BatchRun
from benchmarks.load_requests import Latency
from benchmarks.markdown import NOTHING, table
from benchmarks.served import served
from service.database import migrate, open_database

DOCS = Path(__file__).resolve().parent.parent / "docs"
SECTIONS = ("requests", "list", "batch", "upload")
BATCH_CURVES = 5000
STORED = 100_000
UPLOADED = 50_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the sections asked for and write the report."""
    asked = _parser().parse_args(arguments)
    parts = [_head(asked)]
    if "requests" in asked.sections:
        parts.append(_latencies("Single requests", _requests(asked.database_url)))
    if "list" in asked.sections:
        parts.append(_latencies(f"Lists over {asked.stored:,} stored analyses", _lists(asked)))
    if "batch" in asked.sections:
        parts.append(_batches(_batch_runs(asked)))
    if "upload" in asked.sections:
        parts.append(_upload(asked))
    text = "\n".join(parts)
    asked.output.write_text(text)
    print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service_load", description=__doc__)
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--curves", type=int, default=BATCH_CURVES, help="curves of the batch")
    parser.add_argument("--rounds", type=int, default=2, help="times that service and command take turns")
    parser.add_argument("--stored", type=int, default=STORED, help="analyses below the lists")
    parser.add_argument("--uploaded", type=int, default=UPLOADED, help="curves of the batch that is only taken in")
    parser.add_argument("--database-url", default="", help="an empty database in place of a SQLite file each time")
    parser.add_argument("--output", type=Path, default=DOCS / "load.md")
    return parser


def _head(asked: argparse.Namespace) -> str:
    database = "PostgreSQL" if asked.database_url else "SQLite"
    return (
        "# The service under load\n\n"
        f"Made by `python -m benchmarks.service_load`, sections {', '.join(asked.sections)}, on {os.cpu_count()} "
        f"processor cores ({platform.machine()}), Python {platform.python_version()}, {database}. Client, server and "
        "workers share the cores.\n"
    )


def _settings(url: str) -> dict[str, object]:
    return {"database_url": url} if url else {}


def _requests(url: str) -> list[Latency]:
    _say("single requests")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), _settings(url)) as service:
        return load_requests.single_requests(service)


def _lists(asked: argparse.Namespace) -> list[Latency]:
    _say(f"filling a database with {asked.stored} analyses")
    with tempfile.TemporaryDirectory() as folder:
        url = asked.database_url or f"sqlite:///{folder}/scaleshape.db"
        with closing(open_database(url)) as database:
            migrate(database)
            load_requests.fill(database, asked.stored)
        with served(Path(folder) / "service", {"database_url": url}) as service:
            return load_requests.lists(service)


def _batch_runs(asked: argparse.Namespace) -> list[BatchRun]:
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(asked.rounds):
            file = load_batches.file_of_curves(Path(folder) / f"{number}.ndjson", asked.curves, seed=number)
            _say(f"{asked.curves} curves by the command, then by the service")
            runs.append(load_batches.by_command(file, asked.curves))
            with served(Path(folder) / f"service {number}", _settings(asked.database_url)) as service:
                runs.append(load_batches.by_service(service, file, asked.curves))
    return runs


def _latencies(title: str, measured: Sequence[Latency]) -> str:
    rows = [
        (
            one.name,
            f"{one.count:,}",
            f"{one.median:.1f}",
            f"{one.p99:.1f}",
            NOTHING if one.limits is None else " and ".join(f"{limit:g}" for limit in one.limits),
        )
        for one in measured
    ]
    return f"## {title}\n\n" + table(("request", "requests", "median, ms", "p99, ms", "to reach, ms"), rows)


def _batches(runs: Sequence[BatchRun]) -> str:
    rows = [
        (
            run.name,
            f"{run.curves:,}",
            f"{run.seconds:.1f}",
            f"{run.rate:.1f}",
            NOTHING if run.peak_megabytes is None else f"{run.peak_megabytes:.0f}",
        )
        for run in runs
    ]
    rates = {name: sum(run.rate for run in runs if run.name == name) for name in {run.name for run in runs}}
    share = rates[load_batches.SERVICE] / rates[load_batches.COMMAND]
    note = f"The service reaches {100 * share:.0f} % of the command's rate (to reach: 80 %).\n\n"
    header = ("way", "curves", "s", "curves a second", "web processes together, MB at most (to reach: 300)")
    return "## A batch, from the request to the last result\n\n" + note + table(header, rows)


def _upload(asked: argparse.Namespace) -> str:
    _say(f"taking in {asked.uploaded} curves")
    with tempfile.TemporaryDirectory() as folder:
        file = load_batches.file_of_curves(Path(folder) / "upload.ndjson", asked.uploaded, seed=99)
        with served(Path(folder) / "service", {**_settings(asked.database_url), "workers": 1}) as service:
            run = load_batches.taken_in(service, file, asked.uploaded)
        megabytes = file.stat().st_size / 1e6
    row = (f"{run.curves:,}", f"{megabytes:.0f}", f"{run.seconds:.1f}", f"{run.rate:.0f}", f"{run.peak_megabytes:.0f}")
    header = ("curves", "body, MB", "s until it is accepted", "curves a second", "web processes together, MB at most")
    return "## A large batch, until it is accepted\n\n" + table(header, [row])


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
