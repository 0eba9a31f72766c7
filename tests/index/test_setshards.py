"""SetShards: the answers of one index, in bytes that do not grow with what was met."""

import numpy as np
import pytest

from thrifty.core import IncompatibleError
from thrifty.index import SetIndex, SetShards

TEXTS = [" ".join(f"w{i + j}" for j in range(40)) for i in range(0, 6000, 20)]
IDS = np.arange(len(TEXTS))


def shards(count, **options):
    """Texts dealt to so many shards."""
    return SetShards(
        [SetIndex(48, words=1, **options).add(TEXTS[s::count], IDS[s::count]) for s in range(count)]
    )


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shards_answer_as_one_index(count):
    """The neighbours of a text are those of one index, whatever the number of shards and merge."""
    whole = SetIndex(48, words=1).add(TEXTS).search(TEXTS[100:110], 3)
    for merge in ("counts", "candidates", "sketch"):
        found, traffic = shards(count).search(TEXTS[100:110], 3, merge=merge)
        np.testing.assert_array_equal(np.sort(found.ids, axis=1), np.sort(whole.ids, axis=1))
        assert (found.ids[:, 0] == np.arange(100, 110)).all()
        assert traffic.rounds == int(np.ceil(np.log2(count)))


def test_counts_cost_the_same_whatever_was_met():
    """Codes go to all shards but one, and k ids and counts go over each edge of the tree."""
    for texts in (TEXTS[:10], [" ".join(TEXTS)] * 10):
        _, traffic = shards(4).search(texts, 3)
        assert traffic.told == 3 * 10 * 48 * 4
        assert traffic.merged == 3 * 10 * 3 * 12
    many = shards(4).search([" ".join(TEXTS)] * 10, 3, merge="candidates")[1]
    assert many.merged > 5 * traffic.merged


def test_fewer_rows_than_asked_for():
    """Where fewer rows are met, -1 and -inf stand in their places; a filter is kept."""
    found, _ = shards(3).search(TEXTS[50:51], 4, filter=[50])
    assert found.ids.tolist() == [[50, -1, -1, -1]]
    assert found.scores[0, 1:].tolist() == [-np.inf] * 3
    assert len(shards(3)) == len(TEXTS)


def test_refusals():
    """Shards must agree; merges and k are checked."""
    one, other = (SetIndex(48, words=1, seed=seed) for seed in (0, 1))
    for bad in ([], [one, other]):
        with pytest.raises(IncompatibleError, match=r"^shards must be of the same arguments, got "):
            SetShards(bad)
    with pytest.raises(ValueError, match=r"^merge must be one of counts, sketch, candidates, got"):
        SetShards([one]).search(TEXTS[:1], merge="tree")
    with pytest.raises(TypeError):
        SetShards([one]).search([3.5])
    with pytest.raises(ValueError, match=r"^k must be "):
        SetShards([one]).search(TEXTS[:1], 0)
