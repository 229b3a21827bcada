"""What commands that speak to a server have in common."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from models.errors import ScaleshapeError
from service.commands.settings import FAILED, INTERRUPTED, USAGE
from service.progress import AFTER, CLEAR, duration_text

if TYPE_CHECKING:
    from service.client import BatchState, Client

REFUSED = frozenset(range(400, 500)) - {408, 429}  # statuses of answers that say that the request is wrong


def key_option[F: Callable[..., Any]](command: F) -> F:
    """Adds `--api-key`."""
    return click.option("--api-key", envvar="SCALESHAPE_API_KEY", help="Better given as SCALESHAPE_API_KEY.")(command)


@contextmanager
def connected(server: str, api_key: str | None) -> Iterator[Client]:
    """A client; errors end the command: 2 where the request cannot be sent or is refused, 1 for all else."""
    from service.client import Client
    from service.client_requests import ServerAnswer, WrongAddress
    from service.readers.errors import UnreadableFile

    try:
        with Client(server, api_key) as client:
            yield client
    except (UnreadableFile, WrongAddress) as error:
        _end(error, USAGE)
    except ServerAnswer as error:
        _end(error, USAGE if error.status in REFUSED else FAILED)
    except ScaleshapeError as error:
        _end(error, FAILED)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        raise SystemExit(INTERRUPTED) from None


class Watching:
    """How far a batch is, on a terminal only."""

    def __init__(self, file: IO[str] = sys.stderr) -> None:
        self._file = file
        self._began = time.monotonic()

    def seen(self, state: BatchState) -> None:
        """Show a look at the batch."""
        if not self._file.isatty():
            return
        seconds = time.monotonic() - self._began
        line = "" if state.ended or seconds < AFTER else _line(state, seconds)
        self._file.write(CLEAR + line)
        self._file.flush()


def _line(state: BatchState, seconds: float) -> str:
    total = state.counts["total"]
    done = sum(state.counts[name] for name in ("succeeded", "failed", "cancelled"))
    if state.phase == "scale":
        return f"{total} curves: estimating the scatter between models"
    if not done:
        return f"{total} curves: {state.status}"
    left = duration_text(seconds / done * (total - done))
    failed = f", {state.counts['failed']} failed" if state.counts["failed"] else ""
    return f"{done} of {total} curves{failed}, {left} left"


def _end(error: Exception, code: int) -> None:
    click.echo(f"Error: {error}", err=True)
    raise SystemExit(code) from error
