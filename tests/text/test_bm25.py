"""BM25's kernels: pruning changes nothing, whatever lists, masks and k there are."""

import numpy as np
import pyarrow as pa
import pytest

from thrifty.text import Analyzer, TextIndex, bm25


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """150,000 documents in 3 windows, with words of every frequency."""
    rng, n = np.random.default_rng(0), 150_000
    drawn = np.minimum(rng.zipf(1.15, (n, 8)), 30_000)
    texts = [" ".join(f"w{word}" for word in row) for row in drawn.tolist()]
    folder = tmp_path_factory.mktemp("bm25") / "index"
    made = TextIndex.create(folder, {"text": 1.0}, Analyzer(stem=False, stop=False))
    made.add(pa.table({"id": [str(row) for row in range(n)], "text": texts}))
    made.merge()
    yield made
    made.close()


def test_pruning_changes_nothing(index):
    """The first k of all that match are the k that are found where most is left out."""
    rng = np.random.default_rng(1)
    queries = [
        " ".join(f"w{word}" for word in np.minimum(rng.zipf(1.15, rng.integers(1, 9)), 30_000))
        for _ in range(60)
    ]
    rows, scores = index.search(queries, 150_000)
    mask = rng.random(150_000) < 0.01
    for k in (1, 10, 100):
        some, told = index.search(queries, k)
        np.testing.assert_array_equal(some, rows[:, :k])
        np.testing.assert_array_equal(told, scores[:, :k])
        few, _ = index.search(queries, k, filter=mask)
        for q, own in enumerate(rows):
            own = own[own >= 0]
            expected = own[mask[own]][:k]
            np.testing.assert_array_equal(few[q, : expected.size], expected)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 4095, 4096, 4097, 8200])
def test_groups_of_any_number_of_documents(tmp_path, n):
    """However many groups the sums make, the first k are those of all, and none of another query.

    Every document holds the first word, so that all sums are looked through.
    """
    rng = np.random.default_rng(n)
    texts = [f"a {'b ' * rng.integers(5)}{'c ' * rng.integers(9)}" for _ in range(n)]
    index = TextIndex.create(tmp_path / "index", {"text": 1.0}, Analyzer(stem=False, stop=False))
    index.add(pa.table({"id": [str(row) for row in range(n)], "text": texts}))
    index.commit()
    queries = ["a", "a b", "c b a", "a"]
    rows, scores = index.search(queries, n)
    assert ((rows >= 0).sum(axis=1) == n).all()
    for k in (1, 3, 10):
        some, told = index.search(queries, k)
        np.testing.assert_array_equal(some[:, :n], rows[:, :k])
        np.testing.assert_array_equal(told[:, :n], scores[:, :k])


def test_there_is_one_door():
    """The file gives the search alone."""
    assert bm25.__all__ == ["search"]
