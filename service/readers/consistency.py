"""What a reader should know before believing curves that were put together from many files."""

from __future__ import annotations

from collections import defaultdict

from models.metrics import MetricKind
from service.readers.curve_building import Built, BuiltCurve
from service.readers.gathering import Common, curve_names


def note_inconsistencies(built: Built) -> None:
    """Note families side by side, curves that lack models, several versions, and metrics without bounds."""
    models = _models(built)
    _note_families(built, models)
    _note_lacking(built, models)
    _note_task_versions(built)
    _note_harnesses(built)
    for curve in built.curves:
        if curve.metric.kind is MetricKind.UNBOUNDED:
            message = "curves of unbounded metrics, which need a smallest effect to be analysed"
            built.gathering.ledger.mixed("unbounded", message, _name(built, curve))


def _note_families(built: Built, models: dict[int, frozenset[str]]) -> None:
    by_family = _by_family(built, models)
    if len(by_family) > 1:
        for (family, checkpoint), names in by_family.items():
            name = f"{family}{f' at {checkpoint}' if checkpoint else ''}: {len(names)} model{'s'[: len(names) != 1]}"
            built.gathering.ledger.mixed("families", "model families side by side, with curves of their own", name)


def _by_family(built: Built, models: dict[int, frozenset[str]]) -> dict[Common, set[str]]:
    found: defaultdict[Common, set[str]] = defaultdict(set)
    for number, names in models.items():
        found[built.gathering.keys[number][:2]] |= names
    return found


def _note_lacking(built: Built, models: dict[int, frozenset[str]]) -> None:
    everyone = _by_family(built, models)
    for number, names in models.items():
        key = built.gathering.keys[number]
        lacking = everyone[key[:2]] - names
        if lacking:
            name = f"{curve_names(key)} lacks {', '.join(sorted(lacking)[:5])}{', …' * (len(lacking) > 5)}"
            message = "curves that lack models which others of their family have"
            built.gathering.ledger.mixed("lacks_models", message, name)


def _note_task_versions(built: Built) -> None:
    versions: defaultdict[tuple[str | None, ...], set[str]] = defaultdict(set)
    for key in built.gathering.keys:
        if key.version is not None:
            versions[key[:5]].add(key.version)
    for common, several in versions.items():
        if len(several) > 1:
            name = f"{common[2]}, {common[3]}: versions {', '.join(sorted(several))}"
            message = "tasks of several versions, kept apart because other versions ask otherwise"
            built.gathering.ledger.mixed("task_versions", message, name)


def _note_harnesses(built: Built) -> None:
    runs = built.gathering.runs
    if len({run.harness for run, _ in runs}) < 2:
        return
    for curve in built.curves:
        harnesses = {runs[number][0].harness for number in curve.runs}
        if len(harnesses) > 1:
            message = f"curves with results of {', '.join(sorted(harnesses)[:5])}"
            built.gathering.ledger.mixed("harnesses", message, _name(built, curve))


def _models(built: Built) -> dict[int, frozenset[str]]:
    """The models of each curve, by its number; curves of the same runs share one set."""
    runs = built.gathering.runs
    models = {several: frozenset(runs[run][0].model for run in several) for several in {c.runs for c in built.curves}}
    return {curve.number: models[curve.runs] for curve in built.curves}


def _name(built: Built, curve: BuiltCurve) -> str:
    return curve_names(built.gathering.keys[curve.number])
