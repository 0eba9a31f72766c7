"""Evidence: sets of codes by key, their columns arranged, beside the order given and a dict."""

import sys
from typing import Any

import numpy as np

from evidence import Evidence, run
from evidence.codec._tables import book_bytes
from evidence.timing import best
from thrifty.codec import MultisetFunction

EVIDENCE = (
    Evidence(
        id="multisetfunction-entropy",
        says="eight codes of 8 bits for each of a million keys take at most 1.25 times the entropy "
        "of their arranged columns beside the distinct values",
        against="sum of the empirical entropies of the columns as arranged",
        at_most=1.25,
        cost="long",
    ),
    Evidence(
        id="multisetfunction-arranged",
        says="arranged by rounds these sets take at most 0.8 of the bytes in the order given",
        against="the same function with arrange='given'",
        at_most=0.8,
        cost="long",
    ),
    Evidence(
        id="multisetfunction-array",
        says="they take less than the bare codes alone, a byte each, without any key",
        against="bytes of the (1,000,000, 8) uint8 array",
        at_most=1.0,
        cost="long",
    ),
)
KEYS, COLUMNS = 1_000_000, 8


def codes() -> np.ndarray:
    """Words of each embedding: the nearest of 256 centres to each of 8 parts of a vector.

    Vectors are of 200 clusters of Zipf sizes; one codebook serves all parts, so that the order of
    the words of a vector does not count once they are a set.
    """
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, 201) ** 1.1
    cluster = rng.choice(200, KEYS, p=shares / shares.sum())
    centres = rng.standard_normal((200, COLUMNS, 4)).astype(np.float32)
    words = rng.standard_normal((256, 4)).astype(np.float32)
    found = np.empty((KEYS, COLUMNS), np.uint8)
    for start in range(0, KEYS, 20_000):
        part = slice(start, start + 20_000)
        for column in range(COLUMNS):
            x = centres[cluster[part], column]
            x = x + 0.2 * rng.standard_normal(x.shape, np.float32)
            found[part, column] = ((words**2).sum(axis=1) - 2 * x @ words.T).argmin(axis=1)
    return found


def main() -> int:
    """Measure all on one function of each arrangement."""
    rows, keys = codes(), np.arange(KEYS)
    made = MultisetFunction(keys, rows)
    assert (np.sort(made.get(keys)) == np.sort(rows)).all()
    given = MultisetFunction.size(rows, arrange="given")
    book = sum(book_bytes(member) for member in made._members.values())
    bits = 8 * (made.nbytes - book) / KEYS
    beside: dict[str, Any] = {
        "bits a key": bits, "entropy": made.entropy, "book bits": 8 * book / KEYS,
        "shared": made.shared, "bytes": made.nbytes, "bytes given": given,
        "bytes of codes": rows.nbytes,
        "bytes of a dict of bytes": sys.getsizeof(dict.fromkeys(range(KEYS)))
        + KEYS * (sys.getsizeof(10**6) + sys.getsizeof(bytes(COLUMNS))),
        "nanoseconds a key": 1e9 * best(lambda: made.get(keys), 3) / KEYS,
        "CPU seconds of building": best(lambda: MultisetFunction(keys, rows, threads=1), 1),
    }  # fmt: skip
    values = (bits / made.entropy, made.nbytes / given, made.nbytes / rows.nbytes)
    held = [run(e, lambda v=v: (v, beside)) for e, v in zip(EVIDENCE, values, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
