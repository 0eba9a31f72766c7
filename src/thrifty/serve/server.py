"""Server: from paths to a listening socket, until a signal ends it."""

import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import uvicorn

from thrifty.core import DataError, whole
from thrifty.serve.app import make_app
from thrifty.serve.connections import connections
from thrifty.serve.limits import Limits
from thrifty.serve.meters import Meters
from thrifty.serve.shelf import Shelf

__all__ = ["Server", "is_loopback", "read_token", "serve"]

BACKLOG = 2048
GRACE = 10  # seconds for the last answers
LEAST_TOKEN = 16


class Server(uvicorn.Server):
    """A server that is ready to run.

    Args:
        shelf: what is served.
        host: to listen on.
        port: 0 takes a free one, see `port`.
        limits: what clients may ask for.
        token: they must send; None lets all in.
        every: seconds between two looks at the files.

    Raises:
        OSError: the address cannot be listened on.
    """

    def __init__(
        self,
        shelf: Shelf,
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        limits: Limits | None = None,
        token: str | None = None,
        every: float = 1.0,
    ) -> None:
        limits, meters = limits or Limits(), Meters()
        self.socket = _listening(host, whole("port", port, 0, 65535))
        self.host, self.port = host, self.socket.getsockname()[1]
        hosts = {"localhost", "127.0.0.1", "[::1]", host.lower()} if is_loopback(host) else ()
        app = make_app(
            shelf, limits=limits, token=token, hosts=hosts, meters=meters, every=every
        )  # fmt: skip
        options: dict[str, Any] = {"timeout_keep_alive": limits.idle, "backlog": BACKLOG}
        super().__init__(
            uvicorn.Config(
                app, http=connections(limits, meters.refused), ws="none", lifespan="on",
                log_config=None, access_log=False, server_header=False, proxy_headers=False,
                timeout_graceful_shutdown=GRACE, **options,
            )
        )  # fmt: skip

        meters.connections.set_function(lambda: len(self.server_state.connections))

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """Where it is found."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def run(self, sockets: Any = None) -> None:
        """Serve until `should_exit`, SIGTERM or Ctrl-C; a second Ctrl-C does not wait."""
        with _signals_kept():
            super().run(sockets or [self.socket])


def serve(
    paths: Iterable[str | Path],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token_file: str | Path | None = None,
    limits: Limits | None = None,
    ready: Callable[[Server, Shelf], None] = lambda server, shelf: None,
) -> None:
    """Serve indexes and models over HTTP until SIGTERM or Ctrl-C.

    Args:
        paths: folders or files, or "name=path".
        host: to listen on; this machine alone unless told otherwise.
        port: 0 takes a free one.
        token_file: holds the token that clients must send.
        limits: what they may ask for.
        ready: called with the server and what it serves, before the first request.

    Raises:
        FileNotFoundError: nothing is at a path.
        DataError: the token cannot be used, or a name.
        OSError: the address cannot be listened on.
    """
    token = None if token_file is None else read_token(Path(token_file))
    shelf = Shelf(paths)
    server = Server(shelf, host=host, port=port, limits=limits, token=token)
    ready(server, shelf)
    server.run()


def read_token(path: Path) -> str:
    """The token in a file: one word of at least 16 printable ASCII characters.

    Raises:
        DataError: it is none; the message does not show it.
    """
    try:
        token = path.read_bytes().decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if len(token) < LEAST_TOKEN or not token.isprintable() or " " in token:
        shown = f"one word of at least {LEAST_TOKEN} printable ASCII characters"
        raise DataError(f"the token in {path} must be {shown}")
    return token


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host name or address.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from None


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Uvicorn raises a signal again when it has ended well; here that is the end of the story."""
    if current_thread() is not main_thread():
        yield
        return
    kept = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
