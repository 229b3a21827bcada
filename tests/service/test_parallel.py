import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from models.errors import EngineError
from service.parallel import AHEAD, WINDOW, Ahead, Job, Workers, cores, one_thread_each

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The functions of `parallel_work`, where other processes can import them too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("parallel_work")


def test_few_items_are_worked_on_in_this_process(work: ModuleType) -> None:
    with Workers(2) as workers:
        answers = list(workers.ordered(Job(work.square, work.died), range(5)))
    assert answers == [(number * number, os.getpid()) for number in range(5)]


def test_many_items_are_answered_in_order_by_other_processes(work: ModuleType) -> None:
    with Workers(2) as workers:
        answers = list(workers.ordered(Job(work.square, work.died), range(200)))
    assert [answer for answer, _ in answers] == [number * number for number in range(200)]
    processes = {process for _, process in answers}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_processes_serve_one_list_after_the_other(work: ModuleType) -> None:
    with Workers(2) as workers:
        first = {process for _, process in workers.ordered(Job(work.square, work.died), range(40))}
        again = {process for _, process in workers.ordered(Job(work.square, work.died), range(3))}
    assert again <= first


def test_an_item_on_which_a_process_dies_is_named_and_all_others_are_answered(work: ModuleType) -> None:
    with Workers(2) as workers:
        answers = list(workers.ordered(Job(work.square_unless_fatal, work.died_silently), range(120)))
    assert answers == [-9 if number % 50 == 7 else number * number for number in range(120)]


def test_processes_that_die_without_end_are_an_error_and_no_endless_loop(work: ModuleType) -> None:
    with Workers(2) as workers, pytest.raises(EngineError, match="died one after the other"):
        list(workers.ordered(Job(work.always_fatal, work.died_silently), range(1000)))


def test_items_are_drawn_only_as_far_as_the_window_goes(work: ModuleType) -> None:
    drawn = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        for drawn in range(1, 100_000):
            yield drawn - 1

    with Workers(2) as workers:
        answers = workers.ordered(Job(work.slow_first, work.died_silently), items())
        assert next(answers) == 0
        assert drawn <= 2 * (WINDOW + AHEAD)


@pytest.mark.parametrize("count", [3, 40])
def test_what_is_needed_ahead_is_done_by_another_process(count: int, work: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "done"
    ahead = Ahead(partial(work.is_missing, path), partial(work.write_process, path))
    with Workers(2, few=10, ahead=ahead) as workers:
        answers = list(workers.ordered(Job(work.read_when_there, work.died), [(i, path) for i in range(count)]))
    assert [number for number, _ in answers] == list(range(count))
    (process,) = {process for _, process in answers}
    assert process != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.parametrize("count", [3, 40])
def test_what_is_not_needed_ahead_is_left(count: int, work: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "done"
    path.write_text("0")
    ahead = Ahead(partial(work.is_missing, path), partial(work.write_process, path))
    with Workers(2, few=10, ahead=ahead) as workers:
        answers = list(workers.ordered(Job(work.read_when_there, work.died), [(i, path) for i in range(count)]))
    assert {process for _, process in answers} == {0}


@pytest.mark.parametrize("count", [3, 40])
def test_what_fails_ahead_is_left_to_the_work(count: int, work: ModuleType) -> None:
    with Workers(2, few=10, ahead=Ahead(work.yes, work.fail)) as workers:
        answers = list(workers.ordered(Job(work.square, work.died), range(count)))
    assert [answer for answer, _ in answers] == [number * number for number in range(count)]


def test_no_process_is_started_for_nothing(work: ModuleType) -> None:
    with Workers(2, ahead=Ahead(work.yes, work.fail)) as workers:
        assert list(workers.ordered(Job(work.square, work.died), [])) == []
        assert multiprocessing.active_children() == []


def test_a_process_that_cannot_be_started_is_done_without(work: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_process: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", refused)
    with Workers(2, ahead=Ahead(work.yes, work.fail)) as workers:
        answers = list(workers.ordered(Job(work.square, work.died), range(3)))
    assert [answer for answer, _ in answers] == [0, 1, 4]


def test_the_process_beside_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from functools import partial\n"
        "from pathlib import Path\n"
        "from parallel_work import read_when_there, square, wait_for_ever, yes\n"
        "from service.parallel import Ahead, Job, Workers\n"
        "if __name__ == '__main__':\n"
        f"    path = Path({str(tmp_path / 'process')!r})\n"
        "    with Workers(2, ahead=Ahead(yes, partial(wait_for_ever, path))) as workers:\n"
        "        list(workers.ordered(Job(read_when_there, None), [(0, path)]))\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    # All its processes have its pipes: this waits until the last has ended.
    run = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        timeout=90,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert (tmp_path / "process").read_text()


def test_large_answers_and_items_do_not_block_each_other(work: ModuleType) -> None:
    with Workers(2, few=1) as workers:
        answers = list(workers.ordered(Job(work.large, work.died_silently), range(30)))
    assert [answer[-1] for answer in answers] == list(range(30))


def test_processes_are_gone_after_an_interrupted_run(work: ModuleType) -> None:
    with Workers(2) as workers:
        answers = workers.ordered(Job(work.square, work.died), range(10_000))
        processes = {next(answers)[1] for _ in range(100)}
    assert len(processes) == 2
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_one_thread_a_process_is_set_before_numpy_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    one_thread_each()
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ["NUMBA_NUM_THREADS"] == "2", "what the user has set stays"
    assert cores() >= 1


def test_the_main_process_of_the_command_has_no_engine_and_no_tables_library() -> None:
    heavy = ("numba", "pymc", "statsmodels", "pandas", "matplotlib", "scipy", "rich")
    code = f"import sys, service.cli; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "[]"
