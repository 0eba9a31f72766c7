"""Recommendation: peers on MovieLens-small, Last.fm and Retailrocket.

Run `python -m evidence.peers.recommendation`.
"""

import sys
from collections.abc import Iterator
from typing import Any

from evidence.peers.harness import grid, measure

NEIGHBOURS = ["CosineRecommender", "TFIDFRecommender", "BM25Recommender"]


def trials(weighted: str, l2: list[float]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings for a set whose weights may be used in this way, or as ones."""
    yield "popular", {}
    yield from grid("item_knn", weighting=["ones"], kind=NEIGHBOURS, K=[20, 100, 500])
    yield from grid("item_knn", weighting=[weighted], kind=NEIGHBOURS, K=[100])
    axes = {"regularization": [0.01, 1.0], "alpha": [1.0, 10.0], "iterations": [15]}
    yield from grid("als", weighting=["ones"], factors=[32, 64, 128], **axes)
    yield from grid("als", weighting=[weighted], factors=[64], **axes)
    more = {"factors": [256], "regularization": [1.0], "alpha": [1.0, 10.0], "iterations": [15]}
    yield from grid("als", weighting=["ones"], **more)
    bpr = {"factors": [64], "iterations": [100, 300], "regularization": [0.01]}
    yield from grid("bpr", **bpr, learning_rate=[0.02, 0.05])
    yield from grid("ease", weighting=["ones"], l2=l2)
    yield from grid("ease", weighting=[weighted], l2=l2[1:2])


SETS = {
    "movielens": ("raw", [500.0, 200.0]),
    "lastfm": ("log", [50.0, 200.0, 500.0]),
    "retailrocket": ("log", [100.0]),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or SETS:
        measure(name, trials(*SETS[name]))
