"""Counters of the web process in Prometheus' format; those of the queue are read from the database when asked for."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["CONTENT_TYPE_LATEST", "Telemetry"]

# Of HTTP (RFC 9110, section 9; RFC 5789); any other is counted as one, so that clients make no new counters.
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"))
OTHER_METHOD = "other"
# Seconds; the figures to hold (10, 60, 100, 250 ms) are among the limits.
BUCKETS = (0.005, 0.01, 0.025, 0.06, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Telemetry:
    """Counters of one app, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "scaleshape_http_requests", "Requests answered", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "scaleshape_http_request_seconds",
            "Time until the answer began",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._analyses = Counter(
            "scaleshape_analyses",
            "Single curves asked for, by how they were answered",
            ("answer",),
            registry=self._registry,
        )
        self._curves = Gauge("scaleshape_queued_curves", "Curves that wait or run", registry=self._registry)

    def served(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is the rule, not the address, so that ids do not make new counters."""
        method = method if method in METHODS else OTHER_METHOD
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def answered(self, answer: str) -> None:
        """Count a single curve: computed, stored or queued."""
        self._analyses.labels(answer).inc()

    def text(self, queued: int) -> bytes:
        """All figures as text."""
        self._curves.set(queued)
        return generate_latest(self._registry)
