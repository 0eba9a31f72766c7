"""Maps: slots as plain integers say, evenness, nesting, likeness, and what is refused."""

import numpy as np
import pytest

from thrifty.core import IncompatibleError
from thrifty.hashing.keys import seed_key

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")
maps = pytest.importorskip("thrifty.nn.maps")

WHOLE = 2**64 - 1
CODES = np.arange(60, dtype=np.uint16).reshape(20, 3) % 7
MAPS = {
    "random": lambda: nn.RandomMap(97, seed=1),
    "hashes": lambda: nn.RandomMap(97, hashes=3, signed=False, seed=2),
    "robe": lambda: nn.BlockMap(97, block=8, seed=2**63 - 1),
    "tile": lambda: nn.TileMap(97, tile=(4, 8)),
    "cyclic": lambda: nn.CyclicMap(97, seed=3),
    "nested": lambda: nn.NestedMap(128, seed=4),
    "similar": lambda: nn.SimilarityMap(97, CODES, block=4, seed=5),
    "similar, the first rows": lambda: nn.SimilarityMap(97, CODES[:7], block=4, rows=20, seed=5),
}


def mixed(x):
    """SplitMix64's finaliser in plain integers."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & WHOLE
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & WHOLE
    return x ^ (x >> 31)


def scaled(word, span):
    """The upper half of a word, in 0..span - 1."""
    return ((word >> 32) * span) >> 32


def formula(map, p, row, width, key):
    """Slot and sign of one position, in plain integers."""
    number, within = divmod(p, map.block)
    if isinstance(map, nn.CyclicMap):
        chunk, at = divmod(p, map.size)
        turn = scaled(mixed(mixed((chunk + key) & WHOLE)), map.size)
        slot, word = (at + turn) % map.size, mixed((number + key) & WHOLE)
    else:
        if map.codes.size:
            number, within = divmod(p % width, map.block)
            code = int(map.codes[row, number]) if row < len(map.codes) else row + 2**16
            word = mixed((code + mixed((number + key) & WHOLE)) & WHOLE)
        else:
            word = mixed((number + key) & WHOLE)
        slot = scaled(word, map.size - map.block + 1) + within
    return slot, -1 if map.signed and word & 1 else 1


@pytest.mark.parametrize("name", MAPS)
def test_slots_are_those_of_the_formula(name):
    """Tensor operations on signed words agree with plain integers, for every key."""
    map, width = MAPS[name](), 12
    positions = np.concatenate([np.arange(240), [2**31, 2**40 + 7]])
    rows = np.minimum(positions // width, 19)
    given = torch.from_numpy(rows) if map.codes.size else None
    slots, signs = map.slots(torch.from_numpy(positions), given, width)
    for h in range(map.hashes):
        key = int(seed_key(map.seed, h))
        expected = [
            formula(map, int(p), int(r), width, key) for p, r in zip(positions, rows, strict=True)
        ]
        found = list(zip(slots[h].tolist(), signs[h].tolist(), strict=True))
        assert found == expected
        assert min(slots[h].tolist()) >= 0
        assert max(slots[h].tolist()) < map.size


@pytest.mark.parametrize("turns", [1, 3, 3.5])
def test_a_cyclic_map_is_even(turns):
    """Every slot serves as many positions as any other, give or take one."""
    map = nn.CyclicMap(200, seed=8)
    counts = np.bincount(map.slots(torch.arange(int(200 * turns)))[0][0], minlength=200)
    assert {int(count) for count in counts} == {int(turns), int(np.ceil(turns))}


def test_random_slots_are_even():
    """100,000 weights on 100 slots: counts within 5 standard errors of even."""
    counts = np.bincount(nn.RandomMap(100, seed=1).slots(torch.arange(100_000))[0][0])
    assert np.abs(counts - 1000).max() <= 5 * np.sqrt(100_000 * 0.01 * 0.99)


@pytest.mark.parametrize(
    "make", [lambda s: nn.BlockMap(5000, seed=s), lambda s: nn.RandomMap(9, seed=s)]
)
def test_signs_are_fair_coins(make):
    """Half of the runs have a minus sign, within 5 standard errors."""
    map = make(3)
    signs = map.slots(torch.arange(0, 4000 * map.block, map.block))[1].double()
    assert abs(float(signs.mean())) <= 5 / np.sqrt(4000)


def test_blocks_stand_side_by_side():
    """Inside a block the slot goes up by one and the sign stays."""
    slots, signs = nn.BlockMap(1000, block=8).slots(torch.arange(800))
    slots, signs = slots.reshape(100, 8), signs.reshape(100, 8)
    assert bool((slots.diff(dim=1) == 1).all())
    assert bool((signs == signs[:, :1]).all())


def test_nested_maps_join_slots():
    """An array half as large joins slots 2 s and 2 s + 1, with the same signs."""
    positions = torch.arange(3000)
    large, signs = nn.NestedMap(256, seed=6).slots(positions)
    for size, part in ((128, 2), (1, 256)):
        small, same = nn.NestedMap(size, seed=6).slots(positions)
        assert torch.equal(small, large // part)
        assert torch.equal(same, signs)


def test_rows_of_equal_codes_share_blocks():
    """Rows share the block of a piece where their codes are equal, and there only (by chance)."""
    codes = np.array([[1, 2, 3], [1, 9, 3]])
    map = nn.SimilarityMap(100_000, codes, block=4)
    rows = torch.repeat_interleave(torch.arange(2), 12)
    slots = map.slots(torch.arange(24), rows, 12)[0].reshape(2, 12)
    assert (slots[0] == slots[1]).tolist() == [True] * 4 + [False] * 4 + [True] * 4


def test_rows_beyond_the_codes_are_alone():
    """A row without a code shares a block with none, but by chance, whatever codes there are."""
    codes = np.arange(2**16)[:, None]
    map = nn.SimilarityMap(2**31 - 1, codes, block=4, rows=2 * 2**16)
    slots = map.slots(4 * torch.arange(2 * 2**16), torch.arange(2 * 2**16), 4)[0]
    assert len(torch.unique(slots)) > 2 * 2**16 - 30  # 4 pairs of equal slots are expected


def test_seeds_move_slots():
    """Another seed gives other slots; reseeding gives those of the new seed."""
    first, other = nn.RandomMap(10**6, seed=1), nn.RandomMap(10**6, seed=2)
    positions = torch.arange(1000)
    assert int((first.slots(positions)[0] == other.slots(positions)[0]).sum()) < 10
    assert torch.equal(first.reseed(2).slots(positions)[0], other.slots(positions)[0])


def test_maps_have_names():
    """A name or a function gives a map; a function's map must be of the size."""
    assert repr(maps.map_named("tile", 5000, 3)) == repr(nn.TileMap(5000, seed=3))
    with pytest.raises(
        ValueError, match=r"^map must be one of random, robe, tile, cyclic, got 'x'$"
    ):
        maps.map_named("x", 10, 0)
    message = r"^RandomMap\(9, .*\) does not fit an array of 10 slots$"
    with pytest.raises(IncompatibleError, match=message):
        maps.map_named(lambda size, seed: nn.RandomMap(9), 10, 0)


REFUSED = [
    (lambda: nn.RandomMap(0), ValueError, r"^size must be in 1\.\.2147483647, got 0$"),
    (lambda: nn.RandomMap(2.0), TypeError, r"^size must be a whole number in .*, got 2\.0$"),
    (lambda: nn.RandomMap(9, hashes=65), ValueError, r"^hashes must be in 1\.\.64, got 65$"),
    (lambda: nn.RandomMap(9, seed=-1), ValueError, r"^seed must be in 0\.\.\d+, got -1$"),
    (lambda: nn.ParameterMap(9, block=10), ValueError, r"^block must be in 1\.\.9, got 10$"),
    (lambda: nn.NestedMap(12), ValueError, r"^size must be a power of two, got 12$"),
    (lambda: nn.TileMap(9, tile=(0, 4)), ValueError, r"^tile must be in 1\.\.32768, got 0$"),
    (
        lambda: nn.SimilarityMap(9, [[0.5]]),
        ValueError,
        r"^codes must be a table of whole numbers, got float64 \(1, 1\)$",
    ),
    (
        lambda: nn.SimilarityMap(9, [[1], [2]], rows=1),
        ValueError,
        r"^rows must be in 2\.\.\d+, got 1$",
    ),
    (lambda: nn.SimilarityMap(9, [[70000]]), ValueError, r"^codes must be in 0\.\.65535, got "),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED)
def test_arguments_out_of_range_are_refused(call, error, message):
    """The message names the argument, its range and its value."""
    with pytest.raises(error, match=message):
        call()
