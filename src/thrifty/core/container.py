"""Container: named arrays and a JSON header in one safe file (safetensors), never pickle.

The file is plain safetensors, so any safetensors reader opens it. The metadata key "thrifty" holds
`{"format", "version", "header", "crc32"}` as JSON, with a checksum per array; the metadata key
"crc32" is the checksum of everything else in the table. Together they turn silent damage anywhere
into an error. Contiguous arrays are written straight from memory and all are read straight into it.
"""

import io
import json
import mmap
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from thrifty.core.atomic import replacing
from thrifty.core.errors import DAMAGE, FormatError

__all__ = ["dump", "load", "opened", "read_container", "save", "write_container"]

Arrays = Mapping[str, np.ndarray]
DTYPES = {
    "BOOL": "?", "I8": "<i1", "U8": "<u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4",
    "I64": "<i8", "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
CODES = {np.dtype(text): code for code, text in DTYPES.items()}
MAX_HEADER = 100_000_000


def write_container(
    file: IO[bytes], *, kind: str, version: int, header: Mapping[str, Any], arrays: Arrays
) -> None:
    """Write header and arrays to an open binary file.

    Args:
        kind: the format name, checked on reading.
        version: the format version, 1 or more.
        header: what JSON can hold, with str keys; it comes back equal.
        arrays: of bool, integer or float dtype, by name; they come back with dtype and shape.

    Raises:
        TypeError: an array of another dtype, or a header that JSON cannot hold.
        ValueError: the header is larger than 100 MB.
    """
    views = {name: _plain(name, arrays[name]) for name in sorted(arrays)}
    order = sorted(views, key=lambda name: -views[name].itemsize)  # keeps every array aligned
    meta = {
        "format": kind,
        "version": version,
        "header": header,
        "crc32": {name: zlib.crc32(_bytes_of(view)) for name, view in views.items()},
    }
    table: dict[str, Any] = {"__metadata__": {"thrifty": json.dumps(meta, sort_keys=True)}}
    start = 0
    for name in order:
        view, end = views[name], start + views[name].nbytes
        code = CODES[view.dtype]
        table[name] = {"dtype": code, "shape": list(view.shape), "data_offsets": [start, end]}
        start = end
    table["__metadata__"]["crc32"] = _sum_of(table)
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(f"header must be at most {MAX_HEADER} bytes, got {len(text)}")
    file.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        file.write(_bytes_of(views[name]))


def read_container(
    file: IO[bytes], *, kind: str, version: int, oldest: int = 1, into: Arrays | None = None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read header and arrays from an open, seekable binary file.

    Args:
        kind: the format name that must stand in the file.
        version: the newest format version this code understands.
        oldest: the oldest one it still does.
        into: contiguous arrays to read those of the same name, dtype and shape into, so that
            nothing is held twice; what they held is lost even where the file is damaged.

    Returns:
        The header and the arrays by name.

    Raises:
        FormatError: the bytes are cut, altered, of another kind, or of a version not understood.
    """
    header, sums, table, begin = _told(file, kind, version, oldest)
    into = into or {}
    return header, {n: _array(file, n, table[n], begin, sums, into.get(n)) for n in table}


def save(path: str | Path, **parts: Any) -> None:
    """Write a container file atomically; arguments as in `write_container`."""
    with replacing(path) as file:
        write_container(file, **parts)


def load(path: str | Path, **how: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a container file; keywords as of `read_container`."""
    with open(path, "rb") as file:
        try:
            return read_container(file, **how)
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from error


def opened(
    path: str | Path, *, kind: str, version: int, oldest: int = 1
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header, and arrays that stay in the file until they are looked at.

    Opening takes the time of reading the header, whatever the size; processes that open the same
    file share its pages; a file that `save` replaces meanwhile stays as it was for who has it open.
    The size of the file and all of the header are checked, the bytes of the arrays are not (`load`
    does that): what is an address or a count must be checked before it is used as one.

    Args:
        path: of a file that `save` wrote.
        kind: the format name that must stand in the file.
        version: the newest format version this code understands.
        oldest: the oldest one it still does.

    Returns:
        The header and the arrays by name, read-only.

    Raises:
        FormatError: the file is cut or longer than it says, its header is altered, or it is of
            another kind or of a version not understood.
    """
    with open(path, "rb") as file:
        try:
            header, _, table, begin = _told(file, kind, version, oldest)
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return header, {name: _view(pages, name, table[name], begin) for name in table}
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from error


def dump(**parts: Any) -> bytes:
    """The bytes of a container; arguments as in `write_container`."""
    file = io.BytesIO()
    write_container(file, **parts)
    return file.getvalue()


def _plain(name: str, array: np.ndarray) -> np.ndarray:
    if name == "__metadata__":
        raise ValueError("array name must not be '__metadata__': safetensors keeps it for itself")
    array = np.ascontiguousarray(array).reshape(np.shape(array))
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    if array.dtype not in CODES:
        raise TypeError(f"array {name!r} must be of a number or bool dtype, got {array.dtype}")
    return array


def _bytes_of(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _sum_of(table: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(table, sort_keys=True).encode()):08x}"


def _told(
    file: IO[bytes], kind: str, version: int, oldest: int
) -> tuple[dict[str, Any], dict[str, int], dict[str, Any], int]:
    """Header, checksums of the arrays, their places, and where the first begins."""
    total = file.seek(0, io.SEEK_END)
    file.seek(0)
    try:
        table, begin = _table(file, total)
        meta = json.loads(table.pop("__metadata__")["thrifty"])
        found, number = meta["format"], int(meta["version"])
        sums, header = dict(meta["crc32"]), dict(meta["header"])
    except DAMAGE as error:
        raise FormatError(f"not a thrifty file, or damaged: {error}") from error
    if found != kind:
        raise FormatError(f"this file holds {found!r}, expected {kind!r}")
    if number > version:
        raise FormatError(f"{kind} format version {number} is newer than {version}: update thrifty")
    if number < oldest:
        raise FormatError(f"{kind} format version {number} is older than {oldest}: make it anew")
    return header, sums, table, begin


def _table(file: IO[bytes], total: int) -> tuple[dict[str, Any], int]:
    size = int.from_bytes(file.read(8), "little")
    if not 2 <= size <= min(total - 8, MAX_HEADER):
        raise FormatError(f"header of {size} bytes in a file of {total}")
    written = file.read(size)
    table = json.loads(written)
    if not written.rstrip(b" ").endswith(b"}"):
        raise FormatError("a header may only end in spaces")
    if table["__metadata__"].pop("crc32") != _sum_of(table):
        raise FormatError("checksum of the header does not match")
    begin, end = 8 + size, 0
    for entry in sorted((v for k, v in table.items() if k != "__metadata__"), key=_offsets):
        first, last = _offsets(entry)
        if first != end or last < first:
            raise FormatError("array offsets overlap or leave a hole")
        end = last
    if begin + end != total:
        raise FormatError(f"{total} bytes where the header promises {begin + end}")
    return table, begin


def _offsets(entry: Mapping[str, Any]) -> tuple[int, int]:
    first, last = entry["data_offsets"]
    return int(first), int(last)


def _place(entry: Mapping[str, Any]) -> tuple[np.dtype, tuple[int, ...], int, int]:
    """Dtype, shape, and where the bytes begin and end."""
    dtype = np.dtype(DTYPES[entry["dtype"]])
    shape = tuple(int(n) for n in entry["shape"])
    first, last = _offsets(entry)
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if count * dtype.itemsize != last - first or min(shape, default=0) < 0:
        raise FormatError(f"shape {shape} of {dtype} does not fill {last - first} bytes")
    return dtype, shape, first, last


def _view(pages: mmap.mmap, name: str, entry: Mapping[str, Any], begin: int) -> np.ndarray:
    try:
        dtype, shape, first, last = _place(entry)
        count = (last - first) // dtype.itemsize
        return np.frombuffer(pages, dtype, count, begin + first if count else 0).reshape(shape)
    except DAMAGE as error:
        raise FormatError(f"array {name!r} is damaged: {error}") from error


def _array(
    file: IO[bytes],
    name: str,
    entry: Mapping[str, Any],
    begin: int,
    sums: Mapping[str, int],
    into: np.ndarray | None,
) -> np.ndarray:
    try:
        dtype, shape, first, last = _place(entry)
        fits = into is not None and (into.dtype, into.shape) == (dtype, shape)
        array = into if fits and into.flags.c_contiguous else np.empty(shape, dtype)
        file.seek(begin + first)
        if file.readinto(_bytes_of(array)) != last - first:  # type: ignore[attr-defined]
            raise FormatError("the file ends early")
        if zlib.crc32(_bytes_of(array)) != sums[name]:
            raise FormatError("checksum does not match")
    except DAMAGE as error:
        raise FormatError(f"array {name!r} is damaged: {error}") from error
    return array
