import os

import pytest
from flask import Flask

from tests.contract.fuzzing import fuzzed

CASES = 2000  # at least; the seed is fixed, so a change of the code alone changes the outcome
SEED = int(os.environ.get("FUZZ_SEED", "20260131"))


@pytest.mark.slow
def test_made_up_requests_keep_to_the_contract_and_never_break_the_server(app: Flask) -> None:
    outcome = fuzzed(app, SEED)
    assert outcome.failures == {}
    assert outcome.server_errors == 0
    assert outcome.cases >= CASES
