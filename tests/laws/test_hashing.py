"""Laws of hashes of columns: a sound hash keeps each, and each is broken by the fault it is for."""

import hashlib
import itertools

import numpy as np
import pytest

from thrifty.laws import LAWS

NAMES = [law.__name__ for law in LAWS["hashing"]]
COUNT = itertools.count()


def word(text, seed):
    """Eight bytes of BLAKE2b, the slow and obvious hash."""
    digest = hashlib.blake2b(repr(text).encode(), digest_size=8, key=bytes([seed])).digest()
    return int.from_bytes(digest, "little")


def sound(seed=3):
    """One code a text."""
    return lambda texts: np.array([word(text, seed) for text in texts], np.uint64)


def sparse(seed=3):
    """The same codes as sparse rows: none for None, one otherwise."""

    def family(texts):
        indptr = np.append(0, np.cumsum([text is not None for text in texts], dtype=np.int64))
        codes = np.array([word(t, seed) for t in texts if t is not None], np.uint64)
        return indptr, codes, np.ones(len(codes), np.float32)

    return family


def unseeded(seed=3):
    """Differs from one member to the next."""
    salt = next(COUNT) % 200
    return lambda texts: np.array([word((text, salt), seed) for text in texts], np.uint64)


def with_place(seed=3):
    """Mixes in the place of a text in its batch."""
    return lambda texts: np.array([word(pair, seed) for pair in enumerate(texts)], np.uint64)


def deaf(seed=3):
    """Ignores its seed."""
    return sound()


@pytest.mark.parametrize("make", [sound, sparse])
@pytest.mark.parametrize("law", LAWS["hashing"], ids=NAMES)
def test_a_sound_hash_keeps_the_law(law, make):
    """Dense codes and sparse rows both pass."""
    law(make)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("same_on_every_run", unseeded),
        ("batch_split_does_not_matter", with_place),
        ("seed_changes_codes", deaf),
    ],
)
def test_a_fault_breaks_its_law(name, broken):
    """The law that is there for the fault is the one that notices."""
    with pytest.raises(AssertionError):
        LAWS["hashing"][NAMES.index(name)](broken)
