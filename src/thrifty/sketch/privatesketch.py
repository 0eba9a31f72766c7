"""Private sketch: densities of people's rows that may be published, by noise on RACE counters."""

import math
import os
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from thrifty.core import Interval, Summary, in_range, method, taken
from thrifty.sketch._lsh import mean_of_tables
from thrifty.sketch.race import RACE

__all__ = ["PrivateSketch", "two_sided_geometric"]

WORD = 2.0**64
DEEPEST = 2.0**-70
LARGEST = 2**31 - 1


def two_sided_geometric(
    shape: tuple[int, ...], epsilon: float, sensitivity: int, *, seed: int | None = None
) -> NDArray[np.int64]:
    """Integer noise that hides a change of `sensitivity` in a count up to a factor exp(epsilon).

    The difference of two geometric numbers with ratio a = exp(-epsilon / sensitivity): P(k) is
    (1 - a) / (1 + a) * a**abs(k), the variance 2 * a / (1 - a)**2. The bits of a geometric number
    are independent, so each is drawn by comparing a word of the system's random source with a
    threshold; no floating-point number is ever drawn.

    Args:
        shape: of the answer.
        epsilon: 1e-6..100.
        sensitivity: 1..2**31 - 1.
        seed: for tests only: noise that can be drawn again hides nothing. None for the system's
            secure source.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> noise = two_sided_geometric((100_000,), 1.0, 2, seed=1)
        >>> a = np.exp(-1 / 2)
        >>> bool(abs(noise.var() / (2 * a / (1 - a) ** 2) - 1) < 0.05)
        True
    """
    rate = in_range("epsilon", epsilon, 1e-6, 100) / in_range(
        "sensitivity", sensitivity, 1, LARGEST
    )
    words = _secure if seed is None else np.random.default_rng([seed, 0xD1FF]).bytes
    size = math.prod(shape)
    return (_geometric(size, rate, words) - _geometric(size, rate, words)).reshape(shape)


def _secure(nbytes: int) -> bytes:
    return os.urandom(nbytes)


def _geometric(size: int, rate: float, words: Callable[[int], bytes]) -> NDArray[np.int64]:
    """Numbers k >= 0 with chances proportional to exp(-rate * k), bit by bit."""
    found, bit = np.zeros(size, np.int64), 0
    while True:
        chance = 1 / (1 + math.exp(min(rate * 2.0**bit, 700)))
        if chance < DEEPEST or bit == 62:
            return found
        drawn = np.frombuffer(words(8 * size), np.uint64)
        found |= (drawn < np.uint64(int(chance * WORD))).astype(np.int64) << bit
        bit += 1


@method(
    source="Coleman and Shrivastava 2021, A one-pass distributed and private sketch for kernel "
    "sums with applications to machine learning at scale, doi:10.1145/3460120.3485255; noise: "
    "Ghosh, Roughgarden and Sundararajan 2009, doi:10.1145/1536414.1536464",
    memory="8 * tables * width bytes",
    time="one draw of noise a counter; questions as of RACE",
    error="epsilon-differential privacy; a density of n rows has a standard error of about "
    "sqrt(2 * tables) * contribution / (epsilon * n) more than RACE's",
    exact="kernel density with the collision probability as kernel",
    laws=("privacy",),
    evidence=("privatesketch",),
)
class PrivateSketch(Summary):
    """A RACE sketch of people's rows with noise, that may be published.

    Noise is added once, to every counter, by `release`; what is asked afterwards costs no more
    privacy. Whether one more person is in the stream changes the chance of any outcome by a factor
    of at most exp(epsilon). The number of rows is not released: it is estimated. Sketches of
    different people merge, and keep the promise of each.

    The family's seed may be public. Its width, and anything that scales the rows, must not be
    fitted on the private rows, and every row must be of one person.

    Args:
        race: the sketch; it does not change.
        epsilon: 1e-6..100; the smaller, the more private.
        contribution: the largest sum of absolute weights that one person adds to a table; 2 where
            each row is added together with its opposite.
        replace: promise for one person replaced by another, not only added or left out: twice the
            noise.
        seed: for tests only; None for the system's secure source.

    Raises:
        TypeError: not a RACE sketch.
        ValueError: an argument is out of range.

    Example:
        >>> from thrifty.hashing import SimHash
        >>> x = np.random.default_rng(0).standard_normal((5000, 4))
        >>> race = RACE(SimHash(4, 2, 50, seed=1)).add(x)
        >>> private = PrivateSketch.release(race, epsilon=1.0)
        >>> bool(abs(private.density(x[:1])[0] - race.density(x[:1])[0]) < 0.05)
        True
    """

    KIND = "private-sketch"

    def __init__(self, noisy: RACE, epsilon: float, contribution: int, replace: bool) -> None:
        self._race, self.epsilon = noisy, float(in_range("epsilon", epsilon, 1e-6, 100))
        self.contribution = int(in_range("contribution", contribution, 1, 10**6))
        self.replace, self.parts = bool(replace), 1

    @classmethod
    def release(
        cls,
        race: RACE,
        epsilon: float,
        *,
        contribution: int = 1,
        replace: bool = False,
        seed: int | None = None,
    ) -> Self:
        """Add the noise; see the class."""
        if not isinstance(race, RACE):
            raise TypeError(f"race must be a RACE sketch, got {type(race).__name__}")
        noisy = race.copy()
        private = cls(noisy, epsilon, contribution, replace)
        shape = noisy.counts.shape
        noisy.counts += two_sided_geometric(shape, epsilon, private.sensitivity, seed=seed)
        return private

    @property
    def sensitivity(self) -> int:
        """How much one person can change all counters together."""
        return len(self._race.counts) * self.contribution * (2 if self.replace else 1)

    @property
    def noise_variance(self) -> float:
        """Of a counter."""
        a = math.exp(-self.epsilon / self.sensitivity)
        return self.parts * 2 * a / (1 - a) ** 2

    def total(self, confidence: float = 0.95) -> Interval:
        """Estimated sum of weights: the mean over tables.

        Raises:
            ValueError: confidence is out of range.
        """
        counts = self._race.counts
        error = math.sqrt(self.noise_variance * counts.shape[1] / len(counts))
        reach = float(ndtri(0.5 + in_range("confidence", confidence, 0.5, 0.9999) / 2)) * error
        estimate = float(counts.sum() / len(counts))
        return Interval(estimate, estimate - reach, estimate + reach)

    def estimate(self, x: ArrayLike) -> NDArray[np.float64]:
        """Sum of weights times the kernel between each query and the rows.

        Args:
            x: (n, dim) float32.

        Returns:
            (n,) float64; NaN where a query is not finite.

        Raises:
            IncompatibleError: rows of another width.
        """
        return self._each_table(x).mean(axis=1)

    def density(self, x: ArrayLike) -> NDArray[np.float64]:
        """Mean of the kernel over the rows, kept in 0..1."""
        total = max(self.total().estimate, 1.0)
        return np.clip(self.estimate(x) / total, 0, 1)

    def interval(self, x: ArrayLike, confidence: float = 0.95) -> Interval:
        """Estimates, and for each the ends that the spread between tables gives, noise included.

        Raises:
            IncompatibleError: rows of another width.
            ValueError: confidence is out of range.
        """
        return mean_of_tables(self._each_table(x), confidence)

    def _each_table(self, x: ArrayLike) -> NDArray[np.float64]:
        """As RACE's, where each table has a total of its own because of the noise."""
        race = self._race
        found = race.each_table(x)
        if race.width is None:
            return found
        raw = found * (1 - 1 / race.width) + race.total / race.width
        return (raw - self.total().estimate / race.width) / (1 - 1 / race.width)

    def spec(self) -> dict[str, Any]:
        """The family, the width, and what is promised."""
        promised = {"epsilon": self.epsilon, "contribution": self.contribution}
        return {**self._race.spec(), **promised, "replace": self.replace}

    def arrays(self) -> dict[str, np.ndarray]:
        """The noisy counters, and how many sketches they are the sum of."""
        return {"counts": self._race.counts, "parts": np.array([self.parts], np.int64)}

    def __repr__(self) -> str:
        return f"PrivateSketch({self._race!r}, epsilon={self.epsilon})"

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The sketch of this spec and these counters."""
        noisy = RACE.restored(spec, arrays)
        private = cls(noisy, spec["epsilon"], spec["contribution"], spec["replace"])
        parts = int(taken(arrays, "parts", np.int64, (1,))[0])
        private.parts = int(in_range("parts", parts, 1, LARGEST))
        return private

    def _absorb(self, other: Self) -> None:
        self._race.counts += other._race.counts
        self.parts += other.parts
