"""Workers: a few threads do the work, a bounded queue waits, and nobody waits for ever."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from thrifty.serve.limits import Limits
from thrifty.serve.problems import Problem

__all__ = ["Workers"]

Answer = TypeVar("Answer")


class Workers:
    """Threads for what would hold up the event loop.

    A place is given back when its work ends, not when its client goes: what cannot be stopped
    still counts, so there is never more of it than there are threads.

    Args:
        limits: threads, waiting and seconds are kept.

    Example:
        >>> workers = Workers(Limits(threads=1))
        >>> asyncio.run(workers.do(pow, 2, 10)), workers.pending
        (1024, 0)
        >>> workers.close()
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.pending = 0
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="serve")

    async def do(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        """Call a function in a thread, and wait for its answer.

        Raises:
            Problem: 503 where too many wait, 504 where it takes too long.
        """
        with self._lock:
            if self.full:
                raise Problem(
                    503,
                    f"{self.pending} requests are being answered; try again in a second",
                    headers={"retry-after": "1"},
                )
            self.pending += 1
        future = self._pool.submit(work, *arguments)
        future.add_done_callback(self._ended)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.limits.seconds)
        except TimeoutError:
            if future.done() and not future.cancelled():
                raise  # the work's own error
            raise Problem(504, f"no answer within {self.limits.seconds:g} s") from None

    @property
    def full(self) -> bool:
        """Whether one more would be refused."""
        return self.pending >= self.limits.threads + self.limits.waiting

    def close(self) -> None:
        """End the threads when their work is done; what waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ended(self, _: Future) -> None:
        with self._lock:
            self.pending -= 1
