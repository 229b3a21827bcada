"""How well calibrated the analysis is, on simulated curves: `python -m benchmarks.calibration`.

Writes docs/calibration.md and its pictures. Interrupted runs go on where they stopped; results of other sources than
the present ones are never reused.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import gates, label_report, turn_report
from benchmarks.calibration_plots import coverage_plot, reliability_plot
from benchmarks.outcomes import Outcome, analysis_work, from_json
from benchmarks.rival_report import rival_section
from benchmarks.running import Runner
from benchmarks.sbc import SBC_CURVES
from benchmarks.sbc_report import sbc_section
from benchmarks.simulators import RISE_SCALES, SEEDS, DataSet
from models.analysis import ENGINE_VERSION

SECTIONS = ("labels", "turns", "rise", "rival", "sbc")
LABEL_CURVES = 5000
TURN_CURVES = 3000
RISE_CURVES = 2000
TITLES = {DataSet.MENU: "in the menu", DataSet.OUTSIDE: "outside the menu"}
TURNS = {DataSet.MENU: DataSet.MENU_TURN, DataSet.OUTSIDE: DataSet.OUTSIDE_TURN}
DOCS = Path(__file__).resolve().parent.parent / "docs"


@dataclass(slots=True)
class Report:
    """Parts of the report as they come."""

    runner: Runner
    seed: int
    images: Path
    parts: list[str] = field(default_factory=list)
    gates: list[gates.Gate] = field(default_factory=list)

    def analysed(self, data_set: DataSet, count: int) -> list[Outcome]:
        """Outcomes of a data set's first `count` curves."""
        return [from_json(line) for line in self.runner.run(analysis_work, data_set.value, self.seed, count)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the sections asked for and write the report."""
    asked = _parser().parse_args(arguments)
    runner = Runner(Path(asked.cache), asked.processes)
    report = Report(runner, SEEDS[asked.seed], asked.output.parent / "images" / "calibration")
    if "labels" in asked.sections:
        _labels(report, asked.curves)
    if "turns" in asked.sections:
        _turns(report, asked.turn_curves)
    if "rise" in asked.sections:
        _rise(report)
    if "rival" in asked.sections:
        _rival(report, asked.curves)
    if "sbc" in asked.sections:
        _sbc(report, asked.sbc_curves)
    text = "\n".join([_head(asked), gates.gate_table(report.gates), *report.parts])
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(text)
    print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--curves", type=int, default=LABEL_CURVES, help="curves for labels, in and outside the menu")
    parser.add_argument("--turn-curves", type=int, default=TURN_CURVES, help="U-shaped curves, in and outside the menu")
    parser.add_argument("--sbc-curves", type=int, default=SBC_CURVES, help="curves for each curve model")
    parser.add_argument("--seed", choices=sorted(SEEDS), default="dev", help="gate only for published figures")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--cache", default=Path(tempfile.gettempdir()) / "scaleshape-calibration")
    parser.add_argument("--output", type=Path, default=DOCS / "calibration.md")
    return parser


def _head(asked: argparse.Namespace) -> str:
    return (
        "# Calibration\n\n"
        f"Made by `python -m benchmarks.calibration --seed {asked.seed} --curves {asked.curves} --turn-curves "
        f"{asked.turn_curves} --sbc-curves {asked.sbc_curves}`, sections "
        f"{', '.join(asked.sections)}, engine version {ENGINE_VERSION}. Simulated curves whose true shape is known; "
        "how they are made is said in `benchmarks/simulators.py` and the modules that it names. Development seed and "
        "gate seed are kept apart: no choice was made on the gate's curves.\n\n"
        "Intervals of shares are 95 % Clopper-Pearson, `±` is one standard error, differences are paired. The "
        "calibration error in brackets is what perfectly calibrated probabilities show by chance at this number of "
        "curves. *In the menu*: classes from the class prior, curves from the priors of the curve models, "
        "beta-binomial noise. *Outside*: two sigmoids of unequal width, broken scaling laws, Gaussian processes, steps "
        "and bumps, with beta-binomial, logit-normal and t4 noise; their classes have the shares that the families "
        "give, not those of the class prior.\n"
    )


def _labels(report: Report, count: int) -> None:
    data = {data_set: report.analysed(data_set, count) for data_set in TITLES}
    for data_set, outcomes in data.items():
        title = TITLES[data_set]
        report.gates += gates.label_gates(title, outcomes, in_menu=data_set is DataSet.MENU)
        report.parts += [f"## Labels {title}\n", label_report.figures(outcomes), _details(outcomes)]
    reliability_plot({TITLES[name]: outcomes for name, outcomes in data.items()}, report.images / "reliability.svg")
    report.parts.append("![reliability](images/calibration/reliability.svg)\n")


def _details(outcomes: Sequence[Outcome]) -> str:
    tables = (
        label_report.reliability_table(outcomes),
        label_report.balance_table(outcomes),
        label_report.confusion_table(outcomes),
        label_report.strata_table(outcomes),
    )
    return "\n".join(tables)


def _turns(report: Report, count: int) -> None:
    data = {data_set: report.analysed(TURNS[data_set], count) for data_set in TITLES}
    for data_set, outcomes in data.items():
        title = TITLES[data_set]
        report.gates += gates.turn_gates(title, outcomes, in_menu=data_set is DataSet.MENU)
        report.parts += [
            f"## Turn of U-shaped curves {title}\n",
            "All curves are truly U-shaped, whatever their label; 95 % interval of the turn.\n",
            turn_report.coverage_table(outcomes),
            turn_report.cells_table(outcomes),
        ]
    coverage_plot({TITLES[name]: outcomes for name, outcomes in data.items()}, report.images / "turn_coverage.svg")
    report.parts.append("![turn coverage](images/calibration/turn_coverage.svg)\n")


def _rise(report: Report) -> None:
    outcomes = report.analysed(DataSet.RISE, RISE_CURVES)
    text = f"A straight rise of exactly twice the smallest effect, K = {RISE_SCALES}: true shape positive.\n"
    report.parts += ["## A small rise\n", text, label_report.rise_table(outcomes)]


def _rival(report: Report, count: int) -> None:
    report.parts.append("## Classifiers trained on the same simulator\n")
    for data_set, title in TITLES.items():
        outcomes = report.analysed(data_set, count)
        text, gate = rival_section(report.runner, data_set, title, report.seed, outcomes)
        report.parts.append(text)
        report.gates.append(gate)


def _sbc(report: Report, count: int) -> None:
    text, gate = sbc_section(report.runner, report.seed, report.images, count)
    report.gates.append(gate)
    intro = (
        f"{count} curves for each curve model and observation model: the posterior probability below the true value.\n"
    )
    report.parts += ["## Simulation-based calibration\n", intro, text]


if __name__ == "__main__":
    main()
