"""Forged files: of every summary that can be read, bytes that are cut, altered, resealed and lies.

`python -m evidence.sketch._fuzzing KIND INPUTS SEED` tries so many on one kind and prints a line of
JSON; `evidence.sketch.fuzz` does that for all kinds, each in a process of its own.
"""

import importlib
import json
import pkgutil
import resource
import sys
import time
from collections import Counter
from typing import Any

import thrifty
from evidence.sketch._answers import answers
from evidence.sketch._examples import examples
from evidence.sketch._forger import Forger
from thrifty.core import FormatError, Summary

__all__ = ["kinds", "try_inputs"]

ROOMS = ("sketch", "codec", "learn", "hashing", "index", "text", "models", "run")


def kinds() -> dict[str, type[Summary]]:
    """Every summary of the package that has a kind, by its kind, found by importing all rooms."""
    for room in ROOMS:
        package = importlib.import_module(f"thrifty.{room}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    found = {}
    for kind in _below(Summary):
        if kind.__module__.startswith(f"{thrifty.__name__}.") and hasattr(kind, "KIND"):
            assert found.setdefault(kind.KIND, kind) is kind, f"two kinds are called {kind.KIND}"
    return dict(sorted(found.items()))


def try_inputs(kind: type[Summary], inputs: int, seed: int, every: int = 1) -> dict[str, Any]:
    """Read so many forged files of a kind; what is read must answer, all else be a FormatError.

    Args:
        kind: the class.
        inputs: how many.
        seed: of the forger.
        every: of so many inputs one is asked everything if it was read.

    Returns:
        How many were refused and how many valid, the slowest in seconds, and up to ten failures.
    """
    made = examples(kind)
    forger = Forger(made, seed)
    outcome: Counter[str] = Counter()
    failures: list[str] = []
    slowest = 0.0
    for number in range(inputs):
        data, how = forger.forged()
        start = time.perf_counter()
        try:
            found = kind.from_bytes(data)
            outcome["valid"] += 1
            if number % every == 0:
                answers(found, made)
        except FormatError:
            outcome["refused"] += 1
        except Exception as error:
            outcome["failed"] += 1
            if len(failures) < 10:
                failures.append(f"{how} {number}: {type(error).__name__}: {error}"[:300])
        slowest = max(slowest, time.perf_counter() - start)
    return {"inputs": inputs, **outcome, "slowest": slowest, "failures": failures}


def _below(kind: type[Summary]) -> list[type[Summary]]:
    return [each for child in kind.__subclasses__() for each in (child, *_below(child))]


def main() -> int:
    """Try one kind; refuse to grow by more than 2 GiB."""
    name, inputs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    kind = kinds()[name]
    examples(kind)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: SIM115
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**31, resource.RLIM_INFINITY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = try_inputs(kind, inputs, seed, every=4)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"kind": name, **found, "grown MB": grown}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
