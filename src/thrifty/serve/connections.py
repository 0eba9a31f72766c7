"""Connections: HTTP/1.1 with an end to patience: bounded heads, deadlines, bounded numbers."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from thrifty.serve.limits import Limits
from thrifty.serve.problems import Problem, raw_problem

__all__ = ["Connection", "connections"]

LINGER = 1.0  # seconds in which a refused client may still read why


def connections(limits: Limits, refused: Callable[[str], None]) -> Any:
    """The kind of connection that a `uvicorn.Config` takes as `http`.

    Args:
        limits: head, connections and receive are kept.
        refused: told the reason whenever a connection is refused or cut off.
    """
    return partial(Connection, limits=limits, refused=refused)


class Connection(HttpToolsProtocol):
    """One connection of a client.

    uvicorn itself waits for ever for the rest of a request and keeps any number of headers; here
    a request must arrive within `limits.receive` seconds, its head within `limits.head` bytes,
    and an answer must be taken within `limits.receive` seconds too.

    Args:
        options: as uvicorn gives them.
        limits: what is allowed.
        refused: told the reason of each refusal.
    """

    def __init__(self, *options: Any, limits: Limits, refused: Callable[[str], None], **more: Any):
        super().__init__(*options, **more)
        self.limits, self._refused = limits, refused
        self._begun = self._head_done = self._deaf = False
        self._told = 0  # bytes of path and headers of this request
        self._raw = 0  # bytes that came since the packet in which it began, while its head lasts
        self._why: Problem | None = None
        self._running: Any = None  # the request that is being answered; others may wait behind it
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # a connection begins and ends

    def connection_made(self, transport: Any) -> None:
        """Let it in, if there is room."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            busy = f"{self.limits.connections} connections are open; try again in a second"
            self._refuse(Problem(503, busy, headers={"retry-after": "1"}), "connections")
        else:
            self._start("receive", self.limits.receive, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget its timers."""
        for name in list(self._timers):
            self._stop(name)
        super().connection_lost(exc)

    # what it sends

    def data_received(self, data: bytes) -> None:
        """Feed the parser; afterwards either a request is whole, or a deadline runs."""
        if self._deaf:
            return
        in_head = self._begun and not self._head_done
        super().data_received(data)
        if self._deaf or self.transport.is_closing():
            return
        self._raw += len(data) if in_head and not self._head_done else 0
        if self._raw > self.limits.head:
            self._refuse(self._too_long("headers"), "head")
        elif self._busy():
            self._stop("receive")
        else:
            self._start("receive", self.limits.receive, self._late)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._told = self._raw = 0
        self._begun, self._head_done = True, False

    def on_url(self, url: bytes) -> None:
        """Part of the path came."""
        super().on_url(url)
        self._measure(len(url), "path")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header came."""
        super().on_header(name, value)
        self._measure(len(name) + len(value) + 4, "headers")

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_done = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._begun = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong with bytes that are no request."""
        problem = self._why or Problem(400, "this is not an HTTP/1.1 request")
        self._refuse(problem, "head" if self._why else "syntax")

    # what it takes

    def pause_writing(self) -> None:
        """The client takes its answer slowly: a deadline runs."""
        super().pause_writing()
        self._start("write", self.limits.receive, self._cut)

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self._stop("write")

    def timeout_keep_alive_handler(self) -> None:
        """End a silent connection; one that has not taken its answer by now never will."""
        if self.transport.get_write_buffer_size():
            self._cut()
        super().timeout_keep_alive_handler()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _busy(self) -> bool:
        """Whether a whole request has come and is not answered yet."""
        cycle = self._running
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    def _measure(self, nbytes: int, what: str) -> None:
        self._told += nbytes
        if self._told > self.limits.head:
            self._why = self._too_long(what)
            raise ValueError(what)  # stops the parser, which leads to `send_400_response`

    def _too_long(self, what: str) -> Problem:
        status = 414 if what == "path" else 431
        return Problem(status, f"{what} must be at most {self.limits.head} bytes")

    def _late(self) -> None:
        """The deadline for a whole request has passed."""
        self._stop("receive")
        if self._begun and not (self._head_done and self.cycle.response_started):
            late = f"a request must arrive whole within {self.limits.receive:g} s"
            self._refuse(Problem(408, late), "slow")
        else:
            self._refused("silent")
            self.transport.abort()

    def _cut(self) -> None:
        """The deadline for taking an answer has passed."""
        self._refused("unread")
        self.transport.abort()

    def _refuse(self, problem: Problem, reason: str) -> None:
        """Answer, stop listening, and leave a moment to read the answer."""
        self._refused(reason)
        self._deaf = True
        self._stop("receive")
        for cycle in (self.cycle, self._running, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        self.flow.resume_reading()
        self.transport.write(raw_problem(problem))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._start("linger", LINGER, self.transport.abort)

    def _start(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        if name not in self._timers:
            self._timers[name] = self.loop.call_later(seconds, then)

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
