"""How long the pages take and how much they weigh, over a suite of 10,000 curves and 20,000 stored analyses.

Writes docs/pages.md; `python -m benchmarks.page_times`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import batched
from pathlib import Path

import numpy as np
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.browsing import Browser, browser_of, told
from benchmarks.faults.traffic import random_curve
from benchmarks.load_requests import fill
from benchmarks.markdown import table
from benchmarks.served import Served, served
from models.options import Options, Shape
from service.database import Database, migrate, open_database
from service.schemas.curve import load_curve
from service.store import analyses, batches
from service.store.analyses import StoredAnalysis, stored_of
from service.store.batches import NewBatch, NewTask
from service.tables import batches as batch_table
from service.tables import tasks
from service.use_cases import answer_document

CURVES, STORED = 10_000, 20_000
TASKS, FAMILIES, PROMPTINGS = 1000, 5, ("0-shot", "few-shot")
TIMES, WARM_UP = 30, 3
AT_ONCE = 1000
SERVER_LIMIT, OPEN_LIMIT, WEIGHT_LIMIT = 200.0, 2000.0, 300.0  # ms, ms, kB
MODELS = 40  # different analyses behind the curves
PAGE = Path(__file__).resolve().parents[1] / "docs" / "pages.md"
HTML = {"Accept": "text/html"}


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of the server's answer, warm, and kB of the page itself; `work` is the time of its processor."""

    name: str
    work: float
    median: float
    p99: float
    weight: float


@dataclass(frozen=True, slots=True)
class Opening:
    """A page in the browser: milliseconds until it is painted and until everything is loaded, kB with its files."""

    name: str
    painted: float
    loaded: float
    weight: float


def main() -> None:
    """Measure and write."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with closing(open_database(f"sqlite:///{folder / 'scaleshape.db'}")) as database:
            migrate(database)
            ids = fill_suite(database)
            fill(database, STORED)
        with served(folder, {"workers": 1}) as service:
            timings = [timed(service, name, path) for name, path in addresses(ids).items()]
            with browser_of(1280, 900) as browser:
                shown = [opened(browser, service, name, path) for name, path in addresses(ids).items()]
    PAGE.write_text(text(timings, shown))
    print(PAGE.read_text())


def addresses(ids: tuple[str, list[str]]) -> Mapping[str, str]:
    """The pages that are measured."""
    suite, stored = f"/suites/{ids[0]}", ids[1]
    return {
        "start": "/",
        "suite": suite,
        "suite, filtered and sorted": f"{suite}?metric=accuracy&label=u_shaped&sort=-probability",
        "suite, a name looked for": f"{suite}?q=task+99",
        "suite, page 150": f"{suite}?page=150",
        "suite, pictures": f"{suite}?view=pictures",
        "analysis": f"/analyses/{stored[0]}",
        "compare": f"/compare?ids={stored[0]}&ids={stored[1]}",
        "API": "/docs",
    }


def fill_suite(database: Database) -> tuple[str, list[str]]:
    """A finished suite of real analyses under many names; its id and ids of some of its analyses."""
    rng = np.random.default_rng(6)
    models = [_model(rng, number) for number in range(MODELS)]
    with database.writing() as connection:
        suite = batches.begin(connection, NewBatch(source={"format": "csv", "name": "ten thousand curves"}))
    for part in batched(_curves(models), AT_ONCE):
        with database.writing() as connection:
            analyses.put_many(connection, [stored for stored, _ in part])
            batches.add_tasks(connection, suite, [task for _, task in part])
            for stored, _ in part:
                done = {"state": "succeeded", "label": stored.label}
                here = tasks.c.analysis_id == stored.id
                connection.execute(tasks.update().where(here).values(done))
    with database.writing() as connection:
        batches.release(connection, suite, "analysis", CURVES)
        connection.execute(batch_table.update().where(batch_table.c.id == suite).values(status="succeeded"))
    return suite, [_identifier(number) for number in range(4)]


def timed(service: Served, name: str, path: str) -> Timing:
    """The server's own time of a page, after a few requests to warm up."""
    with service.client(headers=HTML) as client:
        sizes = [len(client.get(path).raise_for_status().content) for _ in range(WARM_UP)]
        seconds, worked = [], _worked(service)
        for _ in range(TIMES):
            began = time.perf_counter()
            client.get(path)
            seconds.append(time.perf_counter() - began)
        work = 1000 * (_worked(service) - worked) / TIMES
    middle, late = np.quantile(seconds, [0.5, 0.99]) * 1000
    return Timing(name, work, float(middle), float(late), sizes[-1] / 1000)


def opened(browser: Browser, service: Served, name: str, path: str) -> Opening:
    """The page in a browser that has none of its files yet."""
    browser.execute_cdp_cmd("Network.clearBrowserCache", {})
    told(browser, "performance")
    browser.get(service.url + path)
    script = "const t = performance.getEntriesByType('navigation')[0]; return t.loadEventEnd"
    loaded = WebDriverWait(browser, 60).until(lambda _: browser.execute_script(script))
    paint = "const p = performance.getEntriesByName('first-contentful-paint')[0]; return p ? p.startTime : 0"
    painted = WebDriverWait(browser, 60).until(lambda _: browser.execute_script(paint))
    sizes = "return performance.getEntries().reduce((sum, e) => sum + (e.transferSize || 0), 0)"
    return Opening(name, float(painted), float(loaded), browser.execute_script(sizes) / 1000)


def text(timings: list[Timing], shown: list[Opening]) -> str:
    """The page of documentation."""
    rows = [
        (
            timing.name,
            *(f"{value:.0f}" for value in (timing.work, timing.median, timing.p99, timing.weight, *_shown(opening))),
        )
        for timing, opening in zip(timings, shown, strict=True)
    ]
    heads = ("page", "processor", "server, median", "server, p99", "HTML, kB", "painted", "loaded", "with files, kB")
    return (
        "# The pages, measured\n\n"
        f"Over {CURVES:,} curves in one suite and {STORED:,} further stored analyses (SQLite), with "
        f"`python -m benchmarks.page_times`; milliseconds, {TIMES} requests each, warm. The browser is chromium on the "
        f"same machine with an empty cache. Processor: what the server computes for an answer; about "
        f"{os.getloadavg()[1]:.0f} processes were at work on {os.cpu_count()} cores, and what goes beyond it is their "
        f"turn.\n\n"
        f"{table(heads, rows)}\n"
        f"To hold: {SERVER_LIMIT:.0f} ms of the server, {OPEN_LIMIT:.0f} ms to open the suite, {WEIGHT_LIMIT:.0f} kB "
        "without pictures. The API's page loads Swagger UI, which is most of its weight.\n"
    )


def _shown(opening: Opening) -> tuple[float, float, float]:
    return opening.painted, opening.loaded, opening.weight


def _worked(service: Served) -> float:
    """Seconds of processor that the web process has had."""
    ticks = 0
    for process in service.members("web"):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # user and system time
    return ticks / os.sysconf("SC_CLK_TCK")


def _model(rng: np.random.Generator, number: int) -> StoredAnalysis:
    loaded = load_curve(random_curve(rng, f"model {number}"))
    return stored_of(answer_document(loaded, Options()), standalone=False)


def _curves(models: list[StoredAnalysis]) -> Iterator[tuple[StoredAnalysis, NewTask]]:
    rng = np.random.default_rng(7)
    shapes = [shape.value for shape in Shape]
    for number in range(CURVES):
        names = {
            "task": f"task {number % TASKS}",
            "metric": ("accuracy", "exact_match")[number % 2],
            "prompting": PROMPTINGS[number // TASKS % 2],
            "model_family": f"family {number % FAMILIES}",
        }
        label = shapes[int(rng.integers(len(shapes)))]
        model = models[number % MODELS]
        stored = replace(
            model,
            id=_identifier(number),
            document=model.document.replace(model.id.encode(), _identifier(number).encode(), 1),
            label=label,
            most_probable=label,
            probability=float(rng.uniform(0.3, 1.0)),
            task=names["task"],
            metric=names["metric"],
            prompting=names["prompting"],
            model_family=names["model_family"],
        )
        yield stored, NewTask(position=number, names=names, analysis_id=stored.id)


def _identifier(number: int) -> str:
    return hashlib.sha256(f"page {number}".encode()).hexdigest()


if __name__ == "__main__":
    main()
