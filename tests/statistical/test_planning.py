import numpy as np
import pytest

from benchmarks.planning import outcomes
from benchmarks.simulators import DEVELOPMENT_SEED, DataSet


@pytest.mark.slow
@pytest.mark.parametrize("data_set", [DataSet.MENU, DataSet.OUTSIDE])
def test_plans_come_true_on_simulated_curves(data_set: DataSet) -> None:
    found = list(outcomes(data_set, DEVELOPMENT_SEED, 40))
    decided, top = (np.array([getattr(each, field) for each in found]) for field in ("decided", "top"))
    # Four standard errors of the difference of 40 curves, about .4/sqrt(40) and .12/sqrt(40).
    assert abs(decided[:, 0].mean() - decided[:, 1].mean()) < 0.25
    assert abs(top[:, 0].mean() - top[:, 1].mean()) < 0.08
    assert np.corrcoef(decided.T)[0, 1] > 0.5
