"""Compress: a model in fewer bytes, in a folder, with what that cost."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from thrifty.core import DataError, parse_bytes
from thrifty.models._compress_facts import facts_of
from thrifty.models._compress_folder import Folder, check_place
from thrifty.models._compress_job import Job
from thrifty.models._compress_shrink import Smaller, Wish, smaller, wish_of
from thrifty.models._compress_stage import Stage
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
    shrink: float | None = None,
    distil: int | None = None,
    student: Any = None,
    teachers: Sequence[Any] = (),
    memory: int | str | None = None,
    progress: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Compress a model into a folder, to a setting or to a size; the model itself is not touched.

    Tensors are read, encoded and written one after the other, in rows of 64 MB at most, so memory
    stays small whatever the size of the checkpoint; where there is data to calibrate on, torch
    holds the model beside, whole or one block at a time. Layers are calibrated behind those
    before, as they came out. With a budget, every setting is tried on some rows of every tensor,
    and the choice that fits with the least loss is taken; where the data is known, what the model
    loses is measured for some settings of each tensor and told of the others. Biases,
    norms and other small tensors come back to the bit, and so do those with NaN or infinities.
    Tensors that are the same are kept once. A run that was killed goes on where it stood when the
    same call is made again.

    With `shrink` hidden units go first: those of each block (or of each hidden layer of a module)
    that are mixes of the others on the data, by interpolative decomposition, so that the model
    decides as before; the model is held in memory for that. With `distil` what was shrunk or is
    to be pruned, or a `student`, is trained to answer as the model does.

    Args:
        model: a safetensors file, a folder of transformers, a model that thrifty trained, or a
            torch module.
        out: folder for what is made; an earlier compressed model there is replaced.
        to: a setting for all tensors: lossless, int8, int6, int5, int4, int3, int2, nf4, lean4,
            lean3, lean2, ocs8, ocs6, ocs5, ocs4, ocs3 (channels of outliers split), n:m such as
            2:4 (of each 4 neighbours the 2 most salient stay), or a share of each row to leave
            out, such as sparse50.
        budget: bytes of the files of tensors, such as "40 MB"; give this or `to`.
        calibrate: of a folder of transformers, a file of texts, one a line; of a model of ours,
            files with its columns; of a module, batches: inputs, or tuples of inputs and targets,
            or dicts of keywords. Every second one is learned from, the others measure the quality.
        loss: of a module's outputs and targets; cross entropy where targets are classes, else
            their squared differences.
        shrink: the share of hidden units that stay, above 0 and below 1; needs `calibrate`.
        distil: epochs of training to answer as before, at least 1; with shrink, student or a
            setting that prunes, such as 2:4.
        student: a torch module that learns from the model, and is compressed in its place; for a
            folder one of transformers that reads the same tokens. It is not touched itself.
        teachers: each a `nn.Teacher`: the student, a `Sequential` whose last part makes scores,
            learns from their committee and the classes of the batches (`nn.committee_distil`)
            instead of the model, which it is judged beside.
        memory: that a folder of transformers may take while it is calibrated on, such as "2 GB";
            one that takes more is held block by block, and its tensors are weighed by their own
            layers' outputs alone. None for what is free.
        progress: called with phase, fraction and seconds_left.

    Returns:
        What it cost: bytes_before, bytes_after, bits_per_weight, layers, left, shared,
        quality_before, quality_after, agreement, answer_seconds, seconds, shrunk, distilled, and
        more.

    Raises:
        BudgetError: the smallest there is does not fit; `.smallest` is its size.
        DataError: there is nothing to compress, to shrink or to calibrate on, or `out` is taken.
        FormatError: a file of the model is cut, or its header lies.
        IncompatibleError: the student does not answer in the model's shapes.
        TypeError: what is given is of no kind that is taken.
        ValueError: neither or both of `to` and `budget` are given, a setting that is none, or what
            goes with `shrink`, `distil` or `student` is missing.
    """
    if (to is None) == (budget is None):
        raise ValueError("to or budget must be given, and only one of them")
    if to is not None:
        setting(to)
    wish = wish_of(shrink, distil, student, to, calibrate, teachers)
    limit = None if budget is None else parse_bytes(budget, "budget")
    start = time.monotonic()
    source = _opened(model)
    if not source.tensors:
        raise DataError("model must have tensors, got none")
    if to != LOSSLESS and source.ours not in (None, OURS):
        raise DataError(f"a file of {source.ours!r} can only be compressed with to='lossless'")
    tell = progress or _silent
    path = getattr(source, "path", None)
    room = None if memory is None else parse_bytes(memory, "memory")
    check_place(Path(out), path)
    mark = _mark(source, to, limit, calibrate, wish)
    if wish is not None and not isinstance(calibrate, (str, Path)):
        calibrate = list(calibrate)

    def judged(source: Any, model: Any) -> Judge:
        return judge_of(source, model, calibrate, loss, tell, room)

    if wish is None:
        made = Smaller(source, judged(source, model), None, {"shrunk": [], "distilled": None})
    else:
        made = smaller(source, model, Stage(out, mark), wish, calibrate, judged, tell)
    facts = _made(made, Folder(out, path, mark), to, limit, source.nbytes, tell, start)
    Stage.clear(out)
    return facts


def _made(
    made: Smaller, folder: Folder, to: str | None, limit: int | None, before: int,
    tell: Callable[[Mapping[str, Any]], None], start: float,
) -> dict[str, Any]:  # fmt: skip
    source, judge = made.source, made.judge
    job = Job(source, folder, judge, tell)
    ways = job.plan(to, limit, choices(judge.knows_inputs))
    about = {"model": source.kind, "architecture": source.architecture, "ours": source.ours}
    about |= {"shrunk": made.manifest} if made.manifest else {}
    job.write(ways, {**about, "metadata": source.metadata})
    copied = folder.copy(source.extras(), getattr(source, "path", Path()))
    quality = judge.quality(folder.part, tell)
    facts = facts_of(source, job, ways, folder.part, limit)
    facts |= {**quality, **made.facts, "bytes_before": before, "copied": copied}
    facts |= {"out": str(folder.out), "peak_bytes": peak()}
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


def _mark(source: Any, to: str | None, limit: int | None, calibrate: Any, wish: Wish | None) -> str:
    files = [_File(str(file.path), file.nbytes) for file in getattr(source, "files", ())]
    named = {"to": to, "budget": limit, "calibrate": _told(calibrate)}
    named |= {} if wish is None else wish.named()
    if not files:
        named["once"] = str(time.time_ns())  # a module may have learned since
    return fingerprint(files, named)


def _told(calibrate: Any) -> Any:
    """What is known of the data without reading it."""
    if not isinstance(calibrate, (str, Path)):
        return calibrate is not None
    path = Path(calibrate)
    found = path.stat() if path.is_file() else None
    return [str(path), found and found.st_size, found and found.st_mtime_ns]


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
