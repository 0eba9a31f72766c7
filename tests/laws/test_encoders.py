"""Laws of encoders: broken by each encoder that cheats."""

import numpy as np
import pytest

from thrifty.laws.encoders import alone_or_together, same_seed_same_vectors, unit_or_nothing


class Honest:
    """Letters counted, of length 1."""

    dim = 26

    def encode(self, texts):
        """As an encoder does."""
        made = np.zeros((len(texts), 26), np.float32)
        for row, text in enumerate(texts):
            for letter in text or "":
                if "a" <= letter <= "z":
                    made[row, ord(letter) - 97] += 1
        norms = np.linalg.norm(made, axis=1, keepdims=True)
        return (made / np.where(norms > 0, norms, 1)).astype(np.float32)

    def to_bytes(self):
        """There is no state."""
        return b""

    @classmethod
    def from_bytes(cls, data):
        """There is no state."""
        return cls()


class Long(Honest):
    """Vectors of length 2."""

    def encode(self, texts):
        """As an encoder does."""
        return 2 * super().encode(texts)


class Centred(Honest):
    """Less the mean of the batch."""

    def encode(self, texts):
        """As an encoder does."""
        made = super().encode(texts)
        return made - made.mean(axis=0)


class Moody(Honest):
    """Another one each time."""

    count = 0

    def encode(self, texts):
        """As an encoder does."""
        Moody.count += 1
        return np.roll(super().encode(texts), Moody.count, axis=1)


CHEATS = [
    (unit_or_nothing, Long),
    (alone_or_together, Centred),
    (same_seed_same_vectors, Moody),
]


@pytest.mark.parametrize(("law", "cheat"), CHEATS, ids=[law.__name__ for law, _ in CHEATS])
def test_cheats_are_caught(law, cheat):
    """Each law is broken by a member made to break it, and kept by an honest one."""
    law(Honest)
    with pytest.raises(AssertionError):
        law(cheat)
