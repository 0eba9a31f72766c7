"""Timing: CPU seconds of a call, for evidence that compares speed."""

import time
from collections.abc import Callable
from typing import Any

__all__ = ["best"]


def best(call: Callable[[], Any], rounds: int) -> float:
    """Least CPU seconds of so many calls."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)
