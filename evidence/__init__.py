"""Evidence: what we say about a method, measured, with a bound that can fail.

A file `evidence/<room>/<method>.py` lists its sentences in `EVIDENCE: tuple[Evidence, ...]` and
measures them in `main() -> int`; it is run by `python -m evidence.<room>.<method>`.
"""

import importlib.metadata
import json
import math
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["COSTS", "LIBRARIES", "RESULTS", "Evidence", "measured", "run"]

RESULTS = Path(__file__).parent / "results"
COSTS = ("short", "long", "gpu")
LIBRARIES = ("numba", "numpy", "pyarrow", "scikit-learn", "scipy", "torch")

Measured = float | tuple[float, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One sentence, one number, one bound.

    Args:
        id: permanent name, lower case words joined by "-"; results/<id>.json holds the outcome.
        says: one sentence with the number that is promised and the settings it holds for.
        against: what it is compared with: the exact answer, or a peer and its settings.
        at_least: the measured number must not be below this.
        at_most: the measured number must not be above this; one of the two bounds is required.
        cost: "short" (seconds, no data outside), "long" (minutes, or data outside) or "gpu".

    Raises:
        ValueError: the id is not lower case words, the cost is unknown, or there is no bound.
    """

    id: str
    says: str
    against: str
    at_least: float | None = None
    at_most: float | None = None
    cost: str = "short"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id):
            raise ValueError(f"id must be lower case words joined by '-', got {self.id!r}")
        if self.cost not in COSTS:
            raise ValueError(f"cost must be one of {', '.join(COSTS)}, got {self.cost!r}")
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"evidence {self.id!r} must have a bound: at_least or at_most")

    def holds(self, value: float) -> bool:
        """Whether value keeps every bound; NaN keeps none."""
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return low <= value <= high

    @property
    def bound(self) -> str:
        """The bound as text, such as ">= 15" or "0.9..1.1"."""
        if self.at_most is None:
            return f">= {self.at_least:g}"
        if self.at_least is None:
            return f"<= {self.at_most:g}"
        return f"{self.at_least:g}..{self.at_most:g}"


def run(evidence: Evidence, measure: Callable[[], Measured]) -> bool:
    """Measure, write results/<id>.json, print one line, return whether the bound holds.

    Where the environment variable THRIFTY_EVIDENCE names one cost ("short", "long" or "gpu"),
    evidence of another cost is left as it stands and counts as holding.

    Args:
        evidence: what is said.
        measure: returns the number, or the number and a dict of what should be read beside it.
    """
    if os.environ.get("THRIFTY_EVIDENCE", evidence.cost) != evidence.cost:
        print(f"SKIPPED {evidence.id}: its cost is {evidence.cost}")
        return True
    start = time.perf_counter()
    measured = measure()
    number, beside = measured if isinstance(measured, tuple) else (measured, {})
    value = float(number)
    holds = evidence.holds(value)
    context = {"seconds": round(time.perf_counter() - start, 2), **_machine(), **beside}
    row = {**asdict(evidence), "value": value, "holds": holds, "context": context}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{evidence.id}.json").write_text(json.dumps(row, indent=1, default=float) + "\n")
    print(f"{'HOLDS' if holds else 'FALLS SHORT'} {evidence.id} {value:.4g} ({evidence.bound})")
    return holds


measured = run  # the room of the name `run` hides the function where its files are imported


def _machine() -> dict[str, Any]:
    """What a reader must know about where the number comes from."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
        "libraries": {name: v for name in LIBRARIES if (v := _version(name))},
    }


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    names = re.findall(r"model name\s*: (.+)", text)
    return names[0] if names else platform.machine()


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None
