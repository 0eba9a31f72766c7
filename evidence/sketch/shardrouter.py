"""Evidence: how many shards a router visits in vain."""

import numpy as np

from evidence import Evidence, run
from thrifty.sketch import ShardRouter

EVIDENCE = (
    Evidence(
        id="shardrouter-visits",
        says="a key visits at most 1.05 shards in vain, mean over 100 seeds, 64 shards of 1,000 "
        "keys each with filters made for_error; the shard that holds it is always visited",
        against="1 visit, the expectation for an error of 1 / shards",
        at_most=1.05,
    ),
)


def measure_visits() -> tuple[float, dict[str, float]]:
    """Mean visits beyond the one needed; 64 if a needed one is missing."""
    keys = np.arange(64_000)
    home, visits = keys % 64, []
    for seed in range(100):
        router = ShardRouter.for_error(64, 1000, seed=seed).add(keys, home)
        routed = router.route(keys)
        if not routed[keys, home].all():
            return 64.0, {"lost in seed": seed}
        visits.append(float(routed.sum(axis=1).mean() - 1))
    return float(np.mean(visits)), {"worst": max(visits), "bits a key": router.nbytes / 8000}


MEASURES = (measure_visits,)


def main() -> int:
    """Measure."""
    held = [run(e, m) for e, m in zip(EVIDENCE, MEASURES, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
