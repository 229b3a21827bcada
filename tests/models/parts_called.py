"""Parts of compiled functions, as functions of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from numba import njit


def called[F: Callable[..., object]](part: F) -> F:
    """A part, compiled as one that Python can call."""
    compile_it: Any = njit

    def entry(*arguments: object) -> object:
        return part(*arguments)

    return cast("F", compile_it(entry))
