"""Plans: what to measure next on a stored or given curve, and how many examples a study needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models.between_model import ResolvedScale, own_scale
from models.candidates import Wanted
from models.curve import ScalingCurve
from models.errors import EngineError, InvalidInput, InvalidOptions, Problem
from models.options import Options
from service.analyses import asked_curve
from service.comparisons import stored_analyses
from service.database import Database
from service.inline import Inline
from service.plan_words import next_summary, size_summary
from service.schemas.curve_lists import load_ids, load_object
from service.schemas.options import load_options
from service.schemas.plans import NEXT_FIELDS, SIZE_FIELDS, SizeAsked, load_size, load_wanted
from service.schemas.records import encoded
from service.settings import Settings

CURVE_FIELDS = ("id", "curve")
MOST_STUDIES, MOST_MODELS = 40, 20  # of a request, so that it is answered in seconds; the command takes more
NEXT, SIZE = "next", "size"


@dataclass(frozen=True, slots=True)
class Planned:
    """A curve with its options and its between-model scale, for which the next measurement is planned."""

    curve: ScalingCurve
    options: Options
    scale: ResolvedScale


@dataclass(frozen=True, slots=True)
class PlanAsked:
    """The id of a stored analysis or a curve, with what is wanted; or a study."""

    identifier: str | None
    planned: Planned | None
    wanted: Wanted
    study: SizeAsked | None


def plan_asked(document: Any, settings: Settings) -> PlanAsked:
    """A request, checked; raises `InvalidInput`."""
    fields = load_object(document, (*CURVE_FIELDS, *NEXT_FIELDS, *(f for f in SIZE_FIELDS if f not in NEXT_FIELDS)))
    if not fields.keys() & set(CURVE_FIELDS):
        if "change" not in fields:
            message = "say what to plan: id or curve, for what to measure next; or change and size, for a new study"
            raise InvalidInput([Problem("", message)])
        return PlanAsked(None, None, Wanted(), _study(_only(fields, SIZE_FIELDS, "a new study")))
    if len(fields.keys() & set(CURVE_FIELDS)) > 1:
        raise InvalidInput([Problem("", "give either id, of a stored analysis, or curve")])
    own = _only(fields, (*CURVE_FIELDS, *NEXT_FIELDS), "a curve")
    wanted = load_wanted({name: own[name] for name in NEXT_FIELDS if name in own})
    if "id" in own:
        return PlanAsked(_identifier(own["id"]), None, wanted, None)
    return PlanAsked(None, _given(own["curve"], settings), wanted, None)


def plan_document(asked: PlanAsked, database: Database, inline: Inline) -> dict[str, Any]:
    """The plan that is asked for; nothing is stored. Raises `InvalidInput`."""
    if asked.study is not None:
        with inline.place():
            return size_document(asked.study)
    planned = asked.planned or _stored(database, asked.identifier or "")
    with inline.place():
        return next_document(planned, asked.wanted)


def next_document(planned: Planned, wanted: Wanted) -> dict[str, Any]:
    """What each candidate is expected to do."""
    from models.planning import plan_next  # not before it is asked for: the engines take a second to load

    curve = planned.curve
    found = _computed(lambda: plan_next(curve, planned.options, wanted, planned.scale))
    return {
        "kind": NEXT,
        "task": curve.task,
        "scale_kind": curve.scale_kind.value,
        "summary": next_summary(found, curve),
        **encoded(found),
        "between_model_scale": planned.scale.value,
        "interval": planned.options.interval,
        "decision_threshold": planned.options.decision_threshold,
        "seed": planned.options.seed,
    }


def size_document(asked: SizeAsked) -> dict[str, Any]:
    """How many examples per model a study needs."""
    from models.sizing import plan_size

    found = _computed(lambda: plan_size(asked.planned, asked.probability, asked.options, asked.studies))
    planned = asked.planned
    return {
        "kind": SIZE,
        "change": planned.change.value,
        "size": planned.size,
        "level": planned.level,
        "summary": size_summary(found, planned),
        **encoded(found),
        "decision_threshold": asked.options.decision_threshold,
        "seed": asked.options.seed,
    }


def _computed[R](compute: Callable[[], R]) -> R:
    try:
        return compute()
    except (ArithmeticError, ValueError) as error:
        raise EngineError(f"the plan failed: {type(error).__name__}: {error}") from error


def _only(fields: Mapping[str, Any], allowed: tuple[str, ...], what: str) -> Mapping[str, Any]:
    problems = [
        Problem(
            f"/{name}",
            f"does not belong to the plan of {what}: leave it out, or plan the other in a request of its own",
        )
        for name in fields
        if name not in allowed
    ]
    if problems:
        raise InvalidInput(problems)
    return fields


def _study(fields: Mapping[str, Any]) -> SizeAsked:
    asked = load_size({"studies": MOST_STUDIES, **fields})
    for name, given, most in (
        ("studies", asked.studies, MOST_STUDIES),
        ("n_models", len(asked.planned.scales), MOST_MODELS),
    ):
        if given > most:
            message = f"{given} is more than {most}: the command scaleshape plan takes more"
            raise InvalidInput([Problem(f"/{name}", message)])
    own_scale(asked.options)
    return asked


def _identifier(value: Any) -> str:
    try:
        return load_ids([value], 1, 1)[0]
    except InvalidInput as error:
        raise InvalidInput([Problem("/id", problem.message) for problem in error.problems]) from None


def _given(document: Any, settings: Settings) -> Planned:
    try:
        loaded = asked_curve(document, settings).loaded
        options = load_options(loaded.options)
        return Planned(loaded.curve, options, own_scale(options))
    except InvalidInput as error:
        kind = InvalidOptions if isinstance(error, InvalidOptions) else InvalidInput
        raise kind([Problem(f"/curve{problem.pointer}", problem.message) for problem in error.problems]) from None


def _stored(database: Database, identifier: str) -> Planned:
    try:
        analysis = stored_analyses(database, [identifier])[0].analysis
    except InvalidInput as error:
        raise InvalidInput([Problem("/id", problem.message) for problem in error.problems]) from None
    return Planned(analysis.curve, analysis.options, ResolvedScale(analysis.provenance.between_model_scale, "option"))
