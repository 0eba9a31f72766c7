"""Evidence: reading a matrix from a shared array by tiles is faster than weight by weight."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from evidence import Evidence, run
from thrifty.nn import CyclicMap, ParameterMap, RandomMap, SharedParameter, TileMap
from thrifty.nn._reading import read_matrix

SAID = "a matrix of {} float32 weights is read from an array of {} slots at least 5 times as fast "
EVIDENCE = (
    Evidence(
        id="shared-tiles",
        says=SAID.format("1024 x 1024", "104,857") + "by tiles of 32 x 128 as weight by weight",
        against="our own kernel that hashes each weight (HashedNet), median of 15 in turns, CPU "
        "time of one core",
        at_least=5,
    ),
    Evidence(
        id="shared-tiles-large",
        says=SAID.format("8192 x 4096", "8,388,608 (larger than the caches)")
        + "by tiles of 32 x 128 as weight by weight",
        against="our own kernel that hashes each weight (HashedNet), median of 3 in turns, CPU "
        "time of one core",
        at_least=5,
    ),
)


def seconds(call: Callable[[], Any]) -> float:
    """CPU seconds of one call, the least of three in a row."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return min(taken)


def reader(map: ParameterMap, rows: int, columns: int) -> tuple[Callable, Callable]:
    """What reads the matrix to given memory, and what reads it anew and brings a gradient back."""
    shared = SharedParameter(map)
    region = shared.region(rows, columns, tiled=True)
    given = torch.ones(rows, columns)

    out, values = given.numpy(), shared.values.detach().numpy()

    def read() -> None:
        read_matrix(values, region, out, map, 1.0)

    def both() -> None:
        shared.values.grad = None
        shared.matrix(region).backward(given)

    return read, both


def measure(rows: int, columns: int, size: int, repeats: int) -> tuple[float, dict[str, float]]:
    """Median time weight by weight over that by tiles; beside it the cyclic map and torch."""
    torch.set_num_threads(1)
    maps = {"weights": RandomMap(size), "tiles": TileMap(size), "cyclic": CyclicMap(size)}
    calls = {name: reader(map, rows, columns) for name, map in maps.items()}
    index = torch.randint(size, (rows, columns), generator=torch.Generator().manual_seed(0))
    values, weight = torch.ones(size), torch.ones(rows, columns)
    asked = {name: read for name, (read, _) in calls.items()}
    asked |= {f"{name} and back": both for name, (_, both) in calls.items()}
    asked |= {"torch, slots kept as int64": lambda: values[index], "a copy": weight.clone}
    for call in asked.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(repeats):
        for name, call in asked.items():
            times[name].append(seconds(call))
    found = {f"ms {name}": 1e3 * statistics.median(taken) for name, taken in times.items()}
    return found["ms weights"] / found["ms tiles"], found


def main() -> int:
    """Measure both."""
    small = run(EVIDENCE[0], lambda: measure(1024, 1024, 104_857, 15))
    large = run(EVIDENCE[1], lambda: measure(8192, 4096, 8_388_608, 3))
    return int(not (small and large))


if __name__ == "__main__":
    raise SystemExit(main())
