"""Connections: heads without end, clients that dawdle, and bytes that are no request."""

import json
import socket
import time

import pytest

from tests.serve.running import read_all, running, until
from thrifty.serve import Limits

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def strict(index):
    """A client of a server with little patience and room."""
    limits = Limits(head=2048, receive=0.4, idle=0.6, connections=8)
    with running(index, limits=limits) as client:
        yield client


def problem(found):
    """The status and details of a raw answer."""
    head, _, body = found.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    return int(head.split()[1]), json.loads(body)["detail"]


def alive(client):
    """Whether the server answers."""
    return client.get("/health") == {"status": "ok"}


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        (GET + b"X: " + b"x" * 3000 + b"\r\n\r\n", 431, "headers must be at most 2048 bytes"),
        (GET + b"X: y\r\n" * 500 + b"\r\n", 431, "headers must be at most 2048 bytes"),
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\n\r\n", 414, "path must be at most 2048 bytes"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "this is not an HTTP/1.1 request"),
        (b"HELLO\r\n\r\n", 400, "this is not an HTTP/1.1 request"),
        (GET + b"Content-Length: -1\r\n\r\n", 400, "this is not an HTTP/1.1 request"),
        (GET + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
         "this is not an HTTP/1.1 request"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "this is not an HTTP/1.1 request"),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400, "this is not an HTTP/1.1 request"),
    ],
    ids=range(9),
)  # fmt: skip
def test_heads_that_are_none(strict, sent, status, says):
    """A problem, the end of that connection, and a server that goes on."""
    assert problem(strict.raw(sent)) == (status, says)
    assert alive(strict)


def test_a_header_that_never_ends(strict):
    """It is cut off at the limit though its end never comes, and what follows is not kept."""
    pieces = [b"x" * 1000] * 400
    assert problem(strict.raw(GET + b"X: ", *pieces)) == (431, "headers must be at most 2048 bytes")


def test_a_head_in_many_small_pieces(strict):
    """Slow but in time is in time."""
    whole = GET + b"Connection: close\r\n\r\n"
    pieces = [whole[at : at + 8] for at in range(0, len(whole), 8)]
    assert strict.raw(*pieces, pause=0.01).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "sent",
    [GET, GET + b"X: y\r\n", b"POST /v1/indexes/wings/search HTTP/1.1\r\nHost: localhost\r\n"
     b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"],
    ids=["head", "header", "body"],
)  # fmt: skip
def test_a_client_that_dawdles(strict, sent):
    """After its time it is a 408, however often it sends another byte."""
    start = time.monotonic()
    found = strict.raw(sent, *[b"a"] * 40, pause=0.02)
    assert problem(found) == (408, "a request must arrive whole within 0.4 s")
    assert time.monotonic() - start < 3
    assert alive(strict)


def test_a_dawdler_on_a_kept_connection(strict):
    """A second request has its deadline as well as the first."""
    found = strict.raw(GET + b"\r\n", GET, *[b"a"] * 60, pause=0.02)
    first, _, second = found.partition(b'{"status":"ok"}')
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert problem(second) == (408, "a request must arrive whole within 0.4 s")


def test_a_silent_connection_is_closed(strict):
    """Without a byte, and after an answer."""
    assert strict.raw() == b""
    start = time.monotonic()
    assert strict.raw(GET + b"\r\n").count(b"HTTP/1.1 200") == 1
    assert 0.3 < time.monotonic() - start < 3


def test_many_dawdlers_do_not_stop_the_others(index):
    """A hundred half requests are open; the hundred and first client is answered at once."""
    with running(index, limits=Limits(receive=2, connections=200)) as client:
        lines = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(100)]
        for line in lines:
            line.sendall(GET)
        start = time.monotonic()
        assert alive(client)
        assert time.monotonic() - start < 1
        assert all(problem(read_all(line))[0] == 408 for line in lines)
        for line in lines:
            line.close()
        text = client.ask("GET", "/metrics")[2]
        assert b'thrifty_connections_refused_total{reason="slow"} 100.0' in text


def test_one_connection_too_many(strict):
    """It is a 503 that says when to come again; with room again, all is well."""
    lines = [socket.create_connection(("127.0.0.1", strict.port)) for _ in range(8)]
    for line in lines:
        line.sendall(GET)
    time.sleep(0.05)
    found = strict.raw()
    assert problem(found) == (503, "8 connections are open; try again in a second")
    assert b"retry-after: 1" in found
    for line in lines:
        line.close()
    until(lambda: strict.raw(GET + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200"))


def test_a_client_that_does_not_read(index):
    """It asks for much and takes nothing: its connection is cut, nothing is kept for it."""
    with running(index, limits=Limits(receive=0.3, idle=0.5)) as client:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        line.connect(("127.0.0.1", client.port))
        line.setblocking(False)
        ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        line.send(ask * 2000)
        said = b'thrifty_connections_refused_total{reason="unread"} 1.0'
        until(lambda: said in client.ask("GET", "/metrics")[2])
        line.close()
        assert alive(client)


def test_requests_in_a_row_are_answered_in_a_row(strict):
    """Several requests at once on one connection, each with its answer."""
    found = strict.raw(GET + b"\r\n" + GET + b"\r\n" + GET + b"Connection: close\r\n\r\n")
    assert found.count(b"HTTP/1.1 200 OK") == 3


def test_an_expected_go_ahead(strict):
    """Who asks whether to send a body is told to."""
    head = b"POST /v1/indexes/wings/search HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: 13\r\nConnection: close\r\n\r\n"
    found = strict.raw(head, b'{"q": "wing"}', pause=0.05)
    assert found.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_other_protocols_are_not_spoken(strict):
    """An upgrade is ignored, a CONNECT refused."""
    upgrade = b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert b"101" not in strict.raw(GET + upgrade)[:20]
    assert not strict.raw(b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert alive(strict)


def test_a_client_that_leaves(index, caplog):
    """It goes in the middle of its body: status 499 is counted, and nothing has failed."""
    with running(index) as client:
        head = b"POST /v1/indexes/wings/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
        with socket.create_connection(("127.0.0.1", client.port)) as line:
            line.sendall(head + b"\r\n{")
            until(lambda: b"thrifty_connections 2.0" in client.ask("GET", "/metrics")[2])
        until(lambda: b'status="499"} 1.0' in client.ask("GET", "/metrics")[2])
        assert [one for one in caplog.records if one.levelname == "ERROR"] == []
