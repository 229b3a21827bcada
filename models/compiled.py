"""Compilation of inner loops: no fast-math, so that the same input gives the same bytes; kept on disk between runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any, cast

from numba import njit


def compiled[F: Callable[..., object]](function: F) -> F:
    """The function, compiled at its first call; dividing by zero gives inf or nan, as in numpy."""
    decorate: Any = njit(cache=True, nogil=True, error_model="numpy")
    dispatcher = decorate(function)
    cache = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if cache is not None:  # None where compilation is switched off
        keep_alone(cache)
    return cast("F", dispatcher)


def is_kept(function: object) -> bool:
    """Whether numba's cache holds code of a compiled function; so it is where compilation is switched off."""
    cache: Any = getattr(getattr(function, "_cache", None), "_cache_file", None)
    return cache is None or bool(cache._load_index())  # noqa: SLF001 - numba has no question for it


def keep_alone(cache: Any) -> None:
    """Let one process at a time add to numba's cache of a function.

    numba reads the index, takes a free file, and writes both: two processes that compile a function for different types
    at once may take the same file, and one type is then given the code of the other, in all later runs. A new index
    counts from one again: files of an older version of the function go first, or a process killed between the index and
    its file would leave the new index with the old code.
    """
    save: Callable[[Any, Any], None] = cache.save

    def alone(key: Any, data: Any) -> None:
        index = Path(cache._index_path)  # noqa: SLF001 - numba has no place for a lock of its own
        with _locked(f"{index}.lock"):
            if not cache._load_index():  # noqa: SLF001
                for old in index.parent.glob(f"{escape(index.stem)}.*.nbc"):
                    old.unlink(missing_ok=True)
            save(key, data)

    cache.save = alone


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Alone among the processes, and threads, that lock this file; the lock ends with its holder."""
    if sys.platform == "win32":
        yield
        return
    from fcntl import LOCK_EX, flock

    with open(path, "ab") as file:  # noqa: PTH123 - numba's own paths are texts
        flock(file, LOCK_EX)
        yield
