"""Selectors: the five ways to choose negatives, by name."""

import numpy as np
from numpy.typing import ArrayLike

from thrifty.core import one_of, parse_bytes
from thrifty.index import MaxIPIndex
from thrifty.learn.lss import LSS
from thrifty.learn.negatives import HiddenLSH, LabelLSH, LogFrequency, Selector, Uniform

__all__ = ["make_selector"]

NAMES = ("uniform", "log-frequency", "lsh-hidden", "lsh-label", "lss")
MEMORY = "128 MB"  # of an index, unless told


def make_selector(
    name: str,
    num_classes: int,
    dim: int,
    *,
    counts: ArrayLike | None = None,
    seed: int = 0,
    memory: int | str | None = None,
) -> Selector:
    """The selector of this name.

    Args:
        name: "uniform", "log-frequency", "lsh-hidden", "lsh-label" or "lss".
        num_classes: classes of the output layer.
        dim: width of the hidden values.
        counts: (num_classes,) frequencies, for "log-frequency"; None counts ids as ranked.
        seed: of the hash family.
        memory: budget of the index, such as "64 MB"; None for 128 MB.

    Raises:
        ValueError: an unknown name.
        BudgetError: memory cannot hold one table; the message names what can.
    """
    if one_of("name", name, NAMES) == "uniform":
        return Uniform(num_classes)
    if name == "log-frequency":
        return LogFrequency(np.zeros(num_classes) if counts is None else counts)
    budget = parse_bytes(MEMORY if memory is None else memory)
    if name == "lss":
        return LSS(num_classes, dim, memory=budget, seed=seed)
    index = MaxIPIndex.within(budget, num_rows=num_classes, dim=dim, seed=seed)
    return (HiddenLSH if name == "lsh-hidden" else LabelLSH)(index, num_classes)
