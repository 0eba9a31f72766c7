"""Budget: a file ten times the budget is trained, and the kernel counts the memory."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from evidence import Evidence, run
from thrifty.core import parse_bytes
from thrifty.models.plan import BASE

EVIDENCE = (
    Evidence(
        id="budget-peak",
        says="training on a generated 2 GB CSV file (texts of 80 words, a number, a date; 1,000 "
        "classes, sorted in runs) with memory 200 MB, one epoch, two threads, peaks at no more "
        "than the budget and the base of 300 MB together",
        against="maximum resident set size of the process as the kernel counts it (wait4)",
        at_most=1.0,
        cost="long",
    ),
)
BUDGET, FILE_BYTES = "200 MB", 2_000_000_000
CLASSES, WORDS, ROWS = 1000, 200_000, 2000
CHILD = """
import json, sys
from thrifty.models import train
model = train(sys.argv[1], "label", out=sys.argv[2], memory=sys.argv[3], epochs=1, threads=2)
print(json.dumps({"seconds": model.facts["seconds"], "rows": model.facts["rows"],
    "accuracy": model.facts["metrics"]["accuracy"], "plan": model.facts["plan"]["parts"]}))
"""


def write_rows(path: Path, nbytes: int) -> None:
    """A CSV file of at least that many bytes; runs of 2,000 rows are sorted by their class."""
    rng = np.random.default_rng(0)
    letters = rng.integers(97, 123, (WORDS, 10), dtype=np.uint8)
    lengths = rng.integers(3, 10, WORDS)
    words = np.array([bytes(w[:n]).decode() for w, n in zip(letters, lengths, strict=True)])
    own = rng.integers(0, WORDS, (CLASSES, 40))
    written = number = 0
    with open(path, "w", encoding="ascii") as file:
        written += file.write("id,label,price,when,text\n")
        while written < nbytes:
            classes = np.sort(rng.integers(0, CLASSES, ROWS))
            common = np.minimum(rng.random((ROWS, 60)) ** 4 * WORDS, WORDS - 1).astype(int)
            told = own[classes[:, None], rng.integers(0, 40, (ROWS, 20))]
            texts = words[np.concatenate([common, told], axis=1)]
            lines = []
            for c, price, text in zip(classes, rng.normal(classes, 5), texts, strict=True):
                day = f"2020-{1 + number % 12:02}-{1 + number % 28:02}"
                lines.append(f"{number},c{c},{price:.2f},{day},{' '.join(text)}\n")
                number += 1
            written += file.write("".join(lines))


def measure() -> tuple[float, dict[str, Any]]:
    """Peak memory of a training process over budget plus base."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "rows.csv", Path(folder) / "model"
        write_rows(path, FILE_BYTES)
        nbytes = path.stat().st_size
        words = [sys.executable, "-c", CHILD, str(path), str(out), BUDGET]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
            said = child.stdout.read() if child.stdout else ""
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"training ended with status {child.returncode}")
    allowed = parse_bytes(BUDGET) + parse_bytes(BASE)
    peak = usage.ru_maxrss * 1024
    beside = {"file bytes": nbytes, "peak bytes": peak, "allowed bytes": allowed, "run": said}
    return peak / allowed, {**beside, "cpu seconds": usage.ru_utime + usage.ru_stime}


def main() -> int:
    """Measure it."""
    return int(not run(EVIDENCE[0], measure))


if __name__ == "__main__":
    raise SystemExit(main())
