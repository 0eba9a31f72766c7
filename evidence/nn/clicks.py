"""Evidence: tables of millions of ids in a thousandth of their bytes, on a generated click set."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.nn._clicks import DIM, Clicks, auc, generate, train
from thrifty.nn import BlockMap, CyclicMap, SharedEmbedding, SharedParameter, SimilarityMap
from thrifty.nn import similar_codes as codes_of

SET = "on a generated click set of 500,000 rows of 8 ids "
EVIDENCE = (
    Evidence(
        id="clicks-thousand",
        says=SET + "out of 20 million, clustered and of Zipf frequency, numbered by how often they "
        "occur, an array a thousandth of the tables' bytes that rows go round (a cyclic map) loses "
        "at most .002 AUC, each at its best of three epochs",
        against="full tables, the same DLRM (d 16, network 64-32), SGD at the best rate tried",
        at_most=0.002,
        cost="long",
    ),
    Evidence(
        id="clicks-equal-bytes",
        says=SET + "out of 20 million, a ROBE array has an AUC not below that of the hashing trick "
        "and of quotient-remainder tables of the same bytes",
        against="the better of the two, the same model, rates and epochs",
        at_least=0,
        cost="long",
    ),
    Evidence(
        id="clicks-likeness",
        says=SET + "out of 2 million, an LMA array, its codes of 8 bytes an id not counted, has an "
        "AUC at least .001 above that of a ROBE array of the same size, a thousandth of the tables",
        against="ROBE, the same model, rate and epochs",
        at_least=0.001,
        cost="long",
    ),
)
ROWS, VALID, EPOCHS = 500_000, 100_000, 3


class Table(nn.Module):
    """A table of all ids in one array."""

    def __init__(self, num_ids: int, map: Any) -> None:
        super().__init__()
        self.shared = SharedParameter(map, std=0.03)
        self.rows = SharedEmbedding(num_ids, DIM, self.shared)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids."""
        return self.rows(ids)


class Folded(nn.Module):
    """The hashing trick: ids modulo the rows there are."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.table = full(rows)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids."""
        return self.table(ids % self.table.num_embeddings)


class Quotient(nn.Module):
    """Quotient-remainder: the product of a row of each of two tables."""

    def __init__(self, num_ids: int, rows: int) -> None:
        super().__init__()
        quotients = min(q for q in range(1, rows) if (rows - q) * q >= num_ids)
        self.first = full(rows - quotients)
        self.second = nn.Embedding(quotients, DIM, sparse=True)
        nn.init.ones_(self.second.weight)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids."""
        size = self.first.num_embeddings
        return self.first(ids % size) * self.second(ids // size)


def full(rows: int) -> nn.Embedding:
    """A table of its own row for each id."""
    torch.manual_seed(0)
    made = nn.Embedding(rows, DIM, sparse=True, _weight=torch.empty(rows, DIM))
    nn.init.uniform_(made.weight, -0.05, 0.05)
    return made


def speed(table: nn.Module, ids: np.ndarray) -> float:
    """Rows read a CPU second."""
    given, times = torch.from_numpy(ids), []
    with torch.no_grad():
        for _ in range(5):
            start = time.process_time()
            table(given)
            times.append(time.process_time() - start)
    return ids.size / sorted(times)[2]


def learn(
    clicks: Clicks, valid: Clicks, tables: dict[str, tuple[Callable[[], nn.Module], list[float]]]
) -> dict[str, Any]:
    """Best AUC of each table over rates and epochs, its epochs, and rows read a second."""
    found: dict[str, Any] = {"auc of the law itself": auc(valid.label, valid.ideal)}
    for name, (make, rates) in tables.items():
        runs = {}
        for rate in rates:
            table = make()
            runs[rate] = train(table, clicks, valid, epochs=EPOCHS, rate=rate)
        best = max(runs, key=lambda rate: max(runs[rate]))
        found |= {f"auc {name}": max(runs[best]), f"epochs {name}, rate {best:g}": runs[best]}
        found[f"rows a second {name}"] = speed(table, clicks.ids[:20_000])
        print(name, runs, flush=True)
    return found


def by_frequency(clicks: Clicks, valid: Clicks, map: CyclicMap) -> dict[str, Any]:
    """Ids numbered by how often they occur, in an array that rows go round."""
    rank = np.empty(clicks.num_ids, np.int64)
    counts = np.bincount(clicks.ids.ravel(), minlength=clicks.num_ids)
    rank[np.argsort(-counts, kind="stable")] = np.arange(clicks.num_ids)
    ours, theirs = (replace(part, ids=rank[part.ids]) for part in (clicks, valid))
    return learn(ours, theirs, {"cyclic": (lambda: Table(clicks.num_ids, map), [20.0])})


def measure_thousand() -> dict[str, Any]:
    """Twenty million ids: full tables and three ways to a thousandth of their bytes."""
    clicks, valid = generate(ROWS, 10), generate(VALID, 10, part=1)
    ids, size = clicks.num_ids, clicks.num_ids * DIM // 1000
    found = learn(clicks, valid, {
        "full": (lambda: full(ids), [50.0]),
        "robe": (lambda: Table(ids, BlockMap(size)), [20.0]),
        "hashing trick": (lambda: Folded(size // DIM), [50.0]),
        "quotient-remainder": (lambda: Quotient(ids, size // DIM), [20.0]),
    })  # fmt: skip
    found |= by_frequency(clicks, valid, CyclicMap(size))
    seen = len(np.unique(clicks.ids))
    return found | {"ids": ids, "ids seen": seen, "bytes": 4 * size, "bytes full": 4 * DIM * ids}


def measure_likeness() -> tuple[float, dict[str, Any]]:
    """Two million ids: likeness, blocks, turns and full tables."""
    clicks, valid = generate(ROWS, 1), generate(VALID, 1, part=1)
    ids, size = clicks.num_ids, clicks.num_ids * DIM // 1000
    codes = codes_of(clicks.ids[:100_000], ids, 4, hashes=4)
    found = learn(clicks, valid, {
        "robe": (lambda: Table(ids, BlockMap(size)), [20.0]),
        "lma": (lambda: Table(ids, SimilarityMap(size, codes)), [20.0]),
    })  # fmt: skip
    found |= by_frequency(clicks, valid, CyclicMap(size))
    found |= learn(clicks, valid, {"full": (lambda: full(ids), [50.0])})
    found |= {"ids": ids, "bytes": 4 * size, "bytes of codes": codes.nbytes}
    return found["auc lma"] - found["auc robe"], found


def main() -> int:
    """Measure all."""
    torch.set_num_threads(1)
    found = measure_thousand()
    lost = found["auc full"] - found["auc cyclic"]
    better = max(found["auc hashing trick"], found["auc quotient-remainder"])
    held = [
        run(EVIDENCE[0], lambda: (lost, found)),
        run(EVIDENCE[1], lambda: (found["auc robe"] - better, found)),
        run(EVIDENCE[2], measure_likeness),
    ]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
