import os

import pytest
from flask import Flask

from models.planned_change import PlannedChange
from models.sizing import _Search
from tests.contract.fuzzing import fuzzed

CASES = 2000  # at least; the seed is fixed, so a change of the code alone changes the outcome
SEED = int(os.environ.get("FUZZ_SEED", "20260131"))
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))  # of each operation in the fuzzing phase; other phases have more


@pytest.fixture
def quick_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated studies that need no analysis: thousands a plan, whose labels are no part of the contract."""

    def label(_search: _Search, planned: PlannedChange, n_examples: int, number: int) -> str:
        share = n_examples / (n_examples + 20 * len(planned.scales))
        return planned.shape.value if (37 * number % 101) / 101 < share else "undetermined"

    monkeypatch.setattr(_Search, "_label", label)


@pytest.mark.slow
@pytest.mark.timeout(3600)  # five minutes of processor time, for which it stands back while services are tested
@pytest.mark.usefixtures("quick_studies")
def test_made_up_requests_keep_to_the_contract_and_never_break_the_server(app: Flask) -> None:
    outcome = fuzzed(app, SEED, EXAMPLES)
    assert outcome.failures == {}
    assert outcome.server_errors == 0
    assert outcome.cases >= CASES
