"""Compilation of inner loops: no fast-math, so that the same input gives the same bytes; kept on disk between runs."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from glob import escape
from pathlib import Path
from typing import Any, cast

from numba import njit
from numba.core.dispatcher import Dispatcher


def compiled[F: Callable[..., object]](function: F) -> F:
    """The function, compiled at its first call; dividing by zero gives inf or nan, as in numpy."""
    decorate: Any = njit(cache=True, nogil=True, error_model="numpy")
    dispatcher = decorate(function)
    cache = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if cache is not None:  # None where compilation is switched off
        keep_with_callees(cache, function)
        keep_alone(cache)
    return cast("F", dispatcher)


def inlined[F: Callable[..., object]](function: F) -> F:
    """The function, which becomes part of its compiled callers: one that has its own code is compiled again in each."""
    decorate: Any = njit(inline="always", error_model="numpy")
    return cast("F", decorate(function))


def keep_with_callees(cache: Any, function: Any) -> None:
    """Let numba's cache of a function end when a file changes whose compiled functions it may call.

    numba asks for the function's own file alone, while the kept code holds that of all that it calls.
    """
    others = sorted(_files_of_callees(function, set()))
    cache._source_stamp = (cache._source_stamp, *map(_digest, others))  # noqa: SLF001 - numba has no place for it


def _files_of_callees(function: Any, known: set[str]) -> set[str]:
    """Add to `known` the other files of compiled functions that a function's module imports, and of theirs."""
    callees = [value.py_func for value in function.__globals__.values() if isinstance(value, Dispatcher)]
    for callee in callees:
        file = callee.__code__.co_filename
        if file != function.__code__.co_filename and file not in known:
            known.add(file)
            _files_of_callees(callee, known)
    return known


@lru_cache(maxsize=256)
def _digest(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


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
