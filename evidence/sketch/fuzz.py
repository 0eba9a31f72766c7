"""Evidence: a million forged files, of every summary there is, and not one that is believed."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from evidence import Evidence, run
from evidence.sketch._fuzzing import kinds

EVIDENCE = (
    Evidence(
        id="fuzz-failures",
        says="of at least 1,000,000 files that were cut, altered, spliced, resealed or that lie, "
        "of all kinds of summaries, each is refused as a FormatError or read as a summary that "
        "answers; crashes and hangs count, kernels check every index",
        against="from_bytes of every kind, in a process of its own with at most 2 GiB more memory",
        at_most=0,
        cost="long",
    ),
    Evidence(
        id="fuzz-memory",
        says="no process grows by more than 256 MB, whatever a header promises",
        against="peak memory before and after, the worst of all kinds",
        at_most=256,
        cost="long",
    ),
    Evidence(
        id="fuzz-slowest",
        says="no file, of a few kilobytes each, keeps its reader for more than 30 seconds, "
        "compiling included, with all other work of the machine beside it",
        against="wall time of reading it and of asking it everything, the worst of all kinds",
        at_most=30,
        cost="long",
    ),
)
ROOT = Path(__file__).resolve().parents[2]
INPUTS, PATIENCE = 1_000_000, 3600


@cache
def outcomes() -> list[dict[str, Any]]:
    """What came of each kind; a crash or a hang is one failure with its last words."""
    each = -(-INPUTS // len(kinds()))
    return [outcome(kind, each) for kind in kinds()]


def outcome(kind: str, inputs: int) -> dict[str, Any]:
    """Try one kind in a process of its own."""
    command = [sys.executable, "-m", "evidence.sketch._fuzzing", kind, str(inputs), "7"]
    settings = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=settings, timeout=PATIENCE, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
    except subprocess.SubprocessError as error:
        words = f"{error} {getattr(error, 'stderr', '')}"[-500:]
        lost = {"kind": kind, "inputs": 0, "failed": 1, "failures": [words]}
        return {**lost, "slowest": 0.0, "grown MB": 0.0}
    found = json.loads(done.stdout.splitlines()[-1])
    print(found)
    return found


def measure_failures() -> tuple[float, dict[str, Any]]:
    """How many failed; one more if there were fewer than a million inputs."""
    found = outcomes()
    total = sum(each["inputs"] for each in found)
    failed = sum(each.get("failed", 0) for each in found)
    beside = {
        "inputs": total,
        "refused": sum(each.get("refused", 0) for each in found),
        "valid": sum(each.get("valid", 0) for each in found),
        "kinds": ", ".join(each["kind"] for each in found),
        "failures": [f"{each['kind']}: {words}" for each in found for words in each["failures"]],
    }
    return failed + (total < INPUTS), beside


def measure_memory() -> float:
    """Megabytes."""
    return max(each["grown MB"] for each in outcomes())


def measure_slowest() -> float:
    """Seconds."""
    return max(each["slowest"] for each in outcomes())


MEASURES = (measure_failures, measure_memory, measure_slowest)


def main() -> int:
    """Measure all."""
    held = [run(e, m) for e, m in zip(EVIDENCE, MEASURES, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
