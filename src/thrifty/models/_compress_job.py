"""Compress job: survey, plan, write: the tensors of a model, one after the other."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np

from thrifty.codec.compressed import CompressedTensors
from thrifty.codec.compressedwriter import AT_ONCE, ROOM, CompressedWriter
from thrifty.core import BudgetError, format_bytes
from thrifty.models._compress_folder import Folder
from thrifty.models._compress_pieces import Pressed, Tensors, encoded, pieces
from thrifty.models._compress_survey import KEPT, Way, lost, options, way
from thrifty.models.compress_judge import Judge
from thrifty.models.compress_plan import choose
from thrifty.models.compressors import LOSSLESS, PROBE, setting

__all__ = ["Job", "Source"]

FILE_BYTES, LARGE = 1024, 30_000_000  # of a file beside its tensors, at most; where room is left
Told = Callable[[Mapping[str, Any]], None]


class Source(Tensors, Protocol):
    """What is compressed: a `Checkpoint`, or the parameters of a torch module."""

    @property
    def metadata(self) -> dict[str, str]:
        """What stands in its file beside the tensors."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of all."""
        ...

    @property
    def aliases(self) -> dict[str, str]:
        """Tensors that are the same as another."""
        ...


class Job:
    """Compress the tensors of a source into a folder.

    Args:
        source: of the tensors.
        folder: where to.
        judge: what is known of the model's data.
        progress: called with phase, fraction and seconds_left.
    """

    def __init__(
        self,
        source: Source,
        folder: Folder,
        judge: Judge,
        progress: Told,
    ) -> None:
        self.source, self.folder, self.judge = source, folder, judge
        self.aliases, self.pressed = dict(source.aliases), dict[str, Pressed]()
        self.names = judge.order([name for name in source.tensors if name not in self.aliases])
        self._told, self._begun, self._phase = progress, 0.0, ""

    def plan(self, to: str | None, budget: int | None, settings: Iterable[str]) -> dict[str, Way]:
        """How each tensor is compressed: as an unfinished run decided, or decided now.

        Args:
            to: setting wanted for all; None where the budget decides.
            budget: bytes of the files, or None.
            settings: that the budget may choose from.

        Raises:
            BudgetError: the smallest there is does not fit the budget.
        """
        kept = self.folder.kept()
        if kept is None:
            found = self._fitting(budget, settings) if to is None else self._wanted(to)
            kept = {name: list(vars(one).values()) for name, one in found.items()}
            self.folder.keep(kept)
        return {name: Way(*kept[name]) for name in self.names}

    def write(self, ways: Mapping[str, Way], about: Mapping[str, Any]) -> None:
        """Write all tensors, but those an unfinished run has written.

        Args:
            ways: of each tensor.
            about: kept in the folder's manifest; "metadata" of the source is taken out of it.
        """
        with CompressedWriter(self.folder.part) as writer:
            total, done = self._total(), 0
            self._again(writer, ways)
            for name in self.names:
                self._say("writing", done / total)
                if name not in writer.entries:
                    self.pressed[name] = self._one(writer, name, ways[name])
                done += self.source.tensors[name].nbytes
            rest = dict(about)
            writer.finish(self.aliases, rest.pop("metadata", {}), rest)
        self._say("writing", 1.0)

    def _one(self, writer: CompressedWriter, name: str, how: Way) -> Pressed:
        info, told = self.source.tensors[name], Pressed(name)
        if how.setting == KEPT:
            writer.keep(name, info.code, info.shape, self.source.chunks(name))
            told.nbytes = info.nbytes
            return told
        chosen = setting(how.setting)
        known = self.judge.inputs(name) if chosen.inputs else None
        settle = partial(self.judge.settle, name) if how.setting != LOSSLESS else None
        made = pieces(self.source, name, chosen, known, told, settle)
        writer.add(name, info.code, info.shape, how.setting, made)
        return told

    def _again(self, writer: CompressedWriter, ways: Mapping[str, Way]) -> None:
        """Settle what an unfinished run has written, where it matters for what is left."""
        left = [ways[name].setting for name in self.names if name not in writer.entries]
        if not any(setting(one).inputs for one in left if one != KEPT):
            return
        written = CompressedTensors.unfinished(writer.folder, writer.files)
        for name in [name for name in self.names if name in writer.entries]:
            start = 0
            for rows in written.chunks(name) if ways[name].setting not in (KEPT, LOSSLESS) else ():
                self.judge.settle(name, start, rows)
                start += len(rows)

    def _wanted(self, to: str) -> dict[str, Way]:
        return {name: way(self.source, name, to) for name in self.names}

    def _fitting(self, budget: int | None, settings: Iterable[str]) -> dict[str, Way]:
        total, done, found, wanted = self._total(), 0, {}, tuple(settings)
        for name in self.names:
            self._say("survey", done / total)
            weigh = self._weigh if self.judge.weighs else None
            found[name] = options(self.source, name, wanted, self.judge.inputs(name), weigh)
            done += self.source.tensors[name].nbytes
        whole = 0 if budget is None else budget
        files = FILE_BYTES + (1 + whole // AT_ONCE) * (FILE_BYTES + ROOM * (whole > LARGE))
        room = len(json.dumps([self.aliases, self.source.metadata])) + files
        try:
            chosen = choose(found, whole - room)
        except BudgetError as error:
            least = error.smallest + room
            text = f"budget must be at least {format_bytes(least, up=True)} for this model"
            raise BudgetError(f"{text}, got {budget}", least) from None
        names = {name: one.setting for name, one in chosen.items()}
        return {name: Way(one, self._reason(name, one)) for name, one in names.items()}

    def _reason(self, name: str, chosen: str) -> str:
        return way(self.source, name, LOSSLESS).reason if chosen == KEPT else ""

    def _weigh(self, name: str, rows: np.ndarray) -> float:
        """What the model loses for a unit of loss of this tensor, measured by one probe."""
        known, x = self.judge.inputs(name), self.source.read(name)
        off = encoded(x, PROBE).decode().reshape(x.shape)
        error = lost(x, off, known)
        found = self.judge.damage(name, off)
        return 1.0 if found is None or not error else found / error

    def _total(self) -> int:
        return max(1, sum(self.source.tensors[name].nbytes for name in self.names))

    def _say(self, phase: str, fraction: float) -> None:
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._begun = phase, now
        left = (now - self._begun) * (1 - fraction) / fraction if fraction else None
        self._told({"phase": phase, "fraction": fraction, "seconds_left": left})
