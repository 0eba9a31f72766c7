"""Meters: what the server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

__all__ = ["Meters"]

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Meters:
    """Counters of one server.

    Labels are routes, names and statuses that the server knows, never what a client wrote, so
    their number is bounded.

    Example:
        >>> meters = Meters()
        >>> meters.answered("search", "books", 200, 0.004)
        >>> b'thrifty_requests_total{name="books",route="search",status="200"} 1.0' in meters.text()
        True
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._requests = Counter(
            "thrifty_requests", "Requests that were answered.", ["route", "name", "status"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "thrifty_request_seconds", "Seconds from a request's head to its answer.", ["route"],
            buckets=BOUNDS, registry=self.registry,
        )  # fmt: skip
        self._cut = Counter(
            "thrifty_connections_refused", "Connections that were refused or cut off.", ["reason"],
            registry=self.registry,
        )  # fmt: skip
        self._reloads = Counter(
            "thrifty_reloads", "Times that a changed path was read again.", ["name", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self._pending = Gauge(
            "thrifty_requests_pending", "Requests in a thread or waiting for one.",
            registry=self.registry,
        )  # fmt: skip
        self.connections = Gauge(
            "thrifty_connections", "Open connections.", registry=self.registry
        )  # fmt: skip

    def answered(self, route: str, name: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, name, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a connection that was refused or cut off."""
        self._cut.labels(reason).inc()

    def reloaded(self, name: str, outcome: str) -> None:
        """Count a reload: "done" or "failed"."""
        self._reloads.labels(name, outcome).inc()

    def text(self, pending: int = 0) -> bytes:
        """All counters in Prometheus' text form.

        Args:
            pending: requests that are in a thread or wait for one at this moment.
        """
        self._pending.set(pending)
        return generate_latest(self.registry)
