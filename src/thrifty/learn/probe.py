"""Probe: a short, reported trial of learning rates (and for many labels, losses)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from thrifty.learn.network import Wide
from thrifty.learn.quality import choose_mix
from thrifty.learn.tile import Labels, Scratch, cut

__all__ = ["probe"]

RATES = {"softmax": (0.03, 0.1, 0.3), "sigmoid": (0.1,), "squared": (0.01, 0.03, 0.1)}
ROWS = 16384


def probe(
    wide: Wide, chunks: Iterator[tuple[csr_array, Labels]], held_out: tuple[csr_array, Labels]
) -> list[dict[str, Any]]:
    """Train the hidden path anew with each candidate on the same first rows; keep the best's loss.

    Args:
        wide: its hidden path is drawn anew afterwards, with the best loss.
        chunks: the first epoch's rows; at most 16,384 are used.
        held_out: rows and labels that judge.

    Returns:
        One dict a candidate: loss, rate, quality, chosen.
    """
    fixed = wide.settings.loss != "auto" or wide.settings.task != "many"
    losses = (wide.hidden.loss,) if fixed else ("sigmoid", "softmax")
    tiles = _first_tiles(chunks, wide.settings.tile)
    linear, wide.linear = wide.linear, None
    mix, wide.mix = wide.mix, np.array([1.0, 0.0])
    try:
        tried = _try_all(wide, losses, tiles, held_out)
    finally:  # Ctrl-C must not leave half a network
        wide.linear, wide.mix = linear, mix
    return tried


def _try_all(wide: Wide, losses: tuple[str, ...], tiles: list, held_out: tuple) -> list:
    tried = []
    for loss in losses:
        for rate in RATES[loss]:
            quality = _try(wide, loss, rate, tiles, held_out)
            tried.append({"loss": loss, "rate": rate, "quality": quality, "chosen": False})
    best = max(tried, key=lambda row: row["quality"])
    best["chosen"] = True
    wide.hidden.reset(best["loss"])
    return tried


def _first_tiles(chunks: Iterator[tuple[csr_array, Labels]], size: int) -> list:
    tiles, rows = [], 0
    for chunk, labels in chunks:
        for tile in cut(chunk, labels, size):
            tiles.append(tile)
            rows += tile.num_rows
            if rows >= ROWS:
                return tiles
    return tiles


def _try(wide: Wide, loss: str, rate: float, tiles: list, held_out: tuple) -> float:
    wide.hidden.reset(loss)
    scratch = Scratch()
    for number, tile in enumerate(tiles):
        rng = np.random.default_rng([wide.settings.seed, 3, number])
        wide.hidden.step(tile, rate, rng, scratch)
    quality, _ = choose_mix(wide, *held_out)
    return quality if np.isfinite(quality) else -np.inf
