"""Static function, one key at a time: as many at once, whatever is between key and value."""

import copy

import numpy as np
import pytest

from thrifty.codec import StaticFunction

N = 3000
VALUES = {
    "zipf": lambda rng: np.minimum(rng.zipf(1.6, N), 10**6),
    "frequent": lambda rng: np.where(rng.random(N) < 0.95, -7, rng.integers(100, 900, N)),
    "narrow": lambda rng: rng.integers(-5, 59, N),
    "one": lambda rng: np.full(N, 4),
    "reals": lambda rng: rng.integers(0, 9, N) / np.float32(3),
    "bools": lambda rng: rng.random(N) < 0.02,
    "texts": lambda rng: np.array(["a", "bc", ""])[rng.integers(0, 3, N)].tolist(),
}
KEYS = {
    "texts": lambda: [f"word {i}" * (1 + i % 4) for i in range(N - 2)] + ["", "caf\u00e9"],
    "bytes": lambda: [i.to_bytes(3, "big") for i in range(N)],
    "wholes": lambda: [(i - 1000) * 10**12 for i in range(N)],
    "reals": lambda: [i + 0.5 for i in range(N)],
}


@pytest.mark.parametrize("check", [0, 9])
@pytest.mark.parametrize("kind", VALUES)
def test_alone_as_at_once(kind, check):
    """Every value is that of `get`, of the type Python has for it, with sieve, check or neither."""
    rng = np.random.default_rng(1)
    values, keys = VALUES[kind](rng), KEYS["texts"]()
    made = StaticFunction(keys, values, check=check)
    wanted = made.get(keys).tolist()
    found = [made[key] for key in keys]
    assert found == wanted == list(values)
    assert {type(value) for value in found} == {type(value) for value in wanted}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_each_kind(kind):
    """Texts of all lengths, bytes, whole numbers and others; strangers are as `contains` says."""
    keys = KEYS[kind]()
    values = VALUES["frequent"](np.random.default_rng(2))
    made = StaticFunction(keys[::2], values[::2], check=5)
    assert [made[key] for key in keys[::2]] == values[::2].tolist()
    for key, known in zip(keys[1::2], made.contains(keys[1::2]), strict=True):
        if known:
            made[key]
        else:
            with pytest.raises(KeyError):
                made[key]


def test_addresses_stay_where_they_are():
    """A copy, which may be in another process, looks up in arrays of its own."""
    made = StaticFunction(["a", "b", "c"], [1, 2, 3])
    assert made["b"] == 2
    assert {"_rank_of", "_value_of"} <= vars(made).keys()
    twin = copy.deepcopy(made)
    assert not {"_rank_of", "_value_of"} & vars(twin).keys()
    assert (twin["a"], twin["c"]) == (1, 3)
