"""How often verdicts on emergence are right: `python -m benchmarks.verdicts` writes the figures of its page."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.emergence_curves import SMOOTH, Cause, known_cause
from benchmarks.markdown import percent, table
from benchmarks.running import Runner
from benchmarks.scoring import Share
from models.analysis import analyze
from models.options import Options
from models.results import Verdict

ROOT = Path(__file__).resolve().parents[1]
SEED = 41_003_115  # choices were made with another one
MAIN = (8, 2000)  # scales and test examples of the figures that are asked for
OTHERS = ((5, 2000), (8, 100), (8, 20_000), (16, 2000))
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, judge, and put the figures into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=int, default=400, help="of each cause at the main design; others a quarter")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "emergence.md")
    asked = parser.parse_args(arguments)
    runner = Runner(Path(tempfile.gettempdir()) / "scaleshape-verdicts")
    parts = []
    for design in (MAIN, *OTHERS):
        count = asked.curves if design == MAIN else max(asked.curves // 4, 1)
        rows = [row for cause in Cause for row in runner.run(judge, _name(cause, design), asked.seed, count)]
        parts.append(_section(design, rows))
    page = asked.output.read_text()
    head, rest = page.split(BEGIN)
    asked.output.write_text(head + BEGIN + "\n".join(parts) + END + rest.split(END)[1])


def _name(cause: Cause, design: tuple[int, int]) -> str:
    return f"{cause.name}-{design[0]}-{design[1]}"


def judge(name: str, seed: int, indices: range) -> list[dict[str, Any]]:
    """Verdicts on curves of a known cause."""
    kind, scales, n = name.split("-")
    return [_judged(Cause[kind], seed, index, int(scales), int(n)) for index in indices]


def _judged(cause: Cause, seed: int, index: int, scales: int, n: int) -> dict[str, Any]:
    found = analyze(known_cause(cause, seed, index, scales, n).curve, Options()).emergence
    return {"cause": cause.value, "verdict": found.verdict, "p_value": found.unpredictability.p_value}


def _section(design: tuple[int, int], rows: Sequence[dict[str, Any]]) -> str:
    title = f"### {design[0]} models, {design[1]:,} examples each\n"
    header = ("truth", *(verdict.replace("_", " ") for verdict in Verdict))
    return "\n".join([title, table(header, _counts(rows)), *_sentences(rows)]) + "\n"


def _counts(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for cause in Cause:
        found = Counter(row["verdict"] for row in rows if row["cause"] == cause)
        yield (cause.value, *(f"{found[verdict]:,}" for verdict in Verdict))


def _sentences(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    explained = [row["cause"] in SMOOTH for row in rows if row["verdict"] == Verdict.EXPLAINED_BY_METRIC]
    resolution = [row["cause"] in SMOOTH for row in rows if row["verdict"] == Verdict.EXPLAINED_BY_RESOLUTION]
    emergent = [row["cause"] not in SMOOTH for row in rows if row["verdict"] == Verdict.EMERGENT]
    smooth = [row["verdict"] == Verdict.EMERGENT for row in rows if row["cause"] in SMOOTH]
    surprised = [row["p_value"] < 0.05 for row in rows if row["cause"] in SMOOTH and row["p_value"] is not None]
    yield f"* right of *explained by resolution*: {percent(_share(resolution))} of {len(resolution)}"
    yield f"* right of *explained by metric*: {percent(_share(explained))} of {len(explained)}"
    yield f"* right of *emergent*: {percent(_share(emergent))} of {len(emergent)}"
    yield f"* smooth per-token curves called *emergent*: {percent(_share(smooth))}"
    yield f"* smooth sharp-looking curves with an unpredictability below .05: {percent(_share(surprised))}\n"


def _share(right: Iterable[bool]) -> Share:
    values = list(right)
    return Share(sum(values), len(values))


if __name__ == "__main__":
    main()
