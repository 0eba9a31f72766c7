"""Set tables: a part of a set index: the hash tables of its rows, and what is asked of them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thrifty.core import FormatError, taken
from thrifty.core.summary import Arrays
from thrifty.index import _set_collisions as kernels
from thrifty.index._parts import Part
from thrifty.index._set_ragged import Ragged

__all__ = ["KEPT", "best_in", "bucket_bits", "counted", "held_in", "made", "read"]

KEPT = ("cuts", "items", "values")
MOST_BITS = 24  # of a bucket's number
ROOM = 1 << 20  # candidates held at once

Mask = NDArray[np.bool_]


def bucket_bits(rows: int) -> int:
    """Bits of a bucket's number: one to two buckets a row."""
    return min(MOST_BITS, max(4, int(rows).bit_length()))


def made(
    ids: NDArray[np.int64], rows: Ragged, capacity: int, hot: float, keep: bool, seed: int
) -> Part:
    """The tables of these rows, and the rows where they are kept."""
    count, tables = rows.codes.shape
    bits, most = bucket_bits(count), max(capacity, int(hot * count))
    starts = np.zeros((tables, (1 << bits) + 1), np.uint32)
    bounds, members = np.zeros(tables + 1, np.int64), np.empty(count, np.int32)
    lists = []
    for t in range(tables):
        own = np.ascontiguousarray(rows.codes[:, t])
        given = np.uint32(32 - bits), capacity, most, np.uint64(seed + t)
        held = kernels.build(own, *given, starts[t], members)
        lists.append(members[:held].copy())
        bounds[t + 1] = bounds[t] + held
    tabled = {"codes": rows.codes, "starts": starts, "bounds": bounds}
    tabled["members"] = np.concatenate([np.zeros(0, np.int32), *lists])
    kept = {"cuts": rows.starts, "items": rows.items, "values": rows.values} if keep else {}
    return Part.of(ids, **tabled, **kept)


def held_in(part: Part) -> Ragged:
    """The rows of a part that are not gone; without their items where these are not kept."""
    nothing = np.zeros(part.ids.size + 1, np.int64), np.zeros(0, np.uint64), np.zeros(0, "f4")
    kept: Any = [part.arrays.get(name, none) for name, none in zip(KEPT, nothing, strict=True)]
    return Ragged(part["codes"], *kept).taken(part.stays)


def counted(
    part: Part, codes: NDArray[np.uint32], allowed: Mask, most: int, seed: int
) -> Iterator[tuple[slice, NDArray[np.int32], NDArray[np.int32]]]:
    """For some queries at a time, the rows met in most tables, and in how many."""
    most = min(most, part.ids.size)
    shift = np.uint32(33 - (part["starts"].shape[1]).bit_length())
    step = max(1, ROOM // max(1, most))
    tables = part["starts"], part["bounds"], part["members"], shift
    for first in range(0, len(codes), step):
        some = slice(first, first + step)
        asked = codes[some]
        rows, found = np.full((len(asked), most), -1, np.int32), np.zeros((len(asked), most), "i4")
        kernels.count_each(*tables, asked, allowed, np.uint64(seed), rows, found)
        yield some, rows, found


def best_in(
    part: Part, asked: Ragged, allowed: Mask, most: int, seed: int, ids: NDArray, scores: NDArray
) -> None:
    """Compare each query with the rows it meets in most tables; all of them if most is so many."""
    held, keys = tuple(part[name] for name in KEPT), part.ids
    mine = asked.starts, asked.items, asked.values
    if most >= keys.size:
        kernels.score_all(mine, held, keys, allowed, ids, scores)
        return
    for some, rows, _ in counted(part, asked.codes, allowed, most, seed):
        own = mine[0][some.start : some.stop + 1], *mine[1:]
        kernels.score_each(own, held, keys, rows, ids[some], scores[some])


def read(arrays: Arrays, tables: int, keep: bool, vectors: bool) -> Part:
    """A part from arrays that may be lies; every address is checked but those of single rows."""
    count = taken(arrays, "ids", np.int64, (None,)).size
    buckets = 1 << bucket_bits(count)
    kinds: dict[str, tuple[Any, Any]] = {
        "codes": (np.uint32, (count, tables)), "starts": (np.uint32, (tables, buckets + 1)),
        "bounds": (np.int64, (tables + 1,)), "members": (np.int32, (None,)),
    }  # fmt: skip
    if keep:
        kinds |= {"cuts": (np.int64, (count + 1,)), "items": (np.uint64, (None,))}
        kinds["values"] = (np.float32, (None,))
    held = {name: taken(arrays, name, *kind) for name, kind in kinds.items()}
    bounds = held["bounds"]
    if bounds[0] != 0 or bounds[-1] != held["members"].size or (np.diff(bounds) < 0).any():
        raise FormatError("bounds of the tables are damaged")
    if keep and held["values"].size != (held["items"].size if vectors else 0):
        raise FormatError("items and values do not belong together")
    return Part.of(arrays["ids"], **held)
