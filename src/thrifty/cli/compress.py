"""Compress: a model in fewer bytes, to a setting or to a size, and what that cost."""

from pathlib import Path

from thrifty.cli.flags import Json, answer, answer_json, notice
from thrifty.cli.progress import Progress
from thrifty.core import format_bytes, parse_bytes

__all__ = ["compress"]


def compress(
    model: Path,
    /,
    *,
    to: str | None = None,
    budget: str | None = None,
    calibrate: Path | None = None,
    shrink: float | None = None,
    distil: int | None = None,
    memory: str | None = None,
    out: Path | None = None,
    as_json: Json = False,
) -> None:
    """Make a model smaller: to a setting, or to a size at the least loss.

    Args:
        model: A safetensors file, a folder of transformers, or a model of train.
        to: lossless, int8, int6, int5, int4, int3, int2, nf4, lean4, lean3, lean2, ocs8, ocs6,
            ocs5, ocs4, ocs3 (channels of outliers split), n:m such as 2:4, or a share of weights
            to leave out, such as sparse50.
        budget: Size of the files of tensors, as 40MB; settings are chosen tensor by tensor.
        calibrate: Data the model is for: of a folder of transformers, a file of texts, one a
            line; of a model of train, a file with its columns. Every second line is learned from;
            quality is measured on the others.
        shrink: Share of hidden units that stay, as 0.75: those that the others can stand for on
            the data go first. Of a folder of transformers, with --calibrate.
        distil: Epochs in which what was shrunk, or is pruned as by 2:4, learns to answer as before.
        memory: That a folder of transformers may take while it is calibrated on, as 2GB; a larger
            one is held block by block.
        out: Folder for what is made; beside the model and named after it if not given.
        as_json: Write one JSON object to stdout.
    """
    from thrifty.models._compress_facts import told
    from thrifty.models.compress import compress as compressed

    if (to is None) == (budget is None):
        raise ValueError("--to or --budget must be given, and only one of them")
    if budget is not None:
        parse_bytes(budget, "--budget")
    wanted = {"shrink": shrink, "distil": distil, "memory": memory}
    label = "-".join(str(x) for x in (to or budget, shrink, distil) if x is not None)
    place = _place(model, label) if out is None else out
    try:
        with Progress() as shown:
            facts = compressed(
                model, out=place, to=to, budget=budget, calibrate=calibrate, progress=shown,
                **wanted,
            )  # fmt: skip
    except KeyboardInterrupt:
        notice(f"thrifty: nothing at {place} yet; the same command goes on where this one stopped")
        raise
    if as_json:
        answer_json(facts)
        return
    for line in told(facts):
        answer(line)
    notice(f"peak      {format_bytes(facts['peak_bytes'])} of memory")


def _place(model: Path, label: str) -> Path:
    """Where the compressed model goes: in the current folder.

    Example:
        >>> _place(Path("models/bert.safetensors"), "int4"), _place(Path("tiny/"), "2:4")
        (PosixPath('bert-int4'), PosixPath('tiny-2-4'))
    """
    name = model.resolve().name.removesuffix(".safetensors")
    return Path(f"{name}-{''.join(c if c.isalnum() else '-' for c in label)}")
