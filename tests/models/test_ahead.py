import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ANALYSIS = """
import json
from numba.core import event
from models.ahead import is_compiled
from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.metrics import REGISTRY
from models.options import Options

class Compiled(event.Listener):
    def __init__(self):
        self.names = []
    def on_start(self, told):
        function = told.data["dispatcher"].py_func
        self.names.append(f"{function.__module__}.{function.__name__}".removeprefix("models."))
    def on_end(self, told):
        pass

compiled = Compiled()
event.register("numba:compile", compiled)
scores = (0, 0.02, 0.1, 0.3, 0.2)
points = tuple(ScalePoint(10.0 ** (8 + i / 2), score, n_examples=200) for i, score in enumerate(scores))
analyze(ScalingCurve("task", REGISTRY["accuracy"], points), Options())
print(json.dumps([compiled.names, is_compiled()]))
"""


def told(code: str, cache: Path) -> str:
    """What a process with this compiler's cache prints."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
def test_an_analysis_finds_what_was_compiled_ahead(tmp_path: Path) -> None:
    told("from models import ahead; assert not ahead.is_compiled(); ahead.compile_late_half()", tmp_path)
    names, compiled = json.loads(told(ANALYSIS, tmp_path))
    assert compiled
    assert "engines.kernels.solved" in names, "not a cache of this machine that other tests have filled"
    ahead = {
        "crosschecks.newton.least_squares",
        "crosschecks.newton.newton",
        "engines.cells._placed",
        "engines.cells._spread_out",
        "engines.cells._tilted",
        "engines.clouds._log_ratio",
        "engines.clouds._proposed",
        "emergence._extremes",
        "emergence._fill_squares",
        "emergence._sort_rows",
        "gradual._best",
        "gradual._deviances",
        "mean_curves._curves",
        "mean_curves._ends_and",
        "pool._class_sums",
        "pool._shares",
        "resampling._systematic",
        "posterior._generalised_pareto_k",
        "predictive._fill",
        "shapes._classified",
    }
    assert ahead & set(names) == set()
