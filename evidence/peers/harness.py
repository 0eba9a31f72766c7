"""Harness: runs each setting of each peer in its own process and keeps one JSON a data set."""

import itertools
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["grid", "measure"]

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "evidence" / "results" / "peers"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)


def grid(peer: str, **axes: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every combination of the axes as (peer, settings)."""
    for values in itertools.product(*axes.values()):
        yield peer, dict(zip(axes, values, strict=True))


def measure(dataset: str, trials: Iterator[tuple[str, dict]], *, limit_seconds: int = 300) -> None:
    """Run the trials not yet in the data set's file, writing the file after each.

    Args:
        dataset: a name of evidence.datasets.
        trials: (peer, settings) each.
        limit_seconds: CPU seconds a trial may take.
    """
    path = RESULTS / f"{dataset}.json"
    records = json.loads(path.read_text()) if path.exists() else []
    known = {(record["peer"], json.dumps(record["settings"])) for record in records}
    for peer, settings in trials:
        if (peer, json.dumps(settings)) in known:
            continue
        record = _run(dataset, peer, settings, limit_seconds)
        print(dataset, json.dumps(record), flush=True)
        records.append(record)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(records, indent=1) + "\n")


def _run(dataset: str, peer: str, settings: dict[str, Any], limit_seconds: int) -> dict[str, Any]:
    """One process; a failure or a run past the limit is a record with an error."""
    spec = json.dumps({"dataset": dataset, "peer": peer, "settings": settings})
    done = subprocess.run(
        [_python(peer), "-m", "evidence.peers.job", spec],
        cwd=ROOT,
        env=os.environ | ONE_THREAD,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit_seconds, limit_seconds)),
    )
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    killed = f"ended by signal {-done.returncode}"
    if -done.returncode in (signal.SIGXCPU, signal.SIGKILL):
        killed = f"not done after {limit_seconds} CPU seconds"
    error = (done.stderr.strip() or killed).splitlines()[-1]
    return {"peer": peer, "settings": settings, "error": error}


def _python(peer: str) -> str:
    """The interpreter a peer is installed for: THRIFTY_PEERS/pecos or /rest, else this one."""
    folder = os.environ.get("THRIFTY_PEERS")
    if not folder:
        return sys.executable
    return str(Path(folder) / ("pecos" if peer == "pecos" else "rest") / "bin" / "python")
