"""cli: one verb per job; the words of a command become one call into `models`."""

from thrifty.cli.app import main

__all__ = ["main"]
