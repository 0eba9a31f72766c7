"""Compress shrink: fewer hidden units, or a student, taught to answer as the model does."""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from thrifty.core import DataError, whole
from thrifty.models._compress_stage import Stage
from thrifty.models._compress_survey import way
from thrifty.models.checkpoint import OURS, Checkpoint
from thrifty.models.compress_judge import EXTRA, Judge, lines_of
from thrifty.models.compressors import setting

__all__ = ["Smaller", "Wish", "smaller", "wish_of"]

Told = Callable[[Mapping[str, Any]], None]
Judged = Callable[[Any, Any], Judge]


class Wish(NamedTuple):
    """What a model is to become before its tensors are encoded.

    Args:
        share: of hidden units that stay, or None.
        epochs: of training to answer as the model did, or None.
        student: a module that learns from the model instead, or None.
        pruning: setting that the tensors will be pruned to, or None.
        teachers: that the student learns from as a committee.
    """

    share: float | None
    epochs: int | None
    student: Any
    pruning: str | None
    teachers: tuple[Any, ...] = ()

    def named(self) -> dict[str, Any]:
        """What decides the result, for the mark of a job."""
        return {"shrink": self.share, "distil": self.epochs, "pruning": self.pruning,
                "student": None if self.student is None else time.time_ns()}  # fmt: skip


class Smaller(NamedTuple):
    """A smaller model, ready for its tensors to be encoded.

    Args:
        source: of its tensors.
        judge: of it, beside the whole model.
        manifest: what says how a whole module becomes as small, or None.
        facts: "shrunk" and "distilled" of the report.
    """

    source: Any
    judge: Judge
    manifest: dict[str, Any] | None
    facts: dict[str, Any]


def wish_of(
    shrink: float | None, distil: int | None, student: Any, to: str | None, calibrate: Any,
    teachers: Any = (),
) -> Wish | None:  # fmt: skip
    """What is wished for; None where it is nothing.

    Raises:
        TypeError: a number is none, or the student is no module.
        ValueError: one is out of range, or what one needs is not given.

    Example:
        >>> wish_of(0.5, None, None, "int8", "texts.txt")
        Wish(share=0.5, epochs=None, student=None, pruning=None, teachers=())
    """
    pruning = to if to is not None and setting(to).prune is not None else None
    if len(teachers) and student is None:
        raise ValueError("teachers must come with student, which learns from them")
    if shrink is None and distil is None and student is None:
        return None
    if shrink is not None:
        _share(shrink)
    if distil is not None:
        whole("distil", distil, 1, 10**6)
        if shrink is None and student is None and pruning is None:
            rule = "with shrink, student or a setting that prunes such as to='2:4'"
            raise ValueError(f"distil must come {rule}, got none of them")
    if student is not None and (distil is None or shrink is not None):
        raise ValueError("student must come with distil, and without shrink")
    if student is not None and not hasattr(student, "state_dict"):
        raise TypeError(f"student must be a torch module, got {type(student).__name__}")
    if calibrate is None:
        name = "shrink" if shrink is not None else "distil"
        raise ValueError(f"calibrate must be given where {name} is, got None")
    return Wish(shrink, distil, student, pruning, tuple(teachers))


def _share(shrink: Any) -> None:
    if isinstance(shrink, bool) or not isinstance(shrink, (int, float, np.number)):
        raise TypeError(f"shrink must be a number, got {type(shrink).__name__}")
    if not 0 < shrink < 1:
        raise ValueError(f"shrink must be above 0 and below 1, got {shrink!r}")


def smaller(
    source: Any, model: Any, stage: Stage, wish: Wish, calibrate: Any, judged: Judged, tell: Told
) -> Smaller:
    """The smaller model that is wished for; the model itself is not touched.

    Args:
        source: of the model's tensors.
        model: as it was given.
        stage: where the smaller one of a folder is written, or stands already.
        wish: what it is to be.
        calibrate: file of texts, or list of batches.
        judged: of tensors and the model that they are of: the judge.
        tell: called with phase, fraction and seconds_left.

    Raises:
        DataError: nothing is known of its hidden layers, or it has none.
        IncompatibleError: the student answers in other shapes.
    """
    if not isinstance(source, Checkpoint):
        return _of_module(source, model, wish, judged, tell)
    if source.ours == OURS:
        raise DataError("a model of train has no hidden layer of units that could be shrunk")
    if source.architecture is None:
        raise DataError(f"{source.path} cannot be shrunk: no config.json names its class")
    whole_judge: Any = judged(source, model)
    before = whole_judge.before()
    del whole_judge  # it holds the model
    facts = stage.facts()
    if facts is None:
        facts = _staged(source, stage, wish, lines_of(calibrate), _Clock(tell))
    made = Checkpoint(stage.path)
    judge: Any = judged(made, stage.path)
    judge.compare_with(before)
    return Smaller(made, judge, facts.pop("manifest"), facts)


def _of_module(source: Any, model: Any, wish: Wish, judged: Judged, tell: Told) -> Smaller:
    from thrifty.nn.moduletensors import ModuleTensors
    from thrifty.nn.shrinking import made_smaller

    large: Any = judged(source, model)
    before = large.before()
    made = made_smaller(model, large.calibrated.learned, _wanted(wish), progress=_Clock(tell))
    small = ModuleTensors(made.module)
    judge: Any = judged(small, made.module)
    judge.compare_with(before)
    return Smaller(small, judge, made.manifest, _facts(made, wish))


def _staged(
    source: Checkpoint, stage: Stage, wish: Wish, lines: list[str], tell: Told
) -> dict[str, Any]:
    """Make the smaller model of a folder, and write it there."""
    try:
        from thrifty.nn.shrinking import changed, made_smaller
        from thrifty.nn.staged import matching
        from thrifty.nn.wholetexts import whole_model
    except ModuleNotFoundError as error:
        raise DataError(f"{EXTRA} ({error.name} is missing)") from None
    stage.begin()
    module, batches = whole_model(source.path, str(source.architecture), lines)
    made = made_smaller(module, batches, _wanted(wish), progress=tell)
    if wish.student is None:
        arrays, names = changed(made), list(made.module.state_dict())
        stage.copy(source, (made.manifest or {}).get("config", {}))
        stage.write(source, arrays, lambda name: matching(name, names), changed(made, shrunk=True))
    else:
        _saved(made.module, stage.path)
        stage.copy(source, None)
    facts = {**_facts(made, wish), "manifest": made.manifest}
    stage.finish(facts)
    return facts


def _saved(student: Any, path: Path) -> None:
    if not hasattr(student, "save_pretrained"):
        kind = type(student).__name__
        raise TypeError(f"student must be a module of transformers, as the model is, got {kind}")
    student.save_pretrained(path)


def _wanted(wish: Wish) -> Any:
    from thrifty.nn.shrinking import Wanted

    prune = None if wish.pruning is None else setting(wish.pruning).prune
    names = _pruner(wish.pruning)
    return Wanted(wish.share, wish.epochs, wish.student, wish.teachers, prune, names)


def _pruner(wanted: str | None) -> Callable[[Any], list[str]]:
    """Of a module: the parameters that will be pruned when they are encoded."""

    def names(module: Any) -> list[str]:
        from thrifty.nn.moduletensors import ModuleTensors

        found, own = ModuleTensors(module), dict(module.named_parameters())
        left = [name for name in found.tensors if name in own and name not in found.aliases]
        return [name for name in left if way(found, name, str(wanted)).setting == wanted]

    return names


def _facts(made: Any, wish: Wish) -> dict[str, Any]:
    names = ("layer", "before", "after", "error")
    found = made.recovered
    told = None
    if found is not None:
        losses = [loss if math.isfinite(loss) else None for loss in found.losses]
        told = {"epochs": wish.epochs, "kept": found.kept, "losses": losses}
    rows = [{name: getattr(row, name) for name in names} for row in made.layers]
    return {"shrunk": rows, "distilled": told}


class _Clock:
    """Tell of progress, and of the seconds that are left."""

    def __init__(self, tell: Told) -> None:
        self.tell, self.phase, self.begun = tell, "", 0.0

    def __call__(self, state: Mapping[str, Any]) -> None:
        now, fraction = time.monotonic(), state["fraction"]
        if state["phase"] != self.phase:
            self.phase, self.begun = state["phase"], now
        left = (now - self.begun) * (1 - fraction) / fraction if fraction else None
        self.tell({**state, "seconds_left": left})
