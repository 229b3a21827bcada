import asyncio
import gc
import os
import signal
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from service.database import Database, migrate, open_database
from service.jobs import workforce
from service.jobs.cluster import cluster_address, configure_dask, security_of
from service.jobs.dispatcher import Dispatcher
from service.jobs.leader import Leadership
from service.jobs.workforce import TidyClient, Workforce
from service.settings import InvalidSettings, Settings
from service.store import batches
from service.store.batches import Batch
from tests.service.jobs.desk import curve_of, queue_batch
from tests.service.jobs.roles import certificates, free_port, kill_all, role

PATIENCE = 240.0  # seconds; a few are enough on a machine with nothing else to do


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(f"sqlite:///{tmp_path}/jobs.db")) as database:
        migrate(database)
        yield database


@pytest.fixture
def settings() -> Settings:
    return Settings(scheduler_address=f"tcp://127.0.0.1:{free_port()}", workers=2)


def step_until(dispatcher: Dispatcher, done: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < until, "not done in time"
        dispatcher.step()


def run(dispatcher: Dispatcher, *batch_ids: str) -> list[Batch]:
    found: list[Batch] = []

    def done() -> bool:
        with dispatcher.database.reading() as connection:
            every = [batches.get(connection, batch_id) for batch_id in batch_ids]
        found[:] = [batch for batch in every if batch is not None]
        return all(batch.finished_at for batch in found)

    step_until(dispatcher, done)
    return found


@pytest.fixture
def dispatching(sqlite: Database) -> Iterator[Callable[[Settings], Dispatcher]]:
    made: list[Dispatcher] = []

    def make(settings: Settings) -> Dispatcher:
        configure_dask()
        workforce = Workforce(cluster_address(settings), security_of(settings))
        made.append(Dispatcher(sqlite, workforce, Leadership(sqlite)))
        return made[-1]

    yield make
    for dispatcher in made:
        dispatcher.workforce.close()


type Dispatching = Callable[[Settings], Dispatcher]


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:8786", "tcp://10.0.0.7:8786", "tcp://scheduler:8786"])
def test_a_scheduler_that_others_can_reach_is_refused_without_tls(address: str) -> None:
    with pytest.raises(InvalidSettings, match="whoever reaches it can run anything"):
        cluster_address(Settings(scheduler_address=address))


def test_a_scheduler_without_an_address_or_certificates_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="--scheduler"):
        cluster_address(Settings())
    with pytest.raises(InvalidSettings, match="--tls-cert, --tls-key"):
        security_of(Settings(scheduler_address="tls://scheduler:8786", tls_ca="ca.pem"))
    assert security_of(Settings(scheduler_address="tcp://127.0.0.1:8786")) is None


def silent() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def refusing() -> socket.socket:
    return socket.socket()


@pytest.mark.parametrize("listen", [silent, refusing])
def test_a_client_that_cannot_connect_ends_with_its_thread(
    listen: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workforce, "SILENT", 1.0)
    before = set(threading.enumerate())
    with listen() as listener:
        port = listener.getsockname()[1] if listen is silent else free_port()
        with pytest.raises(OSError, match=r"^$|[Tt]imed out") as raised:
            TidyClient(f"tcp://127.0.0.1:{port}", timeout=0.2)
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    clients = [local for frame in frames for local in frame.f_locals.values() if isinstance(local, TidyClient)]
    assert {client.status for client in clients} == {"closed"}
    assert set(threading.enumerate()) <= before


def test_a_client_whose_scheduler_says_nothing_any_more_ends_with_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_client: Client, **_options: object) -> None:
        await asyncio.sleep(3600)

    configure_dask()
    with LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster:
        before = set(threading.enumerate())
        client = TidyClient(cluster.scheduler_address, timeout=30)
        assert set(threading.enumerate()) > before
        monkeypatch.setattr(Client, "_close", never)
        with pytest.raises(TimeoutError):
            client.close(timeout=0.1)
        assert client.status == "closed"
        assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "IO loop"]


@pytest.mark.slow
def test_a_batch_is_analysed_over_tls_and_strangers_are_not_let_in(
    sqlite: Database, dispatching: Dispatching, tmp_path: Path
) -> None:
    settings = Settings(scheduler_address=f"tls://127.0.0.1:{free_port()}", workers=1, **certificates(tmp_path))
    batch_id = queue_batch(sqlite, [curve_of(name) for name in "abc"])
    with role("run_scheduler", settings), role("run_workers", settings):
        (batch,) = run(dispatching(settings), batch_id)
        assert batch.counts["succeeded"] == 3
        with pytest.raises((OSError, TypeError)):
            TidyClient(settings.scheduler_address, timeout=3)
        with pytest.raises(OSError, match=r"^$|[Tt]imed out|closed"):
            TidyClient(settings.scheduler_address.replace("tls:", "tcp:"), timeout=3)


@pytest.mark.slow
def test_work_goes_on_after_kill_9_of_workers_of_their_watcher_and_of_the_scheduler(
    sqlite: Database, settings: Settings, dispatching: Dispatching
) -> None:
    dispatcher = dispatching(settings)
    with role("run_workers", settings) as watcher:
        with role("run_scheduler", settings) as scheduler:
            step_until(dispatcher, lambda: dispatcher.workforce.count == 2)
            batch_id = queue_batch(sqlite, [curve_of(f"a{i}") for i in range(40)])
            step_until(dispatcher, lambda: len(dispatcher.workforce.busy) == 2)
            kill_workers(settings)
            (batch,) = run(dispatcher, batch_id)
            assert (batch.counts["succeeded"], batch.counts["failed"]) == (40, 0)

            batch_id = queue_batch(sqlite, [curve_of(f"b{i}") for i in range(40)])
            step_until(dispatcher, lambda: len(dispatcher.workforce.busy) == 2)
            kill_all(scheduler)
        with role("run_scheduler", settings):
            (batch,) = run(dispatcher, batch_id)
            assert batch.counts["succeeded"] == 40
            batch_id = queue_batch(sqlite, [curve_of(f"c{i}") for i in range(40)])
            step_until(dispatcher, lambda: len(dispatcher.workforce.busy) == 2)
            kill_all(watcher)
            with role("run_workers", settings):
                (batch,) = run(dispatcher, batch_id)
    assert (batch.counts["succeeded"], batch.counts["failed"]) == (40, 0)


@pytest.mark.slow
def test_a_stopped_worker_is_brought_back_and_stale_work_is_ended(
    sqlite: Database, settings: Settings, dispatching: Dispatching
) -> None:
    dispatcher = dispatching(settings)
    with role("run_scheduler", settings), role("run_workers", settings):
        step_until(dispatcher, lambda: dispatcher.workforce.count == 2)
        batch_id = queue_batch(sqlite, [curve_of(f"a{i}") for i in range(40)])
        step_until(dispatcher, lambda: len(dispatcher.workforce.busy) == 2)
        address = next(iter(dispatcher.workforce.busy))
        dispatcher.workforce.stop(address)
        assert address not in dispatcher.workforce.free
        step_until(dispatcher, lambda: dispatcher.workforce.count == 2)
        dispatcher.stop()  # what it had forgotten with the worker is queued again
        dispatcher.workforce.close()
        (batch,) = run(dispatching(settings), batch_id)
        assert batch.counts["succeeded"] == 40


def kill_workers(settings: Settings) -> None:
    with Client(settings.scheduler_address, timeout=30, set_as_default=False) as client:
        for process in client.run(os.getpid).values():
            os.kill(process, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.395, 0.4, 0.405, 0.41])
def test_a_handshake_that_is_cut_leaves_no_socket_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Dask gives a handshake a fifth of the time to connect; one that ends just then belongs to nobody any more."""
    settings = Settings(scheduler_address=f"tls://127.0.0.1:{free_port()}", **certificates(tmp_path))
    monkeypatch.setattr(workforce, "SILENT", 0.5)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(str(settings.tls_cert), str(settings.tls_key))
    with ExitStack() as held, slow_to_greet(cluster_address(settings), context, seconds, held):
        with pytest.raises(OSError):  # noqa: PT011 - whatever Dask says
            TidyClient(cluster_address(settings), 2.0, security_of(settings))
        ours = [one for one in gc.get_objects() if isinstance(one, ssl.SSLSocket) and not one.server_side]
        assert [one for one in ours if one.fileno() >= 0] == []


@contextmanager
def slow_to_greet(address: str, context: ssl.SSLContext, seconds: float, held: ExitStack) -> Iterator[None]:
    """A server that takes so long for a TLS handshake, and then says nothing."""

    def greet(peer: socket.socket) -> None:
        threading.Event().wait(seconds)
        with suppress(OSError):
            held.enter_context(context.wrap_socket(peer, server_side=True))

    def accept(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                greeting = threading.Thread(target=greet, args=(held.enter_context(server.accept()[0]),))
                greetings.append(greeting)
                greeting.start()

    greetings: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))) as server:
        accepting = threading.Thread(target=accept, args=(server,))
        accepting.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for greeting in greetings:
                greeting.join()


def test_a_peer_that_hangs_up_before_tls_is_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def hung_up(*_: object) -> None:
        raise ValueError("IOStream is not idle; cannot convert to SSL")

    monkeypatch.setattr(workforce, "TidyClient", hung_up)
    settings = Settings(scheduler_address=f"tls://127.0.0.1:{free_port()}", **certificates(tmp_path))
    assert list(Workforce(cluster_address(settings), security_of(settings)).look()) == []
