"""Limits: how much one client may ask for, how long it may take, and how many are let in."""

import os
from dataclasses import dataclass, field

from thrifty.core import in_range, whole

__all__ = ["Limits"]

WHOLE = {
    "k": (1, 10_000), "rows": (1, 10_000), "query": (1, 10**6), "body": (1024, 2**31),
    "head": (1024, 2**20), "threads": (1, 256), "waiting": (0, 10**5), "connections": (1, 10**5),
}  # fmt: skip
SECONDS = ("seconds", "receive", "idle")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the server allows; what is beyond is refused with a problem detail.

    Args:
        k: results of a search, and classes of a prediction, 1..10000.
        rows: of one prediction, 1..10000.
        query: characters of a query, or of a filter, 1..1000000.
        body: bytes of a request's body, 1024..2**31; more is a 413.
        head: bytes of its path and headers, 1024..2**20; more is a 414 or 431.
        threads: requests that are worked on at once, 1..256.
        waiting: requests that wait for a thread, 0..100000, as many as connections unless told
            otherwise; one more is a 503.
        connections: that are open at once, 1..100000; one more is a 503.
        seconds: until an answer, waiting included, 0.01..3600; later is a 504.
        receive: seconds for a client to send a whole request, and to take a whole answer,
            0.01..3600; slower is a 408 or the end of the connection.
        idle: seconds that a silent connection is kept, 0.01..3600.

    Raises:
        ValueError: a number is outside its range.
        TypeError: a number is none, or is not whole where it must be.

    Example:
        >>> Limits(k=0)
        Traceback (most recent call last):
        ValueError: k must be in 1..10000, got 0
    """

    k: int = 100
    rows: int = 256
    query: int = 10_000
    body: int = 1 << 20
    head: int = 1 << 14
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    waiting: int = 512
    connections: int = 512
    seconds: float = 10.0
    receive: float = 10.0
    idle: float = 30.0

    def __post_init__(self) -> None:
        for name, (low, high) in WHOLE.items():
            whole(name, getattr(self, name), low, high)
        for name in SECONDS:
            in_range(name, getattr(self, name), 0.01, 3600)
