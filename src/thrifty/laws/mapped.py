"""Laws of indexes of vectors as files: a factory without arguments makes an empty one.

What is opened stays in its file, of which no checksum is read: damage there may change answers, but
ends no process. Each law raises AssertionError if broken; for what an index has see vectors.py.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from thrifty.core import FormatError
from thrifty.laws.vectors import QUERIES, ROWS, equal, filled, refuses, some_rows

__all__ = ["LAWS"]

Make = Callable[[], Any]


def files_answer_alike(make: Make) -> None:
    """Saved, loaded, opened or sent as bytes it answers alike, and goes on from there."""
    index, rows, queries = filled(make)
    index.remove([0, 7]).add(rows[:2], [900, 901])
    answers = {effort: index.copy().search(queries, 9, effort=effort) for effort in (None, 1.0)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.thrifty"
        index.save(path)
        twins = (
            type(index).load(path),
            type(index).open(path),
            type(index).from_bytes(index.to_bytes()),
        )
        for twin in twins:
            for effort, expected in answers.items():
                equal(twin.search(queries, 9, effort=effort), expected)
            twin.add(rows[7:8], [7]).remove([900])
            assert len(twin) == ROWS
            assert (twin.search(rows[7:8], 3, effort=1.0)[0] == 7).any()
        empty = make()
        empty.save(path)
        assert (type(index).open(path).search(queries, 2)[0] == -1).all()


def same_seed_same_bytes(make: Make) -> None:
    """Two made alike and fed alike hold the same bytes; what comes back from bytes does too."""
    index, _, _ = filled(make)
    data = index.to_bytes()
    assert filled(make)[0].to_bytes() == data
    assert type(index).from_bytes(data).to_bytes() == data


def damaged_bytes_are_refused(make: Make) -> None:
    """Bytes that were cut or altered anywhere are a FormatError."""
    index = make()
    data = index.add(some_rows(index.dim, 40, 8)).to_bytes()
    rng = np.random.default_rng(9)
    for place in rng.integers(0, len(data), 60):
        altered = (
            data[:place] + bytes([data[place] ^ int(rng.integers(1, 256))]) + data[place + 1 :]
        )
        for bad in (data[:place], altered):
            refuses(FormatError, lambda bad=bad: type(index).from_bytes(bad))


def damaged_files_do_not_crash(make: Make) -> None:
    """A file opened that was altered anywhere is a FormatError, or answers with something."""
    index, _, queries = filled(make)
    data = index.to_bytes()
    rng = np.random.default_rng(10)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.thrifty"
        for _ in range(25):
            noisy = np.frombuffer(data, np.uint8).copy()
            start = int(rng.integers(0, noisy.size))
            stop = start + int(rng.choice([1, 8, 64, 4096]))
            noisy[start:stop] = rng.integers(0, 256, noisy[start:stop].size)
            path.write_bytes(noisy.tobytes())
            try:
                found = type(index).open(path).search(queries, 5)
            except FormatError:
                continue
            assert found[0].shape == (QUERIES, 5)
        path.write_bytes(data[:-9])
        refuses(FormatError, lambda: type(index).open(path))


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "mapped": (
        files_answer_alike,
        same_seed_same_bytes,
        damaged_bytes_are_refused,
        damaged_files_do_not_crash,
    ),
}
