"""Laws of codecs: a factory without arguments makes one; that of `unbiased` takes a seed.

A law feeds them float32 arrays unless `arrays` is another hypothesis strategy. Each law raises
AssertionError if broken.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thrifty.core import FormatError

__all__ = ["LAWS"]

Make = Callable[..., Any]
Strategy = st.SearchStrategy[np.ndarray]
checked = settings(deadline=None, max_examples=40, derandomize=True)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9)
NUMBERS = st.floats(-1e6, 1e6, width=32)
ARRAYS: Strategy = hnp.arrays(np.float32, SHAPES, elements=NUMBERS)


def shape_and_dtype_return(make: Make, arrays: Strategy = ARRAYS) -> None:
    """decode(encode(x)) has the shape and dtype of x, also in memory that is given."""

    @checked
    @given(arrays)
    def check(x: np.ndarray) -> None:
        encoded = make().encode(x)
        back = encoded.decode()
        assert (back.shape, back.dtype) == (x.shape, x.dtype)
        out = np.empty(x.shape, x.dtype)
        assert encoded.decode(out) is out
        assert out.tobytes() == back.tobytes()

    check()


def error_within_bound(make: Make, arrays: Strategy = ARRAYS) -> None:
    """No element is farther off than the codec says, but for one rounding to x's own dtype."""

    @checked
    @given(arrays)
    def check(x: np.ndarray) -> None:
        codec = make()
        error = np.abs(codec.encode(x).decode().astype(np.float64) - x.astype(np.float64))
        room = np.abs(x.astype(np.float64)) * np.finfo(np.float32).eps
        assert (error <= np.asarray(codec.bound(x), np.float64) + room).all()

    check()


def size_is_exact(make: Make, arrays: Strategy = ARRAYS) -> None:
    """The bytes of what is encoded are those foretold."""

    @checked
    @given(arrays)
    def check(x: np.ndarray) -> None:
        codec = make()
        told = codec.size(x)
        assert codec.encode(x).nbytes == told

    check()


def encoded_alike(make: Make, arrays: Strategy = ARRAYS) -> None:
    """The same array gives the same bytes, the bytes give the same array, and x stays as it was."""

    @checked
    @given(arrays)
    def check(x: np.ndarray) -> None:
        before = x.tobytes()
        encoded = make().encode(x)
        assert x.tobytes() == before
        assert make().encode(x.copy()).to_bytes() == encoded.to_bytes()
        twin = type(encoded).from_bytes(encoded.to_bytes())
        assert twin.codec == encoded.codec
        assert twin.decode().tobytes() == encoded.decode().tobytes()

    check()


def rows_are_those_of_the_whole(make: Make, arrays: Strategy = ARRAYS) -> None:
    """Some rows of a matrix, from one to another or by their numbers, are as in the whole."""

    @checked
    @given(arrays, st.integers(0, 2**32 - 1))
    def check(x: np.ndarray, seed: int) -> None:
        matrix = x.reshape(x.shape[0], -1) if x.size and x.ndim else np.reshape(x, (x.size, 1))
        encoded, rng = make().encode(matrix), np.random.default_rng(seed)
        full = encoded.decode()
        start, stop = np.sort(rng.integers(0, len(full) + 1, 2)).tolist()
        some = rng.integers(0, max(len(full), 1), 5 if len(full) else 0)
        for which in (slice(start, stop), slice(None), some):
            found = encoded.rows(which)
            assert found.dtype == full.dtype
            assert found.shape == full[which].shape
            assert found.tobytes() == full[which].tobytes()

    check()


def damage_is_refused(make: Make, arrays: Strategy = ARRAYS) -> None:
    """Bytes that were cut or altered anywhere are a FormatError, never another array."""

    @checked
    @given(arrays, st.integers(0), st.integers(1, 255))
    def check(x: np.ndarray, where: int, flip: int) -> None:
        encoded = make().encode(x)
        data = encoded.to_bytes()
        cut = where % len(data)
        altered = data[:cut] + bytes([data[cut] ^ flip]) + data[cut + 1 :]
        for bad in (data[:cut], altered, data + b"\0"):
            try:
                type(encoded).from_bytes(bad)
            except FormatError:
                continue
            raise AssertionError(f"damage at byte {cut} was not noticed")

    check()


def forgery_is_refused(make: Make, arrays: Strategy = ARRAYS) -> None:
    """Arrays that were swapped for others are a FormatError on decoding, or an array: no crash."""

    @checked
    @given(arrays, st.integers(0, 2**32 - 1))
    def check(x: np.ndarray, seed: int) -> None:
        encoded = make().encode(x)
        rng = np.random.default_rng(seed)
        forged = {name: _forged(rng, array) for name, array in encoded.arrays().items()}
        fake = type(encoded)(encoded.codec, encoded.shape, encoded.dtype, forged)
        for read in (fake.decode, lambda: fake.rows([0]) if x.ndim == 2 and x.size else None):
            with suppress(FormatError):
                read()

    check()


def _forged(rng: np.random.Generator, array: np.ndarray) -> np.ndarray:
    """Random bytes in place of the array's, of its length or of another."""
    size = array.size if rng.random() < 0.7 else int(rng.integers(0, 2 * array.size + 2))
    made = np.frombuffer(rng.bytes(size * array.itemsize), array.dtype).copy()
    return made.reshape(array.shape) if size == array.size else made


def bits_return(make: Make, arrays: Strategy = ARRAYS) -> None:
    """Every bit pattern comes back, and the bound is 0."""

    @checked
    @given(arrays)
    def check(x: np.ndarray) -> None:
        codec = make()
        assert codec.encode(x).decode().tobytes() == x.tobytes()
        assert np.all(np.asarray(codec.bound(x)) == 0)

    check()


def right_on_average(make: Make, arrays: Strategy = ARRAYS) -> None:
    """Over many seeds the mean of what is decoded is x, within six standard errors."""

    @settings(deadline=None, max_examples=8, derandomize=True)
    @given(arrays)
    def check(x: np.ndarray) -> None:
        draws = np.array([make(seed).encode(x).decode() for seed in range(300)], np.float64)
        error = np.abs(draws.mean(axis=0) - x)
        spread = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
        rare = np.asarray(make(0).bound(x)) / len(draws)  # a neighbour never drawn
        room = np.abs(x.astype(np.float64)) * np.finfo(np.float32).eps
        assert (error <= 6 * spread + 12 * rare + room).all()

    check()


LAWS = {
    "codec": (
        shape_and_dtype_return,
        error_within_bound,
        size_is_exact,
        encoded_alike,
        rows_are_those_of_the_whole,
        damage_is_refused,
        forgery_is_refused,
    ),
    "lossless": (bits_return,),
    "unbiased": (right_on_average,),
}
