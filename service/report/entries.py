"""What the report keeps of one curve: made where the analysis is, small enough to be sent and spooled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.curve import ScaleKind, ScalingCurve
from models.metrics import MetricKind
from models.options import Shape
from models.results import Analysis, Interval
from models.suite_curve import SuiteCurve, curve_name, suite_curve
from service.number_format import NOTHING
from service.report.curve_picture import curve_picture
from service.report.interest import interest
from service.report.texts import cell, digits_of, signed
from service.table_row import TableRow, failed_row, matters, table_row
from service.table_words import FAILED


@dataclass(frozen=True, slots=True)
class TurnEntry:
    """The turn of one curve: its probability, and median and interval on the scale."""

    name: str
    shape: Shape
    kind: ScaleKind
    probability: float
    scale: Interval


@dataclass(frozen=True, slots=True)
class ReportCurve:
    """One curve of the report. `suite` is what the suite's summary needs; a failure has neither it nor a picture.

    `facts` are the options and versions behind the analysis, as text; `range` the smallest and the largest scale.
    """

    index: int
    row: TableRow
    change: str = NOTHING
    interest: float = 0.0
    picture: str = ""
    range: tuple[ScaleKind, float, float] | None = None
    turns: tuple[TurnEntry, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    suite: SuiteCurve | None = None

    @property
    def label(self) -> str:
        """A shape, "undetermined" or "failed"."""
        return FAILED if self.row.failure is not None else self.row.label


def report_curve(analysis: Analysis, index: int) -> ReportCurve:
    """What is kept of an analysis; its own warnings and those from reading are in its diagnostics."""
    points = analysis.curve.points
    return ReportCurve(
        index=index,
        row=table_row(analysis, explain=True),
        change=change_text(analysis),
        interest=interest(analysis),
        picture=curve_picture(analysis),
        range=(analysis.curve.scale_kind, points[0].scale, points[-1].scale),
        turns=_turns(analysis),
        facts=_facts(analysis),
        digest=analysis.provenance.input_sha256,
        suite=suite_curve(analysis),
    )


def report_failure(index: int, names: Mapping[str, str], label: str, message: str) -> ReportCurve:
    """A curve that could not be analysed; `label` names it where it has no task."""
    return ReportCurve(index=index, row=failed_row(names, label, message))


def change_text(analysis: Analysis) -> str:
    """Net change of performance with its interval, in points of 100 where scores are fractions of 1."""
    found = analysis.effects.net_change
    if found.estimate is None or found.lower is None or found.upper is None:
        return NOTHING
    factor = 100.0 if in_points(analysis.curve) else 1.0
    digits = digits_of(factor * (found.upper - found.lower))
    middle, lower, upper = (signed(factor * end, digits) for end in (found.estimate, found.lower, found.upper))
    return f"{middle} ({lower} to {upper})"


def _turns(analysis: Analysis) -> tuple[TurnEntry, ...]:
    """Both turns, where they are probable enough to be shown."""
    curve = analysis.curve
    both = ((Shape.U_SHAPED, analysis.u_turn), (Shape.INVERTED_U, analysis.inverted_u_turn))
    return tuple(
        TurnEntry(cell(curve_name(curve)), shape, curve.scale_kind, turn.probability, turn.scale)
        for shape, turn in both
        if matters(turn, curve)
    )


def in_points(curve: ScalingCurve) -> bool:
    """Whether changes are written in hundredths: the metric lies between 0 and 1."""
    return curve.metric.kind is not MetricKind.UNBOUNDED and curve.metric.width == 1.0


def _facts(analysis: Analysis) -> dict[str, str]:
    """Everything that was chosen for this analysis, as it is told under provenance."""
    options, origin = analysis.options, analysis.provenance
    prior = ", ".join(f"{shape.value} {probability:g}" for shape, probability in options.class_prior.items())
    return {
        "scaleshape": origin.scaleshape,
        "engine": f"{options.engine.value}, version {origin.engine_version}",
        "seed": str(origin.seed),
        "interval": f"{100 * options.interval:g} %",
        "decision threshold": f"{options.decision_threshold:g}",
        "smallest effect": f"{origin.smallest_effect:.4g}",
        "class prior": prior,
        "between-model scale": f"{origin.between_model_scale:.2g} ({origin.between_model_scale_source})",
        "draws": f"{origin.draws:,}",
    }
