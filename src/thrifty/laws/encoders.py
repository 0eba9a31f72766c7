"""Laws of encoders of texts: a factory gives one that has learned."""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LAWS"]

TEXTS = [
    "a red bus stops",
    "",
    "the cat sleeps on the bus",
    "red red cats",
    "\u03b1\u03b2\u03b3",
    None,
]


def unit_or_nothing(make: Callable[[], Any]) -> None:
    """A vector has length 1, or is 0 where nothing of the text is known."""
    made = make().encode(TEXTS)
    norms = np.linalg.norm(made, axis=1)
    assert made.shape == (len(TEXTS), make().dim)
    assert made.dtype == np.float32
    assert ((abs(norms - 1) < 1e-3) | (norms == 0)).all()
    assert norms[1] == norms[5] == 0


def alone_or_together(make: Callable[[], Any]) -> None:
    """A vector does not depend on the texts beside it."""
    encoder = make()
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, together, atol=1e-5)


def same_seed_same_vectors(make: Callable[[], Any]) -> None:
    """Made twice alike, it answers alike; and so does what was saved."""
    one, two = make(), make()
    assert (one.encode(TEXTS) == two.encode(TEXTS)).all()
    assert (type(one).from_bytes(one.to_bytes()).encode(TEXTS) == one.encode(TEXTS)).all()


LAWS = {"encoders": (unit_or_nothing, alone_or_together, same_seed_same_vectors)}
