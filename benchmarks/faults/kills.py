"""Processes of a role die at random moments under traffic, and what became of all that was promised."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.faults.invariants import broken, ended, none_left_of, running, unfinished
from benchmarks.faults.traffic import Traffic
from benchmarks.served import NotInTime, Served, command_line, kill, served, wait_until
from service.database import Database, open_database

CLIENTS = 2
LONGEST_PAUSE = 1.5  # seconds between one recovery and the next kill
RECOVERY_SECONDS = 90.0  # after which a kill counts as not survived
END_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Round:
    """Kills of one role under one start of the service: seconds until work went on after each, and what broke."""

    role: str
    database: str
    seed: int
    recoveries: tuple[float, ...]
    batches: int
    curves: int
    broken: tuple[str, ...]
    seconds: float


def kill_round(role: str, database_url: str, folder: Path, kills: int, seed: int) -> Round:
    """Start the service, send it work, kill processes of `role` at random moments, wait for all to end, and look."""
    return kill_rounds((role,), database_url, folder, kills, seed)[0]


def kill_rounds(roles: Sequence[str], database_url: str, folder: Path, kills: int, seed: int) -> tuple[Round, ...]:
    """The same for several roles, one after the other under one start; traffic and what broke are of all of them."""
    began = time.monotonic()
    with served(folder, {"database_url": database_url}) as service, closing(open_database(database_url)) as database:
        flow = _Flow(service, database, np.random.default_rng(seed))
        disturbed = {role: flow.disturbed(partial(flow.kill, role), kills) for role in roles}
        traffic = flow.traffic
        faults = [fault for _, found in disturbed.values() for fault in found]
        faults += [*flow.finished(), *broken(database, traffic)]
        kind = database.dialect
    curves = sum(batch.curves for batch in traffic.batches) + len(traffic.analyses)
    seconds = round(time.monotonic() - began, 1)
    return tuple(
        Round(role, kind, seed, recoveries, len(traffic.batches), curves, tuple(faults), seconds)
        for role, (recoveries, _) in disturbed.items()
    )


class _Flow:
    """Traffic to a service, and the kills in between."""

    def __init__(self, service: Served, database: Database, source: np.random.Generator) -> None:
        self._service, self._database, self._random = service, database, source
        self.traffic = Traffic(service.url, source.spawn(1)[0])

    def disturbed(self, disturb: Callable[[], float], times: int) -> tuple[tuple[float, ...], tuple[str, ...]]:
        """Seconds of each recovery, and what did not recover, while clients send."""
        stop = threading.Event()
        clients = [threading.Thread(target=self._send, args=(stop,)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            return tuple(self._next(disturb) for _ in range(times)), ()
        except NotInTime as error:
            return (), (str(error),)
        finally:
            stop.set()
            for client in clients:
                client.join()

    def kill(self, role: str) -> float:
        """Seconds until the work of a killed process went on; the process is a random one of its role."""
        members: list[int] = []

        def is_there() -> bool:
            members[:] = self._service.members(role)
            return bool(members)

        # A curve that was in work before may end while the process killed last is not yet back.
        wait_until(is_there, RECOVERY_SECONDS, f"there is a {role} to kill")
        held, before = running(self._database), ended(self._database)
        victim = int(self._random.choice(members))
        name = f"{role} {' '.join(command_line(victim))[-80:]}"
        kill(victim)
        if role == "web":
            return wait_until(lambda: self._is_back(members), RECOVERY_SECONDS, f"the web process is back ({name})")
        if role == "dispatcher":
            return wait_until(lambda: ended(self._database) > before, RECOVERY_SECONDS, f"work goes on ({name})")
        return wait_until(lambda: none_left_of(self._database, held), RECOVERY_SECONDS, f"work is done again ({name})")

    def _is_back(self, before: list[int]) -> bool:
        """Whether a process that was not there before the kill has joined, and requests are answered."""
        return bool(set(self._service.members("web")) - set(before)) and self._service.is_ready()

    def finished(self) -> tuple[str, ...]:
        """Wait until nothing is left to do; what stayed undone otherwise."""
        try:
            wait_until(lambda: unfinished(self._database) == 0, END_SECONDS, "all curves have come to an end")
            wait_until(self._settled, END_SECONDS, "all batches have come to an end")
        except NotInTime as error:
            return (f"{error}; {unfinished(self._database)} left",)
        return ()

    def _settled(self) -> bool:
        with self._service.client() as client:
            return all(
                client.get(f"/v1/batches/{batch.id}").json().get("status") == "succeeded"
                for batch in self.traffic.batches
            )

    def _send(self, stop: threading.Event) -> None:
        self.traffic.run(stop, lambda: unfinished(self._database))

    def _next(self, disturb: Callable[[], float]) -> float:
        time.sleep(self._random.uniform(0, LONGEST_PAUSE))
        wait_until(lambda: running(self._database), RECOVERY_SECONDS, "there is something to disturb")
        return round(disturb(), 2)
