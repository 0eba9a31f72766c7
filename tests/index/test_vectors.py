"""VectorIndex: what all indexes of vectors refuse and say, parts, ids, threads."""

import threading

import numpy as np
import pytest

from thrifty.core import FormatError, IncompatibleError
from thrifty.index import FlatIndex, HammingIndex
from thrifty.index.vectors import VectorIndex

ONE = ((1, 2, 3),)


def filled(rows=5, dim=3, **how):
    """An index of the first unit vectors, again and again, each longer than the last."""
    return FlatIndex(dim, metric="inner", **how).add(grown(rows, dim))


def grown(rows, dim=3):
    """Unit vectors in turn, longer by one each time."""
    return np.eye(dim, dtype=np.float32)[np.arange(rows) % dim] * np.arange(1, rows + 1)[:, None]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: FlatIndex(0), r"dim must be in 1\.\.65536, got 0"),
        (lambda: FlatIndex(3, metric="dot"), r"metric must be one of cosine, inner, l2, got 'dot'"),
        (
            lambda: filled().add([[1, 2, 3]], [-1]),
            r"ids must be in 0\.\.9223372036854775806, got -1",
        ),
        (
            lambda: filled().add([[1, 2, 3]], [2**63]),
            r"ids must be in 0\.\.\d+, got 9223372036854775808",
        ),
        (
            lambda: filled().add([[1, 2, 3]], [[1]]),
            r"ids must be of one dimension, got shape \(1, 1\)",
        ),
        (lambda: filled().add([[1, 2, 3]], [4]), r"ids must be new, got 4"),
        (lambda: filled().add(np.eye(3), [9, 8, 9]), r"ids must be there once, got 9 twice"),
        (lambda: filled().remove([7]), r"ids must be held to be removed, got 7"),
        (lambda: filled().remove([1, 1]), r"ids must be there once, got 1 twice"),
        (
            lambda: filled().add([[1, 2, 3], [1, np.nan, 3]]),
            r"vectors must be finite and at most 1e15 in size, row 1 is not",
        ),
        (
            lambda: filled().search([[1e16, 2, 3]]),
            r"queries must be finite and at most 1e15 in size, row 0 is not",
        ),
        (lambda: FlatIndex(2).add([[1, 0], [0, 0]]), r"vectors must not be 0 for cosine, row 1 is"),
        (lambda: FlatIndex(2).search([[0, 0]]), r"queries must not be 0 for cosine, row 0 is"),
        (lambda: filled().add([["a", "b", "c"]]), r"vectors must be numbers, got <U1"),
        (lambda: filled().search(np.eye(3), 0), r"k must be in 1\.\.2147483647, got 0"),
        (
            lambda: filled().search(np.eye(3), effort=0),
            r"effort must be above 0 and at most 1, got 0",
        ),
        (lambda: filled().search(np.eye(3), filter=[-2]), r"filter must be in 0\.\.\d+, got -2"),
        (
            lambda: filled().search(np.eye(3), filter=np.ones((2, 2), bool)),
            r"filter must be whole numbers, got bool",
        ),
    ],
)
def test_values_are_refused(call, says):
    """Each bad value is named with its rule."""
    with pytest.raises((ValueError, TypeError), match=rf"^{says}$"):
        call()


def test_kinds_are_refused():
    """What is no whole number is a TypeError."""
    with pytest.raises(TypeError, match=r"^ids must be whole numbers, got float64$"):
        filled().add([[1, 2, 3]], [1.5])
    with pytest.raises(TypeError, match=r"^ids must be whole numbers, got float64$"):
        filled().remove([0.0])
    with pytest.raises(TypeError, match=r"^k must be a whole number in 1\.\.2147483647, got 1\.5$"):
        filled().search(np.eye(3), 1.5)
    with pytest.raises(TypeError, match=r"^filter must be whole numbers, got <U1$"):
        filled().search(np.eye(3), filter=["a"])


def test_shapes_are_refused():
    """What does not fit is shown beside the index."""
    shown = r"FlatIndex\(3, metric='inner', dtype='float32'\)"
    with pytest.raises(IncompatibleError, match=rf"^vectors of shape \(2, 2\) do not fit {shown}$"):
        filled().add(np.eye(2))
    with pytest.raises(IncompatibleError, match=rf"^queries of shape \(3,\) do not fit {shown}$"):
        filled().search([1.0, 2, 3])
    with pytest.raises(IncompatibleError, match=r"^1 ids do not fit 2 vectors$"):
        filled().add(np.eye(3)[:2], [7])
    with pytest.raises(
        IncompatibleError, match=r"^cannot merge FlatIndex.*with HammingIndex\(8\)$"
    ):
        filled().merge(HammingIndex(8))


def test_a_refused_batch_leaves_nothing():
    """Where one row is bad, none is taken in."""
    index = filled()
    with pytest.raises(ValueError, match="row 1"):
        index.add([[1, 1, 1], [np.inf, 1, 1]])
    assert len(index) == 5


def test_numbers_follow_the_largest():
    """Rows without an id get the numbers after the largest there is."""
    index = filled().add([[50, 0, 0]], [41]).add([[60, 0, 0]])
    assert index.search([[1, 0, 0]], 3).ids.tolist() == [[42, 41, 3]]


def test_the_caller_keeps_his_arrays():
    """Rows and ids are copied: what the caller does to his later changes nothing."""
    rows, ids = grown(5), np.arange(5)
    index = FlatIndex(3, metric="inner").add(rows, ids)
    before = index.to_bytes()
    rows[:], ids[:] = 0, 0
    assert index.to_bytes() == before


def test_of_equal_scores_the_lowest_id_is_first():
    """Rows as near as each other come in the order of their ids, also beyond the last answered."""
    index = FlatIndex(2, metric="l2").add(np.zeros((30, 2)), np.arange(30)[::-1])
    assert index.search([[1, 1]], 7).ids.tolist() == [list(range(7))]


def test_many_small_batches_make_few_parts():
    """Parts are joined as they come, so that a search looks at a handful."""
    index = FlatIndex(3, metric="inner")
    for i in range(300):
        index.add(grown(1) * (i + 1))
    assert len(index._state.parts) <= 6
    assert index.search([[1, 0, 0]], 1).ids.tolist() == [[299]]


def test_parts_are_dropped_and_swept():
    """A part of which all is gone is dropped; one that is mostly gone is made smaller."""
    index = filled(100)
    index.remove(np.arange(60))
    assert index.nbytes == 40 * (3 * 4 + 8)
    index.remove(np.arange(60, 100))
    assert (len(index), index.nbytes) == (0, 0)
    assert index.search(np.eye(3), 1).ids.tolist() == [[-1]] * 3


def test_opened_files_name_themselves(tmp_path):
    """A file that cannot be opened is named."""
    path = tmp_path / "index.thrifty"
    path.write_bytes(b"no index")
    with pytest.raises(FormatError, match=rf"^{path}: "):
        FlatIndex.open(path)
    HammingIndex(8).save(path)
    with pytest.raises(FormatError, match="'hamming-index'"):
        FlatIndex.open(path)


def test_an_opened_file_may_be_replaced(tmp_path):
    """Who has it open goes on with what was there; who opens it anew sees the new one."""
    path = tmp_path / "index.thrifty"
    filled().save(path)
    old = FlatIndex.open(path)
    filled(50).save(path)
    assert (len(old), len(FlatIndex.open(path))) == (5, 50)
    assert old.search([[1, 0, 0]], 1).ids.tolist() == [[3]]


def test_adds_from_many_threads():
    """Batches added at once are all there, under different ids."""
    index = FlatIndex(3, metric="inner")
    work = [threading.Thread(target=lambda: index.add(grown(10))) for _ in range(8)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert sorted(index.search([[1, 0, 0]], 80).ids[0]) == list(range(80))


def test_the_base_is_no_index():
    """What a kind of index must give is asked for."""
    bare = VectorIndex(2)
    with pytest.raises(NotImplementedError):
        bare.add([[1, 2]])
