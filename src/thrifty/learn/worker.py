"""Worker: trains tiles, one after the other or on threads without locks (Hogwild).

Source: Recht, Re, Wright and Niu 2011, "Hogwild!". Threads write the same tables unsynchronised;
tiles touch few rows each, so lost updates are rare. One thread is deterministic.
"""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.learn.negatives import Selector
from thrifty.learn.network import Wide
from thrifty.learn.tile import Scratch, Tile

__all__ = ["Worker"]

Job = tuple[Tile, float, tuple[int, ...]]
PREFIX = "selector."
TILES_BETWEEN_REFRESHES = 64  # at least; else until as many negatives were drawn as outputs


class Worker:
    """Runs training steps of a wide network.

    Args:
        wide: the network, changed in place.
    """

    def __init__(self, wide: Wide) -> None:
        self.wide = wide
        self.local = threading.local()
        self.tiles = 0
        drawn = max(1, wide.settings.num_negatives)
        self.between = max(TILES_BETWEEN_REFRESHES, wide.settings.num_outputs // drawn)

    def run(self, pool: ThreadPoolExecutor, jobs: Iterable[Job]) -> float:
        """Train every job (tile, rate, seed of its chance); returns the summed loss."""
        jobs = iter(jobs)
        if self.wide.settings.threads == 1:
            return sum(self.step(*job) for job in jobs)
        return self._spread(pool, jobs)

    def _spread(self, pool: ThreadPoolExecutor, jobs: Iterator[Job]) -> float:
        running: set[Future[float]] = set()
        total, room = 0.0, 2 * self.wide.settings.threads
        try:
            while True:
                for job in islice(jobs, room):  # the source may stop us between two jobs
                    running.add(pool.submit(self.step, *job))
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                total, room = total + sum(future.result() for future in done), len(done)
        finally:  # whoever stops us must find no thread still writing
            wait(running)
        return total

    def step(self, tile: Tile, rate: float, seed: tuple[int, ...]) -> float:
        """One tile through both paths; returns the summed loss of the first."""
        if not hasattr(self.local, "scratch"):
            self.local.scratch = Scratch()
        loss = self.wide.linear.step(tile) if self.wide.linear is not None else 0.0
        if self.wide.hidden is None:
            return loss
        self.tiles += 1
        if self.tiles >= self.between:
            self.refresh()
        rng = np.random.default_rng(seed)
        return self.wide.hidden.step(tile, rate, rng, self.local.scratch)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What a step depends on beside the network: when the selector looks, what it has seen."""
        chooser = self._selector
        header, arrays = ({}, {}) if chooser is None else chooser.state()
        named = {PREFIX + name: array for name, array in arrays.items()}
        return {"tiles": self.tiles, "selector": header}, named

    def restore(self, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Inverse of `state`."""
        self.tiles = header["tiles"]
        own = {n.removeprefix(PREFIX): a for n, a in arrays.items() if n.startswith(PREFIX)}
        if self._selector is not None:
            self._selector.restore(header["selector"], own)

    @property
    def _selector(self) -> Selector | None:
        return None if self.wide.hidden is None else self.wide.hidden.selector

    def refresh(self) -> None:
        """Tell a hashed or learned selector that output rows have moved."""
        self.tiles = 0
        if self.wide.hidden is not None:
            self.wide.hidden.refresh()
