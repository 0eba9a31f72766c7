"""Families: an LSH family to a JSON header and arrays, and back."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from thrifty.core import one_of
from thrifty.hashing import DWTA, SimHash

__all__ = ["Family", "described", "restored"]

Family = SimHash | DWTA


def described(family: Family) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """What restores the family: settings and, for SimHash, its planes."""
    if isinstance(family, SimHash):
        shape = [family.dim, family.bits, family.tables]
        return {"name": "simhash", "shape": shape}, {"planes": family.planes}
    shape = [family.dim, family.tables, family.hashes, family.bin_size]
    given = {"seed": family.seed, "permutations": family.permutations}
    return {"name": "dwta", "shape": shape, **given}, {}


def restored(told: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> Family:
    """Inverse of `described`."""
    if one_of("family", told["name"], ("simhash", "dwta")) == "simhash":
        return SimHash(*told["shape"], planes=arrays["planes"])
    return DWTA(*told["shape"], seed=told["seed"], permutations=told["permutations"])
