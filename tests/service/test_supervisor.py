import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest

from service.supervisor import FIRST_DELAY, USAGE, Role, Supervisor

SLEEPS = "import time; time.sleep(60)"


class Running:
    """A supervisor on this thread, with another thread that does things to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds = 0.0

    def role(self, name: str, then: str, patience: float = 30.0, *, stubborn: bool = False) -> Role:
        """A process that writes its number down when it can be told to stop, and when it is; a stubborn one goes on."""
        end = "" if stubborn else "; os._exit(0)"
        code = (
            "import os, signal, sys\n"
            f"log = open({str(self.folder / 'log')!r}, 'a', buffering=1)\n"
            f"def stop(*_): log.write('-{name} ' + str(os.getpid()) + chr(10)){end}\n"
            "signal.signal(signal.SIGTERM, stop)\n"
            f"log.write('+{name} ' + str(os.getpid()) + ' ' + ' '.join(sys.argv[1:]) + chr(10))\n"
            f"{then}\n"
        )
        return Role(name=name, command=(sys.executable, "-c", code), environment=os.environ, patience=patience)

    def forked(self, name: str) -> Role:
        """A role that is a fork of this process; it writes its number, its words and its environment down."""

        def main(words: Sequence[str]) -> None:
            with (self.folder / "log").open("a") as log:
                log.write(f"+{name} {os.getpid()} {' '.join(words)} {sorted(os.environ)} {os.getsid(0)}\n")
            signal.pause()

        return Role(name=name, command=("words",), environment={"ONLY": "this"}, patience=5.0, forked=main)

    def lines(self) -> list[str]:
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []

    def pid(self, start: int) -> int:
        """Process of a line of the log, awaited."""
        self.until(lambda: len(self.lines()) > start)
        return int(self.lines()[start].split()[1])

    @staticmethod
    def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.01)

    def run(
        self, roles: list[Role], deed: Callable[[], None], signals: int = 1, load: Callable[[], None] | None = None
    ) -> int:
        """The exit code of a supervisor that is told to stop after the deed."""
        failures: list[BaseException] = []

        def work() -> None:
            try:
                deed()
            except BaseException as error:  # noqa: BLE001 - told by the main thread
                failures.append(error)
            self.seconds = time.monotonic()
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(1, signals):  # a signal that comes before the last one was read is lost in it
                self.until(lambda: any(line.startswith("-") for line in self.lines()))
                os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=work)
        thread.start()
        code = Supervisor(roles, load).run()
        self.seconds = time.monotonic() - self.seconds
        thread.join()
        assert failures == []
        return code


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_roles_are_stopped_in_their_order_and_the_exit_code_is_zero(running: Running) -> None:
    roles = [running.role(name, SLEEPS) for name in ("first", "second", "third")]
    assert running.run(roles, lambda: running.until(lambda: len(running.lines()) == 3)) == 0
    assert [line.split()[0] for line in running.lines()[3:]] == ["-first", "-second", "-third"]


def test_a_role_that_is_killed_is_started_again_and_told_so(running: Running) -> None:
    def deed() -> None:
        os.kill(running.pid(0), signal.SIGKILL)
        assert running.pid(1) != running.pid(0)

    assert running.run([running.role("one", SLEEPS)], deed) == 0
    first, second = (line.split() for line in running.lines()[:2])
    assert "--restarted" not in first
    assert "--restarted" in second


def test_a_role_that_dies_at_once_is_started_again_more_and_more_slowly(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.supervisor.YOUNG", 60.0)
    log = Mock()
    monkeypatch.setattr("service.supervisor.logger", lambda _name: log)
    dying = "import time; log.write(f'at {time.monotonic()}' + chr(10)); raise SystemExit(1)"
    running.run([running.role("young", dying)], lambda: running.until(lambda: len(running.lines()) >= 8))
    times = [float(line.split()[1]) for line in running.lines() if line.startswith("at ")]
    delays = [FIRST_DELAY * 2**number for number in (1, 2, 3)]
    told = [call.kwargs["again_in_s"] for call in log.warning.call_args_list if call.args == ("died",)]
    assert told[:3] == delays
    gaps = [late - early for early, late in itertools.pairwise(times[:4])]
    assert [gap >= delay for gap, delay in zip(gaps, delays, strict=True)] == [True, True, True]


def test_a_role_that_refuses_its_settings_ends_the_others_and_is_no_success(running: Running) -> None:
    other = running.role("other", SLEEPS)
    waits = "import pathlib, time\nwhile '+other' not in pathlib.Path(log.name).read_text(): time.sleep(.01)"
    refusing = running.role("refusing", f"{waits}\nraise SystemExit({USAGE})")
    assert Supervisor([other, refusing]).run() == 1
    assert any(line.startswith("-other") for line in running.lines())


def test_a_role_that_does_not_stop_in_time_is_killed(running: Running) -> None:
    roles = [running.role("stubborn", SLEEPS, patience=0.5, stubborn=True)]
    assert running.run(roles, lambda: running.until(lambda: len(running.lines()) == 1)) == 0
    assert 0.4 < running.seconds < 20
    assert not alive(running.pid(0))


def test_a_second_signal_kills_at_once(running: Running) -> None:
    roles = [running.role("stubborn", SLEEPS, patience=30, stubborn=True)]
    running.run(roles, lambda: running.until(lambda: len(running.lines()) == 1), signals=2)
    assert running.seconds < 20
    assert not alive(running.pid(0))


def test_what_a_killed_role_had_started_goes_with_it(running: Running) -> None:
    sleeping = (
        "import subprocess, sys\nprocess = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    )
    told = f"{sleeping}\nlog.write(f'child {{process.pid}}' + chr(10))\n{SLEEPS}"

    def deed() -> None:
        started = running.pid(1)
        assert alive(started)
        os.kill(running.pid(0), signal.SIGKILL)
        running.until(lambda: not alive(started))

    running.run([running.role("parent", told)], deed)


def test_signals_mean_what_they_meant_before_afterwards(running: Running) -> None:
    before = signal.getsignal(signal.SIGTERM)
    running.run([running.role("one", SLEEPS)], lambda: running.until(lambda: len(running.lines()) == 1))
    assert signal.getsignal(signal.SIGTERM) == before


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        "child = 'import sys, time; from service.processes import die_with; die_with(int(sys.argv[1])); "
        'print("up", flush=True); time.sleep(60)\'\n'
        "process = subprocess.Popen([sys.executable, '-c', child, str(os.getpid())], start_new_session=True)\n"
        "print(process.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        told = [parent.stdout.readline().strip(), parent.stdout.readline().strip()]
        child = int(next(line for line in told if line != "up"))
        parent.kill()
    Running.until(lambda: not alive(child))


def test_a_child_whose_parent_is_gone_already_ends_at_once() -> None:
    code = "from service.processes import die_with; die_with(1); print('still here')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == ""


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # the deed's thread
def test_a_fork_starts_when_its_imports_are_loaded_and_is_started_again(running: Running) -> None:
    loaded = threading.Event()

    def deed() -> None:
        running.until(lambda: len(running.lines()) == 1)
        assert running.lines()[0].startswith("+program ")
        loaded.set()
        first = running.pid(1)
        os.kill(first, signal.SIGKILL)
        second = running.pid(2)
        assert second != first
        assert running.lines()[1] == f"+fork {first} words ['ONLY'] {first}"
        assert running.lines()[2] == f"+fork {second} words --restarted ['ONLY'] {second}"

    def load() -> None:
        assert loaded.wait(60)

    roles = [running.forked("fork"), running.role("program", SLEEPS)]
    assert running.run(roles, deed, load=load) == 0
    assert not alive(running.pid(2))


def test_imports_that_fail_end_the_server_and_are_no_success(running: Running) -> None:
    def load() -> None:
        running.until(lambda: len(running.lines()) == 1)
        raise ImportError("no such library")

    assert Supervisor([running.forked("fork"), running.role("other", SLEEPS)], load).run() == 1
    assert [line.split()[0] for line in running.lines()] == ["+other", "-other"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_that_refuses_its_settings_ends_the_others(running: Running) -> None:
    def refuses(_words: Sequence[str]) -> None:
        running.until(lambda: len(running.lines()) == 1)
        raise SystemExit(USAGE)

    fork = Role(name="fork", command=(), environment=os.environ, patience=5.0, forked=refuses)
    assert Supervisor([fork, running.role("other", SLEEPS)]).run() == 1
