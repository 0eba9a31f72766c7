"""Tables: peers on Adult and California housing. Run `python -m evidence.peers.tables`."""

import sys
from collections.abc import Iterator
from typing import Any

from evidence.peers.harness import grid, measure


def trials(linear: dict[str, list[Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings of the boosters, and of the linear model by its own axes."""
    slow = {"learning_rate": [0.03, 0.05], "num_leaves": [31, 63], "n_estimators": [500, 1000]}
    yield "lightgbm", {}
    yield from grid("lightgbm", **slow, subsample=[0.8], subsample_freq=[1], colsample_bytree=[0.5])
    yield "hist_gradient_boosting", {}
    yield from grid("hist_gradient_boosting", learning_rate=[0.05], max_iter=[300, 600])
    yield from grid("linear_model", **linear)


LINEAR = {"adult": {"C": [0.1, 1.0, 10.0]}, "california": {"alpha": [0.1, 1.0, 10.0]}}

if __name__ == "__main__":
    for name in sys.argv[1:] or LINEAR:
        measure(name, trials(LINEAR[name]))
