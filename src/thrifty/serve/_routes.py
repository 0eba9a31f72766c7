"""Routes: what the routes of indexes and models share."""

from typing import Any

from fastapi import Request
from pydantic import BaseModel

from thrifty.serve.bodies import parsed
from thrifty.serve.problems import Problem
from thrifty.serve.shelf import Served, Shelf

__all__ = ["asked_json", "found", "takes"]


def found(shelf: Shelf, kind: str, name: str, request: Request) -> Served:
    """What is served under a name.

    Raises:
        Problem: 404, with the names there are.
    """
    served = shelf.find(kind, name)
    if served is None:
        raise Problem(404, f"no {kind} is served under that name", served=shelf.names(kind))
    request.scope["served"] = name
    return served


async def asked_json(request: Request) -> Any:
    """The JSON value that a request brings.

    Raises:
        Problem: 415, it says that it is something else; 400, it is no JSON.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Problem(415, f"the body must be application/json, got {media!r}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "the body must not be packed")
    return parsed(await request.body())


def takes(kind: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says of a body that `checked` will check."""
    content = {"application/json": {"schema": kind.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}
