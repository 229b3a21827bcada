"""The long version of the fault tests: `python -m benchmarks.faults.campaign`.

Kills each role many times on both databases and sends random requests with random seeds. What is done is kept in
`.faults/` under the digest of the sources, so an interrupted run goes on where it was. Writes docs/reliability.md.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from benchmarks.faults.kills import Round, kill_round
from benchmarks.faults.report import Contract, report
from benchmarks.served import ROLES
from service.database import migrate, open_database

ROOT = Path(__file__).resolve().parents[2]
CACHE, DOCS = ROOT / ".faults", ROOT / "docs"
KINDS = ("sqlite", "postgresql")
KILLS = 100  # a role and database
KILLS_A_ROUND = 10  # under one start of the service
SEEDS = 3  # of random requests
FIRST_SEED = 20_000
SEED_VARIABLE = "FUZZ_SEED"
EXAMPLES_VARIABLE, EXAMPLES = "FUZZ_EXAMPLES", 60  # of each operation: several times those of the tests


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is missing of the campaign, and write the report."""
    asked = _parser().parse_args(arguments)
    folder = CACHE / source_digest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        server = stack.enter_context(_postgres()) if "postgresql" in asked.databases else None
        rounds = list(_rounds(folder, asked, server))
    contracts = [_contract(folder, FIRST_SEED + number) for number in range(asked.seeds)]
    text = report(rounds, contracts)
    asked.output.write_text(text)
    print(text)
    sys.exit(any(one.broken for one in rounds) or any(one.failed for one in contracts))


def source_digest() -> str:
    """Digest of the sources of the service: figures of other code are not mixed in."""
    digest = hashlib.sha256()
    for path in sorted([*(ROOT / "service").rglob("*.py"), *(ROOT / "models").rglob("*.py")]):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.campaign", description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS, help="for each role and database")
    parser.add_argument("--roles", nargs="+", choices=ROLES, default=ROLES)
    parser.add_argument("--databases", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="seeds of random requests")
    parser.add_argument("--output", type=Path, default=DOCS / "reliability.md")
    return parser


def _rounds(folder: Path, asked: argparse.Namespace, server: str | None) -> Iterator[Round]:
    """Rounds in turn over roles and databases, so that an interrupted campaign has something of each."""
    for number in range(-(-asked.kills // KILLS_A_ROUND)):
        kills = min(KILLS_A_ROUND, asked.kills - number * KILLS_A_ROUND)
        for kind in asked.databases:
            for role in asked.roles:
                kept = folder / f"kills-{kind}-{role}-{number}-{kills}.json"
                if not kept.exists():
                    _keep(kept, asdict(_round(role, server if kind == "postgresql" else None, kills, number)))
                yield Round(**_lists_to_tuples(json.loads(kept.read_text())))


def _round(role: str, server: str | None, kills: int, seed: int) -> Round:
    print(f"{role} on {'sqlite' if server is None else 'postgresql'}, round {seed}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="scaleshape-faults-") as folder:
        with _database(Path(folder), server) as url:
            done = kill_round(role, url, Path(folder) / "service", kills, seed)
        if done.broken:
            failed = CACHE / f"failed-{done.database}-{role}-{seed}.log"
            failed.write_bytes((Path(folder) / "service" / "serve.log").read_bytes())
        return done


@contextmanager
def _database(folder: Path, server: str | None) -> Iterator[str]:
    """URL of a new migrated database."""
    if server is None:
        yield f"sqlite:///{folder / 'scaleshape.db'}"
        return
    name = f"faults_{uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        with closing(open_database(f"{server}/{name}")) as database:
            migrate(database)
        yield f"{server}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def _postgres() -> Iterator[str]:
    """The server that the tests use; their folder is no package, so the file is loaded by its path."""
    spec = importlib.util.spec_from_file_location("databases_of_tests", ROOT / "tests" / "conftest.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError("tests/conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.postgres_server() as server:
        yield server


def _contract(folder: Path, seed: int) -> Contract:
    """The contract tests with another seed."""
    kept = folder / f"contract-{seed}.json"
    if not kept.exists():
        print(f"random requests, seed {seed}", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract/test_fuzzing.py"],
            env={**os.environ, SEED_VARIABLE: str(seed), EXAMPLES_VARIABLE: str(EXAMPLES)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        _keep(kept, asdict(Contract(seed, done.returncode != 0, done.stdout.strip().splitlines()[-1])))
    return Contract(**json.loads(kept.read_text()))


def _keep(path: Path, content: dict[str, Any]) -> None:
    whole = path.with_suffix(".part")
    whole.write_text(json.dumps(content))
    whole.rename(path)


def _lists_to_tuples(content: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}


if __name__ == "__main__":
    main()
