"""Compilation of inner loops: no fast-math, so that the same input gives the same bytes; kept on disk between runs."""

from collections.abc import Callable
from typing import Any, cast

from numba import njit


def compiled[F: Callable[..., object]](function: F) -> F:
    """The function, compiled at its first call; dividing by zero gives inf or nan, as in numpy."""
    decorate: Any = njit(cache=True, nogil=True, error_model="numpy")
    return cast("F", decorate(function))
