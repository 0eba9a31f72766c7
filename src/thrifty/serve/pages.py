"""Pages: the files of the web page, read once, and what browsers may do with them."""

import hashlib
from base64 import b64encode
from importlib.resources import files

from fastapi import APIRouter, Response

from thrifty.models.report_style import STYLE
from thrifty.serve.guard import security
from thrifty.serve.problems import Problem

__all__ = ["REPORT_STYLE", "pages"]

KINDS = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}
REPORT_STYLE = f"'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"


def pages() -> APIRouter:
    """The page under / and its files under /static; only what the package has can be asked."""
    router = APIRouter(include_in_schema=False)
    folder = files("thrifty.serve") / "static"
    held = {file.name: file.read_bytes() for file in folder.iterdir()}
    rules = security(style=f"'self' {REPORT_STYLE}", script="'self'", connect="'self'")
    rules["content-security-policy"] += "; img-src 'self'; frame-src 'self'"

    def send(name: str) -> Response:
        if name not in held:
            raise Problem(404, "no such file belongs to the page")
        kind = KINDS[name.rpartition(".")[2]]
        headers = {**rules, "cache-control": "no-cache"}
        return Response(held[name], media_type=f"{kind}; charset=utf-8", headers=headers)

    @router.get("/")
    async def index() -> Response:
        return send("index.html")

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        return send(name)

    return router
