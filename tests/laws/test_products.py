"""Laws of products: broken by each matrix that cheats."""

import numpy as np
import pytest

from thrifty.laws.products import each_vector_alone, nothing_gives_nothing, within_the_bound


class Honest:
    """Multiplies with its float matrix."""

    shape = (6, 5)

    def decode(self):
        """The matrix."""
        return np.random.default_rng(0).standard_normal(self.shape).astype(np.float32)

    def times(self, x, threads=1):
        """Products, one vector at a time."""
        rows = self.decode()
        found = [(row[None] * rows).sum(axis=1) for row in x]
        return np.array(found, np.float32).reshape(len(x), self.shape[0])

    def bound(self, x):
        """Rounding alone."""
        return 1e-5 * np.abs(x) @ np.abs(self.decode()).T


class Off(Honest):
    """A bit more than it says."""

    def times(self, x, threads=1):
        """Products times 1.001."""
        return super().times(x) * np.float32(1.001)


class Together(Honest):
    """Scaled by what else is asked."""

    def times(self, x, threads=1):
        """Products, rounded to a step of the largest."""
        found = super().times(x)
        step = np.abs(found).max(initial=0) / 1e6
        return (np.rint(found / step) * step if step else found).astype(np.float32)


class Shifted(Honest):
    """Answers to nothing."""

    def times(self, x, threads=1):
        """Products and a bit."""
        return super().times(x) + np.float32(1e-30)


@pytest.mark.parametrize(
    ("law", "matrix"),
    [(within_the_bound, Off), (each_vector_alone, Together), (nothing_gives_nothing, Shifted)],
)
def test_a_law_notices(law, matrix):
    """Each law is kept by an honest matrix and broken by one that cheats."""
    law(Honest)
    with pytest.raises(AssertionError):
        law(matrix)
