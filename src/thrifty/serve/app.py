"""App: search, predict, health, metrics and OpenAPI over HTTP, and the page that uses them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from thrifty import __version__
from thrifty.serve.bodies import invalid
from thrifty.serve.guard import Guard
from thrifty.serve.limits import Limits
from thrifty.serve.logs import log
from thrifty.serve.meters import Meters
from thrifty.serve.pages import pages
from thrifty.serve.predicting import predicting
from thrifty.serve.problems import Problem, problem_of
from thrifty.serve.searching import searching
from thrifty.serve.shelf import Shelf
from thrifty.serve.watching import watch
from thrifty.serve.workers import Workers

__all__ = ["make_app"]

PHRASES = {404: "nothing is at this path", 405: "this path does not know that method"}
ABOUT = "Search indexes and trained models, read-only. Errors are problem details (RFC 9457)."


def make_app(
    shelf: Shelf,
    *,
    limits: Limits | None = None,
    token: str | None = None,
    hosts: Collection[str] = (),
    meters: Meters | None = None,
    every: float = 1.0,
) -> Guard:
    """The ASGI application.

    Args:
        shelf: what is served.
        limits: what clients may ask for.
        token: what they must send as `Authorization: Bearer ...`; None lets all in.
        hosts: host names under which it may be asked; empty allows any.
        meters: where it counts; new ones if None.
        every: seconds between two looks at the files.

    Returns:
        An application for uvicorn, or any other server that speaks ASGI.
    """
    limits, meters = limits or Limits(), meters or Meters()
    workers = Workers(limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(watch(shelf, meters, every))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        workers.close()

    app = FastAPI(
        title="thrifty", version=__version__, description=ABOUT, lifespan=lifespan,
        docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.include_router(pages())
    app.include_router(searching(shelf, workers, limits))
    app.include_router(predicting(shelf, workers, limits))
    _health(app, shelf, workers, meters)
    for kind in (Problem, ValueError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _answered)
    return Guard(app, limits, meters, token=token, hosts=hosts)


def _health(app: FastAPI, shelf: Shelf, workers: Workers, meters: Meters) -> None:
    """Say how the server is: for people, for what starts it again, for what plots it."""

    @app.get("/health", tags=["server"], summary="Whether the server runs")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready", tags=["server"], summary="Whether it can take another request")
    async def ready() -> dict[str, Any]:
        if workers.full:
            raise Problem(503, "all threads are busy and the queue is full")
        return {"status": "ready"}

    @app.get("/metrics", tags=["server"], summary="Counters in Prometheus' text form")
    async def metrics() -> Response:
        text = meters.text(workers.pending)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/v1", tags=["server"], summary="What is served")
    async def served() -> dict[str, Any]:
        return {
            "version": __version__,
            "served": [
                {"name": one.name, "kind": one.kind, "loads": one.loads, "stale": one.stale}
                for one in shelf
            ],
        }


async def _answered(request: Request, error: Exception) -> Response:
    """Any error as a problem."""
    problem = _problem(error)
    problem.more["request"] = request.scope.get("request_id", "")
    if problem.status == 500:
        log("failed", level=logging.ERROR, error=error, request=problem.more["request"])
    return Response(problem.body, problem.status, headers=problem.headers)


def _problem(error: Exception) -> Problem:
    if isinstance(error, RequestValidationError):
        return invalid(error.errors())
    if isinstance(error, HTTPException):
        said = PHRASES.get(error.status_code, str(error.detail))
        return Problem(error.status_code, said, headers=error.headers)
    return problem_of(error)
