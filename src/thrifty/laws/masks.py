"""Laws of masks: a factory makes what chooses, from scores and a share, the elements that stay.

A law feeds it float32 arrays of two axes and shares in 0..1; it answers a bool array of the same
shape. Each law raises AssertionError if broken.
"""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

__all__ = ["LAWS"]

Make = Callable[[], Callable[[np.ndarray, float], np.ndarray]]
checked = settings(deadline=None, max_examples=40, derandomize=True)
SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
SCORES = hnp.arrays(np.float32, SHAPES, elements=st.floats(-10, 10, width=16))
SHARES = st.floats(0, 1)


def share_is_exact(make: Make) -> None:
    """As many stay as the share asks for, to the nearest whole element."""

    @checked
    @given(SCORES, SHARES)
    def check(scores: np.ndarray, share: float) -> None:
        mask = make()(scores, share)
        assert (mask.shape, mask.dtype) == (scores.shape, np.bool_)
        assert mask.sum() == round(share * scores.size)

    check()


def largest_stay(make: Make) -> None:
    """What stays scores no less than what goes."""

    @checked
    @given(SCORES, SHARES)
    def check(scores: np.ndarray, share: float) -> None:
        mask = make()(scores, share)
        if mask.any() and not mask.all():
            assert scores[mask].min() >= scores[~mask].max()

    check()


def masks_nest(make: Make) -> None:
    """What a smaller share keeps, a larger one keeps too."""

    @checked
    @given(SCORES, SHARES, SHARES)
    def check(scores: np.ndarray, one: float, two: float) -> None:
        small, large = (make()(scores, share) for share in sorted((one, two)))
        assert not (small & ~large).any()

    check()


LAWS = {"masks": (share_is_exact, largest_stay, masks_nest)}
