"""Work that processes do in tests: its own module, since they import it by name."""

import os
import time
from pathlib import Path


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def square_unless_fatal(number: int) -> int:
    if number % 50 == 7:
        os._exit(9)
    return number * number


def slow_first(number: int) -> int:
    time.sleep(0.3 if number == 0 else 0)
    return number


def large(number: int) -> bytes:
    return bytes(1_000_000) + bytes([number])


def died(number: int, exit_code: int | None) -> tuple[int, int]:
    return -number, exit_code or 0


def died_silently(number: int, exit_code: int | None) -> int:
    return -(exit_code or 0)


def always_fatal(_: int) -> int:
    os._exit(3)


def is_missing(path: Path) -> bool:
    return not path.exists()


def write_process(path: Path) -> None:
    path.write_text(str(os.getpid()))


def read_when_there(item: tuple[int, Path]) -> tuple[int, int]:
    """The number and what stands in the file, which somebody has to write meanwhile."""
    number, path = item
    until = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < until
        time.sleep(0.01)
    return number, int(path.read_text())


def yes() -> bool:
    return True


def fail() -> None:
    raise OSError(28, "No space left on device")


def wait_for_ever(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(600)
