"""Compilation of inner loops: no fast-math, so that the same input gives the same bytes; kept on disk between runs."""

from __future__ import annotations

import gc
import hashlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from glob import escape
from pathlib import Path
from typing import Any, cast

from numba import njit
from numba.core import config, event
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.typed_passes import NativeLowering

# The compiler's third level takes a tenth longer than its second, for code that runs no faster.
os.environ.setdefault("NUMBA_OPT", "2")
config.reload_config()

COLLECT_AFTER = 20_000  # new objects, while a function compiles
POLL = 0.02  # seconds between two looks at a lock
LONGEST_WAIT = 120.0  # seconds that a process waits for another that compiles: several times what all functions take


def compiled[F: Callable[..., object]](function: F) -> F:
    """The function, compiled at its first call; dividing by zero gives inf or nan, as in numpy."""
    decorate: Any = njit(cache=True, nogil=True, error_model="numpy")
    dispatcher = decorate(function)
    cache = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if cache is not None:  # None where compilation is switched off
        keep_with_callees(cache, function)
        keep_alone(cache)
        compile_once(dispatcher, cache)
    return cast("F", dispatcher)


def part[F: Callable[..., object]](function: F) -> F:
    """The function, lowered for compiled callers alone; a call from Python is refused.

    Of any other function numba optimises, and makes machine code of, all that it calls, and does so again in each of
    its callers.
    """
    decorate: Any = njit(error_model="numpy", pipeline_class=_PartCompiler)
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
        with locked(f"{index}.lock"):
            if not cache._load_index():  # noqa: SLF001
                for old in index.parent.glob(f"{escape(index.stem)}.*.nbc"):
                    old.unlink(missing_ok=True)
            save(key, data)

    cache.save = alone


def compile_once(dispatcher: Any, cache: Any) -> None:
    """Let a process wait where another compiles the function for the first time, and take what that one keeps."""
    compile_for: Callable[[Any], Any] = dispatcher.compile

    def once(signature: Any) -> Any:
        if is_kept(dispatcher):
            return compile_for(signature)
        index = Path(cache._index_path)  # noqa: SLF001 - as in `keep_alone`
        with global_compiler_lock:  # first: a thread that compiles a caller holds it when it comes to this one
            index.parent.mkdir(parents=True, exist_ok=True)
            with locked(f"{index}.first.lock", LONGEST_WAIT):
                return compile_for(signature)

    dispatcher.compile = once


@contextmanager
def locked(path: str, patience: float = math.inf) -> Iterator[None]:
    """Alone among the processes, and threads, that lock this file; the lock ends with its holder.

    After `patience` seconds it goes on without: a holder that was stopped would hold it for ever.
    """
    if sys.platform == "win32":
        yield
        return
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

    with open(path, "ab") as file:  # noqa: PTH123 - numba's own paths are texts
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                flock(file, LOCK_EX | LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(POLL)
        try:
            yield
        finally:
            flock(file, LOCK_UN)  # closing alone would leave it with a process that was forked meanwhile


class _PartLibrary(JITCodeLibrary):
    """Code that callers take in as it was lowered: they optimise it with their own, and make machine code of both."""

    def _optimize_final_module(self) -> None:
        """Leave it to the callers."""

    def _finalize_final_module(self) -> None:
        """Ready for callers, without machine code."""
        finish: Any = super()
        finish._finalize_dynamic_globals()  # noqa: SLF001 - as the method that this one stands for
        finish._verify_declare_only_symbols()  # noqa: SLF001
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _LoweredForCallers(NativeLowering):
    """The compiler's step that ends with code for the machine, ended before."""

    _name = "lowered_for_callers"

    def run_pass(self, state: Any) -> bool:
        """Give callers what they compile with their own code."""
        library: Any = _PartLibrary
        state.library = library(state.targetctx.codegen(), state.func_id.func_qualname)
        lower: Any = super().run_pass
        lower(state)
        known: dict[object, object] = {}
        entry = known.__getitem__  # stands for the function among the compiled ones; called from Python, it raises
        state.targetctx.insert_user_function(entry, state["cr"].fndesc, [state.library])
        state["cr"] = state["cr"]._replace(cfunc=entry)
        return True


class _PartCompiler(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        flags: Any = self.state.flags
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        passes: Any = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(_LoweredForCallers if one is NativeLowering else one, why) for one, why in passes.passes]
        passes.finalize()
        return [passes]


class _SeldomCollected(event.Listener):
    """Lets Python's collector look less often while a function compiles: most of what is made then lives on."""

    def __init__(self) -> None:
        self.depth, self.thresholds = 0, gc.get_threshold()

    def on_start(self, _: event.Event) -> None:
        """One more function compiles; the compiler's own lock is held."""
        if self.depth == 0:
            self.thresholds = gc.get_threshold()
            gc.set_threshold(max(COLLECT_AFTER, self.thresholds[0]), *self.thresholds[1:])
        self.depth += 1

    def on_end(self, _: event.Event) -> None:
        """One function fewer."""
        self.depth -= 1
        if self.depth == 0:
            gc.set_threshold(*self.thresholds)


event.register("numba:compile", _SeldomCollected())
