"""Plans in a sentence each."""

from __future__ import annotations

from models.candidates import Action
from models.curve import ScaleKind, ScalingCurve
from models.options import UNDETERMINED, Shape
from models.planned_change import PlannedChange
from models.planning import NextPlan, Prospect
from models.sizing import LARGEST_N, OPEN, SMALLEST_N, SizePlan
from service.number_format import number_text, probability_text, scale_text

NAMES = {
    Shape.POSITIVE: "positive",
    Shape.INVERSE: "inverse",
    Shape.U_SHAPED: "U-shaped",
    Shape.INVERTED_U: "inverted-U",
    Shape.FLAT: "flat",
}


def next_summary(plan: NextPlan, curve: ScalingCurve) -> str:
    """What stands today, and the best measurement for the label and for the turn."""
    now = plan.now
    name, probability = NAMES[now.most_probable], probability_text(now.probability)
    if now.label == UNDETERMINED:
        sentences = [f"Undetermined today, most probably {name} ({probability})."]
    else:
        sentences = [f"Labelled {name} already ({probability})."]
    if plan.best_for_label is not None:
        best = plan.prospects[plan.best_for_label]
        chance = probability_text(best.probability_decided)
        sentences.append(
            f"Best for the label: {action_text(best, curve.scale_kind)}, which decides it with probability {chance}."
        )
    elif now.label == UNDETERMINED:
        sentences.append("No single measurement here is likely to decide the label.")
    if plan.best_for_turn is not None:
        best = plan.prospects[plan.best_for_turn]
        before, after = (number_text(width or 0.0, 2) for width in (now.turn_decades, best.turn_decades))
        text = action_text(best, curve.scale_kind)
        sentences.append(f"Best for the turn: {text}, which narrows its interval from {before} to {after} decades.")
    return " ".join(sentences)


def action_text(prospect: Prospect, kind: ScaleKind) -> str:
    """`a model at 24B with 1,000 examples`."""
    scale = scale_text(prospect.scale, kind)
    effort = effort_text(prospect.n_examples, prospect.stderr)
    match prospect.action:
        case Action.MORE_EXAMPLES:
            return f"{effort} more for the model at {scale}"
        case Action.ANOTHER_MODEL:
            return f"another model at {scale} with {effort}"
        case _:
            return f"a model at {scale} with {effort}"


def effort_text(n_examples: int | None, stderr: float | None) -> str:
    """`1,000 examples`, or `a standard error of 0.01`."""
    return f"{n_examples:,} examples" if n_examples is not None else f"a standard error of {number_text(stderr or 0.0)}"


def size_summary(plan: SizePlan, planned: PlannedChange) -> str:
    """How many examples, or why no number suffices."""
    goal = f"a {planned.change.value} of {number_text(planned.size)} from {number_text(planned.level)}"
    goal = f"{goal} with probability {number_text(plan.probability)}"
    if plan.n_examples is None:
        return _too_few_models(plan, goal)
    found, ends = f"{plan.n_models} models find {goal}", plan.n_examples_interval
    if ends.lower is None or ends.upper is None:
        return f"{found} with {SMALLEST_N} examples each, or fewer."
    size, low, high = (f"{rounded_size(value):,}" for value in (plan.n_examples, ends.lower, ends.upper))
    return f"{found} with about {size} examples each ({low} to {high})."


def _too_few_models(plan: SizePlan, goal: str) -> str:
    limit, models = probability_text(plan.limit.probability), f"{plan.n_models} models"
    error = f"a Monte Carlo error of {number_text(plan.limit.mcse, 2)} ({plan.limit.studies:,} simulated studies)"
    is_open = plan.n_examples_reason == OPEN
    if is_open:
        first = f"It is open whether any test set is large enough for {models} to find {goal}"
        first = f"{first}: {LARGEST_N:,} examples give {limit} with {error}."
    else:
        first = f"No test set is large enough for {models} to find {goal}"
        first = f"{first}: even {LARGEST_N:,} examples give {limit}, with {error}."
    if plan.n_models_needed is not None:
        return f"{first} About {plan.n_models_needed} models would do."
    return first if is_open else f"{first} {plan.tried[-1].n_models} models were not seen to suffice either."


def rounded_size(value: float) -> int:
    """Two digits: no number of examples is known better."""
    return round(float(f"{value:.1e}"))
