"""Laws of static functions: `make(keys, values)` builds one of distinct keys.

A value is a small whole number unless `values` is another hypothesis strategy (rows of them, whose
order does not count, ...). Each law raises AssertionError if broken.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from thrifty.core import FormatError, IncompatibleError

__all__ = ["LAWS"]

Make = Callable[[Any, Any], Any]
SMALL: st.SearchStrategy[Any] = st.integers(-9, 9)
STRANGERS = np.arange(-500, 0)
checked = settings(deadline=None, max_examples=30, derandomize=True)


def _pairs(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[int, Any]]:
    return st.dictionaries(st.integers(0, 2**40), values, min_size=1, max_size=80)


def _parts(pairs: dict[int, Any]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(list(pairs)), np.array(list(pairs.values()))


def _plain(values: Any) -> list[Any]:
    """Values as a list; a row of them, whose order does not count, in rising order."""
    found = np.asarray(values)
    return (np.sort(found, axis=1) if found.ndim > 1 else found).tolist()


def every_key_has_its_value(make: Make, values: st.SearchStrategy[Any] = SMALL) -> None:
    """It answers as the dict of its keys and values, for all at once and for one alone."""

    @checked
    @given(_pairs(values))
    def check(pairs: dict[int, Any]) -> None:
        keys, wanted = _parts(pairs)
        made = make(keys, wanted)
        assert _plain(made.get(keys)) == _plain(wanted)
        assert _plain(made.get(keys[::-1])) == _plain(wanted[::-1])
        first = keys[0].item()
        assert _plain([made[first]]) == _plain(wanted[:1])
        assert len(made) == len(keys)

    check()


def strangers_get_a_value(make: Make, values: st.SearchStrategy[Any] = SMALL) -> None:
    """A key it was not made of is given some value that it holds, whatever that is."""

    @checked
    @given(_pairs(values))
    def check(pairs: dict[int, Any]) -> None:
        keys, wanted = _parts(pairs)
        found = np.asarray(make(keys, wanted).get(STRANGERS))
        assert found.shape == (STRANGERS.size, *wanted.shape[1:])

    check()


def order_does_not_matter(make: Make, values: st.SearchStrategy[Any] = SMALL) -> None:
    """The same pairs in another order give the same bytes."""

    @checked
    @given(_pairs(values), st.randoms(use_true_random=False))
    def check(pairs: dict[int, Any], random: Any) -> None:
        keys, wanted = _parts(pairs)
        order = list(range(len(keys)))
        random.shuffle(order)
        assert make(keys[order], wanted[order]).to_bytes() == make(keys, wanted).to_bytes()

    check()


def files_answer_alike(make: Make, values: st.SearchStrategy[Any] = SMALL) -> None:
    """As bytes, saved, loaded or opened it answers alike."""

    @checked
    @given(_pairs(values))
    def check(pairs: dict[int, Any]) -> None:
        keys, wanted = _parts(pairs)
        made = make(keys, wanted)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "made.thrifty"
            made.save(path)
            kind = type(made)
            for twin in (kind.from_bytes(made.to_bytes()), kind.load(path), kind.open(path)):
                assert twin.to_bytes() == made.to_bytes()
                assert _plain(twin.get(keys)) == _plain(wanted)

    check()


def damage_is_refused(make: Make, values: st.SearchStrategy[Any] = SMALL) -> None:
    """Bytes that were cut or altered anywhere are a FormatError."""

    @checked
    @given(_pairs(values), st.integers(0), st.integers(1, 255))
    def check(pairs: dict[int, Any], where: int, flip: int) -> None:
        made = make(*_parts(pairs))
        data = made.to_bytes()
        cut = where % len(data)
        altered = data[:cut] + bytes([data[cut] ^ flip]) + data[cut + 1 :]
        for bad in (data[:cut], altered, data + b"\0"):
            try:
                type(made).from_bytes(bad)
            except FormatError:
                continue
            raise AssertionError(f"damage at byte {cut} was not noticed")

    check()


def forgery_does_not_crash(make: Make, values: st.SearchStrategy[Any] = SMALL) -> None:
    """Arrays that were swapped for others are a FormatError, or answer with something."""

    @checked
    @given(_pairs(values), st.integers(0, 2**32 - 1))
    def check(pairs: dict[int, Any], seed: int) -> None:
        made, rng = make(*_parts(pairs)), np.random.default_rng(seed)
        forged = dict(made.arrays())
        for name in rng.choice(sorted(forged), min(2, len(forged)), replace=False):
            forged[name] = _noise(rng, forged[name])
        try:
            found = np.asarray(type(made)._restored(made.spec(), forged).get(STRANGERS))
        except FormatError:
            return
        assert len(found) == STRANGERS.size

    check()


def _noise(rng: np.random.Generator, array: np.ndarray) -> np.ndarray:
    """Bytes of the array changed, a few or all of them, or another number of them."""
    size = array.size if rng.random() < 0.8 else int(rng.integers(0, 2 * array.size + 2))
    made = np.resize(array.reshape(-1), size).copy()
    places = rng.integers(0, max(made.nbytes, 1), int(rng.choice([1, 4, 1000])))
    if made.nbytes:
        made.view(np.uint8)[places] = rng.integers(0, 256, places.size)
    return made.reshape(array.shape) if size == array.size else made


def size_is_foretold(make: Make, values: st.SearchStrategy[Any] = SMALL) -> None:
    """Its bytes are those foretold from the values alone."""

    @checked
    @given(_pairs(values))
    def check(pairs: dict[int, Any]) -> None:
        keys, wanted = _parts(pairs)
        made = make(keys, wanted)
        assert type(made).size(wanted) == made.nbytes

    check()


def merging_is_refused(make: Make, values: st.SearchStrategy[Any] = SMALL) -> None:
    """Two do not merge."""

    @checked
    @given(_pairs(values))
    def check(pairs: dict[int, Any]) -> None:
        made = make(*_parts(pairs))
        try:
            made.merge(made.copy())
        except IncompatibleError:
            return
        raise AssertionError("two static functions were merged")

    check()


LAWS: dict[str, tuple[Callable[..., None], ...]] = {
    "static-function": (
        every_key_has_its_value,
        strangers_get_a_value,
        order_does_not_matter,
        files_answer_alike,
        damage_is_refused,
        forgery_does_not_crash,
        size_is_foretold,
        merging_is_refused,
    ),
}
