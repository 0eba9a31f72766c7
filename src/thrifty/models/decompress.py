"""Decompress: plain safetensors from a compressed model: a file, or a folder transformers opens."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from thrifty.codec.compressed import MANIFEST, CompressedTensors
from thrifty.codec.tensorwriter import TensorWriter
from thrifty.core import DataError, FormatError, load, save
from thrifty.models._compress_folder import Folder

__all__ = ["REPORT", "decompress", "stored"]

REPORT = "report.json"
DAMAGE = (AttributeError, KeyError, RecursionError, TypeError, ValueError)


def decompress(
    folder: str | Path,
    out: str | Path,
    *,
    progress: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Write the tensors of a compressed model as they were, or as near as they are kept.

    Args:
        folder: that `compress` wrote.
        out: a file *.safetensors; or a folder, which gets the tensors as model.safetensors and
            config, tokenizer and what else was beside them.
        progress: called with phase and fraction.

    Returns:
        What was written: out, tensors and bytes.

    Raises:
        FormatError: the folder is damaged, or no compressed model.
        DataError: `out` is taken by something else.
        SaveError: the disk is full or not writable.
    """
    tensors, out = CompressedTensors(folder), Path(out)
    tell = progress or _silent
    if out.suffix != ".safetensors":
        return _folder(tensors, out, tell)
    if out.is_dir():
        raise DataError(f"out must be a file, got the folder {out}")
    _write(tensors, out, tell)
    return {"out": str(out), "tensors": len(tensors.names()), "bytes": out.stat().st_size}


def _folder(
    tensors: CompressedTensors, out: Path, tell: Callable[[Mapping[str, Any]], None]
) -> dict[str, Any]:
    made = Folder(out, tensors.folder, "decompress")
    file = made.part / "model.safetensors"
    _write(tensors, file, tell)
    own = {MANIFEST, REPORT, *(path.name for path in tensors.files)}
    beside = [p for p in tensors.folder.rglob("*") if p.is_file() and p.name not in own]
    made.copy(beside, tensors.folder)
    nbytes = file.stat().st_size
    made.install()
    return {"out": str(out), "tensors": len(tensors.names()), "bytes": nbytes}


def stored(path: str | Path, **how: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a model of ours: its file, or the folder of its compressed form.

    Args:
        path: of the file; where none is there but its folder holds a compressed model, of that.
        how: kind, version and oldest, as of `core.load`.

    Raises:
        FormatError: it is damaged, or of another kind or version.
        FileNotFoundError: neither is there.
    """
    path = Path(path)
    if path.exists() or not (path.parent / MANIFEST).exists():
        return load(path, **how)
    tensors = CompressedTensors(path.parent)
    kind, version, header = _ours(tensors)
    if kind != how["kind"] or not how.get("oldest", 1) <= version <= how["version"]:
        raise FormatError(f"{path.parent} holds {kind!r} of version {version}, expected {how}")
    return header, _plain(tensors)


def _plain(tensors: CompressedTensors) -> dict[str, np.ndarray]:
    """All arrays, as a file of ours has them: bfloat16 as words of 16 bits."""
    arrays = {name: tensors.decode(name) for name in tensors.names()}
    words = {name: x.view(np.uint16) for name, x in arrays.items() if x.dtype.name == "bfloat16"}
    return arrays | words


def _ours(tensors: CompressedTensors) -> tuple[str, int, dict[str, Any]]:
    """Kind, version and header of the file of ours that was compressed."""
    try:
        about = json.loads(tensors.metadata["thrifty"])
        return str(about["format"]), int(about["version"]), dict(about["header"])
    except DAMAGE as error:
        raise FormatError(f"{tensors.folder} is no model of thrifty: {error!r}") from error


def _write(
    tensors: CompressedTensors, path: Path, tell: Callable[[Mapping[str, Any]], None]
) -> None:
    if tensors.about.get("ours"):  # its checksums are those of what is decoded
        kind, version, header = _ours(tensors)
        save(path, kind=kind, version=version, header=header, arrays=_plain(tensors))
        return
    names = tensors.names()
    total = max(1, sum(tensors.entry(name).info.nbytes for name in names))
    path.parent.mkdir(parents=True, exist_ok=True)
    with TensorWriter(path, room=200 * len(names)) as writer:
        writer.metadata |= tensors.metadata
        for name in names:
            entry = tensors.entry(name)
            tell({"phase": "decoding", "fraction": writer.nbytes / total})
            chunks = (_bytes(chunk) for chunk in tensors.chunks(name))
            writer.add_bytes(name, entry.code, entry.shape, chunks)


def _bytes(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _silent(told: Any) -> None:
    """Say nothing."""
