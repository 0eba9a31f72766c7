"""Compressed writer: files finished one by one, and gone on with."""

import hashlib

import numpy as np
import pytest

from thrifty.codec import CompressedTensors, Groups
from thrifty.codec.compressedwriter import CompressedWriter
from thrifty.core import DataError

NAMES = [f"x{number}" for number in range(10)]


def keep(writer, names):
    """Tensors of 4,000 bytes, each of its own number."""
    for name in names:
        row = np.full(4000, int(name[1:]), np.uint8)
        writer.keep(name, "U8", row.shape, [row[:1000], row[1000:]])


def killed(folder):
    """Four tensors, of which three fill the first file, and the end."""
    with CompressedWriter(folder, at_once=28_000) as writer:
        keep(writer, NAMES[:4])
        raise KeyboardInterrupt


def test_a_killed_run_goes_on(tmp_path):
    """What was finished stays, what was not is lost, and the end is that of a whole run."""
    with pytest.raises(KeyboardInterrupt):
        killed(tmp_path)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["compressed-00001.safetensors"]
    with CompressedWriter(tmp_path, at_once=28_000) as writer:
        assert list(writer.entries) == NAMES[:3]
        assert writer.nbytes == (tmp_path / kept[0]).stat().st_size
        keep(writer, [name for name in NAMES if name not in writer.entries])
        writer.finish({}, {}, {})
    tensors = CompressedTensors(tmp_path)
    assert tensors.names() == NAMES
    assert all((tensors.decode(name) == int(name[1:])).all() for name in NAMES)


def test_a_damaged_file_is_written_anew(tmp_path):
    """A file that cannot be read counts as not written."""
    with CompressedWriter(tmp_path) as writer:
        keep(writer, NAMES)
        writer.finish({}, {}, {})
    path = tmp_path / writer.files[0]
    path.write_bytes(path.read_bytes()[:-1])
    assert CompressedWriter(tmp_path).entries == {}


def test_a_name_stands_once(tmp_path):
    """Two tensors of a name are refused."""
    with CompressedWriter(tmp_path) as writer:
        keep(writer, NAMES[:1])
        with pytest.raises(DataError, match=r"got 'x0' twice$"):
            keep(writer, NAMES[:1])


# golden bytes


def test_bytes_are_stable(tmp_path):
    """The files of a fixed model do not move between versions."""
    x = np.linspace(-1, 1, 256, dtype=np.float32).reshape(4, 64)
    with CompressedWriter(tmp_path) as writer:
        coded = Groups(8, 64, symmetric=True).encode(x)
        writer.add("x", "F32", (4, 64), "int8", [((0, 4), coded)])
        writer.keep("y", "U8", (2,), [np.arange(2, dtype=np.uint8)])
        writer.finish({"z": "x"}, {}, {})
    data = (tmp_path / writer.files[0]).read_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "7eb4f68931c59661"
    told = '"files": ["compressed-00001.safetensors"], "aliases": {"z": "x"}, '
    head = '{"format": "compressed-tensors", "version": 1, '
    text = head + told + '"metadata": {}, "about": {}}'
    assert (tmp_path / "compressed.json").read_text() == text
