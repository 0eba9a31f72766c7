"""SOLAR: its laws, forms of labels, answers from few buckets, bytes and edges."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from thrifty.core import FormatError, dump, record_of
from thrifty.laws import LAWS
from thrifty.learn import SOLAR, WideClassifier

LAW_CASES = [law for name in record_of(SOLAR).laws for law in LAWS[name]]


def made(**options):
    """A small one."""
    return SOLAR(4, "auto", tile=8, hidden=16, epochs=2, **options)


def texts(rows=600, labels=60, seed=0):
    """Sparse rows whose columns tell their labels, two each."""
    rng = np.random.default_rng(seed)
    own = rng.integers(0, labels, (rows, 2))
    codes = np.concatenate([own, labels + rng.integers(0, 50, (rows, 3))], axis=1)
    ends = np.arange(0, 5 * rows + 1, 5)
    x = csr_array((np.ones(5 * rows, np.float32), codes.ravel(), ends), shape=(rows, labels + 50))
    return x, [[f"label {i}" for i in row] for row in own]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(made)


def test_lists_of_labels_are_learned():
    """The best two of several labels are those of the row, as the wide learner has them."""
    x, y = texts()
    model = SOLAR(8, 20, probes=4, hidden=32, epochs=12).fit(x, y)
    ids, scores = model.top_k(x, 2)
    found = np.mean([len(set(a) & set(b)) / len(set(b)) for a, b in zip(ids, y, strict=True)])
    wide, _ = WideClassifier(hidden=32, linear="none", epochs=12).fit(x, y).top_k(x, 2)
    theirs = np.mean([len(set(a) & set(b)) / len(set(b)) for a, b in zip(wide, y, strict=True)])
    assert found > 0.9 * theirs
    assert (scores[:, 0] >= scores[:, 1]).all()
    sets = model.predict(x[:5])
    assert all(isinstance(row, list) for row in sets)
    chances = model.predict_proba(x[:5])
    assert ((chances >= 0) & (chances <= 1)).all()


def test_few_buckets_are_few_candidates():
    """Candidates of one bucket a repetition are at most the labels of the fullest buckets."""
    x, y = texts()
    model = SOLAR(8, 20, hidden=32, epochs=4).fit(x, y)
    ends, _ = model.candidates(x, probes=1)
    assert np.diff(ends).max() <= model.hash_.loads.max(axis=1).sum() < 60
    twice, _ = model.candidates(x, probes=1, least=2)
    assert (np.diff(twice) <= np.diff(ends)).all()


def test_saved_as_loaded(tmp_path):
    """A saved model answers alike; bytes that are cut, foreign or do not fit are refused."""
    x, y = texts(200)
    model = made().fit(x, y)
    model.save(tmp_path / "model")
    twin = SOLAR.load(tmp_path / "model")
    np.testing.assert_array_equal(twin.top_k(x, 3)[0], model.top_k(x, 3)[0])
    data = model.to_bytes()
    for bad in (data[:-1], dump(kind="wide-estimator", version=1, header={}, arrays={})):
        with pytest.raises(FormatError):
            SOLAR.from_bytes(bad)
    with pytest.raises(FormatError, match=r"^this file holds a SOLAR, not a WideClassifier$"):
        WideClassifier.from_bytes(data)
    model.hash_ = model._first_hash().random(7, 4, 3)
    with pytest.raises(FormatError, match="do not belong together"):
        SOLAR.from_bytes(model.to_bytes())


def test_refusals():
    """Bad arguments are named; one label is not explained."""
    x, y = texts(50)
    with pytest.raises(ValueError, match=r"^repetitions must be "):
        SOLAR(0).fit(x, y)
    with pytest.raises(ValueError, match=r"^classes must be given at the first call"):
        SOLAR(2).partial_fit(x, y)
    model = made(probes=0).fit(x, y)
    with pytest.raises(ValueError, match=r"^probes must be .*, got 0$"):
        model.top_k(x, 1)
    with pytest.raises(NotImplementedError, match=r"^SOLAR cannot say what moved one label$"):
        model.explain(x[:1])
