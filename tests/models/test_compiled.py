import gc
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any

import numpy as np
import pytest
from numba.core import caching, event

from models.compiled import COLLECT_AFTER, compiled, keep_alone, locked, part


def kept(folder: Path, name: str = "function", version: int = 1) -> Any:
    """A cache of a function, as numba makes it."""
    made: Any = caching.IndexDataCacheFile
    return made(str(folder), name, ("stamp", version))


def meeting(cache: Any, barrier: Barrier) -> Any:
    """The cache, whose index is read by all who save before one of them writes, if they may."""
    load_index = cache._load_index  # noqa: SLF001

    def wait() -> Any:
        found = load_index()
        with suppress(BrokenBarrierError):
            barrier.wait()
        return found

    cache._load_index = wait  # noqa: SLF001
    return cache


def test_functions_compiled_for_two_types_at_once_keep_the_code_of_each(tmp_path: Path) -> None:
    barrier = Barrier(2, timeout=1.0)
    caches = [meeting(kept(tmp_path), barrier) for _ in range(2)]
    for cache in caches:
        keep_alone(cache)
    threads = [
        Thread(target=cache.save, args=(name, f"code of {name}")) for cache, name in zip(caches, "ab", strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = kept(tmp_path)
    assert [found.load(name) for name in "ab"] == ["code of a", "code of b"]


def test_a_compiled_function_keeps_its_code_under_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))

    @compiled
    def total(x: Any) -> float:
        return float(x.sum() / 1.0)

    assert total(np.arange(4.0)) == 6.0
    assert total(np.arange(4)) == 6.0
    assert len(list(tmp_path.rglob("*.nbc"))) == 2
    assert {file.suffixes[-2] for file in tmp_path.rglob("*.lock")} == {".nbi", ".first"}


CALLER = """
from callee import number
from models.compiled import compiled

@compiled
def twice():
    return 2 * number()
"""
CALLEE = """
from models.compiled import compiled, part

@{}
def number():
    return {}
"""


@pytest.mark.parametrize("kind", ["compiled", "part"])
def test_kept_code_ends_with_the_code_that_it_calls_in_another_file(tmp_path: Path, kind: str) -> None:
    """Each run is a process of its own, as for a user whose new version changed one of two files."""
    (tmp_path / "caller.py").write_text(CALLER)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    environment = {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    found = []
    for number in (20, 21, 21):
        (tmp_path / "callee.py").write_text(CALLEE.format(kind, number))
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        command = [
            sys.executable,
            "-c",
            "from caller import twice; print(twice(), sum(twice.stats.cache_hits.values()))",
        ]
        found.append(
            subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
        )
    assert found == [["40", "0"], ["42", "0"], ["42", "1"]]


def test_of_two_processes_that_need_a_function_one_compiles_it(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "callee.py").write_text(CALLEE.format("part", 20))
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    environment = {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    ready = "from caller import twice; print('ready', flush=True); input();"
    command = [sys.executable, "-c", f"{ready} twice(); print(sum(twice.stats.cache_misses.values()))"]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe) for _ in range(2)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert sorted(process.communicate()[0] for process in started) == ["0\n", "1\n"]


def test_a_process_that_was_stopped_while_it_compiles_holds_nobody_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("models.compiled.LONGEST_WAIT", 0.1)

    @compiled
    def doubled(x: Any) -> Any:
        return x + x

    dispatcher: Any = doubled
    index = Path(dispatcher._cache._cache_file._index_path)  # noqa: SLF001
    index.parent.mkdir(parents=True, exist_ok=True)
    with locked(f"{index}.first.lock"):
        assert doubled(4) == 8


@pytest.mark.parametrize("value", [1.5, np.arange(3.0)])
def test_a_part_has_code_for_compiled_callers_and_none_for_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))

    @part
    def doubled(x: Any) -> Any:
        return x + x

    @compiled
    def fourfold(x: Any) -> Any:
        return doubled(doubled(x))

    np.testing.assert_array_equal(fourfold(value), 4 * value)
    with pytest.raises((KeyError, TypeError)):
        doubled(value)


def test_compiling_leaves_the_collector_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    before = gc.get_threshold()
    seen = []

    class Watch(event.Listener):
        def on_start(self, _: Any) -> None:
            seen.append(gc.get_threshold()[0])

        def on_end(self, _: Any) -> None:
            seen.append(gc.get_threshold()[0])

    with event.install_listener("numba:compile", Watch()):
        assert compiled(lambda x: x + 1)(1) == 2
    assert max(seen) >= COLLECT_AFTER
    assert gc.get_threshold() == before


def killed(_name: str, _data: object) -> None:
    raise KeyboardInterrupt


def test_a_new_version_of_a_function_never_meets_code_of_the_old_one(tmp_path: Path) -> None:
    old, new, other = kept(tmp_path), kept(tmp_path, version=2), kept(tmp_path, name="function_too")
    for cache in (old, new, other):
        keep_alone(cache)
    old.save("a", "old code")
    other.save("a", "other code")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(new, "_save_data", killed)
        with pytest.raises(KeyboardInterrupt):
            new.save("a", "new code")
    assert new.load("a") is None
    new.save("a", "new code")
    assert new.load("a") == "new code"
    assert other.load("a") == "other code"
