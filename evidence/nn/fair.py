"""Evidence: devices of different memory learn one item table together."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.nn._ratings import DIM, Ratings, hits, learn, popular, read
from thrifty.nn import FairTable

SETS = {
    "movielens": ("MovieLens", 5, 30, "", ", the last five ratings of each user held out"),
    "lastfm": ("Last.fm", 1, 90, "-lastfm", ", one artist of each user held out"),
}
MIXED = {
    name: Evidence(
        id=f"fair-mixed{tail}",
        says=f"on {said}, items learned by 24 devices of which every second one holds an eighth: "
        f"HR@10 as a share of that where all hold the whole table, {rounds} rounds of 8 devices, "
        f"changes averaged{asked}",
        against="federated averaging of the whole table by all devices, one seed of devices",
        at_least=0.9,
        cost="long",
    )
    for name, (said, _, rounds, tail, asked) in SETS.items()
}
CONSISTENT = {
    name: Evidence(
        id=f"fair-consistent{tail}",
        says=f"on {said}, where every device holds an eighth under the same seed, HR@10 is at "
        "least 1.5 times as high as with a seed for each device",
        against="the same devices and rounds, maps of unrelated seeds, arrays averaged for both",
        at_least=1.5,
        cost="long",
    )
    for name, (said, _, _, tail, _) in SETS.items()
}
EVIDENCE = (*MIXED.values(), *CONSISTENT.values())
DEVICES, ASKED, EVERY, PENALTY = 24, 8, 10, 1e-2


@dataclass(frozen=True)
class Mix:
    """Capacities of the devices, whether seeds are one, and whether changes are averaged."""

    capacities: tuple[float, ...]
    consistent: bool = True
    changes: bool = False


class Federation:
    """A server's table of items, and users' own rows, learned by devices in turns."""

    def __init__(self, ratings: Ratings, mix: Mix) -> None:
        torch.manual_seed(0)
        self.ratings, self.mix = ratings, mix
        owner = np.random.default_rng(5).integers(DEVICES, size=ratings.num_users)
        self.owner, self.rng = owner[ratings.pairs[:, 0]], np.random.default_rng(6)
        self.users = nn.Embedding(ratings.num_users, DIM)
        self.server = FairTable(0.1 * torch.randn(ratings.num_items, DIM))
        nn.init.normal_(self.users.weight, std=0.1)

    def sent(self, device: int, turn: int) -> tuple[float, torch.Tensor, float]:
        """What a device sends after two epochs over what its users rated, and their number."""
        capacity, held = self.mix.capacities[device], self.owner == device
        self.server.seed = 0 if self.mix.consistent else device
        local = self.server.layer(capacity)
        learn(
            self.users, local, self.ratings.pairs[held] - [0, self.ratings.num_users],
            (0, self.ratings.num_items), [*local.parameters(), *self.users.parameters()], epochs=2,
            seed=100 * turn + device, batch=512, rate=1e-2, penalty=PENALTY,
        )  # fmt: skip
        array = (local.weight if capacity == 1 else local.source.values).detach()
        if self.mix.consistent:
            return capacity, array, float(held.sum())
        return 1.0, self.server.expanded(capacity, array), float(held.sum())

    def learned(self, rounds: int) -> tuple[list[float], np.ndarray]:
        """HR@10 of the server's table each few rounds, and the hits after the last."""
        able, curve, found = np.flatnonzero(self.mix.capacities), [], np.zeros(0)
        for turn in range(1, rounds + 1):
            asked = self.rng.choice(able, ASKED, replace=False)
            uploads = [self.sent(int(device), turn) for device in asked]
            self.server.average(uploads, changes=self.mix.changes)
            if turn % EVERY == 0:
                items = nn.Embedding.from_pretrained(self.server.weights)
                found = hits(self.users, items, self.ratings, 0)
                curve.append(float(found.mean()))
        return curve, found


def mixes() -> dict[str, Mix]:
    """Mixes of devices by name."""
    half = tuple((1.0, 1 / 8)[device % 2] for device in range(DEVICES))
    small, whole = (1 / 8,) * DEVICES, (1.0,) * DEVICES
    mild = tuple((1.0, 1 / 2)[device % 2] for device in range(DEVICES))
    return {
        "all whole": Mix(whole),
        "half an eighth": Mix(half),
        "half an eighth, changes": Mix(half, changes=True),
        "half a half, changes": Mix(mild, changes=True),
        "all an eighth": Mix(small),
        "all an eighth, seeds unrelated": Mix(small, consistent=False),
        "the whole ones alone": Mix(tuple(float(capacity == 1) for capacity in half)),
    }


def measure(name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """HR@10 of each mix of devices, its curve, and its hits."""
    torch.set_num_threads(1)
    _, last, rounds, _, _ = SETS[name]
    ratings = read(name, last)
    weights = ratings.num_items * DIM
    small = 2 ** ((weights // 8).bit_length() - 1)
    facts: dict[str, Any] = {"bytes a device, whole": 4 * weights}
    facts |= {"bytes a device, an eighth": 4 * small, "items held": len(ratings.held)}
    facts["hr@10 most popular"] = popular(ratings)
    found = {"held by": ratings.held[:, 0]}
    for name, mix in mixes().items():
        curve, found[name] = Federation(ratings, mix).learned(rounds)
        facts |= {f"hr@10 {name}": curve[-1], f"every {EVERY} rounds, {name}": curve}
        print(name, curve, flush=True)
    return facts, found


def share(
    facts: dict[str, Any], found: dict[str, np.ndarray], ours: str, theirs: str
) -> tuple[float, dict[str, Any]]:
    """HR@10 of one mix over that of another, and its standard error over users."""
    least = max(facts[f"hr@10 {theirs}"], 1e-9)
    value = facts[f"hr@10 {ours}"] / least
    gaps = np.bincount(found["held by"], weights=found[ours] - value * found[theirs])
    error = float(np.sqrt((gaps**2).sum()) / (least * len(found[ours])))
    return value, facts | {"standard error": error}


def main() -> int:
    """Measure both sets."""
    held = []
    for name in SETS:
        facts, found = measure(name)
        mixed = share(facts, found, "half an eighth, changes", "all whole")
        alike = share(facts, found, "all an eighth", "all an eighth, seeds unrelated")
        held += [run(MIXED[name], lambda v=mixed: v), run(CONSISTENT[name], lambda v=alike: v)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
