"""Evidence: embedding tables of MovieLens and Last.fm in an eighth of their bytes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.nn._ratings import DIM, Ratings, hits, learn, popular, read
from evidence.nn.clicks import Table
from thrifty.nn import (
    BlockMap,
    CyclicMap,
    GradedEmbedding,
    ParameterMap,
    SimilarityMap,
    spectral_codes,
)

NAMES = {
    "movielens": "MovieLens (610 users, their last five ratings held out)",
    "lastfm": "Last.fm (1,880 users, one artist held out)",
}
HELD = {"movielens": 5, "lastfm": 1}
EPOCHS = {"movielens": 12, "lastfm": 30}
WAYS = {
    "robe": ("", "users and items in one ROBE array of an eighth of the tables' bytes"),
    "graded cyclic": (
        "-graded",
        "users and items numbered by how often they occur, in one array that rows go round (a "
        "cyclic map) times a row of each class of frequency, an eighth of the tables' bytes",
    ),
}
EVIDENCE = tuple(
    Evidence(
        id=f"recommend-{name}{tail}",
        says=f"on {said}, {how}: HR@10 over all items not seen, as a share of that of full tables",
        against="full tables of 16 floats a row, the same model, Adam and penalty of rows, each at "
        f"its best of {EPOCHS[name]} epochs",
        at_least=0.9,
        cost="long",
    )
    for name, said in NAMES.items()
    for tail, how in WAYS.values()
)
RATIOS, BOUND, STEP, LEAST, RATE, PENALTY = (2, 4, 8, 16), 8, 2, 5, 1e-2, 1e-2


class Full(nn.Module):
    """A row for each id, starting as the arrays do."""

    def __init__(self, rows: int, dim: int = DIM) -> None:
        super().__init__()
        draws = torch.Generator().manual_seed(0)
        spread = 0.1 * (DIM / dim) ** 0.25  # inner products start alike
        weights = spread * torch.randn(rows, dim, generator=draws)
        self.table = nn.Embedding.from_pretrained(weights, freeze=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids."""
        return self.table(ids)


class Graded(nn.Module):
    """A table of all ids in one array, times rows of classes of frequency."""

    def __init__(self, ids: int, map: ParameterMap) -> None:
        super().__init__()
        self.table = Table(ids, map, std=0.1)
        self.rows = GradedEmbedding(self.table.rows)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids."""
        return self.rows(ids)


class Folded(nn.Module):
    """The hashing trick: ids modulo the rows there are, times rows of quotients if any."""

    def __init__(self, ids: int, rows: int, *, quotients: bool) -> None:
        super().__init__()
        above = min(q for q in range(1, rows) if (rows - q) * q >= ids) if quotients else 0
        self.table, self.above = Full(rows - above), None
        if above:
            self.above = nn.Embedding.from_pretrained(torch.ones(above, DIM), freeze=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids."""
        rows = self.table.table.num_embeddings
        found = self.table(ids % rows)
        return found if self.above is None else found * self.above(ids // rows)


def by_frequency(ratings: Ratings) -> np.ndarray:
    """Numbers of ids by how often they occur."""
    counts = np.bincount(ratings.pairs.ravel(), minlength=ratings.num_ids)
    rank = np.empty(ratings.num_ids, np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(ratings.num_ids)
    return rank


def ways(ratings: Ratings, ratio: int) -> dict[str, Callable[[], nn.Module]]:
    """Ways to hold rows of ids numbered by frequency in a share of the tables' bytes."""
    ids, size = ratings.num_ids, ratings.num_ids * DIM // ratio
    known = int((np.bincount(ratings.pairs.ravel(), minlength=ids) >= LEAST).sum())
    pairs, groups = by_frequency(ratings)[ratings.pairs], max(size // (4 * DIM), 2)
    codes = spectral_codes(pairs, ids, 1, groups=groups, least=LEAST)[:known]
    alike = SimilarityMap(max(size - codes.nbytes // 4, DIM), codes, block=DIM, rows=ids)
    less = size - DIM * ids.bit_length()
    found: dict[str, Callable[[], nn.Module]] = {
        "robe": lambda: Table(ids, BlockMap(size), std=0.1),
        "graded cyclic": lambda: Graded(ids, CyclicMap(less)),
        "lma": lambda: Table(ids, alike, std=0.1),
        "narrower rows": lambda: Full(ids, DIM // ratio),
    }
    if ratio == BOUND:
        rows = size // DIM
        found["graded robe"] = lambda: Graded(ids, BlockMap(less))
        found["cyclic"] = lambda: Table(ids, CyclicMap(size), std=0.1)
        found["hashing trick"] = lambda: Folded(ids, rows, quotients=False)
        found["quotient-remainder"] = lambda: Folded(ids, rows, quotients=True)
    return found


class Numbered(nn.Module):
    """A table of ids by their numbers."""

    def __init__(self, table: nn.Module, numbers: np.ndarray) -> None:
        super().__init__()
        self.table = table
        self.register_buffer("numbers", torch.from_numpy(numbers), persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids."""
        return self.table(self.numbers[ids])


def fit(table: nn.Module, ratings: Ratings, epochs: int) -> tuple[list[float], np.ndarray]:
    """HR@10 every other epoch, and the hits of the best."""
    rows, choices = Numbered(table, by_frequency(ratings)), (ratings.num_users, ratings.num_ids)
    curve, best = [], np.zeros(0)
    for epoch in range(0, epochs, STEP):
        learn(
            rows, rows, ratings.pairs, choices, rows.parameters(), epochs=STEP, seed=epoch,
            batch=2048, rate=RATE, penalty=PENALTY,
        )  # fmt: skip
        found = hits(rows, rows, ratings, ratings.num_users)
        curve.append(float(found.mean()))
        best = found if curve[-1] == max(curve) else best
    return curve, best


def error(ours: np.ndarray, theirs: np.ndarray, ratings: Ratings) -> float:
    """The standard error over users of the share of hits that ours has of theirs."""
    share, user = ours.mean() / theirs.mean(), ratings.held[:, 0]
    gaps = np.bincount(user, weights=ours - share * theirs, minlength=ratings.num_users)
    return float(np.sqrt((gaps**2).sum()) / theirs.sum())


def measure(name: str) -> tuple[dict[tuple[str, int], float], dict[str, Any]]:
    """HR@10 of each way and share of bytes over that of full tables, and all curves."""
    torch.set_num_threads(1)
    ratings = read(name, HELD[name])
    curve, whole = fit(Full(ratings.num_ids), ratings, EPOCHS[name])
    facts: dict[str, Any] = {"hr@10 full": max(curve), "every other epoch, full": curve}
    shares = {}
    for ratio in RATIOS:
        for way, make in ways(ratings, ratio).items():
            torch.manual_seed(0)
            curve, found = fit(make(), ratings, EPOCHS[name])
            at, shares[way, ratio] = f"{way}, {ratio}x", max(curve) / max(facts["hr@10 full"], 1e-9)
            facts |= {f"hr@10 {at}": max(curve), f"every other epoch, {at}": curve}
            facts |= {f"share {at}": shares[way, ratio]}
            facts |= {f"standard error of it, {at}": error(found, whole, ratings)}
            print(name, at, max(curve), shares[way, ratio], flush=True)
    facts |= {"ids": ratings.num_ids, "bytes full": 4 * ratings.num_ids * DIM}
    facts |= {"items held": len(ratings.held), "hr@10 most popular": popular(ratings)}
    return shares, facts


def main() -> int:
    """Measure both sets."""
    held, sentences = [], iter(EVIDENCE)
    for name in NAMES:
        shares, facts = measure(name)
        for way in WAYS:
            found = (shares[way, BOUND], facts)
            held.append(run(next(sentences), lambda found=found: found))
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
