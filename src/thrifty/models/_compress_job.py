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
from thrifty.models._compress_pieces import Inputs, Pressed, Tensors, encoded, pieces, row_ranges
from thrifty.models._compress_survey import KEPT, Way, options, way
from thrifty.models.compress_judge import Judge
from thrifty.models.compress_plan import Option, choose
from thrifty.models.compress_search import Search
from thrifty.models.compressors import LOSSLESS, setting
from thrifty.models.resident import trimmed

__all__ = ["Job", "Source"]

FILE_BYTES, LARGE = 1024, 30_000_000  # of a file beside its tensors, at most; where room is left
HELD = 1 << 29  # bytes of moments of inputs
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
        self._told, self._begun, self._phase, self.runs = progress, 0.0, "", 0
        self._inputs = dict[str, Inputs | None]()

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
            for name in trimmed(self.names):
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
        told.notes += [how.note] if how.note else []
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
            self._settle(written, name, ways[name].setting)

    def _settle(self, written: CompressedTensors, name: str, how: str) -> None:
        """Do with a written tensor what was done when it was written: ask, then settle."""
        if how in (KEPT, LOSSLESS):
            return
        if setting(how).inputs:
            self.judge.inputs(name)
        start = 0
        for rows in written.chunks(name):
            self.judge.settle(name, start, rows)
            start += len(rows)

    def _wanted(self, to: str) -> dict[str, Way]:
        return {name: way(self.source, name, to) for name in self.names}

    def _fitting(self, budget: int | None, settings: Iterable[str]) -> dict[str, Way]:
        total, done, found, wanted = self._total(), 0, {}, tuple(settings)
        for name in self.names:
            self._say("survey", done / total)
            found[name] = options(self.source, name, wanted, self._known(name))
            done += self.source.tensors[name].nbytes
        found = self._weighed(found) if self.judge.weighs else found
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

    def _weighed(self, found: Mapping[str, list[Option]]) -> dict[str, list[Option]]:
        """The options with what the model loses by them, measured for some."""
        search = Search(self.lost)
        weighed = search.losses(found, lambda fraction: self._say("search", fraction))
        self.runs = search.runs
        self._inputs.clear()
        return weighed

    def _known(self, name: str) -> Inputs | None:
        """The inputs of a layer as they are before anything changes; kept while all are small."""
        if name not in self._inputs:
            found = self.judge.inputs(name)
            held = sum(one.gram.nbytes for one in self._inputs.values() if one is not None)
            if not self.judge.weighs or held > HELD:
                return found
            self._inputs[name] = found
        return self._inputs[name]

    def lost(self, name: str, wanted: str) -> float | None:
        """What the model loses when a tensor alone is as a setting makes it; None if not known."""
        known, chosen, info = self._known(name), setting(wanted), self.source.tensors[name]
        parts = (self.source.read(name, first, last) for first, last in row_ranges(info))
        made = [encoded(x, chosen, known).decode().reshape(x.shape) for x in parts]
        return self.judge.damage(name, made[0] if len(made) == 1 else np.concatenate(made))

    def _total(self) -> int:
        return max(1, sum(self.source.tensors[name].nbytes for name in self.names))

    def _say(self, phase: str, fraction: float) -> None:
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._begun = phase, now
        left = (now - self._begun) * (1 - fraction) / fraction if fraction else None
        self._told({"phase": phase, "fraction": fraction, "seconds_left": left})
