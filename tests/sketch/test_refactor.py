"""Refactor: the Gram matrix is never raised, lowered by what is said, and edges."""

import numpy as np
import pytest

from thrifty.sketch import refactored


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (20, 20), (1, 5), (5, 1)])
@pytest.mark.parametrize("ell", [1, 3, 10, 40])
def test_the_gram_matrix_is_kept_but_for_the_loss(shape, ell):
    """A'A - B'B has eigenvalues in 0..lost, and lost is the square of singular value ell + 1."""
    a = np.random.default_rng(ell).normal(size=shape) * 0.7 ** np.arange(shape[1])
    rows, lost = refactored(a, ell)
    values = np.append(np.linalg.svd(a, compute_uv=False) ** 2, np.zeros(50))
    ends = np.linalg.eigvalsh(a.T @ a - rows.T @ rows)
    slack = 1e-12 * values[0]
    assert len(rows) <= min(ell, *shape)
    np.testing.assert_allclose(lost, values[ell], atol=slack)
    assert ends.min() >= -slack
    assert ends.max() <= lost + slack
    np.testing.assert_allclose((rows**2).sum(axis=1), values[: len(rows)] - lost, atol=slack)
    assert (ell + 1) * lost <= (a**2).sum() - (rows**2).sum() + slack


def test_rows_are_in_order_and_have_one_sign():
    """Falling lengths, orthogonal, the largest number of each positive; twice is once."""
    a = np.random.default_rng(0).normal(size=(12, 6))
    rows, _ = refactored(a, 4)
    gram = rows @ rows.T
    np.testing.assert_allclose(gram, np.diag(np.sort(np.diag(gram))[::-1]), atol=1e-12)
    assert (rows[np.arange(4), np.abs(rows).argmax(axis=1)] > 0).all()
    again, lost = refactored(-rows, 4)
    np.testing.assert_allclose(again, rows, atol=1e-12)
    assert lost == 0


def test_edges():
    """No rows, zeros, numbers near the ends of float64, and refusals."""
    assert refactored(np.zeros((0, 3)), 2)[0].shape == (0, 3)
    assert refactored(np.zeros((5, 3)), 2)[0].shape == (0, 3)
    for size in (1e150, 1e-150):
        rows, _ = refactored(np.eye(3) * size, 3)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), size)
    with pytest.raises(ValueError, match=r"^stack must be \(n, d\), got shape \(3,\)$"):
        refactored([1.0, 2.0, 3.0], 1)
    with pytest.raises(ValueError, match=r"^ell must be in 1\.\..*, got 0$"):
        refactored([[1.0]], 0)
