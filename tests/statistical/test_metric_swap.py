"""How often another metric of the same outputs explains a jump: on outputs that no model here was made for.

Examples differ by heavy-tailed difficulties, models by scatter of their own, options by noise; the outputs either
improve gradually with scale or jump within a tenth of a decade.
"""

import math

import numpy as np
import pytest

from models.arrays import Floats
from models.options import Options
from models.output_checks import OutputModel
from models.outputs import OptionOutputs, TokenOutputs, option_outputs, token_outputs
from models.rescoring import Rescored, Task, rescored
from models.results import Verdict

K, EXAMPLES, SUITE = 8, 500, 6
SEED = 20230428


def setting(rng: np.random.Generator) -> tuple[list[OutputModel], Floats, float]:
    """Models over 2.5 to 3.5 decades, their log10 scales, and where the outputs change."""
    scales = np.geomspace(1e8, 10 ** rng.uniform(10.5, 11.5), K)
    z = np.log10(scales)
    return [OutputModel(float(scale)) for scale in scales], z, float(rng.uniform(z[1] + 0.3, z[-2] - 0.3))


def questions(rng: np.random.Generator, *, gradual: bool) -> OptionOutputs:
    models, z, middle = setting(rng)
    n_options, slope = int(rng.integers(2, 6)), rng.uniform(1.5, 3.5)
    difficulty = rng.standard_t(5, EXAMPLES) * rng.uniform(0.1, 0.5)
    rows = []
    for x in z:
        lead = slope * (x - middle) if gradual else 4 * math.tanh((x - middle) / 0.05)
        logits = rng.normal(0, 0.3, (EXAMPLES, n_options))
        logits[:, 0] += lead + rng.normal(0, 0.1) + difficulty
        rows.append((logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).tolist())
    return option_outputs(models, rows, [0] * EXAMPLES)


def targets(rng: np.random.Generator, *, gradual: bool) -> TokenOutputs:
    models, z, middle = setting(rng)
    length, exponent = int(rng.integers(5, 30)), rng.uniform(0.3, 0.8)
    difficulty = rng.normal(0, 0.3, (EXAMPLES, 1)) + rng.normal(0, 0.3, (EXAMPLES, length))
    rows, greedy = [], []
    for x in z:
        loss = 0.7 * 10 ** (-exponent * (x - middle)) if gradual else (2.0 if x < middle else 0.02)
        each = loss * np.exp(difficulty + rng.normal(0, 0.05))
        rows.append((-each).tolist())
        greedy.append((np.exp(-each) > 0.5).astype(int).tolist())
    return token_outputs(models, rows, greedy)


def judged(make: object, name: str, *, gradual: bool) -> list[Rescored]:
    assert callable(make)
    rng = np.random.default_rng(SEED)
    found = []
    for _ in range(SUITE):
        rows = rescored(make(rng, gradual=gradual), Task("simulated"), Options())
        found.append(next(each for each in rows if each.scored.metric.name == name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("make", "name"), [(questions, "multiple_choice_grade"), (targets, "exact_match")])
def test_outputs_that_improve_gradually_are_never_called_emergent(make: object, name: str) -> None:
    found = judged(make, name, gradual=True)
    assert all(each.swap is not None and each.swap.holds for each in found)
    verdicts = [each.emergence.verdict for each in found if each.emergence is not None]
    assert Verdict.EMERGENT not in verdicts
    assert Verdict.UNDETERMINED not in verdicts


@pytest.mark.slow
@pytest.mark.parametrize(("make", "name"), [(questions, "multiple_choice_grade"), (targets, "exact_match")])
def test_outputs_that_jump_are_never_explained_by_another_metric(make: object, name: str) -> None:
    found = judged(make, name, gradual=False)
    assert all(each.swap is not None and each.swap.holds is False for each in found)
