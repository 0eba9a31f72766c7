"""Evidence: an item vocabulary of an eighth of the rows recommends nearly as well."""

from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from thrifty.nn import ItemVocabulary

EVIDENCE = (
    Evidence(
        id="cove-eighth",
        says="on generated sessions over 8,000 items, tables of 1,000 rows with 4 hashes lose at "
        "most 2 % of the HR@10 of full tables",
        against="a row for each item (one hash, no two alike), the same network, Adam at the best "
        "of rates .012, .024 and .048 for both, each at its best of 8 epochs",
        at_most=0.02,
        cost="long",
    ),
)
ITEMS, GROUPS, DIM, LAST, EPOCHS = 8000, 100, 32, 3, 8
FOLLOW = (0.6, 0.3, 0.1)
RATES = {1: (1.2e-2, 2.4e-2, 4.8e-2), 8: (1.2e-2, 2.4e-2, 4.8e-2), 4: (1.2e-2, 4.8e-2)}


def world() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups that follow each group, items by group and place in it, and chances of places."""
    rng = np.random.default_rng(3)
    follows, number = rng.integers(GROUPS, size=(GROUPS, 3)), rng.permutation(ITEMS)
    chances = 1 / np.arange(1, ITEMS // GROUPS + 1)
    return follows, number, chances / chances.sum()


def sessions(rows: int, part: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Three items seen and the next one: groups of items follow groups, Zipf inside a group."""
    (follows, number, chances), rng = world(), np.random.default_rng([4, part])
    group, line, size, edges = rng.integers(GROUPS, size=rows), [], len(chances), chances.cumsum()
    for _ in range(LAST + 1):
        line.append(number[group * size + np.searchsorted(edges, rng.random(rows))])
        pick = rng.choice(3, size=rows, p=FOLLOW)
        group = follows[group, pick]
    table = torch.from_numpy(np.stack(line, axis=1))
    return table[:, :LAST], table[:, LAST]


def of_the_law() -> float:
    """HR@10 of who knows the law: the ten likeliest items after the group of the last one."""
    follows, number, chances = world()
    group, size = np.empty(ITEMS, np.int64), len(chances)
    group[number] = np.arange(ITEMS) // size
    asked, right = (part.numpy() for part in sessions(8_000, 1))
    after = np.zeros((GROUPS, GROUPS))
    np.add.at(after, (np.arange(GROUPS)[:, None], follows), FOLLOW)
    each = (after[:, :, None] * chances).reshape(GROUPS, ITEMS)
    best = number[np.argsort(-each, axis=1)[:, :10]]
    return float((best[group[asked[:, -1]]] == right[:, None]).any(axis=1).mean())


def held(items: ItemVocabulary) -> float:
    """How much of which group an item is of its rows can hold, of items as often as they occur.

    The share of variance explained by the best linear reading of sums of free rows.
    """
    _, number, chances = world()
    weight, group = np.empty(ITEMS), np.empty(ITEMS, np.int64)
    weight[number], group[number] = np.tile(chances, GROUPS), np.arange(ITEMS) // len(chances)
    picks, rows = items.picks(torch.arange(ITEMS)).numpy(), np.zeros((ITEMS, items.map.size))
    np.add.at(rows, (np.arange(ITEMS)[:, None], picks), 1 / picks.shape[1])
    rows, wanted = (np.sqrt(weight)[:, None] * part for part in (rows, np.eye(GROUPS)[group]))
    wanted -= np.sqrt(weight)[:, None] / GROUPS
    gram = rows.T @ rows + 1e-9 * np.eye(rows.shape[1])
    explained = np.vdot(rows.T @ wanted, np.linalg.solve(gram, rows.T @ wanted))
    return float(explained / np.vdot(wanted, wanted))


class Plain(nn.Module):
    """A row for each item, in and out."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(ITEMS, DIM), nn.Linear(DIM, ITEMS, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Embeddings."""
        return self.table(ids)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits of all items."""
        return self.head(hidden)


def hit_rates(items: Any, rate: float) -> list[float]:
    """HR@10 after each epoch over 40,000 sessions."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(LAST * DIM, 128), nn.ReLU(), nn.Linear(128, DIM))
    optimizer = torch.optim.Adam([*items.parameters(), *body.parameters()], lr=rate)
    seen, then = sessions(40_000, 0)
    asked, right = sessions(8_000, 1)
    found = []
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(seen)).split(500):
            logits = items.logits(body(items(seen[rows]).flatten(1)))
            loss = nn.functional.cross_entropy(logits, then[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            hits = [
                (items.logits(body(items(a).flatten(1))).topk(10).indices == b[:, None]).any(dim=1)
                for a, b in zip(asked.split(1000), right.split(1000), strict=True)
            ]
        found.append(float(torch.cat(hits).float().mean()))
    return found


def measure() -> tuple[float, dict[str, Any]]:
    """The share of HR@10 that is lost at an eighth; each compression at its best rate."""
    torch.set_num_threads(1)
    best, facts = {}, {"hr@10 of the law itself": of_the_law()}
    for times, rates in RATES.items():
        for rate in rates:
            torch.manual_seed(0)
            items = ItemVocabulary(ITEMS, DIM, ITEMS // times) if times > 1 else Plain()
            facts[f"epochs, {times}x, rate {rate:g}"] = curve = hit_rates(items, rate)
            best[times] = max(best.get(times, 0.0), *curve)
            print(times, rate, curve, flush=True)
        facts[f"hr@10 {times}x"] = best[times]
        if times > 1:
            facts[f"share of groups that rows can hold, {times}x"] = held(items)
    lost = 1 - best[8] / best[1]
    both = best[1] * (1 - best[1]) + best[8] * (1 - best[8])
    facts["standard error of it, at most"] = float(np.sqrt(both / 8_000) / best[1])
    return lost, facts


def main() -> int:
    """Measure it."""
    return int(not run(EVIDENCE[0], measure))


if __name__ == "__main__":
    raise SystemExit(main())
