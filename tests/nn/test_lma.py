"""Codes by likeness: overlap of what stands beside, ids of which little is known, refusals."""

import numpy as np
import pytest

from thrifty.core import record_of
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")


def beside(pairs):
    """Rows of two columns: an id and one that stands beside it."""
    return np.array([(who, other) for who, others in pairs.items() for other in others])


def layer(seed=0):
    """A table by likeness, and rows picked by the slots of its map."""
    rows = np.random.default_rng(0).integers(0, 40, (500, 3)) + np.array([0, 40, 80])
    codes = nn.similar_codes(rows, 120, 3, seed=seed)
    table = nn.SharedEmbedding(120, 12, nn.SimilarityMap(300, codes, seed=seed))

    def formula(module, ids):
        source = module.source
        positions = ids[:, None] * 12 + torch.arange(12)
        slots, signs = source.map.slots(positions.reshape(-1), ids.repeat_interleave(12), 12)
        return (source.values[slots[0]] * signs[0]).reshape(-1, 12)

    return table, (torch.tensor([0, 119, 7, 7]),), formula


@pytest.mark.parametrize("law", LAWS[record_of(nn.similar_codes).laws[0]], ids=lambda f: f.__name__)
def test_law(law):
    """A table by likeness keeps the laws; its codes are a part of its state."""
    law(layer)


@pytest.mark.parametrize("hashes", [1, 2])
def test_codes_agree_as_sets_overlap(hashes):
    """Codes are equal as often as jaccard**hashes, within 5 standard errors."""
    rows = beside({0: range(10, 910), 1: range(310, 1210)})
    codes = nn.similar_codes(rows, 1210, 1024 // hashes, hashes=hashes, seed=4)
    overlap = (600 / 1200) ** hashes
    found = (codes[0] == codes[1]).mean()
    assert abs(found - overlap) <= 5 * np.sqrt(overlap * (1 - overlap) / codes.shape[1])


def test_ids_seen_rarely_are_alone():
    """Below `least` rows an id has codes of its own, as has one that is never seen."""
    rows = beside({0: [5, 6, 7], 1: [5, 6, 7], 2: [5, 6], 3: [5, 6]})
    codes = nn.similar_codes(rows, 9, 64, least=3)
    assert (codes[0] == codes[1]).all()
    assert (codes[2] == codes[3]).mean() < 0.1
    assert (codes[4] == codes[8]).mean() < 0.1


def test_seeds():
    """The same seed gives the same codes, another gives others."""
    rows = beside({0: range(5, 50), 1: range(5, 50)})
    first = nn.similar_codes(rows, 50, 16, seed=1)
    assert (first == nn.similar_codes(rows, 50, 16, seed=1)).all()
    assert (first[0] == nn.similar_codes(rows, 50, 16, seed=2)[0]).mean() < 0.5


def test_a_table_of_one_column_knows_nothing():
    """Ids that stand beside nothing are alone."""
    codes = nn.similar_codes([[0], [0], [0], [1]], 2, 32)
    assert (codes[0] == codes[1]).mean() < 0.2


REFUSED = [
    (([1, 2], 9, 4), ValueError, r"^rows must be a table of ids, got int64 \(2,\)$"),
    (([[0.5]], 9, 4), ValueError, r"^rows must be a table of ids, got float64 \(1, 1\)$"),
    (([[0, 9]], 9, 4), ValueError, r"^rows must be of ids in 0\.\.8, got 0\.\.9$"),
    (([[0, 8]], 9, 0), ValueError, r"^pieces must be in 1\.\.1024, got 0$"),
    (([[0, 8]], 9.0, 4), TypeError, r"^num_ids must be a whole number in .*, got 9\.0$"),
]


@pytest.mark.parametrize(("given", "error", "message"), REFUSED)
def test_arguments_out_of_range_are_refused(given, error, message):
    """The message names the argument, its rule and its value."""
    with pytest.raises(error, match=message):
        nn.similar_codes(*given)
