"""Compress: a model in fewer bytes, in a folder, with what that cost."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from thrifty.core import DataError, parse_bytes
from thrifty.models._compress_facts import facts_of
from thrifty.models._compress_folder import Folder
from thrifty.models._compress_job import Job
from thrifty.models.checkpoint import OURS, Checkpoint
from thrifty.models.compress_judge import Judge, judge_of
from thrifty.models.compressors import LOSSLESS, choices, setting
from thrifty.models.resident import peak
from thrifty.models.workplace import fingerprint

__all__ = ["compress"]

REPORT = "report.json"


def compress(
    model: Any,
    *,
    out: str | Path,
    to: str | None = None,
    budget: int | str | None = None,
    calibrate: Any = None,
    loss: Callable[[Any, Any], Any] | None = None,
    progress: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Compress a model into a folder, to a setting or to a size; the model itself is not touched.

    Tensors are read, encoded and written one after the other, in rows of 64 MB at most, so memory
    stays small whatever the size of the checkpoint (where there is data to calibrate on, torch
    holds the model beside). With a budget, every setting is tried on some rows of every tensor,
    and the choice that fits with the least loss is taken; where the data is known the loss of a
    tensor counts by what the model's output lost when this tensor alone was changed. Biases,
    norms and other small tensors come back to the bit, and so do those with NaN or infinities.
    Tensors that are the same are kept once. A run that was killed goes on where it stood when the
    same call is made again.

    Args:
        model: a safetensors file, a folder of transformers, a model that thrifty trained, or a
            torch module.
        out: folder for what is made; an earlier compressed model there is replaced.
        to: a setting for all tensors: lossless, int8, int4, int3, int2, nf4, lean4, lean3, lean2,
            or n:m such as 2:4 (of each 4 neighbours the 2 most salient stay).
        budget: bytes of the files of tensors, such as "40 MB"; give this or `to`.
        calibrate: of a folder of transformers, a file of texts, one a line; of a model of ours,
            files with its columns; of a module, batches: inputs, or tuples of inputs and targets,
            or dicts of keywords. Every second one is learned from, the others measure the quality.
        loss: of a module's outputs and targets; cross entropy where targets are classes, else
            their squared differences.
        progress: called with phase, fraction and seconds_left.

    Returns:
        What it cost: bytes_before, bytes_after, bits_per_weight, layers, left, shared,
        quality_before, quality_after, agreement, answer_seconds, seconds, and more.

    Raises:
        BudgetError: the smallest there is does not fit; `.smallest` is its size.
        DataError: there is nothing to compress or to calibrate on, or `out` is taken.
        FormatError: a file of the model is cut, or its header lies.
        ValueError: neither or both of `to` and `budget` are given, or a setting that is none.
    """
    if (to is None) == (budget is None):
        raise ValueError("to or budget must be given, and only one of them")
    if to is not None:
        setting(to)
    limit = None if budget is None else parse_bytes(budget, "budget")
    start = time.monotonic()
    source = _opened(model)
    if not source.tensors:
        raise DataError("model must have tensors, got none")
    if to != LOSSLESS and source.ours not in (None, OURS):
        raise DataError(f"a file of {source.ours!r} can only be compressed with to='lossless'")
    tell = progress or _silent
    judge = judge_of(source, model, calibrate, loss, tell)
    path = getattr(source, "path", None)
    folder = Folder(out, path, _mark(source, to, limit, calibrate))
    return _made(source, folder, judge, to, limit, tell, start)


def _made(
    source: Any, folder: Folder, judge: Judge, to: str | None, limit: int | None,
    tell: Callable[[Mapping[str, Any]], None], start: float,
) -> dict[str, Any]:  # fmt: skip
    job = Job(source, folder, judge.inputs, judge.damage if judge.weighs else None, tell)
    ways = job.plan(to, limit, choices(judge.knows_inputs))
    about = {"model": source.kind, "architecture": source.architecture, "ours": source.ours}
    job.write(ways, {**about, "metadata": source.metadata})
    copied = folder.copy(source.extras(), getattr(source, "path", Path()))
    quality = judge.quality(folder.part, tell)
    facts = facts_of(source, job, ways, folder.part, limit)
    facts |= {**quality, "copied": copied, "out": str(folder.out), "peak_bytes": peak()}
    facts |= {"seconds": time.monotonic() - start, "setting": to}
    _write(folder.part / REPORT, facts)
    folder.install()
    return facts


def _opened(model: Any) -> Any:
    if isinstance(model, (str, Path)):
        return Checkpoint(model)
    if hasattr(model, "state_dict"):
        from thrifty.nn.moduletensors import ModuleTensors

        return ModuleTensors(model)
    kinds = "a path or a torch module"
    raise TypeError(f"model must be {kinds}, got {type(model).__name__}")


def _mark(source: Any, to: str | None, limit: int | None, calibrate: Any) -> str:
    data = str(calibrate) if isinstance(calibrate, (str, Path)) else calibrate is not None
    files = [_File(str(file.path), file.nbytes) for file in getattr(source, "files", ())]
    named = {"to": to, "budget": limit, "calibrate": data}
    if not files:
        named["once"] = str(time.time_ns())  # a module may have learned since
    return fingerprint(files, named)


class _File:
    def __init__(self, name: str, nbytes: int) -> None:
        self.name, self.nbytes = name, nbytes


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    import json

    from thrifty.core import replacing

    with replacing(path) as file:
        file.write(json.dumps(facts, indent=1, default=str).encode())


def _silent(told: Any) -> None:
    """Say nothing."""
