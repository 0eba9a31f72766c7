"""Evidence: tables of millions of ids in a thousandth of their bytes, on a generated click set."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.nn._clicks import DIM, SIZES, Clicks, auc, generate, train
from thrifty.nn import (
    BlockMap,
    CyclicMap,
    SharedEmbedding,
    SharedParameter,
    SimilarityMap,
    spectral_codes,
)

SET = "on a generated click set of 500,000 rows of 8 ids "
TUNED = "the same DLRM (d 16, network 64-32), the better of SGD and Adagrad for each, rates that "
TUNED += "fall to 0 over 3 epochs, each at its best half epoch"
EVIDENCE = (
    Evidence(
        id="clicks-thousand",
        says=SET + "out of 20 million, clustered and of Zipf frequency, numbered by how often they "
        "occur, an array a thousandth of the tables' bytes that rows go round (a cyclic map) loses "
        "at most .002 AUC",
        against="full tables; " + TUNED,
        at_most=0.002,
        cost="long",
    ),
    Evidence(
        id="clicks-equal-bytes",
        says=SET + "out of 20 million, a ROBE array has an AUC not below that of the hashing trick "
        "and of quotient-remainder tables of the same bytes",
        against="the better of the two; " + TUNED,
        at_least=0,
        cost="long",
    ),
    Evidence(
        id="clicks-likeness",
        says=SET + "out of 2 million, an LMA array and its codes (spectral, of ids seen 10 times, "
        "numbered by how often they occur), a thousandth of the tables' bytes together, have an "
        "AUC at least .001 above that of a ROBE array of as many bytes",
        against="ROBE; " + TUNED,
        at_least=0.001,
        cost="long",
    ),
    Evidence(
        id="clicks-thousand-likeness",
        says=SET + "out of 2 million, an LMA array and its codes (spectral, of ids seen 10 times, "
        "numbered by how often they occur), a thousandth of the tables' bytes together, lose at "
        "most .002 AUC",
        against="full tables; " + TUNED,
        at_most=0.002,
        cost="long",
    ),
)
ROWS, VALID, EPOCHS, SEEN, GROUPS = 500_000, 100_000, 3, 10, 100


class Table(nn.Module):
    """A table of all ids in one array."""

    def __init__(self, num_ids: int, map: Any, *, std: float = 0.03) -> None:
        super().__init__()
        self.shared = SharedParameter(map, std=std)
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


@dataclass
class Way:
    """How to hold the rows of all ids: what makes it, and the rate of SGD it does best with."""

    make: Callable[[], nn.Module]
    rate: float = 20.0


class Frequent(nn.Module):
    """The most frequent ids alone, numbered by frequency; one row for the rest of each field."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.table = full(rows)
        self.register_buffer("rest", torch.arange(rows - len(SIZES), rows), persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids."""
        return self.table(torch.where(ids < self.rest[0], ids, self.rest))


def learn(clicks: Clicks, valid: Clicks, ways: dict[str, Way]) -> dict[str, Any]:
    """Best AUC and scores of each way, AUC after each half epoch, and rows read a second."""
    found: dict[str, Any] = {}
    for name, way in ways.items():
        runs = {}
        for optimizer, rate in (("SGD", way.rate), ("Adagrad", 0.05)):
            table = way.make()
            runs[f"{optimizer} {rate:g}"] = train(
                table, clicks, valid, epochs=EPOCHS, optimizer=optimizer, rate=rate
            )
        curves = {setting: curve for setting, (curve, _) in runs.items()}
        best = max(curves, key=lambda setting: max(curves[setting]))
        found |= {f"auc {name}": max(curves[best]), f"half epochs {name}": curves}
        found |= {f"rows a second {name}": speed(table, clicks.ids[:20_000])}
        found[f"scores {name}"] = runs[best][1]
        print(name, curves, flush=True)
    return found


def by_frequency(clicks: Clicks, valid: Clicks) -> tuple[Clicks, Clicks]:
    """Both with ids numbered by how often they occur in the first."""
    rank = np.empty(clicks.num_ids, np.int64)
    counts = np.bincount(clicks.ids.ravel(), minlength=clicks.num_ids)
    rank[np.argsort(-counts, kind="stable")] = np.arange(clicks.num_ids)
    ours, theirs = (replace(part, ids=rank[part.ids]) for part in (clicks, valid))
    return ours, theirs


def alike(clicks: Clicks, size: int) -> tuple[Way, dict[str, Any]]:
    """Likeness with its codes in `size` floats, ids numbered by frequency; and its parts."""
    known = int((np.bincount(clicks.ids.ravel()) >= SEEN).sum())
    start = time.process_time()
    codes = spectral_codes(clicks.ids, clicks.num_ids, 1, groups=GROUPS, least=SEEN)[:known]
    seconds = time.process_time() - start
    left, ids = size - -(-codes.nbytes // 4), clicks.num_ids
    way = Way(lambda: Table(ids, SimilarityMap(left, codes, block=DIM, rows=ids)))
    return way, {"bytes of codes": codes.nbytes, "CPU seconds to make codes": seconds}


def judged(found: dict[str, Any], valid: Clicks, ours: str, theirs: str) -> tuple[float, Any]:
    """AUC of ours less that of theirs; and the facts with its standard error over ten parts."""
    parts = np.array_split(np.arange(len(valid.label)), 10)
    gains = [
        auc(valid.label[part], found[f"scores {ours}"][part])
        - auc(valid.label[part], found[f"scores {theirs}"][part])
        for part in parts
    ]
    facts = {name: fact for name, fact in found.items() if not name.startswith("scores ")}
    facts[f"standard error of {ours} less {theirs}"] = float(np.std(gains, ddof=1) / 10**0.5)
    return found[f"auc {ours}"] - found[f"auc {theirs}"], facts


def measure(times: int) -> tuple[dict[str, Any], Clicks]:
    """So many times two million ids: full tables and what takes a thousandth of their bytes."""
    clicks, valid = generate(ROWS, times), generate(VALID, times, part=1)
    ids, size = clicks.num_ids, clicks.num_ids * DIM // 1000
    ways = {
        "full": Way(lambda: full(ids), 50.0),
        "robe": Way(lambda: Table(ids, BlockMap(size))),
        "hashing trick": Way(lambda: Folded(size // DIM), 50.0),
    }
    if (size // DIM // 2) ** 2 >= ids:  # fewer rows have not a pair for each id
        ways["quotient-remainder"] = Way(lambda: Quotient(ids, size // DIM))
    found = learn(clicks, valid, ways)
    ours, theirs = by_frequency(clicks, valid)
    lma, parts = alike(ours, size)
    ways = {"cyclic": Way(lambda: Table(ids, CyclicMap(size))), "lma": lma}
    if times == 1:
        ways["hashing trick by frequency"] = Way(lambda: Folded(size // DIM), 50.0)
        ways["frequent ids alone"] = Way(lambda: Frequent(size // DIM), 50.0)
        true, held = (replace(part, ids=part.cluster) for part in (clicks, valid))
        found |= learn(true, held, {"true clusters": Way(lambda: full(400), 50.0)})
    found |= learn(ours, theirs, ways)
    facts = {"ids": ids, "ids seen": len(np.unique(clicks.ids)), "bytes": 4 * size, **parts}
    facts |= {"bytes full": 4 * DIM * ids, "auc of the law itself": auc(valid.label, valid.ideal)}
    return found | facts, valid


def main() -> int:
    """Measure all."""
    torch.set_num_threads(1)
    few, valid = measure(1)
    held = [run(EVIDENCE[2], lambda: judged(few, valid, "lma", "robe"))]
    lost, facts = judged(few, valid, "full", "lma")
    held.append(run(EVIDENCE[3], lambda: (lost, facts)))
    many, valid = measure(10)
    held.append(run(EVIDENCE[0], lambda: judged(many, valid, "full", "cyclic")))
    better = max(("hashing trick", "quotient-remainder"), key=lambda name: many[f"auc {name}"])
    held.append(run(EVIDENCE[1], lambda: judged(many, valid, "robe", better)))
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
