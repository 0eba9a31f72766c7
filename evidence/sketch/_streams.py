"""Generated streams, and timing of two calls in turns, for the evidence of sketches."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["in_turns", "texts", "zipf", "zipf_texts"]


def texts(n: int = 10_000_000, mean: float = 12, seed: int = 0) -> pa.Array:
    """Random lower-case strings of Poisson length; nearly all are distinct for mean 12."""
    rng = np.random.default_rng(seed)
    offsets = np.append(0, np.cumsum(rng.poisson(mean, n))).astype(np.int32)
    data = rng.integers(97, 123, offsets[-1], dtype=np.uint8)
    return pa.Array.from_buffers(pa.string(), n, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def zipf(
    n: int = 10_000_000, keys: int = 1_000_000, exponent: float = 1.1, seed: int = 0
) -> NDArray[np.int64]:
    """A stream of n ranks 0..keys - 1, rank r drawn in proportion to (r + 1)**-exponent."""
    mass = np.cumsum(np.arange(1, keys + 1, dtype=np.float64) ** -exponent)
    places = np.random.default_rng(seed).random(n) * mass[-1]
    return np.searchsorted(mass, places, side="right").clip(max=keys - 1)


def zipf_texts(
    n: int = 10_000_000, keys: int = 1_000_000, exponent: float = 1.1, seed: int = 0
) -> pa.Array:
    """The same stream with rank r as the text "key" and r in eight digits."""
    names = pa.array([f"key{rank:08d}" for rank in range(keys)])
    return names.take(pa.array(zipf(n, keys, exponent, seed)))


def in_turns(
    theirs: Callable[[], Any], ours: Callable[[], Any], rounds: int = 5
) -> tuple[float, dict[str, float]]:
    """Median CPU seconds of theirs over that of ours, taken in turns, ours run once before.

    Returns:
        The ratio, and both medians in seconds.
    """
    ours()
    pairs = [(_seconds(theirs), _seconds(ours)) for _ in range(rounds)]
    peer, own = (float(np.median(times)) for times in zip(*pairs, strict=True))
    return peer / own, {"seconds peer": peer, "seconds thrifty": own}


def _seconds(call: Callable[[], Any]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start
