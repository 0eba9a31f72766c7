"""Running: a real server in a thread, and clients that ask it well and badly."""

import http.client
import json
import socket
import threading
import time
from contextlib import closing, contextmanager

from tests.serve.fakes import opener
from thrifty.serve import Limits, Server, Shelf

WAIT = 20


class Client:
    """Asks one server."""

    def __init__(self, server, shelf):
        self.server, self.shelf, self.port = server, shelf, server.port

    def ask(self, method, path, body=None, **headers):
        """Status, headers and body; a body that is no bytes is sent as JSON."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("content-type", "application/json")
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)) as line:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()

    def get(self, path, **headers):
        """The JSON of a path that answers 200."""
        status, _, body = self.ask("GET", path, **headers)
        assert status == 200, body
        return json.loads(body)

    def problem(self, method, path, body=None, **headers):
        """The problem details of a request that is refused."""
        status, told, body = self.ask(method, path, body, **headers)
        return problem_in(status, told, body)

    def raw(self, *pieces, pause=0.0, wait=WAIT):
        """Send bytes as they are, and read until the server ends the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as line:
            for piece in pieces:
                try:
                    line.sendall(piece)
                except OSError:
                    break
                time.sleep(pause)
            return read_all(line)


def problem_in(status, headers, body):
    """Problem details, after a look at what each of them must have."""
    assert headers["content-type"] == "application/problem+json"
    assert b"Traceback" not in body
    assert b".py" not in body
    told = json.loads(body)
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    return told


def read_all(line):
    """What comes until the end of a connection, reset or not."""
    found = b""
    while True:
        try:
            piece = line.recv(65536)
        except ConnectionResetError:
            return found
        if not piece:
            return found
        found += piece


@contextmanager
def running(*paths, limits=None, token=None, every=0.05, opener=opener):
    """A server of fake indexes and real models on a free port."""
    shelf = Shelf(paths, opener)
    server = Server(shelf, port=0, limits=limits or Limits(), token=token, every=every)
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    try:
        yield Client(server, shelf)
    finally:
        server.should_exit = True
        thread.join(WAIT)
        server.socket.close()
        assert not thread.is_alive()


def until(condition, seconds=WAIT):
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.01)
