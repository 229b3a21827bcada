"""Run a function over numbered tasks on several processes, in chunks that survive an interruption."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHUNK = 100
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SIMULATION = (
    "designs",
    "emergence_curves",
    "families",
    "features",
    "menu",
    "noise",
    "outcomes",
    "sbc",
    "simulators",
    "truth",
)

# One task: (data set or section, seed, first index, last index) -> one JSON object an item.
Work = Callable[[str, int, range], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Runner:
    """Where results are kept and on how many processes they are made."""

    cache: Path
    processes: int = 2

    def run(self, work: Work, name: str, seed: int, count: int) -> list[dict[str, Any]]:
        """Results of items 0 to count - 1 of `name`; chunks already in the cache are read, not made again."""
        folder = self.cache / source_digest()[:16] / f"{work.__name__}-{name}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        chunks = [range(first, first + CHUNK) for first in range(0, count, CHUNK)]
        missing = [chunk for chunk in chunks if not _file(folder, chunk).exists()]
        for done, (chunk, lines) in enumerate(self._made(work, name, seed, missing), start=1):
            _store(_file(folder, chunk), lines)
            _tell(f"{work.__name__} {name}: {done} of {len(missing)} chunks", last=done == len(missing))
        return [line for chunk in chunks for line in _load(_file(folder, chunk))][:count]

    def _made(
        self, work: Work, name: str, seed: int, chunks: Sequence[range]
    ) -> Iterator[tuple[range, list[dict[str, Any]]]]:
        if not chunks:
            return
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
        with multiprocessing.get_context("spawn").Pool(self.processes) as pool:
            yield from pool.imap_unordered(_call, [(work, name, seed, chunk) for chunk in chunks])


def source_digest() -> str:
    """Digest of all sources that results depend on, so that no result of other code is ever reused."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    ours = [root / "benchmarks" / f"{name}.py" for name in SIMULATION]
    for path in sorted([*(root / "models").rglob("*.py"), *ours]):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _tell(message: str, *, last: bool) -> None:
    """Progress on a terminal; elsewhere only the end."""
    if sys.stderr.isatty() or last:
        print(f"\r{message}", end="\n" if last else "", file=sys.stderr, flush=True)


def _call(task: tuple[Work, str, int, range]) -> tuple[range, list[dict[str, Any]]]:
    work, name, seed, chunk = task
    return chunk, work(name, seed, chunk)


def _file(folder: Path, chunk: range) -> Path:
    return folder / f"{chunk.start:07d}.ndjson"


def _store(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    whole = path.with_suffix(".part")
    whole.write_text("".join(json.dumps(line) + "\n" for line in lines))
    whole.rename(path)


def _load(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
