"""Laws of LSH families: a sound family keeps each, and each is broken by the fault it is for."""

import numpy as np
import pytest

from thrifty.laws import LAWS


class Signs:
    """The sign of 60 random projections, in plain NumPy."""

    dim, tables, num_codes = 8, 60, 2

    def __init__(self):
        self.planes = np.random.default_rng(9).standard_normal((self.dim, self.tables))

    def __call__(self, x):
        """Codes of a batch of vectors."""
        with np.errstate(invalid="ignore"):
            return (x.astype(np.float64) @ self.planes > 0).astype(np.int32)

    def collision(self, similarity):
        """Goemans and Williamson's probability that a sign agrees."""
        return 1 - np.arccos(similarity) / np.pi


class Unseeded(Signs):
    """Draws its planes anew each time."""

    def __init__(self):
        self.planes = np.random.default_rng().standard_normal((self.dim, self.tables))


class OfTheBatch(Signs):
    """Centres each batch on itself, so that the company a row keeps matters."""

    def __call__(self, x):
        """Codes of the batch less its mean."""
        return super().__call__(x - x.mean(axis=0))


class OffByOne(Signs):
    """Counts codes from one."""

    def __call__(self, x):
        """Codes 1 and 2."""
        return super().__call__(x) + np.int32(1)


class Shifted(Signs):
    """Adds a constant to each projection, so that length matters."""

    def __call__(self, x):
        """Codes of the shifted projections."""
        return (x @ self.planes > 10).astype(np.int32)


class Angle(Signs):
    """Claims another kernel than its own."""

    def collision(self, similarity):
        """Linear in the cosine: right at -1, 0 and 1 only."""
        return (1 + similarity) / 2


@pytest.mark.parametrize("law", LAWS["lsh"], ids=lambda law: law.__name__)
def test_a_sound_family_keeps_the_law(law):
    """The slow, obvious family passes."""
    law(Signs)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("codes_repeat", Unseeded),
        ("codes_repeat", OfTheBatch),
        ("codes_are_in_range", OffByOne),
        ("length_does_not_matter", Shifted),
        ("collisions_match_kernel", Angle),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_fault_breaks_its_law(name, broken):
    """The law that is there for the fault is the one that notices."""
    law = {law.__name__: law for law in LAWS["lsh"]}[name]
    with pytest.raises(AssertionError):
        law(broken)
