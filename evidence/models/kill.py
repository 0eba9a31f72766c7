"""Kill: training that is killed outright at random points, and started again, fifty times."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from evidence import Evidence, run
from thrifty.core import FormatError
from thrifty.models import Model
from thrifty.models.model import FILE

EVIDENCE = (
    Evidence(
        id="kill-resume",
        says="of 50 kills (SIGKILL at a random moment of a run: reading, training, checkpoints, "
        "saving) and the restarts after them, none leaves a model file that does not load, none "
        "cannot go on, and each run that ends has the very weights of a run without kills",
        against="the model of one run without kills, array by array",
        at_most=0.0,
        cost="long",
    ),
)
KILLS, ROWS = 50, 20_000
CHILD = """
import sys
from thrifty.models import train
train(sys.argv[1], "y", out=sys.argv[2], memory="120 MB", epochs=4, patience=4, hidden=32)
"""


def write_rows(path: Path) -> None:
    """Rows of a text and a number that tell one of 20 classes."""
    rng = np.random.default_rng(0)
    with open(path, "w", encoding="ascii") as file:
        for _ in range(ROWS):
            y = int(rng.integers(20))
            words = [f"w{y * 50 + n}" for n in rng.integers(0, 80, 20)]
            row = {"text": " ".join(words), "size": float(rng.normal(y)), "y": f"class {y}"}
            file.write(json.dumps(row) + "\n")


def arrays_of(out: Path) -> dict[str, np.ndarray]:
    """Every weight of a saved model."""
    return Model.load(out).wide.state()[1]


def start(path: Path, out: Path) -> subprocess.Popen:
    """Start training in another process."""
    words = [sys.executable, "-c", CHILD, str(path), str(out)]
    return subprocess.Popen(words, stderr=subprocess.PIPE)


def judge(out: Path, exact: dict[str, np.ndarray] | None) -> bool:
    """Whether the model file is not there, or loads, and (if exact is given) is equal to it."""
    if exact is None and not (out / FILE).exists():
        return True
    try:
        found = arrays_of(out)
    except (FormatError, OSError):
        return False
    return exact is None or all(np.array_equal(found[name], exact[name]) for name in exact)


def measure() -> tuple[float, dict[str, Any]]:
    """Failures among the kills."""
    rng = np.random.default_rng(1)
    failures = kills = finished = 0
    with tempfile.TemporaryDirectory() as folder:
        path, whole = Path(folder) / "rows.jsonl", Path(folder) / "whole"
        write_rows(path)
        began = time.perf_counter()
        start(path, whole).communicate()
        length = time.perf_counter() - began
        exact = arrays_of(whole)
        while kills < KILLS:
            out = Path(folder) / f"run{finished}"
            child = start(path, out)
            try:
                child.communicate(timeout=float(rng.uniform(0.3, 1.1) * length))
                failures += int(child.returncode != 0 or not judge(out, exact))
                finished += 1
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                child.communicate()
                kills += 1
                failures += int(not judge(out, None))
        out = Path(folder) / f"run{finished}"
        start(path, out).communicate()
        failures += int(not judge(out, exact))
    beside = {"kills": kills, "runs that ended": finished + 1, "seconds of a run": length}
    return failures, beside


def main() -> int:
    """Measure it."""
    return int(not run(EVIDENCE[0], measure))


if __name__ == "__main__":
    raise SystemExit(main())
