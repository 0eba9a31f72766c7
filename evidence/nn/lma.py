"""Evidence: rows share blocks as often as the sets of what stands beside their ids overlap."""

from typing import Any

import numpy as np

from evidence import Evidence, run
from thrifty.nn import similar_codes

EVIDENCE = (
    Evidence(
        id="lma-jaccard",
        says="two ids beside 1,000 others each have codes in common as often as their sets overlap "
        "(jaccard**hashes), for overlaps of 0 to 1 and hashes 1 and 2: the largest gap of means of "
        "20 seeds of 512 pieces",
        against="the Jaccard similarity of the sets",
        at_most=0.02,
    ),
)
SIZE, PIECES, SEEDS, COMMON = 1000, 512, 20, (0, 250, 500, 750, 900, 1000)


def beside(common: int) -> np.ndarray:
    """Rows in which ids 0 and 1 stand beside sets that have so many ids in common."""
    first = 2 + np.arange(SIZE)
    second = 2 + np.arange(SIZE) + SIZE - common
    who = np.repeat([0, 1], SIZE)
    return np.stack([who, np.concatenate([first, second])], axis=1)


def measure() -> tuple[float, dict[str, Any]]:
    """The largest gap, and shares found beside those expected."""
    gaps, facts = [], {}
    for hashes in (1, 2):
        for common in COMMON:
            rows, found = beside(common), []
            for seed in range(SEEDS):
                codes = similar_codes(rows, 2 + 2 * SIZE, PIECES, hashes=hashes, seed=seed)
                found.append((codes[0] == codes[1]).mean())
            exact = (common / (2 * SIZE - common)) ** hashes
            facts[f"{common} in common, {hashes} hashes"] = [exact, float(np.mean(found))]
            gaps.append(abs(float(np.mean(found)) - exact))
    return max(gaps), facts


def main() -> int:
    """Measure it."""
    return int(not run(EVIDENCE[0], measure))


if __name__ == "__main__":
    raise SystemExit(main())
