"""Profile twins: equal rows meet, others do not, near ones as often as the eighth power says."""

from itertools import product
from string import ascii_lowercase

import numpy as np
import pyarrow as pa

from thrifty.models.profile_twins import near_hashes, row_hashes


def batch(**columns):
    """A batch of these columns."""
    return pa.RecordBatch.from_pydict(columns)


def test_equal_rows_meet_whatever_their_columns():
    """Numbers, texts, nulls and lists take part; the order of columns matters."""
    rows = batch(
        n=[1.0, 1.0, 2.0, None, None], t=["a", "a", "a", "b", None],
        l=[["x", "y"], ["y", "x"], ["x", "y"], None, []],
    )  # fmt: skip
    found = row_hashes(rows)
    assert found[0] == found[1]
    assert len(set(found.tolist())) == 4
    assert row_hashes(batch(a=["x"], b=["y"])) != row_hashes(batch(a=["y"], b=["x"]))
    assert (row_hashes(rows, 1) != found).all()


def test_a_slice_hashes_as_the_whole():
    """Where a batch is cut does not matter."""
    rows = batch(t=["a", "b", "c", None], l=[["x"], None, ["y", "z"], []])
    for made in (row_hashes, near_hashes):
        whole = made(rows)
        np.testing.assert_array_equal(np.append(made(rows.slice(0, 1)), made(rows.slice(1))), whole)


def test_near_rows_meet_as_often_as_the_eighth_power():
    """Of 4,000 pairs of texts that overlap by 18/22, (9/11)**8 share a hash, 4 standard errors."""
    names = np.array(["".join(pair) for pair in product(ascii_lowercase, repeat=2)])
    rng = np.random.default_rng(1)
    picks = np.argsort(rng.random((4_000, 676)), axis=1)[:, :220]
    one, two = ([" ".join(names[p]) for p in part] for part in (picks[:, :200], picks[:, 20:]))
    share = (near_hashes(batch(t=one), ["t"]) == near_hashes(batch(t=two), ["t"])).mean()
    expected = (180 / 220) ** 8
    assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 4_000)


def test_without_texts_the_values_are_the_words():
    """Two rows that share 19 of 20 columns often meet; rows that share none never do."""
    rng = np.random.default_rng(0)
    rows = rng.random((2_000, 20))
    changed = rows.copy()
    changed[:, 0] += 1
    hashes = [
        near_hashes(batch(**{f"c{j}": x[:, j] for j in range(20)}))
        for x in (rows, changed, 2 + rows)
    ]
    expected = (19 / 21) ** 8
    share = (hashes[0] == hashes[1]).mean()
    assert abs(share - expected) < 0.1
    assert not (hashes[0] == hashes[2]).any()
