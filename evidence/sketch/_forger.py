"""Forger: bytes that no summary wrote, made from those of some that were."""

import io
import json
import random
import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np

from thrifty.core import Summary, dump
from thrifty.core.container import read_container

__all__ = ["Forger"]

NUMBERS = (0, 1, -1, 2, 3, 7, 255, *(2**n for n in (16, 31, 32, 40, 53, 63, 64)), -(2**63))
REALS = (0.5, -0.0, 1e308, float("nan"), float("inf"))
VALUES = (*NUMBERS, *REALS, None, True, False, "", "x", [], {}, [1], {"p": 1})
DTYPES = ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8")
CODES = ("BOOL", "I8", "U8", "I32", "U32", "I64", "U64", "F16", "F32", "F64", "BF16", "", None)


class Forger:
    """Makes bytes that no summary wrote, from those of some that were.

    Args:
        made: summaries of one kind.
        seed: of what is done to them.
    """

    def __init__(self, made: list[Summary], seed: int) -> None:
        self.kind, self.version = made[0].KIND, made[0].VERSION
        self.whole = [each.to_bytes() for each in made]
        reads = (io.BytesIO(data) for data in self.whole)
        self.parts = [read_container(file, kind=self.kind, version=self.version) for file in reads]
        self.random = random.Random(seed)
        self.ways = (
            (self.garbage, 1), (self.cut, 1), (self.flipped, 2), (self.spliced, 1),
            (self.resealed, 4), (self.lying, 14),
        )  # fmt: skip

    def forged(self) -> tuple[bytes, str]:
        """The next input, and how it was made."""
        ways, weights = zip(*self.ways, strict=True)
        way = self.random.choices(ways, weights)[0]
        return way(), way.__name__

    def garbage(self) -> bytes:
        """Random bytes, at times behind a plausible length."""
        body = self.random.randbytes(self.random.randrange(400))
        length = self.random.choice((len(body), len(body) // 2, 2**40, 2**63, 2))
        return body if self.random.random() < 0.5 else length.to_bytes(8, "little") + body

    def cut(self) -> bytes:
        """A file that ends early, or has more behind it."""
        data = self.random.choice(self.whole)
        if self.random.random() < 0.8:
            return data[: self.random.randrange(len(data))]
        return data + self.random.randbytes(self.random.randrange(1, 100))

    def flipped(self) -> bytes:
        """Some bits or bytes changed."""
        data = bytearray(self.random.choice(self.whole))
        for _ in range(self.random.choice((1, 1, 2, 10))):
            place = self.random.randrange(len(data))
            data[place] ^= self.random.choice((1 << self.random.randrange(8), 255))
        return bytes(data)

    def spliced(self) -> bytes:
        """The beginning of one file and the end of another."""
        one, two = (self.random.choice(self.whole) for _ in "ab")
        return one[: self.random.randrange(len(one))] + two[self.random.randrange(len(two)) :]

    def resealed(self) -> bytes:
        """A table of arrays that lies, under a checksum that does not."""
        data = self.random.choice(self.whole)
        size = int.from_bytes(data[:8], "little")
        table, body = json.loads(data[8 : 8 + size]), data[8 + size :]
        meta = json.loads(table["__metadata__"].pop("thrifty"))
        del table["__metadata__"]["crc32"]
        arrays = [name for name in table if name != "__metadata__"]
        if arrays and self.random.random() < 0.7:
            entry = table[self.random.choice(arrays)]
            field = self.random.choice(("dtype", "shape", "data_offsets"))
            if field == "dtype" and self.random.random() < 0.8:
                entry[field] = self.random.choice(CODES)
            elif self.random.random() < 0.2:
                entry[field] = deepcopy(self.random.choice(VALUES))
            else:
                self._change(entry[field] if isinstance(entry[field], list) else entry)
        else:
            self._change(meta)
        table["__metadata__"]["thrifty"] = json.dumps(meta)
        total = zlib.crc32(json.dumps(table, sort_keys=True).encode())
        table["__metadata__"]["crc32"] = f"{total:08x}"
        text = json.dumps(table).encode()
        return len(text).to_bytes(8, "little") + text + body

    def lying(self) -> bytes:
        """Another spec or other arrays, as whole and well sealed as any."""
        header, arrays = deepcopy(self.random.choice(self.parts))
        for _ in range(self.random.choice((1, 1, 1, 2, 4))):
            if arrays and self.random.random() < 0.6:
                self._spoil(arrays)
            else:
                self._change(header)
        return dump(kind=self.kind, version=self.version, header=header, arrays=arrays)

    def _change(self, tree: Any) -> None:
        """Change, drop or add one value somewhere in a tree of JSON."""
        places = list(_places(tree))
        if not places or self.random.random() < 0.05:
            if isinstance(tree, dict):
                tree[self.random.choice(("more", "p", "seed", ""))] = deepcopy(
                    self.random.choice(VALUES)
                )
            else:
                tree.append(deepcopy(self.random.choice(VALUES)))
            return
        holder, key = self.random.choice(places)
        value, chance = holder[key], self.random.random()
        if chance < 0.1:
            del holder[key]
        elif chance < 0.4 and isinstance(value, (int, float)):
            holder[key] = self.random.choice((value + 1, value - 1, value * 2, -value, value / 2))
        else:
            holder[key] = deepcopy(self.random.choice(VALUES))

    def _spoil(self, arrays: dict[str, np.ndarray]) -> None:
        """Change, drop, rename or add one array."""
        name = self.random.choice(sorted(arrays))
        array = arrays[name]
        chance = self.random.random()
        if chance < 0.04:
            del arrays[name]
        elif chance < 0.08:
            arrays[self.random.choice(("more", *arrays))] = arrays.pop(name)
        elif chance < 0.16:
            with np.errstate(all="ignore"):
                arrays[name] = array.astype(self.random.choice(DTYPES))
        elif chance < 0.4:
            arrays[name] = self._reshaped(array)
        else:
            arrays[name] = self._renumbered(array)

    def _reshaped(self, array: np.ndarray) -> np.ndarray:
        flat, n = array.reshape(-1), array.size
        ways: tuple[Callable[[], np.ndarray], ...] = (
            lambda: flat[: n // 2], lambda: flat[:-1], lambda: np.append(flat, flat[:1]),
            lambda: np.resize(flat, 2 * n + 1) if n else np.zeros(3, array.dtype),
            lambda: array[None], lambda: flat, lambda: flat.reshape(n, 1),
            lambda: np.zeros((), array.dtype), lambda: np.zeros((0, 3), array.dtype),
            lambda: flat[:0],
        )  # fmt: skip
        return np.ascontiguousarray(self.random.choice(ways)())

    def _renumbered(self, array: np.ndarray) -> np.ndarray:
        flat, chance = array.reshape(-1).copy(), self.random.random()
        if flat.size and chance < 0.1:
            flat = np.sort(flat)[:: self.random.choice((1, -1))]
        elif flat.size and chance < 0.2:
            flat[:] = flat[self.random.randrange(flat.size)]
        elif flat.size:
            whole = self.random.random() < 0.2
            for _ in range(1 if whole else self.random.choice((1, 1, 3, 20))):
                place = slice(None) if whole else self.random.randrange(flat.size)
                flat[place] = self._number(flat.dtype)
        return np.ascontiguousarray(flat.reshape(array.shape))

    def _number(self, dtype: np.dtype) -> Any:
        if dtype.kind == "f":
            some = (0.0, -1.0, 1e-300, 1e300, np.nan, np.inf, -np.inf, 0.5, 2.0**60)
            with np.errstate(all="ignore"):
                return dtype.type(self.random.choice(some))
        if dtype.kind == "b":
            return self.random.random() < 0.5
        ends = np.iinfo(dtype)
        near = self.random.choice((ends.min, ends.max, ends.max // 2, 0, 1, -1, 2, 64, 1000))
        return near if ends.min <= near <= ends.max else ends.max


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every value in a tree of JSON, as what holds it and its key."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])
