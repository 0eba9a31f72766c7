"""Searching: the routes of the indexes."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from thrifty.core import whole
from thrifty.serve._routes import asked_json, found, takes
from thrifty.serve._snippets import pieces
from thrifty.serve.bodies import SearchBody, answer_bytes, checked
from thrifty.serve.limits import Limits
from thrifty.serve.shelf import Shelf
from thrifty.serve.workers import Workers

__all__ = ["searching"]

INSIDE = ("path", "encoder")  # where things are on this machine is no client's business


def searching(shelf: Shelf, workers: Workers, limits: Limits) -> APIRouter:
    """The routes under /v1/indexes.

    Args:
        shelf: what is served.
        workers: do the work.
        limits: k and query are kept.
    """
    router = APIRouter(prefix="/v1/indexes", tags=["search"])

    async def search(request: Request, name: str, asked: SearchBody) -> Response:
        index = found(shelf, "index", name, request).thing
        whole("k", asked.k, 1, limits.k)
        for member in ("q", "filter"):
            length = len(getattr(asked, member) or "")
            if length > limits.query:
                raise ValueError(f"{member} must have at most {limits.query} characters: {length}")
        return await workers.do(_search, index, asked)

    @router.get("/{name}", summary="What an index holds")
    async def describe(request: Request, name: str) -> Response:
        index = found(shelf, "index", name, request).thing
        return await workers.do(_described, name, index)

    @router.get("/{name}/search", summary="Search an index")
    async def by_query(
        request: Request, name: str, asked: Annotated[SearchBody, Query()]
    ) -> Response:
        return await search(request, name, asked)

    @router.post("/{name}/search", summary="Search an index", openapi_extra=takes(SearchBody))
    async def by_body(request: Request, name: str) -> Response:
        return await search(request, name, checked(SearchBody, await asked_json(request)))

    return router


def _search(index: Any, asked: SearchBody) -> Response:
    hits = index.search(
        asked.q,
        asked.k,
        filter=asked.filter or None,
        explain=asked.explain,
        highlight=asked.highlight,
    )
    shown = [{**hit, "snippets": _shown(hit.get("snippets"))} for hit in hits]
    return Response(answer_bytes({"hits": shown}), media_type="application/json")


def _shown(snippets: Any) -> dict[str, Any]:
    return {field: pieces(snippet) for field, snippet in (snippets or {}).items()}


def _described(name: str, index: Any) -> Response:
    told = {key: value for key, value in index.describe().items() if key not in INSIDE}
    told = {"name": name, **told, "fields": list(told["fields"])}
    return Response(answer_bytes(told), media_type="application/json")
