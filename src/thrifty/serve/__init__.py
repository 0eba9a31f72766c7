"""serve: indexes and models over HTTP, read-only, with a small web page."""

from thrifty.serve.app import make_app
from thrifty.serve.limits import Limits
from thrifty.serve.server import Server, serve
from thrifty.serve.shelf import Shelf

__all__ = ["Limits", "Server", "Shelf", "make_app", "serve"]
