"""Compiling: tells who waits that kernels are being compiled, where that takes its time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from thrifty.cli.flags import notice

__all__ = ["told_of_compiling"]

SAYS = "compiling for this machine, which is done once ..."


@contextmanager
def told_of_compiling(
    tell: Callable[[str], None] = notice, *, seconds: float = 1.0
) -> Iterator[None]:
    """Say once that kernels are being compiled, when that has taken so many seconds.

    Args:
        tell: is given one line.
        seconds: of compiling before anything is said, 0 or more.

    Example:
        >>> with told_of_compiling(print):
        ...     pass  # nothing is compiled, nothing is said
    """
    from numba.core import event

    watch = _Watch(tell, seconds)
    heard: Any = type("Heard", (event.Listener,), {"on_start": watch.begin, "on_end": watch.end})
    with event.install_listener("numba:compile", heard()):
        yield


class _Watch:
    """Time that goes by between the outermost beginnings and ends."""

    def __init__(self, tell: Callable[[str], None], seconds: float) -> None:
        self._tell, self._left, self._depth, self._said = tell, seconds, 0, False
        self._timer, self._since = threading.Timer(0, self._say), 0.0

    def begin(self, heard: Any) -> None:
        self._depth += 1
        if self._depth == 1:
            self._since = time.perf_counter()
            self._timer = threading.Timer(max(self._left, 0.0), self._say)
            self._timer.daemon = True
            self._timer.start()

    def end(self, heard: Any) -> None:
        self._depth -= 1
        if not self._depth:
            self._timer.cancel()
            self._left -= time.perf_counter() - self._since

    def _say(self) -> None:
        if not self._said:
            self._said = True
            self._tell(SAYS)
