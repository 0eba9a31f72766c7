"""Inspection: what is in tensors: entropy, outliers, what lossless codes would save."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from thrifty.codec import saving_of
from thrifty.codec._buffers import values_of
from thrifty.core import format_bytes
from thrifty.models._compress_pieces import finite, row_ranges
from thrifty.models.checkpoint import Checkpoint
from thrifty.models.compressors import FLOATS

__all__ = ["inspect", "told"]

STEP = 1 << 20


def inspect(
    model: str | Path, *, progress: Callable[[Mapping[str, Any]], None] | None = None
) -> dict[str, Any]:
    """Look at every tensor of a model once, in rows of 64 MB at most.

    Args:
        model: a safetensors file, a folder of transformers, or a model that thrifty trained.
        progress: called with phase and fraction.

    Returns:
        bytes, bytes_lossless (what lossless codes would make of them), shared (tensors that are
        the same as another), and tensors: for each its name, dtype, shape, bytes, and for floats
        entropy (bits of its exponents), saved (share of its bytes), std, kurtosis (of a normal
        distribution 3), outlier (largest size over std), zeros (share) and finite.

    Raises:
        FormatError: a file is cut, or its header lies.
        DataError: the folder has no safetensors file.
    """
    source, rows, done = Checkpoint(model), [], 0
    for name, info in source.tensors.items():
        if progress is not None:
            progress({"phase": "reading", "fraction": done / max(1, source.nbytes)})
        done += info.nbytes
        row: dict[str, Any] = {"name": name, "dtype": info.code, "shape": list(info.shape)}
        row |= {"bytes": info.nbytes}
        known = info.dtype is not None and info.dtype.name in FLOATS and info.size
        rows.append({**row, **_numbers(source, name)} if known else row)
    shared = source.aliases
    own = [row for row in rows if row["name"] not in shared]
    left = sum(row["bytes"] * (1 - row.get("saved", 0.0)) for row in own)
    return {
        "model": str(model),
        "bytes": source.nbytes,
        "bytes_lossless": round(left),
        "shared": shared,
        "tensors": rows,
    }


def _numbers(source: Checkpoint, name: str) -> dict[str, Any]:
    """Facts of a tensor of floats, from one pass."""
    info = source.tensors[name]
    sums, most, zeros, whole = np.zeros(4), 0.0, 0, True
    entropy = saved = 0.0
    for first, last in row_ranges(info) or [(0, 1)]:
        x = source.read(name, first, last)
        saving = saving_of(x)
        entropy += saving.entropy * x.size / info.size
        saved += max(0.0, 1 - saving.ratio) * x.size / info.size
        whole = whole and finite(x)
        for low in range(0, x.size, STEP):
            some = values_of(x.reshape(-1)[low : low + STEP]).astype(np.float64)
            some = some[np.isfinite(some)]
            sums += [np.sum(some**power) for power in (1, 2, 3, 4)]
            most = max(most, float(np.abs(some).max(initial=0)))
            zeros += int(np.count_nonzero(some == 0))
    mean, std, kurtosis = _moments(sums / info.size)
    return {
        "entropy": entropy, "saved": saved, "std": std, "kurtosis": kurtosis,
        "outlier": (most - abs(mean)) / std if std else 0.0, "zeros": zeros / info.size,
        "finite": whole,
    }  # fmt: skip


def _moments(raw: np.ndarray) -> tuple[float, float, float]:
    """Mean, standard deviation and kurtosis from the first four raw moments.

    Example:
        >>> _moments(np.array([0.0, 1.0, 0.0, 1.0]))
        (0.0, 1.0, 1.0)
    """
    mean = float(raw[0])
    variance = max(0.0, float(raw[1]) - mean**2)
    fourth = float(raw[3] - 4 * mean * raw[2] + 6 * mean**2 * raw[1] - 3 * mean**4)
    return mean, math.sqrt(variance), fourth / variance**2 if variance else 0.0


def told(facts: Mapping[str, Any], most: int = 30) -> list[str]:
    """Lines for people.

    Args:
        facts: of `inspect`.
        most: tensors to show, the largest.

    Example:
        >>> row = {"name": "x", "dtype": "I64", "shape": [2], "bytes": 16}
        >>> print(*told({"bytes": 100, "bytes_lossless": 90, "shared": {}, "tensors": [row]}),
        ...       sep="\\n")
        entropy  saves  kurtosis  max/std  tensor
              -      -         -        -  x  I64 2
        1 tensors, 100 B; 90 B by lossless codes (10.0% saved)
    """
    rows = sorted(facts["tensors"], key=lambda row: -row["bytes"])
    lines = ["entropy  saves  kurtosis  max/std  tensor", *map(_line, rows[:most])]
    if len(rows) > most:
        lines.append(f"... and {len(rows) - most} smaller tensors")
    if facts["shared"]:
        lines.append(f"{len(facts['shared'])} tensors are the same as another")
    share = 1 - facts["bytes_lossless"] / max(1, facts["bytes"])
    return [
        *lines,
        f"{len(rows):,} tensors, {format_bytes(facts['bytes'])}; "
        f"{format_bytes(facts['bytes_lossless'])} by lossless codes ({share:.1%} saved)",
    ]


def _line(row: Mapping[str, Any]) -> str:
    size = "x".join(map(str, row["shape"]))
    tail = f"{row['name']}  {row['dtype']} {size}"
    if "entropy" not in row:
        return f"{'-':>7}  {'-':>5}  {'-':>8}  {'-':>7}  {tail}"
    odd = "" if row["finite"] else "  holds NaN or infinity"
    return (
        f"{row['entropy']:7.2f}  {row['saved']:5.1%}  {row['kurtosis']:8.1f}  "
        f"{row['outlier']:7.1f}  {tail}{odd}"
    )
