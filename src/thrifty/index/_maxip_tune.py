"""Tune: hash-table settings of the sparse-training systems, as pure functions."""

from dataclasses import dataclass
from math import floor, log, log2

from thrifty.core import in_range, one_of
from thrifty.hashing import DWTA

__all__ = ["SLIDE", "Settings", "tune"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of DWTA tables over the rows of a layer.

    Args:
        hashes: bins in a code.
        bin_size: places in a bin.
        tables: number of tables.
        capacity: ids a bucket holds.
        permutations: copies of the coordinates dealt to places; None fills every place.
    """

    hashes: int
    bin_size: int
    tables: int
    capacity: int
    permutations: int | None = None

    def family(self, dim: int, *, seed: int = 0) -> DWTA:
        """The hash family of these settings over vectors of width dim."""
        shape = (self.tables, self.hashes, self.bin_size)
        return DWTA(dim, *shape, seed=seed, permutations=self.permutations)


SLIDE = Settings(hashes=6, bin_size=8, tables=400, capacity=128)
"""The published setting for 670,091 outputs: a range of 2**18 and 400 tables."""


def tune(num_rows: int, sparsity: float, rule: str = "standard") -> Settings | None:
    """Settings that BOLT's auto-tuner gives a layer.

    Args:
        num_rows: rows (neurons, classes) of the layer, at least 1.
        sparsity: share of rows to be active, above 0 and at most 1.
        rule: "standard" joins 2 to 8 hashes of 8 places; "wide" uses one hash of many places,
            sized so that a bucket is expected to hold 2 ln(n) n / (n + 5000) rows.

    Returns:
        The settings, or None where the rule leaves no table: compute such a layer densely.

    Raises:
        ValueError: an argument outside its range.

    Example:
        >>> tune(100_000, 0.01, "wide")
        Settings(hashes=1, bin_size=4096, tables=47, capacity=84, permutations=2)
        >>> tune(90, 0.01, "wide") is None
        True
    """
    in_range("num_rows", num_rows, 1, 2**31 - 1)
    in_range("sparsity", sparsity, 1e-9, 1)
    wide = one_of("rule", rule, ("standard", "wide")) == "wide"
    settings = _wide(num_rows, sparsity) if wide else _standard(num_rows, sparsity)
    return settings if settings.tables else None


def _wide(n: int, sparsity: float) -> Settings:
    load = max(1, floor(2 * log(n) * n / (n + 5000)))
    bin_size = 1 << max(1, floor(log2(n / load)))
    tables = floor(n * sparsity / load)
    return Settings(hashes=1, bin_size=bin_size, tables=tables, capacity=4 * load, permutations=2)


def _standard(n: int, sparsity: float) -> Settings:
    hashes = min(8, max(2, round(log2(128 / sparsity) / 3)))
    buckets = 8**hashes
    capacity = 4 * max(1, n // buckets)
    return Settings(hashes=hashes, bin_size=8, tables=round(sparsity * buckets), capacity=capacity)
