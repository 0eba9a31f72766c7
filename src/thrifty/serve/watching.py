"""Watching: looks at the files now and then, and reads again what has changed."""

import asyncio
import logging

from thrifty.serve.logs import log
from thrifty.serve.meters import Meters
from thrifty.serve.shelf import Served, Shelf

__all__ = ["watch"]


async def watch(shelf: Shelf, meters: Meters, every: float) -> None:
    """Look at every served path for ever; reading is done in a thread, answers go on meanwhile.

    Args:
        shelf: what is served.
        meters: count what was read again.
        every: seconds between two looks.
    """
    while True:
        await asyncio.sleep(every)
        for served in shelf:
            await asyncio.to_thread(look, shelf, served, meters)


def look(shelf: Shelf, served: Served, meters: Meters) -> None:
    """Read one thing again if its files have changed; a failure is told and nothing else."""
    try:
        if shelf.refresh(served):
            meters.reloaded(served.name, "done")
            log("reloaded", name=served.name, loads=served.loads)
    except Exception as error:
        meters.reloaded(served.name, "failed")
        log("reload failed", level=logging.ERROR, error=error, name=served.name)
