"""Server: addresses, tokens, and how it ends: with the last answer, and status 0."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.serve.fakes import opener
from tests.serve.running import running
from thrifty.core import DataError
from thrifty.serve import Server, Shelf, serve
from thrifty.serve.server import is_loopback, read_token

PROGRAM = """
import sys
import thrifty.serve.server as server
from tests.serve.fakes import opener
from thrifty.serve.logs import log_to
shelf = server.Shelf
server.Shelf = lambda paths: shelf(paths, opener)
log_to()
server.serve(sys.argv[1:], port=0, ready=lambda run, _: print(run.port, flush=True))
print("ended", flush=True)
"""


@pytest.fixture
def process(index):
    """A server in a process of its own, and its port."""
    words = [sys.executable, "-c", PROGRAM, str(index)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, **pipes) as started:
        port = int(started.stdout.readline())
        yield started, port
        started.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_the_last_answer(process, number):
    """The request that is being answered is answered; then the process ends with status 0."""
    started, port = process
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    line.request("GET", "/health")
    assert line.getresponse().read() == b'{"status":"ok"}'
    line.request("GET", "/v1/indexes/wings/search?q=sleep+1500")
    time.sleep(0.7)
    started.send_signal(number)
    assert len(json.loads(line.getresponse().read())["hits"]) == 3
    line.close()
    out, err = started.communicate(timeout=20)
    assert (started.returncode, out) == (0, "ended\n")
    events = [json.loads(row) for row in err.splitlines()]
    assert [event["event"] for event in events] == ["request", "request"]


def test_tokens(tmp_path):
    """One long word; a token that cannot be used is not shown."""
    path = tmp_path / "token"
    path.write_text("a-token-that-is-long-enough\n")
    assert read_token(path) == "a-token-that-is-long-enough"
    for text in (
        b"short",
        b"",
        b"two words that are long",
        b"\xff" * 20,
        b"tab\tin the middle of it",
    ):
        path.write_bytes(text)
        says = r"^the token in .+ must be one word of at least 16 printable ASCII characters$"
        with pytest.raises(DataError, match=says):
            read_token(path)
    with pytest.raises(FileNotFoundError):
        serve([tmp_path], token_file=tmp_path / "nothing")


def test_an_address_that_is_taken(index):
    """It is named, and what is served there goes on."""
    with running(index) as client:
        with pytest.raises(OSError, match=rf"127\.0\.0\.1:{client.port}"):
            Server(Shelf([index], opener), port=client.port)
        with pytest.raises(ValueError, match=r"^port must be in 0\.\.65535, got 65536$"):
            Server(Shelf([index], opener), port=65536)
        assert client.get("/health") == {"status": "ok"}


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("LocalHost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.7", False),
        ("example.org", False),
    ],
)
def test_who_can_reach_an_address(host, own):
    """Loopback is this machine alone."""
    assert is_loopback(host) is own


def test_other_families(index):
    """The address of its own in IPv6, where there is one, is written in brackets."""
    try:
        server = Server(Shelf([index], opener), host="::1", port=0)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    assert re.fullmatch(r"http://\[::1\]:\d+", server.url)
    server.socket.close()


def test_many_at_once(index):
    """Sixteen clients ask two hundred times each; all are answered, none is forgotten."""
    with running(index) as client:
        found = []

        def ask():
            line = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
            for _ in range(200):
                line.request("GET", "/v1/indexes/wings/search?q=wing")
                answer = line.getresponse()
                found.append((answer.status, len(json.loads(answer.read())["hits"])))
            line.close()

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [(200, 2)] * 3200


def test_a_port_is_free_again_at_once(index):
    """A server that ended leaves its port to the next one."""
    with running(index) as client:
        port = client.port
        assert client.get("/health")
    with socket.create_server(("127.0.0.1", port)):
        pass
