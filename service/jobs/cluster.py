"""The processes of Dask: a scheduler, and workers that are watched over. They serve whoever can reach them.

Dask's processes speak pickle to each other, so whoever reaches one can run anything in it: without TLS they are bound
to this machine alone.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from urllib.parse import urlsplit

import dask
from distributed import Nanny, Scheduler, Security
from distributed.utils import get_mp_context

from service.jobs.control import keep_steady_time, quieten
from service.logs import logger
from service.parallel import one_thread_each
from service.processes import has_ended, serve_forks
from service.settings import InvalidSettings, Settings, is_loopback

ENGINE = "service.use_cases"
PRELOADED = ("distributed", ENGINE, "service.jobs.work")  # imported once; workers are forked with it, and soon back
LOOPBACK = "127.0.0.1"
CONFIGURATION = {
    "distributed.scheduler.allowed-failures": 0,  # the dispatcher counts, since it knows who was alone
    "distributed.scheduler.work-stealing": False,  # the dispatcher gives each chunk to a certain worker
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,  # nothing is spilled: chunks are small
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.diagnostics.nvml": False,
    "distributed.comm.timeouts.connect": "5s",
    "distributed.admin.system-monitor.interval": "5s",
}
FIRST_DELAY, LONGEST_DELAY = 0.2, 2.0  # seconds before another try to reach the scheduler
LOOK_EVERY = 0.5  # seconds between looks at a nanny
WITHOUT_WORKER = 8.0  # seconds after which a nanny that has not brought back its worker is replaced
CLOSING = 4.0  # seconds


def configure_dask() -> None:
    """Set what all of our processes agree on; whatever a user's Dask configuration says."""
    dask.config.set(CONFIGURATION)
    quieten()
    keep_steady_time()


def cluster_address(settings: Settings) -> str:
    """The scheduler's address; raises `InvalidSettings` for one that others could reach without TLS, or for none."""
    address = settings.scheduler_address
    if not address:
        raise InvalidSettings("say where the scheduler is: --scheduler tls://HOST:PORT, or tcp://127.0.0.1:PORT")
    parts = urlsplit(address)
    if parts.scheme != "tls" and not is_loopback(parts.hostname or ""):
        raise InvalidSettings(
            f"the scheduler's address {address} can be reached from other machines, and whoever reaches it can run "
            "anything: write tls://HOST:PORT and give --tls-ca, --tls-cert and --tls-key"
        )
    return address


def security_of(settings: Settings) -> Security | None:
    """The certificates by which processes know each other; None without TLS. Raises `InvalidSettings`."""
    if not cluster_address(settings).startswith("tls://"):
        return None
    files = {"tls_ca": settings.tls_ca, "tls_cert": settings.tls_cert, "tls_key": settings.tls_key}
    missing = [f"--{name.replace('_', '-')}" for name, path in files.items() if not path]
    if missing:
        raise InvalidSettings(f"a scheduler with TLS needs {', '.join(missing)}")
    return Security(
        require_encryption=True,
        tls_ca_file=settings.tls_ca,
        **{f"tls_{role}_cert": settings.tls_cert for role in ("scheduler", "worker", "client")},
        **{f"tls_{role}_key": settings.tls_key for role in ("scheduler", "worker", "client")},
    )


def run_scheduler(settings: Settings) -> int:
    """Be the scheduler until told to stop."""
    address = urlsplit(cluster_address(settings))
    security = security_of(settings)
    configure_dask()

    async def scheduler(stop: asyncio.Event) -> None:
        async with Scheduler(
            host=f"{address.scheme}://{address.hostname}",
            port=address.port or 0,
            security=security,
            dashboard=False,
            dashboard_address=f"{LOOPBACK}:0",  # Dask insists on one; no routes are served there
        ):
            logger("scheduler").info("ready", address=settings.scheduler_address)
            await stop.wait()

    return _run(scheduler)


def run_workers(settings: Settings) -> int:
    """Run the workers of this machine until told to stop; each is brought back when it dies."""
    cluster_address(settings)
    security = security_of(settings)
    one_thread_each()
    configure_dask()
    get_mp_context()  # which would name other modules when it is first called
    server = _fork_server()

    async def workers(stop: asyncio.Event) -> None:
        kept = [asyncio.create_task(_keep(settings, security)) for _ in range(settings.workers)]
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY)
            if server is not None and has_ended(server):
                logger("worker").warning("fork server lost")
                os._exit(1)  # `all` ends the workers, and begins this process again
        for task in kept:
            task.cancel()
        await asyncio.gather(*kept, return_exceptions=True)

    return _run(workers)


def _fork_server() -> int | None:
    """Have workers forked where everything is imported: from this process, if it is so, else from a new program.

    The process id in the first case: a server that is lost cannot be forked from here again, once there are threads.
    """
    if ENGINE not in sys.modules or sys.platform != "linux" or sys.version_info >= (3, 14):  # whose server differs
        multiprocessing.set_forkserver_preload(list(PRELOADED))
        return None
    import_module(PRELOADED[-1])
    gc.collect()
    gc.freeze()
    return serve_forks()


async def _keep(settings: Settings, security: Security | None) -> None:
    """One worker, for ever."""
    delay = FIRST_DELAY
    while True:
        nanny = _nanny(settings, security)
        try:
            await nanny
            delay = FIRST_DELAY
            await _watch(nanny)
        except (OSError, RuntimeError) as error:  # the scheduler is not there, or not yet
            logger("worker").debug("not started", error=str(error))
        except Exception:  # noqa: BLE001 - this worker is needed whatever Dask meets
            logger("worker").exception("not started")
        finally:
            with suppress(Exception):
                await asyncio.wait_for(nanny.close(timeout=CLOSING / 2, reason="replaced"), CLOSING)
        await asyncio.sleep(delay)
        delay = min(2 * delay, LONGEST_DELAY)


def _nanny(settings: Settings, security: Security | None) -> Nanny:
    local = cluster_address(settings).startswith("tcp://")
    return Nanny(
        settings.scheduler_address,
        nthreads=1,  # so that the curve on which a worker dies is known
        memory_limit=settings.worker_memory_limit,
        security=security,
        host=LOOPBACK if local else None,
        preload=[PRELOADED[-1]],
        silence_logs=logging.WARNING,
        dashboard=False,
        dashboard_address=f"{LOOPBACK}:0",
    )


async def _watch(nanny: Nanny) -> None:
    """Wait until a nanny is no longer of use."""
    loop = asyncio.get_running_loop()
    alive = loop.time()
    while nanny.status.name == "running" and loop.time() - alive < WITHOUT_WORKER:
        if nanny.is_alive() and nanny.worker_address:
            alive = loop.time()
        await asyncio.sleep(LOOK_EVERY)


def _run(role: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await role(stop)

    asyncio.run(main())
    return 0
