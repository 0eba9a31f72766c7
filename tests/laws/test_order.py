"""Laws of orders: broken by each mixer that cheats."""

import itertools

import pytest

from thrifty.data import Mixer
from thrifty.laws.order import (
    an_epoch_is_a_permutation,
    epochs_and_seeds_differ,
    order_follows_seed_and_epoch_only,
    resume_equals_no_pause,
)


class Loses(Mixer):
    """Leaves out the last chunk."""

    def epoch(self, number, **options):
        """All chunks but the last."""
        return iter(list(super().epoch(number, **options))[:-1])


class Remembers(Mixer):
    """Lets what was read before change the order."""

    asked = 0

    def epoch(self, number, **options):
        """The order of another epoch each time."""
        self.asked += 1
        return super().epoch(number + self.asked, **options)


class Same(Mixer):
    """Gives every epoch in one order."""

    def epoch(self, number, **options):
        """The order of epoch 0."""
        return super().epoch(0, **options)


class Repeats(Mixer):
    """Resumes one chunk too early."""

    def epoch(self, number, *, start_chunk=0, **options):
        """The chunks from the one before start_chunk on."""
        return super().epoch(number, start_chunk=max(0, start_chunk - 1), **options)


@pytest.mark.parametrize(
    ("law", "cheat"),
    [
        (an_epoch_is_a_permutation, Loses),
        (order_follows_seed_and_epoch_only, Remembers),
        (epochs_and_seeds_differ, Same),
        (resume_equals_no_pause, Repeats),
    ],
)
def test_cheats_are_caught(law, cheat, tmp_path):
    """A sound mixer passes each law, and the one made to break it does."""
    numbers = itertools.count()

    def make(kind):
        return lambda seed=0: kind(tmp_path / str(next(numbers)), memory="1 MB", seed=seed)

    law(make(Mixer))
    with pytest.raises(AssertionError):
        law(make(cheat))
