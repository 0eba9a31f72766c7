"""LabelHash: buckets against plain dictionaries, even loads, moves, bytes and edges."""

import numpy as np
import pytest

from thrifty.core import FormatError, IncompatibleError
from thrifty.learn import LabelHash


def some_scores(hashed, rows=20, seed=0):
    """Scores of all buckets."""
    return np.random.default_rng(seed).standard_normal((rows, hashed.outputs)).astype(np.float32)


def plain(hashed, scores, probes):
    """The plain formula: in how many repetitions a label is in the best buckets, and its sum."""
    met, totals = np.zeros((2, len(scores), hashed.num_labels))
    for r, own in enumerate(hashed.buckets):
        part = scores[:, r * hashed.size : (r + 1) * hashed.size]
        best = np.argsort(-part, axis=1, kind="stable")[:, :probes]
        for i, row in enumerate(best):
            met[i] += np.isin(own, row)
        totals += part[:, own]
    return met, totals


@pytest.mark.parametrize(("probes", "least"), [(1, 1), (3, 1), (3, 2), (11, 4)])
def test_candidates_and_answers_are_those_of_the_plain_formula(probes, least):
    """Candidates are in enough of the best buckets; the answers are the best sums among them."""
    hashed = LabelHash.random(90, 4, 11, seed=3)
    scores = some_scores(hashed)
    met, totals = plain(hashed, scores, probes)
    ends, labels = hashed.candidates(scores, probes, least)
    ids, best = hashed.top_k(scores, 5, most=probes, least=least)
    for i, row in enumerate(met):
        expected = np.flatnonzero(row >= least)
        assert sorted(labels[ends[i] : ends[i + 1]].tolist()) == expected.tolist()
        order = expected[np.argsort(-totals[i, expected], kind="stable")][:5]
        assert ids[i, : order.size].tolist() == order.tolist()
        np.testing.assert_allclose(best[i, : order.size], totals[i, order], rtol=1e-4, atol=1e-4)
        assert (ids[i, order.size :] == -1).all()
        assert (best[i, order.size :] == -np.inf).all()


def test_encoding_names_every_bucket_once():
    """A row's outputs are the buckets of its labels, rising, none twice; rows may be empty."""
    hashed = LabelHash.random(50, 3, 5, seed=1)
    offsets, ids = np.array([0, 4, 4, 5]), np.array([1, 7, 30, 44, 2], np.int32)
    ends, outputs = hashed.encode((offsets, ids))
    for i, own in enumerate((ids[:4], ids[:0], ids[4:])):
        expected = {r * 5 + b for r, row in enumerate(hashed.buckets) for b in row[own].tolist()}
        assert outputs[ends[i] : ends[i + 1]].tolist() == sorted(expected)


def test_two_labels_share_few_buckets():
    """Random labels share R / B buckets on average, within 4 standard errors."""
    hashed = LabelHash.random(400, 16, 20, choices=1, seed=5)
    pairs = np.random.default_rng(0).choice(400, (2, 4000))
    a, b = pairs[:, pairs[0] != pairs[1]]
    shared = (hashed.buckets[:, a] == hashed.buckets[:, b]).mean()
    assert abs(shared - 1 / 20) < 4 * np.sqrt(0.05 * 0.95 / (16 * 400))


def test_two_choices_are_even():
    """With two buckets to choose from, the fullest is nearer to the mean than with one."""
    fullest = [
        LabelHash.random(5000, 4, 100, choices=choices, seed=2).loads.max() for choices in (1, 2)
    ]
    assert fullest[0] > 50 + 2 * np.sqrt(50)
    assert 50 <= fullest[1] <= 53


def test_moving_takes_the_emptiest_of_the_best():
    """One choice takes the best bucket; with more, no label had an emptier one to choose."""
    rng = np.random.default_rng(4)
    hashed = LabelHash.random(600, 3, 12, seed=6)
    fits = rng.random((600, 12)).astype(np.float32)
    fits[:, 0] += 2  # everyone's favourite
    one = hashed.moved(1, fits, 1)
    assert (one.buckets[1] == 0).all()
    np.testing.assert_array_equal(one.buckets[[0, 2]], hashed.buckets[[0, 2]])
    some = hashed.moved(1, fits, 4, seed=1)
    top = np.argsort(-fits, axis=1)[:, :4]
    assert (top == some.buckets[1][:, None]).any(axis=1).all()
    assert some.loads[1].max() < 60 < one.loads[1].max()
    fits[:100] = 0
    stays = hashed.moved(1, fits, 4, seed=1)
    np.testing.assert_array_equal(stays.buckets[1, :100], hashed.buckets[1, :100])


def test_states_round_trip():
    """A map comes back from its state, and what does not belong together is refused."""
    hashed = LabelHash.random(30, 2, 7)
    header, arrays = hashed.state()
    twin = LabelHash.from_state(header, arrays)
    assert twin.size == 7
    np.testing.assert_array_equal(twin.buckets, hashed.buckets)
    assert twin.nbytes == hashed.nbytes == 3 * 4 * 60 + 8 * 15
    for bad in (({}, arrays), ({"size": 3}, arrays), (header, {}), ({"size": "x"}, arrays)):
        with pytest.raises(FormatError):
            LabelHash.from_state(*bad)


def test_refusals():
    """Each bad argument is named with its rule and value."""
    hashed = LabelHash.random(30, 2, 7)
    with pytest.raises(ValueError, match=r"^buckets must be in 0\.\.6, got 0\.\.7$"):
        LabelHash([[0, 7]], 7)
    with pytest.raises(IncompatibleError, match=r"^buckets of shape \(2,\) do not fit size 7$"):
        LabelHash([0, 1], 7)
    fit = r"fit LabelHash\(30 labels, 2 x 7\)$"
    with pytest.raises(IncompatibleError, match=r"^scores of shape \(1, 3\) do not " + fit):
        hashed.top_k(np.zeros((1, 3)), 1)
    with pytest.raises(IncompatibleError, match=r"^affinity of shape \(3, 7\) does not " + fit):
        hashed.moved(0, np.zeros((3, 7)), 1)
    with pytest.raises(IncompatibleError, match=r"^labels 30\.\.30 do not " + fit):
        hashed.encode((np.array([0, 1]), np.array([30], np.int32)))
    for call in (
        lambda: hashed.candidates(np.zeros((1, 14)), 0),
        lambda: hashed.candidates(np.zeros((1, 14)), 1, 3),
        lambda: hashed.top_k(np.zeros((1, 14)), 0),
        lambda: hashed.moved(2, np.zeros((30, 7)), 1),
        lambda: LabelHash.random(30, 0, 7),
    ):
        with pytest.raises(ValueError, match=r" must be .*, got -?\d$"):
            call()


def test_nothing_to_do():
    """No labels and no rows are no error."""
    none = LabelHash.random(0, 2, 3)
    assert none.top_k(np.zeros((2, 6)), 2)[0].tolist() == [[-1, -1], [-1, -1]]
    assert LabelHash.random(5, 2, 3).candidates(np.zeros((0, 6)), 1)[0].tolist() == [0]
