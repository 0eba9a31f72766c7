"""Evidence: devices of different memory learn one item table together."""

from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.nn._ratings import DIM, Ratings, hit_rate, learn, read
from thrifty.nn import FairTable

EVIDENCE = (
    Evidence(
        id="fair-mixed",
        says="on MovieLens, items learned by 24 devices of which every second one holds an eighth: "
        "HR@10 as a share of that where all hold the whole table, 30 rounds of 8 devices",
        against="federated averaging of the whole table by all devices, one seed of devices",
        at_least=0.9,
        cost="long",
    ),
    Evidence(
        id="fair-consistent",
        says="on MovieLens, where every device holds an eighth under the same seed, HR@10 is at "
        "least 1.5 times as high as with a seed for each device",
        against="the same devices and rounds, maps of unrelated seeds",
        at_least=1.5,
        cost="long",
    ),
)
DEVICES, ROUNDS, ASKED = 24, 30, 8


def federated(ratings: Ratings, capacities: list[float], *, consistent: bool = True) -> float:
    """HR@10 of the server's table and the users' own rows after the last round."""
    torch.manual_seed(0)
    owner = np.random.default_rng(5).integers(DEVICES, size=ratings.num_users)[ratings.pairs[:, 0]]
    users = nn.Embedding(ratings.num_users, DIM)
    server = FairTable(0.1 * torch.randn(ratings.num_items, DIM))
    nn.init.normal_(users.weight, std=0.1)
    pairs, rng = ratings.pairs - [0, ratings.num_users], np.random.default_rng(6)
    able = [device for device in range(DEVICES) if capacities[device]]
    for turn in range(ROUNDS):
        uploads = []
        for device in rng.choice(able, ASKED, replace=False):
            capacity, held = capacities[device], pairs[owner == device]
            server.seed = 0 if consistent else int(device)
            local = server.layer(capacity)
            parameters = [*local.parameters(), *users.parameters()]
            choices = (0, ratings.num_items)
            learn(
                users, local, held, choices, parameters, epochs=2, seed=100 * turn + int(device),
                batch=512, rate=1e-2,
            )  # fmt: skip
            array = local.weight if capacity == 1 else local.source.values
            sent = server.expanded(capacity, array.detach())
            uploads.append((1.0, sent, len(held)))
        server.average(uploads)
    items = nn.Embedding.from_pretrained(server.weights)
    return hit_rate(users, items, ratings, 0)


def measure() -> dict[str, Any]:
    """HR@10 of each mix of devices."""
    torch.set_num_threads(1)
    ratings, found = read("movielens"), {}
    half = [(1.0, 1 / 8)[device % 2] for device in range(DEVICES)]
    mixes = {
        "all whole": ([1.0] * DEVICES, True),
        "half whole, half an eighth": (half, True),
        "all an eighth": ([1 / 8] * DEVICES, True),
        "all an eighth, seeds unrelated": ([1 / 8] * DEVICES, False),
        "the whole ones alone": ([float(c == 1) for c in half], True),
    }
    for name, (capacities, consistent) in mixes.items():
        found[f"hr@10 {name}"] = federated(ratings, capacities, consistent=consistent)
        print(name, found[f"hr@10 {name}"], flush=True)
    weights = ratings.num_items * DIM
    small = 2 ** ((weights // 8).bit_length() - 1)
    return found | {"bytes a device, whole": 4 * weights, "bytes a device, an eighth": 4 * small}


def main() -> int:
    """Measure both."""
    found = measure()
    mixed = found["hr@10 half whole, half an eighth"] / found["hr@10 all whole"]
    alike = found["hr@10 all an eighth"] / max(found["hr@10 all an eighth, seeds unrelated"], 1e-9)
    held = [run(EVIDENCE[0], lambda: (mixed, found)), run(EVIDENCE[1], lambda: (alike, found))]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
