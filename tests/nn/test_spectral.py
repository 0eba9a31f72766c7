"""Spectral codes: planted groups, the slow formula of profiles, ids of which little is known."""

import numpy as np
import pytest

from thrifty.core import record_of
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")
spectral = pytest.importorskip("thrifty.nn.spectral")

EACH, KINDS = 40, 4


def planted(rows, seed=0):
    """Rows of three columns; each row is of a kind, which says the tenth of ids it is drawn from.

    An id's kind is its number modulo the kinds; ids of a column are 40 side by side.
    """
    rng = np.random.default_rng(seed)
    kind = rng.integers(KINDS, size=(rows, 1))
    return kind + KINDS * rng.integers(EACH // KINDS, size=(rows, 3)) + EACH * np.arange(3)


def layer(seed=0):
    """A table by likeness, and rows picked by the slots of its map."""
    codes = nn.spectral_codes(planted(500), 130, 3, groups=6, dims=4, seed=seed)
    table = nn.SharedEmbedding(130, 12, nn.SimilarityMap(300, codes, seed=seed))

    def formula(module, ids):
        source = module.source
        positions = ids[:, None] * 12 + torch.arange(12)
        slots, signs = source.map.slots(positions.reshape(-1), ids.repeat_interleave(12), 12)
        return (source.values[slots[0]] * signs[0]).reshape(-1, 12)

    return table, (torch.tensor([0, 119, 7, 7]),), formula


@pytest.mark.parametrize(
    "law", LAWS[record_of(nn.spectral_codes).laws[0]], ids=lambda f: f.__name__
)
def test_law(law):
    """A table by spectral codes keeps the laws; its codes are a part of its state."""
    law(layer)


def test_planted_groups_are_found():
    """Ids of one kind and column have a code in common, other ids have none; so in every piece."""
    codes = nn.spectral_codes(planted(3000), 120, 5, groups=KINDS, dims=KINDS)
    number = np.arange(120)
    group = number // EACH * KINDS + number % KINDS
    alike = group[:, None] == group
    agree = (codes[:, None] == codes).mean(axis=2)
    assert agree[alike].mean() > 0.8
    assert agree[~alike].mean() < 0.05


def test_more_groups_are_purer():
    """With more groups than kinds nearly no code is shared across kinds."""
    codes = nn.spectral_codes(planted(3000), 120, 5, groups=3 * KINDS, dims=KINDS)
    number = np.arange(120)
    other = number[:, None] % KINDS != number % KINDS
    assert (codes[:, None] == codes).mean(axis=2)[other].mean() < 0.005


def test_ids_without_a_companion_in_common_can_agree():
    """Two ids whose sets of companions do not meet share codes where those are of one kind."""
    rows = planted(3000)
    rows = rows[~((rows[:, 0] < 8) & (rows[:, 0] % KINDS == 1))]
    first = [[1, EACH + k, 2 * EACH + k] for k in (1, 5, 9)]
    second = [[5, EACH + k, 2 * EACH + k] for k in (13, 17, 21)]
    codes = nn.spectral_codes(np.concatenate([rows, first, second]), 120, 8, groups=4, dims=4)
    assert (codes[1] == codes[5]).mean() > 0.8
    assert (codes[1] == codes[0]).mean() < 0.2


def test_profiles_are_those_of_the_formula():
    """Cosines of profiles agree with those of a dense decomposition of the whole matrix."""
    rows = planted(4000, seed=3)
    ids, found, counts = spectral._profiles(rows, 120, KINDS - 1, 1, 0)
    held = np.zeros((len(rows), 120))
    held[np.arange(len(rows))[:, None], rows] = 1
    beside = held.T @ held
    spread = np.sqrt(counts)
    scaled = (beside - np.diag(counts)) / np.outer(spread, spread)
    first = spread / np.linalg.norm(spread)
    values, vectors = np.linalg.eigh(scaled - 9 * np.outer(first, first))
    exact = vectors[:, 1 - KINDS :] * values[1 - KINDS :] / spread[:, None]
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    assert ids.tolist() == list(range(120))
    np.testing.assert_allclose(found @ found.T, exact @ exact.T, atol=5e-3)


def test_ids_of_which_little_is_known_are_alone():
    """Below `least` rows an id has codes of its own, as has one that is never seen."""
    rows = np.concatenate([planted(2000), [[120, 41, 81], [121, 41, 81]]])
    codes = nn.spectral_codes(rows, 130, 64, groups=4, dims=4)
    assert (codes[120] == codes[121]).mean() < 0.1
    assert (codes[125] == codes[126]).mean() < 0.1


@pytest.mark.parametrize("rows", [[[0], [0], [0], [1], [1], [1]], [[0, 1]], [[2, 2], [2, 2]]])
def test_where_nothing_is_known_ids_are_alone(rows):
    """A table of one column, of one row, or of one id alone."""
    codes = nn.spectral_codes(rows, 3, 32)
    assert (codes[0] == codes[1]).mean() < 0.2


def test_seeds():
    """The same seed gives the same codes, another gives others."""
    first = nn.spectral_codes(planted(500), 120, 4, groups=9, seed=1)
    assert (first == nn.spectral_codes(planted(500), 120, 4, groups=9, seed=1)).all()
    assert (first == nn.spectral_codes(planted(500), 120, 4, groups=9, seed=2)).mean() < 0.5


REFUSED = [
    (([1, 2], 9, 4), {}, ValueError, r"^rows must be a table of ids, got int64 \(2,\)$"),
    (([[0.5]], 9, 4), {}, ValueError, r"^rows must be a table of ids, got float64 \(1, 1\)$"),
    (([[0, 9]], 9, 4), {}, ValueError, r"^rows must be of ids in 0\.\.8, got 0\.\.9$"),
    (([[0, 8]], 9, 0), {}, ValueError, r"^pieces must be in 1\.\.1024, got 0$"),
    (([[0, 8]], 9.0, 4), {}, TypeError, r"^num_ids must be a whole number in .*, got 9\.0$"),
    (([[0, 8]], 9, 4), {"groups": 32769}, ValueError, r"^groups must be in 1\.\.32768, got 32769$"),
    (([[0, 8]], 9, 4), {"dims": 0}, ValueError, r"^dims must be in 1\.\.1024, got 0$"),
    (([[0, 8]], 9, 4), {"least": 0}, ValueError, r"^least must be in 1\.\.\d+, got 0$"),
]


@pytest.mark.parametrize(("given", "named", "error", "message"), REFUSED)
def test_arguments_out_of_range_are_refused(given, named, error, message):
    """The message names the argument, its rule and its value."""
    with pytest.raises(error, match=message):
        nn.spectral_codes(*given, **named)
