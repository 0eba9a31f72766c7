"""Evidence: over a million vectors cells of byte codes beat graphs in speed and building."""

import json
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from evidence import RESULTS, Evidence, run
from evidence.index._clustered import clustered, nearest
from evidence.index.ivf import SETTINGS, graphs, least_ratio, ours

EVIDENCE = (
    Evidence(
        id="ivf-graphs",
        says="at recall@10 of .93 and of .97 over 1,000,000 clustered vectors of 96 numbers at "
        "least 3 times the queries a second of graphs",
        against=f"hnswlib M=16 ef_construction=200; usearch connectivity 16; {SETTINGS}",
        at_least=3.0,
        cost="long",
    ),
    Evidence(
        id="ivf-build",
        says="the same index is built in at most a tenth of the CPU time of a graph",
        against="hnswlib add_items, M=16 ef_construction=200, num_threads=1",
        at_least=10.0,
        cost="long",
    ),
)
SHARES = [0.004, 0.008, 0.012, 0.016, 0.024, 0.032, 0.048, 0.064]
ROOM, INK = (560, 320), ("#1b6ca8", "#c8553d", "#5b8c5a", "#8d6a9f")


def drawn(curves: dict[str, list[Any]], path: Path) -> None:
    """Queries a second over recall as SVG, one line a method."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(ROOM[0] / 80, ROOM[1] / 80), layout="constrained")
    axes = figure.subplots()
    for (name, points), ink in zip(curves.items(), INK, strict=False):
        _, shares, speeds = zip(*sorted(map(tuple, points)), strict=True)
        axes.plot(shares, speeds, marker="o", markersize=3, color=ink, label=name)
    axes.set(yscale="log", xlabel="recall@10", ylabel="queries a second, one core", xlim=(0.7, 1))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None})


def main() -> int:
    """Measure both, and draw the curves with those of faiss that were measured before."""
    with threadpool_limits(1):
        x, queries = clustered(1_000_000, 1), clustered(1000, 2)
        exact = nearest(x, queries)
        mine = ours(x, queries, exact, SHARES)
        walks = graphs(x, queries, exact)
    value, ratios = least_ratio(mine["curve"], [walk["curve"] for walk in walks.values()])
    held = [run(EVIDENCE[0], lambda: (value, {**ratios, "thrifty": mine, **walks}))]
    seconds = {name: told["build seconds"] for name, told in {"thrifty": mine, **walks}.items()}
    ratio = seconds["hnswlib"] / seconds["thrifty"]
    held.append(run(EVIDENCE[1], lambda: (ratio, seconds)))
    before = json.loads((RESULTS / "ivf-clustered.json").read_text())["context"]
    curves = {"thrifty": mine["curve"], "faiss lists of bytes": before["faiss"]["curve"]}
    curves |= {name: walk["curve"] for name, walk in walks.items()}
    drawn(curves, RESULTS / "ivf-curves.svg")
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
