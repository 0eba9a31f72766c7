"""Laws of finding near-duplicates: `make()` gives a function from texts to the roots of clusters.

The texts are a list of str and None, the roots (n,) integers: for each row the first row of its
cluster. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LAWS"]

Make = Callable[[], Callable[[list[str | None]], Any]]


def _texts(seed: int, rows: int = 40) -> list[str | None]:
    """Texts of 30 words, a third of them copies of earlier ones with a word or two changed."""
    rng = np.random.default_rng(seed)
    texts: list[list[str]] = []
    for _ in range(rows):
        words = [f"w{n}" for n in rng.integers(0, 10_000, 30)]
        if texts and rng.random() < 0.34:
            words = list(texts[rng.integers(len(texts))])
            words[rng.integers(30)] = "other"
        texts.append(words)
    return [" ".join(words) for words in texts]


def the_first_row_leads(make: Make) -> None:
    """A root is the first row of its cluster, and its own root."""
    for seed in range(5):
        roots = np.asarray(make()(_texts(seed)))
        assert (roots <= np.arange(roots.size)).all()
        assert (roots[roots] == roots).all()


def copies_are_together(make: Make) -> None:
    """Rows of the same text are in one cluster; the second half repeats the first."""
    for seed in range(5):
        texts = _texts(seed)
        roots = np.asarray(make()(texts + texts))
        assert (roots[: len(texts)] == roots[len(texts) :]).all()


def strangers_are_apart(make: Make) -> None:
    """Texts without a word in common, and rows without a text, are like nothing."""
    texts: list[str | None] = [" ".join(f"w{i}x{j}" for j in range(12)) for i in range(40)]
    roots = np.asarray(make()([*texts, None, "", None]))
    assert roots.tolist() == list(range(43))


def order_does_not_matter(make: Make) -> None:
    """Rows in another order fall into the same clusters."""
    for seed in range(5):
        texts = _texts(seed)
        order = np.random.default_rng(seed).permutation(len(texts))
        plain = np.asarray(make()(texts))
        shuffled = np.asarray(make()([texts[i] for i in order]))
        together = plain[order][:, None] == plain[order][None]
        assert (together == (shuffled[:, None] == shuffled[None])).all()


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "alike": (
        the_first_row_leads,
        copies_are_together,
        strangers_are_apart,
        order_does_not_matter,
    ),
}
