"""Guard: tokens, host names, bodies, and what every answer carries."""

import json
import logging

import pytest

from tests.serve.running import running, until
from thrifty.serve import Limits
from thrifty.serve.guard import Guard, security
from thrifty.serve.meters import Meters

TOKEN = "a-token-that-nobody-guesses"
SEARCH = "/v1/indexes/wings/search"


@pytest.fixture(scope="module")
def closed(index, model):
    """A client of a server that asks for a token, and takes small bodies."""
    with running(index, model, token=TOKEN, limits=Limits(body=2048)) as client:
        yield client


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "a bearer token is required"),
        ("Bearer", "a bearer token is required"),
        ("Bearer wrong", "the bearer token is wrong"),
        (f"Bearer {TOKEN}x", "the bearer token is wrong"),
        (f"Bearer {TOKEN[:-1]}", "the bearer token is wrong"),
        (f"Basic {TOKEN}", "the bearer token is wrong"),
        ("Bearer \xff", "the bearer token is wrong"),
    ],
)
@pytest.mark.parametrize("path", ["/v1", "/metrics", "/openapi.json", "/nothing", f"{SEARCH}?q=a"])
def test_without_the_token_nothing_is_told(closed, path, given, says):
    """Not even which paths there are; the answer names the scheme."""
    headers = {} if given is None else {"authorization": given}
    status, told, body = closed.ask("GET", path, **headers)
    assert (status, json.loads(body)["detail"]) == (401, says)
    assert told["www-authenticate"] == 'Bearer realm="thrifty"'


def test_with_the_token_all_is_open(closed):
    """The scheme's name is not case-sensitive."""
    for scheme in ("Bearer", "bearer"):
        assert closed.get(f"{SEARCH}?q=wing", authorization=f"{scheme} {TOKEN}")["hits"]


def test_health_and_the_page_need_no_token(closed):
    """They hold no data; the page asks for the token itself."""
    for path in ("/", "/health", "/ready", "/static/app.js"):
        assert closed.ask("GET", path)[0] == 200


def test_a_body_that_says_it_is_too_large_is_not_read(closed):
    """The refusal comes before the body."""
    headers = (
        f"Authorization: Bearer {TOKEN}\r\nHost: localhost\r\nContent-Length: 99999999999999999999"
    )
    found = closed.raw(f"POST {SEARCH} HTTP/1.1\r\n{headers}\r\n\r\n{{".encode())
    assert found.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 400 "))
    told = closed.problem("POST", SEARCH, b"x" * 2049, authorization=f"Bearer {TOKEN}")
    assert (told["status"], told["detail"]) == (413, "a body must be at most 2048 bytes")


def test_a_body_in_chunks_is_counted(closed):
    """Without a length it is cut where the limit is."""
    head = f"POST {SEARCH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    found = closed.raw(head.encode(), chunk, chunk, chunk, b"0\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 413 ")
    small = b'd\r\n{"q": "wing"}\r\n0\r\n\r\n'
    ending = head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").encode()
    assert closed.raw(ending, small).startswith(b"HTTP/1.1 200 ")


def test_a_large_body_reads_its_refusal(closed):
    """Who sends ten times too much is told, not cut off."""
    told = closed.problem("POST", SEARCH, b"x" * 1_000_000, authorization=f"Bearer {TOKEN}")
    assert told["status"] == 413


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:80", 200), ("127.0.0.1", 200), ("[::1]:8000", 200), ("LOCALHOST", 200),
     ("evil.example", 421), ("localhost.evil.example", 421), ("", 421)],
)  # fmt: skip
def test_other_host_names(client, host, status):
    """A page elsewhere cannot have this machine's server asked under a name of its own."""
    assert client.ask("GET", "/v1", host=host)[0] == status


def test_every_answer_carries_the_standard_headers(client):
    """Problems too; and the request's id, the client's own if it has one."""
    for path in ("/v1", "/nothing", f"{SEARCH}?q=wing"):
        _, headers, _ = client.ask("GET", path, x_request_id="my-id")
        assert set(security()) <= set(headers)
        assert headers["x-request-id"] == "my-id"
        assert "server" not in headers
    _, headers, _ = client.ask("GET", "/v1", x_request_id='bad"id')
    assert len(headers["x-request-id"]) == 16


def test_a_request_is_logged_without_what_was_asked(client, caplog):
    """Path, status and time; no query, no token."""
    caplog.set_level(logging.INFO, "thrifty.serve")
    client.get(f"{SEARCH}?q=wing", authorization="Bearer private-token-here")
    until(lambda: "request" in caplog.messages)  # it is written after the answer was sent
    record = [one for one in caplog.records if one.getMessage() == "request"][-1]
    assert record.fields["path"] == SEARCH
    assert (record.fields["status"], record.fields["method"]) == (200, "GET")
    assert "private" not in str(record.fields)
    assert "wing&" not in str(record.fields)


def test_a_failure_is_logged_with_its_reason(client, caplog):
    """Under the id that the client was told."""
    told = client.problem("GET", f"{SEARCH}?q=break")
    (record,) = [one for one in caplog.records if one.getMessage() == "failed"]
    assert record.fields["request"] == told["request"]
    assert isinstance(record.exc_info[1], KeyError)


def test_what_no_handler_took_is_answered_here():
    """An application that raises is a 500; one that raises in the middle is cut off."""
    import asyncio

    async def ask(app):
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "path": "/", "method": "GET", "headers": [(b"host", b"x")]}
        await Guard(app, Limits(), Meters())(scope, receive, send)
        return sent

    async def fails(scope, receive, send):
        raise KeyError("secret")

    async def fails_later(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("secret")

    start, body = asyncio.run(ask(fails))
    assert start["status"] == 500
    assert b"secret" not in body["body"]
    with pytest.raises(Exception, match=r"^the server failed"):
        asyncio.run(ask(fails_later))
