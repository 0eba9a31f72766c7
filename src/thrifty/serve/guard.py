"""Guard: stands before the application: who may ask, how much; says and counts how it ended."""

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from thrifty.serve.limits import Limits
from thrifty.serve.logs import log
from thrifty.serve.meters import Meters
from thrifty.serve.problems import Problem, problem_of

__all__ = ["Guard", "security"]

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
OPEN = {"/", "/health", "/ready"}
ASSETS = "/static/"
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
DRAIN = 1 << 22


def security(style: str = "", script: str = "", connect: str = "") -> dict[str, str]:
    """Headers that every answer carries; what a page may load is empty but for what is named.

    Args:
        style: sources of style sheets; elements may then have styles of their own too.
        script: sources of scripts.
        connect: where scripts may ask.
    """
    allowed = {"style-src": style, "script-src": script, "connect-src": connect}
    allowed["style-src-attr"] = "'unsafe-inline'" if style else ""
    rules = ["default-src 'none'", *(f"{name} {said}" for name, said in allowed.items() if said)]
    rules += ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    return {
        "content-security-policy": "; ".join(rules),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cache-control": "no-store",
    }


STANDARD = [(name.encode(), value.encode()) for name, value in security().items()]


class Guard:
    """ASGI middleware around everything.

    Args:
        app: what is guarded.
        limits: body is kept here.
        meters: count every answer.
        token: what clients must send as `Authorization: Bearer ...`; None lets all in.
        hosts: names under which this server may be asked, lower case; empty allows any. A server
            for this machine alone names them, so that no web page can have it asked under
            another name.
    """

    def __init__(
        self,
        app: Any,
        limits: Limits,
        meters: Meters,
        *,
        token: str | None = None,
        hosts: Collection[str] = (),
    ) -> None:
        self.app, self.limits, self.meters, self.hosts = app, limits, meters, frozenset(hosts)
        self._token = None if token is None else _digest(token.encode())

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self.limits)
        try:
            self._admit(scope, exchange.headers)
            await exchange.take_body()
            await self.app(scope, exchange.receive, exchange.send)
        except Left:
            pass
        except Exception as error:
            problem = problem_of(error)
            if problem.status == 500 and not exchange.ended:
                log("failed", level=logging.ERROR, error=error, request=exchange.id)
            await exchange.send_problem(problem)
        finally:
            exchange.told(self.meters)

    def _admit(self, scope: Any, headers: dict[bytes, bytes]) -> None:
        if self.hosts and _host(headers.get(b"host", b"")) not in self.hosts:
            raise Problem(421, "this server is not known under that host name")
        path = scope["path"]
        if self._token is None or path in OPEN or path.startswith(ASSETS):
            return
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        same = hmac.compare_digest(_digest(given.strip()), self._token)
        if kind.lower() != b"bearer" or not same:
            said = "the bearer token is wrong" if given else "a bearer token is required"
            raise Problem(401, said, headers={"www-authenticate": 'Bearer realm="thrifty"'})


class Left(Exception):
    """A client has gone before it had sent its request."""


class Exchange:
    """One request and its answer, watched on their way through."""

    def __init__(self, scope: Any, receive: Receive, send: Send, limits: Limits) -> None:
        self.scope, self.limits = scope, limits
        self.headers = dict(scope["headers"])
        self._receive, self._send = receive, send
        self.status, self.received, self.sent = 0, 0, 0
        self._begun, self.ended = time.perf_counter(), False
        given = self.headers.get(b"x-request-id", b"")
        self._body: bytes | None = None
        self.id = scope["request_id"] = (
            given.decode() if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        )

    async def take_body(self) -> None:
        """Read the body whole, up to the limit; one that says it is too large is not read.

        Raises:
            Problem: 413.
            Left: the client has gone.
        """
        length = self.headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:18]) > self.limits.body:
            raise self._too_large()
        body, more = bytearray(), b"content-length" in self.headers or self._chunked()
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Left
            body += message["body"]
            more = message["more_body"]
            self.received = len(body)
            if self.received > self.limits.body:
                raise self._too_large()
        self._body = bytes(body)

    async def receive(self) -> Any:
        """The body as one message; afterwards what the server says."""
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Any) -> None:
        """Pass on what goes, with the standard headers where it has none of its own."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = list(message.get("headers", ()))
            names = {name.lower() for name, _ in own}
            own += [pair for pair in STANDARD if pair[0] not in names]
            message = {**message, "headers": [*own, (b"x-request-id", self.id.encode())]}
        else:
            self.sent += len(message.get("body", b""))
            self.ended = not message.get("more_body", False)
        await self._send(message)

    async def send_problem(self, problem: Problem) -> None:
        """Answer with a problem, unless an answer has begun."""
        if self.status:
            if not self.ended:
                raise problem  # the connection is cut: half an answer must not look whole
            return
        problem.more.setdefault("request", self.id)
        body = problem.body
        headers = {**problem.headers, "content-length": str(len(body))}
        if problem.status == 413:
            headers["connection"] = "close"
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": problem.status, "headers": pairs})
        if problem.status == 413:
            await self.send({"type": "http.response.body", "body": body, "more_body": True})
            await self._drain()
            body = b""
        await self.send({"type": "http.response.body", "body": body})

    def told(self, meters: Meters) -> None:
        """Log and count how it ended; 499 is a client that left."""
        seconds = time.perf_counter() - self._begun
        status = self.status or 499
        known = self.scope.get("served", "")
        route = getattr(self.scope.get("route"), "path", "other")
        meters.answered(route, known, status, seconds)
        client = (self.scope.get("client") or ("",))[0]
        log(
            "request", request=self.id, client=client, method=self.scope["method"],
            path=self.scope["path"][:200], status=status, ms=round(seconds * 1e3, 3),
            received=self.received, sent=self.sent,
        )  # fmt: skip

    def _chunked(self) -> bool:
        return b"transfer-encoding" in self.headers

    def _too_large(self) -> Problem:
        return Problem(413, f"a body must be at most {self.limits.body} bytes")

    async def _drain(self) -> None:
        """Read on for a while: a client that is cut while it sends never sees the answer."""
        while self.received < self.limits.body + DRAIN:
            message = await self._receive()
            self.received += len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                return


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _host(value: bytes) -> str:
    """A Host header without its port, lower case."""
    text = value.decode("latin-1").lower()
    return text.partition("]")[0] + "]" if text.startswith("[") else text.partition(":")[0]
