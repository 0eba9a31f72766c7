"""Trainer: epochs over a stream: probe, learn, watch held-out quality, stop, keep the best."""

import copy
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from thrifty.learn.audit import audit_sampling
from thrifty.learn.linear_path import SparseLinear
from thrifty.learn.network import Wide
from thrifty.learn.probe import chosen_rate, probe
from thrifty.learn.quality import calibrate, choose_mix, quality_name
from thrifty.learn.tile import Labels, cut
from thrifty.learn.worker import Worker

__all__ = ["Chunk", "History", "Stream", "run_epochs", "train"]

Chunk = tuple[csr_array, Labels]
Stream = Callable[[int, int], Iterator[Chunk]]
State = tuple[dict[str, Any], dict[str, Any]]
SECONDS_BETWEEN_CHECKPOINTS = 180.0
SECONDS_BETWEEN_REPORTS = 0.5


class Keep(Protocol):
    """Where the best epoch so far is kept."""

    def save(self, header: dict[str, Any], arrays: dict[str, Any]) -> None: ...

    def load(self) -> State: ...


class InMemory:
    """The best epoch as a copy in memory."""

    def save(self, header: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Copy the state."""
        self.state = copy.deepcopy((header, arrays))

    def load(self) -> State:
        """The copy."""
        return self.state


@dataclass
class History:
    """What happened in training.

    Args:
        quality_name: the held-out number compared between epochs; larger is better.
        epochs: one dict an epoch: epoch, loss, quality, mix, seconds, rows_per_second.
        best: epoch number of the best quality, -1 before the first.
        probe: what the learning-rate probe tried, and the quality of each.
        audit: sampled against full outputs, after the first epoch and at the end.
        stopped: "epochs", "no gain" or "interrupted".
    """

    quality_name: str
    epochs: list[dict[str, Any]] = field(default_factory=list)
    best: int = -1
    probe: list[dict[str, Any]] = field(default_factory=list)
    audit: dict[str, Any] = field(default_factory=dict)
    stopped: str = "epochs"

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-able values."""
        return asdict(self)


def train(
    wide: Wide,
    stream: Stream,
    held_out: Chunk,
    *,
    progress: Callable[[dict[str, Any]], None] | None = None,
    checkpoint: Callable[[dict[str, Any], dict[str, Any]], None] | None = None,
    resume: State | None = None,
    best: Keep | None = None,
    num_rows: int | None = None,
) -> History:
    """Train a wide network and leave it at its best epoch.

    Args:
        wide: the network, changed in place.
        stream: `stream(epoch, start)` gives that epoch's chunks (rows, labels) from chunk number
            `start` on, the same ones each time it is asked.
        held_out: rows and labels that choose learning rate, mix, epoch and calibration.
        progress: called about twice a second with a dict of numbers.
        checkpoint: called with (header, arrays) after each epoch and every few minutes.
        resume: what checkpoint was last given; goes on from there. With one thread the result
            equals that of no pause.
        best: where the best epoch is kept; in memory by default.
        num_rows: rows of an epoch, for the time left.

    Returns:
        What happened; Ctrl-C ends training early with the best epoch so far.
    """
    run = _Run(wide, stream, held_out, progress, checkpoint, best or InMemory(), num_rows)
    with threadpool_limits(1), ThreadPoolExecutor(wide.settings.threads) as pool:
        return run.all(pool, resume)


def run_epochs(
    wide: Wide,
    stream: Stream,
    *,
    rate: float | None,
    num_rows: int | None = None,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Train for `settings.epochs` epochs, watching nothing; arguments as in `train`."""
    run = _Run(wide, stream, None, progress, None, InMemory(), num_rows)
    run.rate = rate
    with threadpool_limits(1), ThreadPoolExecutor(wide.settings.threads) as pool:
        while run.epoch < wide.settings.epochs:
            run.one_epoch(pool)


class _Run:
    """One training run: the loop and where it stands."""

    def __init__(self, wide, stream, held_out, progress, checkpoint, best, num_rows):
        self.wide, self.stream, self.held_out = wide, stream, held_out
        self.progress, self.checkpoint, self.best, self.num_rows = (
            progress,
            checkpoint,
            best,
            num_rows,
        )
        self.history = History(quality_name(wide))
        self.rate = wide.settings.learning_rate
        self.epoch, self.chunk = 0, 0
        self.loss, self.rows = 0.0, 0
        self.worker = Worker(wide)

    def all(self, pool: ThreadPoolExecutor, resume: State | None) -> History:
        try:
            self._prepare(resume)
            while self.epoch < self.wide.settings.epochs and not self._no_gain():
                self.one_epoch(pool)
        except KeyboardInterrupt:
            self.history.stopped = "interrupted"
        self._finish()
        return self.history

    def _prepare(self, resume: State | None) -> None:
        if resume is not None:
            header, arrays = resume
            self.wide.restore(header["network"], arrays)
            self.history = History(**header["history"])
            self.epoch, self.chunk, self.rate = header["epoch"], header["chunk"], header["rate"]
            self.loss, self.rows = header["loss"], header["rows"]
            if isinstance(self.best, InMemory):  # what resumes stands in for the best of before
                self.best.save(header["network"], arrays)
            if self.history.audit.get("fell_back"):
                self.wide.hidden.selector = None
            self.worker.restore(header["worker"], arrays)
        else:
            self._measure()
            self.history.probe = probe(self.wide, self.stream(0, 0), self.held_out)
            self.rate = chosen_rate(self.history.probe, self.rate)

    def _measure(self) -> None:
        """Give the sparse linear path room by what its columns meet, in a pass of its own.

        The pairs of lists that are completed were counted when the lists were read.
        """
        if isinstance(self.wide.linear, SparseLinear) and not self.wide.settings.complete:
            chunks, size = self.stream(0, 0), self.wide.settings.tile
            tiles = (tile for rows, labels in chunks for tile in cut(rows, labels, size))
            self.wide.linear.measure(tiles)

    def one_epoch(self, pool: ThreadPoolExecutor) -> None:
        start = last = saved = time.perf_counter()
        first_rows = self.rows
        for rows, labels in self.stream(self.epoch, self.chunk):
            tiles = enumerate(cut(rows, labels, self.wide.settings.tile))
            place = self.wide.settings.seed, self.epoch, self.chunk
            jobs = ((tile, self.rate or 0.0, (*place, number)) for number, tile in tiles)
            self.loss += self.worker.run(pool, jobs)
            self.rows += rows.shape[0]
            self.chunk += 1
            now = time.perf_counter()
            if self.progress and now - last > SECONDS_BETWEEN_REPORTS:
                last = now
                self._report((self.rows - first_rows) / (now - start))
            if self.checkpoint and now - saved > SECONDS_BETWEEN_CHECKPOINTS:
                saved = now
                self.checkpoint(*self._state())
        self._close_epoch(time.perf_counter() - start, self.rows - first_rows)

    def _close_epoch(self, seconds: float, rows: int) -> None:
        self.worker.refresh()
        if self.held_out is not None:
            self._judge(seconds, rows)
        self.epoch, self.chunk, self.loss, self.rows = self.epoch + 1, 0, 0.0, 0
        if self.progress:
            self._report(rows / max(seconds, 1e-9))
        if self.checkpoint:
            self.checkpoint(*self._state())

    def _judge(self, seconds: float, rows: int) -> None:
        quality, mix = choose_mix(self.wide, *self.held_out)
        self.wide.mix = mix
        better = (
            self.history.best < 0 or quality > self.history.epochs[self.history.best]["quality"]
        )
        self.history.epochs.append(
            {
                "epoch": self.epoch,
                "loss": self.loss / max(self.rows, 1),
                "quality": quality,
                "mix": mix.tolist(),
                "seconds": seconds,
                "rows_per_second": rows / max(seconds, 1e-9),
            }
        )
        if better:
            self.best.save(*self.wide.state())
            self.history.best = self.epoch
        if self.epoch == 0:
            self._audit("first")

    def _audit(self, when: str) -> None:
        found = audit_sampling(self.wide, *self.held_out, seed=self.wide.settings.seed)
        if found is None:
            return
        self.history.audit[when] = found.to_dict()
        if when == "first" and not found.pays:
            self.wide.hidden.selector = None
            self.history.audit["fell_back"] = True

    def _no_gain(self) -> bool:
        if self.history.best < 0 or self.epoch - self.history.best <= self.wide.settings.patience:
            return False
        self.history.stopped = "no gain"
        return True

    def _finish(self) -> None:
        if self.history.best >= 0:
            self.wide.restore(*self.best.load())
            if "fell_back" not in self.history.audit:
                self._audit("last")
        calibrate(self.wide, *self.held_out)

    def _state(self) -> State:
        network, arrays = self.wide.state()
        worker, tables = self.worker.state()
        header = {"network": network, "worker": worker, "history": self.history.to_dict()}
        place = {"epoch": self.epoch, "chunk": self.chunk, "loss": self.loss, "rows": self.rows}
        return header | place | {"rate": self.rate}, arrays | tables

    def _report(self, rows_per_second: float) -> None:
        done, settings = self.history.epochs, self.wide.settings
        part = min(1.0, self.rows / self.num_rows) if self.num_rows else 0.0
        left = (settings.epochs - self.epoch - part) * (self.num_rows or 0)
        self.progress(
            {
                "epoch": self.epoch,
                "epochs": settings.epochs,
                "rows": self.rows,
                "rows_per_second": rows_per_second,
                "loss": self.loss / self.rows if self.rows else done[-1]["loss"] if done else 0.0,
                "quality": done[-1]["quality"] if done else None,
                "quality_name": self.history.quality_name,
                "fraction": (self.epoch + part) / settings.epochs,
                "seconds_left": left / rows_per_second if rows_per_second else None,
            }
        )
