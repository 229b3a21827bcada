import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from models.errors import EngineError, InvalidInput
from service.derivations import BACKTEST, MOST_WAITING, SUMMARY, Derivations, in_own_process
from service.failures import QueueFull


def test_a_failed_computation_is_told_once_and_tried_again() -> None:
    calls = []

    def failing(task: Mapping[str, Any], limit: float) -> bytes:
        calls.append(task)
        if len(calls) == 1:
            raise EngineError("no luck")
        return b"{}"

    derivations = Derivations(60, failing)
    with pytest.raises(EngineError, match="no luck"):
        derivations.ask("a", {}, 10)
    assert derivations.ask("a", {}, 10) == b"{}"


def test_no_more_than_some_results_wait() -> None:
    go_on = threading.Event()

    def slow(task: Mapping[str, Any], limit: float) -> bytes:
        go_on.wait(30)
        return b"{}"

    derivations = Derivations(60, slow)
    for i in range(MOST_WAITING):
        assert derivations.ask(str(i), {}) is None
    with pytest.raises(QueueFull):
        derivations.ask("one more", {})
    go_on.set()
    assert derivations.ask("0", {}, 10) == b"{}"


def test_results_that_were_not_asked_for_the_longest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.derivations.ROOM_BYTES", 25)
    derivations = Derivations(60, lambda _task, _limit: b"0123456789")
    for key in "abc":
        assert derivations.ask(key, {"kind": SUMMARY}, 10) is not None
        while derivations.find(key, SUMMARY)[1] is None:
            time.sleep(0.01)
    deadline = time.monotonic() + 10
    while derivations.find("a", SUMMARY)[0]:
        assert time.monotonic() < deadline
    assert derivations.find("c", SUMMARY) == (True, b"0123456789")


def test_a_result_is_found_by_its_key_and_kind_alone() -> None:
    derivations = Derivations(60, lambda _task, _limit: b"{}")
    derivations.ask("a", {"kind": BACKTEST}, 10)
    assert derivations.find("a", BACKTEST) == (True, b"{}")
    assert derivations.find("a", SUMMARY) == (False, None)


@pytest.mark.slow
def test_a_process_of_its_own_says_what_is_wrong_or_that_it_died() -> None:
    short = {"kind": "summary", "options": {"group_by": []}, "curves": []}
    with pytest.raises(InvalidInput, match="a suite has at least 2"):
        in_own_process(short, 600)
    with pytest.raises(EngineError, match="died"):
        in_own_process({"kind": "unknown"}, 600)
    with pytest.raises(EngineError, match="longer than"):
        in_own_process(short, 0.01)
