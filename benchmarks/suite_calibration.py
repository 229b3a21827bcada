"""How well suites are summed up: coverage of the prevalence, false discoveries.

`python -m benchmarks.suite_calibration` writes docs/suites.md. Suites of known composition are drawn from exact
evidences and from analysed curves, in the menu of curve models and outside it.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.markdown import table
from benchmarks.running import Runner
from benchmarks.simulators import DataSet
from benchmarks.suite_pools import FLAT as FLAT_POOLS
from benchmarks.suite_pools import Pool, analysed_work, flat_work, pool_of
from benchmarks.suites import PRIOR, SimulatedSuite, simulated_suite
from models.arrays import Bools, Floats
from models.false_labels import error_control, label_probabilities
from models.group_sampling import GroupData, sample_groups
from models.prevalence import CONCENTRATION, Prevalence, cluster_weights, pi_posterior, prevalence, summarised
from models.provenance import ENGINE_VERSION
from models.shapes import FLAT, POSITIVE, SHAPES

SEED = 60_220_407  # of the published figures: the choice of the prior was made on other seeds
SUITES, GROUPED_SUITES = 400, 100
CURVES, FLAT_CURVES = 1000, 100  # of each pool
SIZE = 60  # curves of a suite
GROUPS = (10, 20, 30, 60)  # curves of each group of a grouped suite
LEVEL = 0.05
COVERAGE = 0.95
HALVES = np.where(np.isin(np.arange(len(SHAPES)), (FLAT, POSITIVE)), 0.5, 0.0)
NEARLY_FLAT = np.where(np.arange(len(SHAPES)) == FLAT, 0.95, 0.0125)
TITLES = {DataSet.MENU.value: "analysed curves in the menu", DataSet.OUTSIDE.value: "analysed curves outside it"}
DOCS = Path(__file__).resolve().parent.parent / "docs"

type Composition = Callable[[np.random.Generator], Floats]
type Source = Callable[[np.random.Generator, Floats], SimulatedSuite]

COMPOSITIONS: dict[str, Composition] = {
    "from the prior": lambda rng: rng.dirichlet(np.full(len(SHAPES), CONCENTRATION)),
    "even on average": lambda rng: rng.dirichlet(np.ones(len(SHAPES))),
    "as the class prior": lambda _: PRIOR,
    "95 % flat": lambda _: NEARLY_FLAT,
    "half flat, half positive": lambda _: HALVES,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """Where curves come from, and how common the shapes are."""

    source: str
    composition: str
    draw: Source


@dataclass(frozen=True, slots=True)
class Found:
    """Of each suite: share of the intervals that cover, of false labels among the kept, of false claims of a change.

    `absent` are the intervals of shapes that no curve can have, which are not among the `covered`.
    """

    covered: Floats
    absent: Floats
    false: Floats
    false_changes: Floats
    kept: Floats


def main(arguments: Sequence[str] | None = None) -> None:
    """Run everything and write the page."""
    asked = _parser().parse_args(arguments)
    runner = Runner(Path(asked.cache), asked.processes)
    pools = {name: pool_of(runner.run(analysed_work, name, asked.seed, asked.curves)) for name in TITLES}
    flat = {name: pool_of(runner.run(flat_work, name, asked.seed, asked.flat_curves)) for name in FLAT_POOLS}
    sections = [_head(asked), _shapes(asked, pools), _flat(asked, flat), _groups(asked, pools)]
    text = "\n".join(sections)
    asked.output.write_text(text)
    print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite_calibration", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--suites", type=int, default=SUITES, help="of each setting")
    parser.add_argument("--grouped-suites", type=int, default=GROUPED_SUITES)
    parser.add_argument("--curves", type=int, default=CURVES, help="analysed curves in and outside the menu")
    parser.add_argument("--flat-curves", type=int, default=FLAT_CURVES)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--cache", default=Path(tempfile.gettempdir()) / "scaleshape-calibration")
    parser.add_argument("--output", type=Path, default=DOCS / "suites.md")
    return parser


def _head(asked: argparse.Namespace) -> str:
    return (
        "# Suites\n\n"
        f"Made by `python -m benchmarks.suite_calibration --seed {asked.seed} --suites {asked.suites} --curves "
        f"{asked.curves} --grouped-suites {asked.grouped_suites}`, engine version {ENGINE_VERSION}. Suites "
        f"of {SIZE} curves whose composition is known. *Exact evidences*: one number a curve, "
        "normal around its shape's place, so that nothing but the method is tested. *Analysed curves*: simulated "
        f"scores, analysed one by one; suites are drawn from {asked.curves:,} curves in the menu and as many outside "
        "it (two sigmoids of unequal width, broken scaling laws, Gaussian processes, steps and bumps; beta-binomial, "
        "logit-normal and t4 noise). `±` is one standard error over the suites, without what the pool of "
        "analysed curves owes to chance.\n"
    )


def _shapes(asked: argparse.Namespace, pools: dict[str, Pool]) -> str:
    sources: list[tuple[str, Source]] = [
        ("exact evidences", lambda rng, pi: simulated_suite(rng, pi, SIZE, 2.0)),
        ("exact evidences, three metrics of the same outputs", lambda rng, pi: simulated_suite(rng, pi, SIZE, 2.0, 3)),
        *((TITLES[name], _drawn(pool)) for name, pool in pools.items()),
    ]
    settings = [Setting(name, composition, draw) for name, draw in sources for composition in COMPOSITIONS]
    rows = [_row(asked, number, setting) for number, setting in enumerate(settings)]
    header = (
        "curves",
        "shapes",
        "95 % intervals that cover",
        "of absent shapes",
        "false among kept",
        "false among kept changes",
        "kept",
    )
    return (
        "## Prevalence and false labels\n\n"
        "Intervals of the prevalences, apart for shapes that no curve can have (of which intervals from 0 cover all); "
        "labels kept at a false discovery rate of 5 %, the share of false ones among them, and among those of them "
        "that claim a change. Outside the menu the evidences of the curves are themselves off: the intervals do not "
        "know, the false discovery rate makes up for it with a power of the evidence that development seeds gave. "
        "Where 95 % are flat, each other shape has 1.25 %, which is none to two of the 60 curves: there intervals "
        "that are right on average over compositions cover nearly always, the more so the less the curves tell.\n\n"
        + table(header, rows)
    )


def _drawn(pool: Pool) -> Source:
    return lambda rng, pi: pool.suite(rng, pi, SIZE)


def _row(asked: argparse.Namespace, number: int, setting: Setting) -> tuple[str, ...]:
    found = tried(np.random.default_rng([asked.seed, number]), setting, asked.suites)
    return (
        setting.source,
        setting.composition,
        _percent(found.covered),
        "" if np.isnan(found.absent).all() else _percent(found.absent),
        _percent(found.false),
        _percent(found.false_changes),
        _percent(found.kept),
    )


def tried(rng: np.random.Generator, setting: Setting, suites: int) -> Found:
    """So many suites of a setting, summed up."""
    rows = []
    for _ in range(suites):
        pi = COMPOSITIONS[setting.composition](rng)
        rows.append(_summed_up(setting.draw(rng, pi), pi))
    return Found(*np.array(rows).T)


def _summed_up(suite: SimulatedSuite, pi: Floats) -> tuple[float, float, float, float, float]:
    evidence = np.array([curve.evidence for curve in suite.curves])
    covered = covers(prevalence(suite.curves, COVERAGE), pi)
    draws = pi_posterior(evidence, cluster_weights(suite.curves)).draws
    kept, false, changes = judged(suite, label_probabilities(evidence, draws))
    return (
        float(np.mean(covered[pi > 0])),
        float(np.mean(covered[pi == 0])) if np.any(pi == 0) else math.nan,
        _share(false, kept),
        _share(false & changes, kept & changes),
        float(kept.mean()),
    )


def covers(found: Prevalence, pi: Floats) -> Bools:
    """Whether the intervals of the shapes cover their true prevalences (5,)."""
    lower, upper = ends(found)
    return np.asarray((lower <= pi) & (pi <= upper))


def ends(found: Prevalence) -> tuple[Floats, Floats]:
    """Lower and upper ends (5,)."""
    told = [(found.shapes[shape].lower, found.shapes[shape].upper) for shape in SHAPES]
    lower, upper = np.array(told, dtype=float).T
    return lower, upper


def judged(suite: SimulatedSuite, probabilities: Floats) -> tuple[Bools, Bools, Bools]:
    """Which labels are kept, which of those are false, and which labels claim a change (I,)."""
    labels = error_control(suite.curves, probabilities, LEVEL).labels
    kept = np.array([label.kept for label in labels])
    shapes = np.array([curve.shape for curve in suite.curves])
    return kept, kept & (shapes != suite.truth), shapes != FLAT


def _share(part: Bools, whole: Bools) -> float:
    """The false discovery proportion: 0 of nothing, as its rate is defined (Benjamini and Hochberg 1995)."""
    return float(part.sum()) / max(int(whole.sum()), 1)


def _flat(asked: argparse.Namespace, pools: dict[str, Pool]) -> str:
    pi, rows = np.eye(len(SHAPES))[FLAT], []
    for number, (name, pool) in enumerate(pools.items()):
        rng = np.random.default_rng([asked.seed, 1000 + number])
        suites = [pool.suite(rng, pi, SIZE) for _ in range(asked.suites)]
        evidences = [np.array([curve.evidence for curve in suite.curves]) for suite in suites]
        draws = [pi_posterior(evidence, np.ones(SIZE)).draws for evidence in evidences]
        parts = [judged(s, label_probabilities(e, d)) for s, e, d in zip(suites, evidences, draws, strict=True)]
        claims = np.array([(false & changes).sum() for _, false, changes in parts])
        labels = np.array([[curve.labelled and curve.shape != FLAT for curve in pool.curves]])
        upper = np.array([ends(prevalence(suite.curves, COVERAGE))[1][FLAT] for suite in suites])
        rows.append(
            (name, _percent(labels), f"{claims.mean():.3f}", f"{(claims > 0).mean():.3f}", f"{upper.mean():.3f}")
        )
    header = ("curves", "label claims a change", "kept claims a suite", "suites with one", "mean upper end of flat")
    return (
        "## Flat curves that scatter\n\n"
        "All curves are flat; their models scatter around the level (six models, 2,000 examples each), by as much as "
        "the analysis expects by default or by three times that. Files of 20 curves and more are analysed as one "
        "suite, which tells how much its models scatter. Every kept claim of a change is false.\n\n"
        + table(header, rows)
    )


def _groups(asked: argparse.Namespace, pools: dict[str, Pool]) -> str:
    group = np.repeat(np.arange(len(GROUPS)), GROUPS)
    rows = []
    sources: dict[str, Callable[[np.random.Generator, Floats, int], SimulatedSuite]] = {
        "exact evidences": lambda rng, pi, size: simulated_suite(rng, pi, size, 2.0),
        **{TITLES[name]: pool.suite for name, pool in pools.items()},
    }
    for number, (name, draw) in enumerate(sources.items()):
        rng, hits, alone = np.random.default_rng([asked.seed, 2000 + number]), [], []
        for _ in range(asked.grouped_suites):
            pi = COMPOSITIONS["from the prior"](rng) * np.exp(abs(rng.normal()) * rng.normal(size=(len(GROUPS), 5)))
            pi /= pi.sum(axis=1, keepdims=True)
            parts = [draw(rng, own, size).curves for own, size in zip(pi, GROUPS, strict=True)]
            evidence = np.array([curve.evidence for part in parts for curve in part])
            draws = sample_groups(GroupData(evidence, np.ones(len(group)), group, len(GROUPS))).pi
            found = [summarised(part, draws[:, g], COVERAGE, f"group {g}") for g, part in enumerate(parts)]
            hits.append([covers(own, truth).mean() for own, truth in zip(found, pi, strict=True)])
            alone.append([np.mean(np.subtract(*ends(own)[::-1])) for own in found])
        rows.append((name, *(_percent(column) for column in np.array(hits).T), f"{np.mean(alone):.3f}"))
    header = ("curves", *(f"{size} curves" for size in GROUPS), "mean width")
    return (
        "## Prevalence by group\n\n"
        f"Four groups of {', '.join(map(str, GROUPS))} curves, compositions and spread from the prior of the "
        "hierarchical model: 95 % intervals that cover, by the size of the group.\n\n" + table(header, rows)
    )


def _percent(values: Floats) -> str:
    flat = np.ravel(values)
    return f"{100 * flat.mean():.1f} % ± {100 * flat.std() / np.sqrt(len(flat)):.1f}"


if __name__ == "__main__":
    main()
