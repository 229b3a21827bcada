"""The engine inside the web process: a few analyses at a time, so that one curve is answered at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from models.curve import ScalePoint, ScalingCurve
from models.metrics import registered
from models.options import Options
from service.failures import QueueFull

RETRY_AFTER = 5  # seconds; a waiting line of curves is done in a few
WARM_SCALES = (1e8, 1e9, 1e10, 1e11)


class Inline:
    """Room for `at_once` analyses; who waits longer than `patience` seconds is sent away."""

    def __init__(self, at_once: int, patience: float) -> None:
        self._room = BoundedSemaphore(at_once)
        self._patience = patience

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place at the engine; raises `QueueFull` if none becomes free in time."""
        if not self._room.acquire(timeout=self._patience):
            raise QueueFull(
                "too many curves are being analysed at once: try again, or send Prefer: respond-async", RETRY_AFTER
            )
        try:
            yield
        finally:
            self._room.release()


def warm_up() -> None:
    """Load and compile the fast engine by analysing a small curve, which takes a second or two."""
    from service.use_cases import analyze_curve

    metric = registered("exact_match")
    if metric is None:
        return
    points = tuple(ScalePoint(scale, 0.2 * i, n_examples=100) for i, scale in enumerate(WARM_SCALES))
    analyze_curve(ScalingCurve("warm-up", metric, points), Options())
