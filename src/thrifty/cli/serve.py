"""Serve: indexes and models over HTTP, with a page for people."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from thrifty.cli.flags import answer, notice
from thrifty.core import DataError, parse_bytes

__all__ = ["serve"]

EXTRA = "serving needs more libraries: pip install 'thrifty[serve]'"


def serve(
    *paths: str,
    host: str = "127.0.0.1",
    port: int = 8000,
    token_file: Path | None = None,
    max_k: int = 100,
    max_body: str = "1 MiB",
    threads: int | None = None,
    waiting: int = 512,
    seconds: float = 10.0,
    quiet: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Serve indexes and models over HTTP, read-only, until Ctrl-C; what changes is read again.

    Args:
        paths: Indexes and models, or name=path.
        host: Address to listen on; only this machine can reach the one it has of itself.
        port: Port to listen on; 0 takes a free one.
        token_file: File with the token that clients must send as a bearer token.
        max_k: Results of one search, at most.
        max_body: Bytes of one request, at most.
        threads: Requests worked on at once; as many as there are cores if not given.
        waiting: Requests that wait for a thread; one more is told to come again.
        seconds: For one answer, at most.
        quiet: Log what goes wrong only; else a line of JSON on stderr for every request.
    """
    limits, run, log_to = _room()
    chosen: dict[str, Any] = {} if threads is None else {"threads": threads}
    body = parse_bytes(max_body)
    allowed = limits(k=max_k, body=body, waiting=waiting, seconds=seconds, **chosen)

    def ready(server: Any, shelf: Any) -> None:
        log_to(quiet)
        names = ", ".join(f"{one.name} ({one.kind})" for one in shelf)
        answer(f"{server.url} serves {names}; Ctrl-C ends it")
        if token_file is None and not server.is_private:
            notice(f"thrifty: whoever can reach {server.url} may ask: give --token-file")

    run(paths, host=host, port=port, token_file=token_file, limits=allowed, ready=ready)


def _room() -> tuple[Any, Any, Any]:
    try:
        from thrifty.serve import Limits, serve
        from thrifty.serve.logs import log_to
    except ModuleNotFoundError as error:
        raise DataError(f"{EXTRA} ({error.name} is missing)") from None
    return Limits, serve, log_to
