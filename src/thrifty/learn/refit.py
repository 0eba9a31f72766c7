"""Refit: once epochs, rate and mix are chosen, learn again from every row, held-out ones too."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import vstack

from thrifty.learn.network import Wide
from thrifty.learn.probe import chosen_rate
from thrifty.learn.tile import Labels, take
from thrifty.learn.trainer import Chunk, History, Stream, run_epochs

__all__ = ["blend", "refit"]


def refit(
    wide: Wide,
    stream: Stream,
    held_out: Chunk,
    history: History,
    *,
    num_rows: int,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Train anew on all rows, for as many epochs as were best; mix and calibration stay.

    The numbers measured on held-out rows before remain the honest ones: measure first.

    Args:
        wide: a trained network, changed in place.
        stream: as for `train`. held_out: rows and labels that now join in.
        history: what `train` returned. num_rows: rows of the stream.
    """
    fell_back = history.audit.get("fell_back", False)
    wide.reset(dense=fell_back)
    rate = chosen_rate(history.probe, wide.settings.learning_rate)
    wide.settings = replace(wide.settings, epochs=history.best + 1)

    def together(epoch: int, start: int) -> Iterator[Chunk]:
        return blend(stream(epoch, start), held_out, num_rows, epoch)

    total = num_rows + held_out[0].shape[0]
    run_epochs(wide, together, rate=rate, num_rows=total, progress=progress)


def blend(chunks: Iterator[Chunk], extra: Chunk, num_rows: int, epoch: int) -> Iterator[Chunk]:
    """Spread extra rows evenly over the chunks of an epoch, in an order of their own each epoch.

    Args:
        chunks: the epoch's rows, num_rows in all. extra: rows to mix in, each exactly once.
    """
    rows, labels = extra
    order = np.random.default_rng([11, epoch]).permutation(rows.shape[0])
    seen, given = 0, 0
    for chunk, own in chunks:
        seen += chunk.shape[0]
        upto = min(order.size, -(-order.size * seen // num_rows))
        picked = order[given:upto]
        given = upto
        yield (
            vstack([chunk, rows[picked]], format="csr"),
            _join(own, take(labels, picked)),
        )


def _join(first: Labels, second: Labels) -> Labels:
    if not isinstance(first, tuple) or not isinstance(second, tuple):
        return np.concatenate([first, second]).astype(np.float32)
    offsets = np.concatenate([first[0], second[0][1:] + first[0][-1]])
    return offsets, np.concatenate([first[1], second[1]])
