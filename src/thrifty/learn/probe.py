"""Probe: a short, reported trial of first steps: learning rate, damping, and for many labels loss.

How hard rare features may pull differs from data set to data set: a small first Adagrad sum lets
a feature's first gradient move it by a whole learning rate, a large one makes it wait. Both paths
therefore try a few pairs of rate and first sum on the same rows before training starts.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from thrifty.learn.network import Wide
from thrifty.learn.quality import choose_mix
from thrifty.learn.tile import Labels, Scratch, Tile, cut

__all__ = ["chosen_rate", "probe"]

Tried = dict[str, Any]
ROWS = 16384
HIDDEN = {
    "softmax": ((0.03, 1e-4), (0.1, 1e-4), (0.3, 1e-4)),
    "sigmoid": ((0.1, 1e-4), (0.3, 1e-2)),
    "squared": ((0.01, 1e-4), (0.03, 1e-4), (0.1, 1e-4)),
}
LINEAR = {
    "softmax": ((0.5, 1e-3), (1.0, 1.0)),
    "hinge": ((0.3, 1.0), (0.5, 10.0)),
    "squared": ((0.1, 1e-3), (0.3, 1.0)),
}


def probe(
    wide: Wide, chunks: Iterator[tuple[csr_array, Labels]], held_out: tuple[csr_array, Labels]
) -> list[Tried]:
    """Train each path anew with each candidate on the same first rows; keep the best one's.

    Args:
        wide: its paths start anew afterwards, each with its best candidate.
        chunks: the first epoch's rows; at most 16,384 are used.
        held_out: rows and labels that judge.

    Returns:
        One dict a candidate: path, loss, rate, first_square, quality, chosen.
    """
    tiles = _first_tiles(chunks, wide.settings.tile)
    hidden, linear, mix = wide.hidden, wide.linear, wide.mix
    tried: list[Tried] = []
    try:
        if hidden is not None and wide.settings.learning_rate is None:
            wide.linear, wide.mix = None, np.array([1.0, 0.0])
            tried += _hidden(wide, tiles, held_out)
        if linear is not None and wide.settings.linear_rate is None:
            wide.hidden, wide.linear, wide.mix = None, linear, np.array([0.0, 1.0])
            tried += _linear(wide, tiles, held_out)
    finally:  # Ctrl-C must not leave half a network
        wide.hidden, wide.linear, wide.mix = hidden, linear, mix
    return tried


def chosen_rate(tried: list[Tried], default: float | None) -> float | None:
    """The hidden path's chosen rate, or the default where it was not probed."""
    rates = [row["rate"] for row in tried if row["chosen"] and row["path"] == "hidden"]
    return rates[0] if rates else default


def _first_tiles(chunks: Iterator[tuple[csr_array, Labels]], size: int) -> list[Tile]:
    tiles, rows = [], 0
    for chunk, labels in chunks:
        for tile in cut(chunk, labels, size):
            tiles.append(tile)
            rows += tile.num_rows
            if rows >= ROWS:
                return tiles
    return tiles


def _hidden(wide: Wide, tiles: list[Tile], held_out: tuple[csr_array, Labels]) -> list[Tried]:
    path, scratch = wide.hidden, Scratch()
    assert path is not None
    fixed = wide.settings.loss != "auto" or wide.settings.task != "many"
    tried = []
    for loss in (path.loss,) if fixed else ("sigmoid", "softmax"):
        for rate, first_square in HIDDEN[loss]:
            path.first_square = first_square
            path.reset(loss)
            for number, tile in enumerate(tiles):
                rng = np.random.default_rng([wide.settings.seed, 3, number])
                path.step(tile, rate, rng, scratch)
            tried.append(_row("hidden", loss, rate, first_square, _quality(wide, held_out)))
    best = _choose(tried)
    path.first_square = best["first_square"]
    path.reset(best["loss"])
    return tried


def _linear(wide: Wide, tiles: list[Tile], held_out: tuple[csr_array, Labels]) -> list[Tried]:
    path, tried = wide.linear, []
    assert path is not None
    for rate, first_square in LINEAR[path.loss]:
        path.rate, path.first_square = rate, first_square
        path.reset()
        for tile in tiles:
            path.step(tile)
        tried.append(_row("linear", path.loss, rate, first_square, _quality(wide, held_out)))
    best = _choose(tried)
    path.rate, path.first_square = best["rate"], best["first_square"]
    path.reset()
    return tried


def _row(path: str, loss: str, rate: float, first_square: float, quality: float) -> Tried:
    row = {"path": path, "loss": loss, "rate": rate, "first_square": first_square}
    return row | {"quality": quality, "chosen": False}


def _choose(tried: list[Tried]) -> Tried:
    best = max(tried, key=lambda row: row["quality"])
    best["chosen"] = True
    return best


def _quality(wide: Wide, held_out: tuple[csr_array, Labels]) -> float:
    quality, _ = choose_mix(wide, *held_out)
    return quality if np.isfinite(quality) else -np.inf
