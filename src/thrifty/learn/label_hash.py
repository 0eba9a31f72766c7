"""Label hash: very many labels as few buckets, several times over, and back by inverted lists."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.core import FormatError, IncompatibleError, taken, whole
from thrifty.learn import _label_kernels as kernels
from thrifty.learn.tile import Labels

__all__ = ["LabelHash"]

MOST = 2**31 - 1


class LabelHash:
    """R repetitions of B buckets, with every label in one bucket of each repetition.

    A learner of R * B outputs then stands for any number of labels: a label's score is the sum over
    its buckets, and the labels in the best buckets of a row are the only ones worth scoring. As
    codes of R ones among R * B places, two labels share R / B of them on average. This is the map
    of MACH and FedMLH (random), SOLAR (random, fixed) and IRLI (learned, see `moved`).

    Args:
        buckets: (R, labels) of 0..size - 1.
        size: B, the buckets of a repetition.

    Raises:
        IncompatibleError: buckets are not of two dimensions, or R * B is above 2**31 - 1.
        ValueError: a bucket is outside the range.

    Example:
        >>> hashed = LabelHash.random(1000, 4, 50, seed=1)
        >>> loads = hashed.loads
        >>> loads.shape, bool(loads.sum() == 4000), bool(loads.max() <= 22)   # 20 on average
        ((4, 50), True, True)
        >>> outputs = np.zeros((1, 200), np.float32)
        >>> outputs[0, np.arange(4) * 50 + hashed.buckets[:, 7]] = 1.0
        >>> hashed.top_k(outputs, 1, most=1)[0].tolist()
        [[7]]
    """

    def __init__(self, buckets: ArrayLike, size: int) -> None:
        held = np.ascontiguousarray(buckets, np.int32)
        self.size = whole("size", size, 1, MOST)
        if held.ndim != 2 or len(held) * self.size > MOST:
            raise IncompatibleError(f"buckets of shape {held.shape} do not fit size {size}")
        if held.size and not 0 <= held.min() <= held.max() < size:
            raise ValueError(f"buckets must be in 0..{size - 1}, got {held.min()}..{held.max()}")
        self.buckets, self._columns = held, np.ascontiguousarray(held.T)
        self._lists = _lists(held, self.size)

    @classmethod
    def random(
        cls, labels: int, repetitions: int, size: int, *, choices: int = 2, seed: int = 0
    ) -> Self:
        """Labels dealt by chance, each to the emptiest of some buckets drawn for it.

        Args:
            labels: how many.
            repetitions: R, at least 1. size: B, at least 1.
            choices: buckets drawn a label and repetition; 1 is plain hashing, and from 2 on the
                fullest is hardly fuller than the others.
            seed: of the draws.

        Raises:
            ValueError: an argument outside its range.
        """
        whole("labels", labels, 0, MOST), whole("size", size, 1, MOST)
        rng = np.random.default_rng([seed, 0x1ABE])
        buckets = np.empty((whole("repetitions", repetitions, 1, 65536), labels), np.int32)
        for own in buckets:
            drawn = rng.integers(0, size, (labels, whole("choices", choices, 1, 64)), np.int32)
            kernels.deal(drawn, np.zeros(size, np.int64), own)
        return cls(buckets, size)

    def __repr__(self) -> str:
        return f"LabelHash({self.num_labels} labels, {self.repetitions} x {self.size})"

    @property
    def repetitions(self) -> int:
        """R."""
        return len(self.buckets)

    @property
    def num_labels(self) -> int:
        """How many labels there are."""
        return self.buckets.shape[1]

    @property
    def outputs(self) -> int:
        """R * B, what a learner of these buckets must answer."""
        return self.repetitions * self.size

    @property
    def nbytes(self) -> int:
        """Bytes of the buckets, by repetition and by label, and of their lists."""
        return sum(array.nbytes for array in (self.buckets, self._columns, *self._lists))

    @property
    def loads(self) -> NDArray[np.int64]:
        """Labels of each bucket, (R, B)."""
        counts = [np.bincount(own, minlength=self.size) for own in self.buckets]
        return np.stack(counts).astype(np.int64)

    def encode(self, labels: Labels) -> Labels:
        """What a learner of the buckets is taught: the outputs of each row, rising, none twice.

        Args:
            labels: offsets (n + 1,) int64 and ids int32 of each row's labels.

        Raises:
            IncompatibleError: an id is not a label.
        """
        offsets, ids = labels
        if ids.size and not 0 <= ids.min() <= ids.max() < self.num_labels:
            raise IncompatibleError(f"labels {ids.min()}..{ids.max()} do not fit {self!r}")
        rows = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
        outputs = self.buckets[:, ids] + self.size * np.arange(self.repetitions)[:, None]
        pairs = np.unique((rows * np.int64(self.outputs) + outputs).ravel())
        counts = np.bincount(pairs // self.outputs, minlength=offsets.size - 1)
        return np.append(0, np.cumsum(counts)).astype(np.int64), (pairs % self.outputs).astype("i4")

    def candidates(
        self, scores: ArrayLike, most: int, least: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The labels in the best buckets of each row.

        Args:
            scores: (n, R * B) float32.
            most: buckets looked into in each repetition; B for every label.
            least: repetitions in which a label must be met, 1..R.

        Returns:
            offsets (n + 1,) and labels: row i has labels[offsets[i]:offsets[i + 1]].

        Raises:
            IncompatibleError: scores of another width.
            ValueError: most or least outside the range.
        """
        held = self._fitting(scores)
        whole("least", least, 1, self.repetitions)
        shape = (len(held), self.repetitions, min(whole("most", most, 1, MOST), self.size))
        best, offsets = np.empty(shape, np.int32), np.zeros(len(held) + 1, np.int64)
        kernels.top_buckets(held, self.size, best)
        room, counts = 0, np.zeros(self.num_labels, np.int32)
        labels = np.empty(room, np.int32)
        for _ in range(2):  # the first only counts
            room = kernels.gather(best, self.size, *self._lists, least, counts, offsets, labels)
            labels = labels if labels.size == room else np.empty(room, np.int32)
        return offsets, labels

    def top_k(
        self, scores: ArrayLike, k: int, *, most: int | None = None, least: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The labels whose buckets score most together, among the candidates.

        Args:
            scores: (n, R * B) float32, larger is better.
            k: labels wanted, at least 1.
            most, least: as of `candidates`; None looks at every label.

        Returns:
            labels (n, k), best first, then lowest, and sums of scores; -1 and -inf where there are
            fewer.

        Raises:
            IncompatibleError: scores of another width.
            ValueError: k, most or least outside the range.
        """
        held = self._fitting(scores)
        offsets, labels = self.candidates(held, self.size if most is None else most, least)
        return self.ranked(held, k, offsets, labels)

    def ranked(
        self, scores: ArrayLike, k: int, offsets: NDArray, labels: NDArray
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The best of given candidates; arguments and answer as of `candidates` and `top_k`."""
        held, shape = self._fitting(scores), (len(offsets) - 1, whole("k", k, 1, MOST))
        ids, best = np.full(shape, -1, np.int32), np.full(shape, -np.inf, np.float32)
        kernels.rank(held, self.size, self._columns, offsets, labels, ids, best)
        return ids, best

    def moved(self, repetition: int, affinity: ArrayLike, choices: int, *, seed: int = 0) -> Self:
        """The map with the labels of one repetition dealt anew to buckets that they fit.

        Labels are taken in a random order; each goes to the emptiest of the `choices` buckets of
        its largest affinity (the power of choices keeps them even). Those of none stay.

        Args:
            repetition: which, 0..R - 1.
            affinity: (labels, B) float32 of at least 0.
            choices: buckets that a label may choose from; 1 takes the best, however full.
            seed: of the order.

        Raises:
            IncompatibleError: affinity of another shape.
            ValueError: repetition or choices outside the range.
        """
        whole("repetition", repetition, 0, self.repetitions - 1)
        fits = np.ascontiguousarray(affinity, np.float32)
        if fits.shape != (self.num_labels, self.size):
            raise IncompatibleError(f"affinity of shape {fits.shape} does not fit {self!r}")
        buckets = self.buckets.copy()
        stays = ~(fits > 0).any(axis=1)
        loads = np.bincount(buckets[repetition, stays], minlength=self.size).astype(np.int64)
        order = np.random.default_rng([seed, repetition, 0x3011]).permutation(self.num_labels)
        count = min(whole("choices", choices, 1, MOST), self.size)
        kernels.place(fits, order, count, loads, buckets[repetition])
        return type(self)(buckets, self.size)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """A JSON-able header and every array; `from_state` is the inverse."""
        return {"size": self.size}, {"buckets": self.buckets}

    @classmethod
    def from_state(cls, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Inverse of `state`.

        Raises:
            FormatError: header and arrays do not belong together.
        """
        try:
            return cls(taken(arrays, "buckets", np.int32, (None, None)), header["size"])
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"label hash is damaged: {error}") from error

    def _fitting(self, scores: ArrayLike) -> NDArray[np.float32]:
        held = np.ascontiguousarray(scores, np.float32)
        if held.ndim != 2 or held.shape[1] != self.outputs:
            raise IncompatibleError(f"scores of shape {held.shape} do not fit {self!r}")
        return held


def _lists(buckets: NDArray[np.int32], size: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Bounds of each output's labels, and the labels of one output after the other."""
    repetitions, labels = buckets.shape
    outputs = (buckets + size * np.arange(repetitions)[:, None]).ravel()
    order = np.argsort(outputs, kind="stable")
    counts = np.bincount(outputs, minlength=repetitions * size)
    members = (order % max(1, labels)).astype(np.int32)
    return np.append(0, np.cumsum(counts)).astype(np.int64), members
