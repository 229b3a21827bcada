"""The part of the calibration report on simulation-based calibration of the curve models."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.calibration_plots import rank_plot
from benchmarks.gates import LEAST_SBC_P, Gate
from benchmarks.markdown import number, table
from benchmarks.running import Runner
from benchmarks.sbc import SBC_CURVES, sbc_work, sections
from benchmarks.truth import FloatArray
from benchmarks.uniformity import Uniformity, by_quantity, holm, uniformity

HEADER = ("curve model / observation", "quantities", "least p", "quantity", "Holm p", "least and median effective size")


def sbc_section(runner: Runner, seed: int, images: Path, count: int = SBC_CURVES) -> tuple[str, Gate]:
    """Table of p-values by curve model, pictures, and the gate on the smallest adjusted p-value."""
    results = {name: runner.run(sbc_work, name, seed, count) for name in sections()}
    ranks = {name: by_quantity(lines) for name, lines in results.items()}
    tests = {(name, q): uniformity(values) for name, found in ranks.items() for q, values in found.items()}
    adjusted = dict(zip(tests, holm([test.p for test in tests.values()]), strict=True))
    sizes = {name: np.array([line["ess"] for line in lines]) for name, lines in results.items()}
    rows = [_row(name, tests, adjusted, sizes[name]) for name in ranks]
    pictures = _pictures(ranks, images)
    least = min(adjusted.values())
    gate_name = f"simulation-based calibration: least of {len(tests)} p-values, Holm-adjusted"
    gate = Gate(gate_name, f"≥ {LEAST_SBC_P}", number(least), least >= LEAST_SBC_P)
    return table(HEADER, rows) + "\n" + pictures, gate


def _row(
    name: str, tests: dict[tuple[str, str], Uniformity], adjusted: dict[tuple[str, str], float], sizes: FloatArray
) -> tuple[str, ...]:
    own = [key for key in tests if key[0] == name]
    worst = min(own, key=lambda key: tests[key].p)
    size = f"{sizes.min():.0f}, {np.median(sizes):.0f}"
    return name, str(len(own)), number(tests[worst].p), worst[1], number(adjusted[worst]), size


def _pictures(ranks: dict[str, dict[str, FloatArray]], images: Path) -> str:
    lines = []
    for kind in dict.fromkeys(name.split("/")[1] for name in ranks):
        own = {name.split("/")[0]: found for name, found in ranks.items() if name.endswith(f"/{kind}")}
        file = f"sbc_{kind.replace(' ', '_')}.svg"
        rank_plot(own, f"{kind}: ECDF of the ranks minus uniform, 95 % simultaneous band", images / file)
        lines.append(f"![ranks, {kind}](images/calibration/{file})\n")
    return "\n".join(lines)
