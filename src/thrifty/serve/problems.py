"""Problems: what goes wrong, as HTTP problem details (RFC 9457); a client never sees more."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

__all__ = ["Problem", "problem_of", "raw_problem"]

MOST = 500
MEDIA = "application/problem+json"


class Problem(Exception):
    """A request that is refused, or that could not be answered.

    Args:
        status: of HTTP, 400..599.
        detail: one sentence for the person who asked.
        headers: to send beside it.
        more: members of the answer besides type, title, status and detail.

    Example:
        >>> Problem(404, "no index 'x'", allowed=["y"]).body
        b'{"type": "about:blank", "title": "Not Found", "status": 404, "detail": \
"no index \\'x\\'", "allowed": ["y"]}'
    """

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.more = status, _line(detail), more
        self.headers = {"content-type": MEDIA, **(headers or {})}

    @property
    def body(self) -> bytes:
        """The answer's body: JSON in ASCII."""
        title = HTTPStatus(self.status).phrase
        shown = {"type": "about:blank", "title": title, "status": self.status}
        return json.dumps({**shown, "detail": self.detail, **self.more}).encode()


def problem_of(error: Exception) -> Problem:
    """What a client is told of an error: of a `ValueError` its message, of others nothing.

    Example:
        >>> problem_of(ValueError("k must be in 1..10, got 0")).status
        422
        >>> problem_of(KeyError("secret")).detail
        'the server failed; its log has the reason under this request'
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return Problem(422, str(error))
    return Problem(500, "the server failed; its log has the reason under this request")


def raw_problem(problem: Problem) -> bytes:
    """A whole HTTP/1.1 response that ends its connection, for where no application runs.

    Example:
        >>> raw_problem(Problem(408, "too slow")).partition(b"\\r\\n")[0]
        b'HTTP/1.1 408 Request Timeout'
    """
    status = HTTPStatus(problem.status)
    headers = {**problem.headers, "content-length": len(problem.body), "connection": "close"}
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + problem.body


def _line(text: str) -> str:
    """A text on one line, cut where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= MOST else f"{text[: MOST - 3]}..."
