"""Evidence: run every file of evidence that holds a sentence of one cost, each in its own process.

`python -m tools.evidence [short|long|gpu] [word ...]`; words choose files by a part of their path.
"""

import os
import subprocess
import sys
from pathlib import Path

from evidence import COSTS
from tools.tree import ROOT, evidence_files, sentences_of

__all__ = ["main", "wanted"]


def wanted(cost: str, words: list[str]) -> list[Path]:
    """The files that hold a sentence of this cost and one of the words in their path.

    Raises:
        ValueError: the cost is unknown, or nothing is found.
    """
    if cost not in COSTS:
        raise ValueError(f"cost must be one of {', '.join(COSTS)}, got {cost!r}")
    files = [path for path in evidence_files() if not words or any(w in str(path) for w in words)]
    found = [path for path in files if any(item.cost == cost for item in sentences_of(path))]
    if not found:
        raise ValueError(f"no evidence of cost {cost!r} matches {words!r}")
    return found


def main(arguments: list[str]) -> int:
    """Run the files one after the other; returns 0 if every one held."""
    cost, *words = arguments or ["short"]
    failed = [path for path in wanted(cost, words) if _run(path, cost)]
    for path in failed:
        print(f"evidence: {path.relative_to(ROOT)} fell short or failed")
    print(f"evidence: {len(failed)} files fell short" if failed else f"evidence: all {cost} held")
    return int(bool(failed))


def _run(path: Path, cost: str) -> int:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    command = [sys.executable, "-m", module]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "THRIFTY_EVIDENCE": cost}, check=False
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
