"""Compress judge: what is known of a model's data while it is compressed, and its quality after."""

import json
import time
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from thrifty.core import DataError
from thrifty.models._compress_pieces import Inputs
from thrifty.models.checkpoint import OURS, Checkpoint
from thrifty.models.resident import available

__all__ = ["EXTRA", "Judge", "ModelJudge", "ModuleJudge", "judge_of"]

EXTRA = "this needs torch and transformers: pip install 'thrifty[torch]'"
LINES, ROWS = 20_000, 2000
WHOLE = 4  # times the bytes of a model are taken where it is held in memory whole
Told = Callable[[Mapping[str, Any]], None]


class Judge:
    """Knows nothing: every tensor counts the same, and quality is not measured."""

    weighs, knows_inputs = False, False

    def inputs(self, name: str) -> Inputs | None:
        """What is known of the inputs of the layer of a tensor."""
        return None

    def order(self, names: list[str]) -> list[str]:
        """The names of tensors in the order in which they are compressed."""
        return names

    def settle(self, name: str, start: int, rows: np.ndarray) -> None:
        """Rows of a tensor as they will be, from the one of this number on."""

    def damage(self, name: str, array: np.ndarray) -> float | None:
        """What the model loses with this array in the place of that tensor; None if not known."""
        return None

    def quality(self, folder: Path, tell: Told) -> dict[str, Any]:
        """Quality before and after, agreement, and seconds to answer: here, nothing."""
        return {
            "quality_before": None, "quality_after": None, "agreement": None, "answer_seconds": None
        }  # fmt: skip


class ModelJudge(Judge):
    """Of a model that thrifty trained: its own metrics on files that hold the truth.

    Args:
        path: of the model.
        files: with its columns and its target.
    """

    def __init__(self, path: Path, files: Any) -> None:
        self.files = files
        self.before = self._judged(path)

    def quality(self, folder: Path, tell: Told) -> dict[str, Any]:
        """The metrics of the model, and the share of rows with the same answer."""
        tell({"phase": "judging", "fraction": 0.0})
        (task, one, answers, first), (_, two, others, then) = self.before, self._judged(folder)
        same = sum(a == b for a, b in zip(answers, others, strict=True))
        share = None if task == "number" else same / max(1, len(answers))
        seconds = {"before": first, "after": then}
        return {
            "quality_before": one, "quality_after": two, "agreement": share,
            "answer_seconds": seconds,
        }  # fmt: skip

    def _judged(self, path: Path) -> tuple[str, dict[str, float], list[Any], float]:
        """The task, the metrics, the first answers of a model, and seconds these took."""
        from thrifty.models.model import Model

        model = Model.load(path)
        found = {k: v for k, v in model.evaluate(self.files).items() if k != "rows"}
        start = time.perf_counter()
        answers = [row["predicted"] for row in islice(_answers(model, self.files), ROWS)]
        return model.task, found, answers, time.perf_counter() - start


class ModuleJudge(Judge):
    """Of a torch module: what its layers are fed, what a change costs, and its quality.

    Args:
        calibrated: see `nn.calibrated`.
        reloaded: of the folder of a compressed model, and whether its linear layers stay encoded:
            the module of it.
    """

    knows_inputs = True

    def __init__(self, calibrated: Any, reloaded: Callable[[Path, bool], Any]) -> None:
        self.calibrated, self.reloaded = calibrated, reloaded
        self.weighs = calibrated.whole
        self._before: Any = None
        self._seconds: dict[str, float] = {}

    def order(self, names: list[str]) -> list[str]:
        """As the layers run, so that each is calibrated behind those before it."""
        return self.calibrated.order(names)

    def inputs(self, name: str) -> Inputs | None:
        """The second moments of the inputs of a linear layer, and of gradients at its outputs."""
        gram = self.calibrated.gram(name)
        if gram is None:
            return None
        return Inputs(gram, self.calibrated.slopes(name), self.calibrated.axis(name) == 0)

    def settle(self, name: str, start: int, rows: np.ndarray) -> None:
        """Layers behind are fed what comes out with these rows."""
        self._judge_before()
        self.calibrated.settle(name, start, rows)

    def damage(self, name: str, array: np.ndarray) -> float | None:
        """How much the module's answers differ; None for a tensor that it has under no name."""
        return self.calibrated.damage(name, array) if name in self.calibrated.names else None

    def quality(self, folder: Path, tell: Told) -> dict[str, Any]:
        """Quality on the batches that were not calibrated on."""
        from thrifty.nn.outcome import agreement

        tell({"phase": "judging", "fraction": 0.0})
        before = self._judge_before()
        tell({"phase": "judging", "fraction": 0.3})
        self.calibrated.module = self.reloaded(folder, False)
        after = self._timed("after")
        tell({"phase": "judging", "fraction": 0.7})
        if self.weighs:
            self.calibrated.module = self.reloaded(folder, True)
            self._timed("packed")
        share, more = agreement(before, after)
        one, two = before.quality(), after.quality()
        if more:
            one, two = dict.fromkeys(more, 1.0), more
        return {
            "quality_before": one, "quality_after": two, "agreement": share,
            "answer_seconds": self._seconds,
        }  # fmt: skip

    def before(self) -> tuple[Any, dict[str, float]]:
        """What the model answers as it is, and the seconds that took."""
        return self._judge_before(), self._seconds

    def compare_with(self, before: tuple[Any, dict[str, float]]) -> None:
        """Compare with what another model answered to the same batches: its `before`."""
        self._before, self._seconds = before

    def _judge_before(self) -> Any:
        """What the model answers as it is, asked before its first tensor changes."""
        if self._before is None:
            self._before = self._timed("before")
        return self._before

    def _timed(self, name: str) -> Any:
        start = time.perf_counter()
        found = self.calibrated.outcome()
        self._seconds[name] = time.perf_counter() - start
        return found


def judge_of(
    source: Any, model: Any, calibrate: Any, loss: Any, tell: Told, memory: int | None = None
) -> Judge:
    """The judge for a model and what it is to be calibrated on.

    Args:
        source: its tensors.
        model: as it was given.
        calibrate: file or batches; None for a judge that knows nothing.
        loss: of outputs and targets, for modules.
        tell: called with phase and fraction.
        memory: bytes that a model of transformers may take; a larger one is held block by block.
            None for what is free.

    Raises:
        DataError: nothing to calibrate on, or a kind of model that cannot be run; or torch is
            missing where it is needed.
    """
    if calibrate is None:
        return Judge()
    if not isinstance(source, Checkpoint):
        return _of_module(model, source, calibrate, loss)
    if source.ours == OURS:
        tell({"phase": "judging", "fraction": 0.0})
        return ModelJudge(source.path, calibrate)
    if source.architecture is None:
        raise DataError(f"{source.path} cannot be run on data: no config.json names its class")
    tell({"phase": "opening", "fraction": 0.0})
    return _of_texts(source, lines_of(calibrate), available() if memory is None else memory)


def _of_module(model: Any, source: Any, batches: Any, loss: Any) -> Judge:
    import copy

    from thrifty.nn.calibrated import Calibrated

    own = copy.deepcopy(model)
    calibrated = Calibrated(own, batches, source.tensors, loss)
    return ModuleJudge(calibrated, lambda folder, packed: _again(own, folder, packed))


def _again(own: Any, folder: Path, packed: bool) -> Any:
    """The module with the weights of a folder."""
    from thrifty.nn.compressed import load_compressed

    return load_compressed(folder, into=own, packed=packed)


def _of_texts(source: Checkpoint, lines: list[str], memory: int) -> Judge:
    try:
        from thrifty.nn.opened import opened, reopened
        from thrifty.nn.texts import task_of, text_batches
    except ModuleNotFoundError as error:
        raise DataError(f"{EXTRA} ({error.name} is missing)") from None
    from thrifty.nn.calibrated import Calibrated

    batches = text_batches(source.path, lines, task_of(str(source.architecture)))
    whole = WHOLE * source.nbytes <= memory
    module, staged = opened(source.path, source, whole=whole)
    calibrated = Calibrated(module, batches, source.tensors, staged=staged)
    return ModuleJudge(calibrated, lambda folder, packed: reopened(folder, packed, whole=whole))


def lines_of(path: Any) -> list[str]:
    """Texts of a file, one a line; of JSON lines, their "text".

    Raises:
        DataError: there is no text in it.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        found = [text for line in islice(file, LINES) if (text := _text(line, str(path)))]
    if not found:
        raise DataError(f"{path}: no text to calibrate on")
    return found


def _text(line: str, path: str) -> str:
    if path.endswith((".jsonl", ".json")):
        try:
            return str(json.loads(line)["text"]).strip()
        except (KeyError, TypeError, ValueError):
            raise DataError(f'{path}: every line must be JSON with a "text"') from None
    return line.strip()


def _answers(model: Any, files: Any) -> Any:
    from thrifty import data

    source = data.open(files)
    names = [name for name in model.featurizer.schema.names if name in source.schema.names]
    return (row for batch in source.batches(names) for row in model.predict(batch))
