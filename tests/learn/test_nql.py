"""NQL: laws, the gradient against differences, relations learned from answers, refusals."""

import numpy as np
import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.learn import NQL, Triples

CASES = [law for name in record_of(NQL).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda *columns: NQL(Triples(*columns)))


def random_base(seed=0):
    """Thirty entities, four relations."""
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, 30, (2, 200))
    names = [[f"e{i:02}" for i in column] for column in ends]
    return Triples(names[0], [f"r{i}" for i in rng.integers(0, 4, 200)], names[1])


def test_weights_are_those_of_the_reified_formula():
    """follow(x, r) = (x S' * r R') O with the three matrices written out."""
    kb, rng = random_base(), np.random.default_rng(1)
    x, r = rng.random((5, len(kb.entities))), rng.random((5, 4))
    s, o = (np.eye(len(kb.entities))[column] for column in (kb.subject, kb.object))
    exact = ((x @ s.T) * (r @ np.eye(4)[kb.relation].T)) @ o
    np.testing.assert_allclose(NQL(kb).follow(x, r), exact)
    np.testing.assert_allclose(NQL(kb).follow(x, "r2"), NQL(kb).follow(x, np.eye(4)[2]))


def test_filter_keeps_what_is_related():
    """Of x, who has the relation to something in y."""
    kb = Triples(["ann", "bob", "cid"], ["in"] * 3, ["rome", "rome", "oslo"])
    nql = NQL(kb)
    x = nql.sets([["ann", "cid", "oslo"]])
    assert nql.members(nql.filter(x, "in", nql.sets([["rome"]]))) == [["ann"]]


def test_the_gradient_is_that_of_differences():
    """By coordinate, over two hops."""
    kb, rng = random_base(), np.random.default_rng(2)
    nql = NQL(kb, hops=2)
    asked, x = rng.random((6, 3)), rng.random((6, len(kb.entities)))
    y = rng.random((6, len(kb.entities)))
    y /= y.sum(axis=1, keepdims=True)
    nql.coef_ = rng.normal(size=(2, 3, 4))
    gradient = nql.loss_gradient(asked, x, y)[1]
    for place in np.ndindex(nql.coef_.shape):
        keep, losses = nql.coef_[place], []
        for move in (1e-6, -1e-6):
            nql.coef_[place] = keep + move
            losses.append(nql.loss_gradient(asked, x, y)[0])
        nql.coef_[place] = keep
        assert abs((losses[0] - losses[1]) / 2e-6 - gradient[place]) < 1e-6


def test_relations_are_learned_from_answers():
    """Three kinds of question of two hops: the paths are found, and new questions answered."""
    kb = random_base(3)
    nql = NQL(kb, hops=2, max_iter=150)
    paths, rng = [("r0", "r1"), ("r2", "r2"), ("r3", "r0")], np.random.default_rng(4)
    kinds = rng.integers(0, 3, 90)
    starts = np.eye(len(kb.entities))[rng.integers(0, len(kb.entities), 90)]
    answers = np.array([
        nql.follow(nql.follow(x[None], paths[kind][0]), paths[kind][1])[0]
        for kind, x in zip(kinds, starts, strict=True)
    ])  # fmt: skip
    able = answers.sum(axis=1) > 0
    questions = np.eye(3)[kinds]
    nql.fit(questions[able], starts[able], answers[able] > 0)
    for kind, path in enumerate(paths):
        for hop, name in enumerate(path):
            assert kb.relations[nql.coef_[hop, kind].argmax()] == name
    assert nql.losses_[-1] < nql.losses_[0]
    found = nql.predict(questions[able], starts[able])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert ((found > 0.02) == (answers[able] > 0)).mean() > 0.98


def test_the_seed_decides():
    """Twice the same weights; others from another seed."""
    kb = random_base()
    x = NQL(kb).sets([["e00"], ["e01"]])
    first, same, other = (NQL(kb, max_iter=3, seed=s).fit(np.eye(2), x, x).coef_ for s in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_refusals():
    """What does not fit is named."""
    kb = random_base()
    nql, x = NQL(kb), NQL(kb).sets([["e00"]])
    with pytest.raises(IncompatibleError, match=r"^x of shape \(1, 3\) does not fit 30 entities$"):
        nql.follow(np.ones((1, 3)), "r0")
    with pytest.raises(
        IncompatibleError, match=r"^relations of shape \(3,\) do not fit 4 relations$"
    ):
        nql.follow(x, np.ones(3))
    with pytest.raises(ValueError, match=r"^relation must be known, got 'r9'$"):
        nql.follow(x, "r9")
    with pytest.raises(ValueError, match=r"^hops must be in 1\.\.10, got 0$"):
        NQL(kb, hops=0)
    with pytest.raises(
        IncompatibleError, match=r"^2 questions, 1 starts and 1 answers do not fit$"
    ):
        nql.fit(np.eye(2), x, x)
    with pytest.raises(ValueError, match=r"^answers must not be empty, got question 0$"):
        nql.fit(np.ones((1, 2)), x, 0 * x)
    nql.fit(np.ones((1, 2)), x, x)
    with pytest.raises(
        IncompatibleError,
        match=r"^questions of shape \(1, 3\) and starts of shape \(1, 30\) do not fit \(1, 2, 4\)$",
    ):
        nql.predict(np.ones((1, 3)), x)
    with pytest.raises(
        IncompatibleError, match=r"^questions of shape \(3,\) do not fit \(n, features\)$"
    ):
        nql.predict(np.ones(3), x)
