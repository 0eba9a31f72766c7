"""Epochs: rows in memory as a stream that is shuffled anew each epoch, and the best one on disk."""

from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core import read_container
from thrifty.core.container import write_container
from thrifty.learn.network import Wide
from thrifty.learn.settings import Settings
from thrifty.learn.tile import Labels, take
from thrifty.learn.trainer import Chunk, Stream

__all__ = ["OnDisk", "shuffled"]

KIND, VERSION = "best-epoch", 1
CHUNK = 64  # tiles


class OnDisk:
    """The best epoch in a file, so that a budget holds one copy of the network."""

    def __init__(self, wide: Wide, file: IO[bytes]) -> None:
        self.wide, self.file = wide, file

    def save(self, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Write the state over what was there."""
        self.file.seek(0)
        write_container(self.file, kind=KIND, version=VERSION, header=header, arrays=arrays)
        self.file.truncate()

    def load(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The state, read into the network's own arrays."""
        mine = self.wide.state()[1]
        return read_container(self.file, kind=KIND, version=VERSION, into=mine)


def shuffled(rows: Any, labels: Labels, keep: NDArray[np.int64], settings: Settings) -> Stream:
    """A stream of some rows (n, columns) CSR, in a new order each epoch."""
    size = CHUNK * settings.tile

    def stream(epoch: int, start: int) -> Iterator[Chunk]:
        order = np.random.default_rng([settings.seed, 5, epoch]).permutation(keep)
        for first in range(start * size, order.size, size):
            part = order[first : first + size]
            yield rows[part], take(labels, part)

    return stream
