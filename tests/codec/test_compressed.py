"""Compressed: tensors come back from codes, kept bytes and aliases; damage is told."""

import json

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec import CompressedTensors, ExponentCodec, Groups
from thrifty.codec.compressed import MANIFEST, parts_of
from thrifty.codec.compressedwriter import CompressedWriter
from thrifty.codec.tensorfile import TensorFile
from thrifty.core import FormatError

RNG = np.random.default_rng(2)
WIDE = RNG.normal(size=(300, 64)).astype(np.float32)
HALF = RNG.normal(size=40_000).astype(ml_dtypes.bfloat16)
ODD = np.arange(5, dtype=np.int64)


@pytest.fixture
def folder(tmp_path):
    """One tensor in two pieces, one without loss, one kept, one of a strange dtype, one alias."""
    cut = ((0, 200), (200, 300))
    with CompressedWriter(tmp_path / "small", at_once=20_000) as writer:
        coded = [(rows, Groups(8, 64).encode(WIDE[slice(*rows)])) for rows in cut]
        writer.add("wide", "F32", WIDE.shape, "int8", coded)
        writer.add(
            "half", "BF16", HALF.shape, "lossless", [((0, 40_000), ExponentCodec().encode(HALF))]
        )
        writer.keep("odd", "I64", (5,), [ODD.view(np.uint8)])
        writer.keep("strange", "F8_E8M0", (3,), [np.arange(3, dtype=np.uint8)])
        writer.finish({"same": "wide"}, {"format": "pt"}, {"model": "test"})
    return tmp_path / "small"


def test_all_comes_back(folder):
    """Each tensor as its codec says, the alias as the one it is the same as."""
    tensors = CompressedTensors(folder)
    assert sorted(tensors.names()) == ["half", "odd", "same", "strange", "wide"]
    assert np.array_equal(tensors.decode("wide")[200:], Groups(8, 64).encode(WIDE[200:]).decode())
    assert np.array_equal(tensors.decode("same"), tensors.decode("wide"))
    assert tensors.decode("half").tobytes() == HALF.tobytes()
    assert np.array_equal(tensors.decode("odd"), ODD)
    assert tensors.decode("strange").tolist() == [0, 1, 2]
    assert (tensors.metadata, tensors.about) == ({"format": "pt"}, {"model": "test"})


def test_sizes_are_those_on_disk(folder):
    """All bytes are counted, and those of each tensor are its arrays'."""
    tensors = CompressedTensors(folder)
    assert tensors.nbytes == sum(path.stat().st_size for path in folder.iterdir())
    assert len(tensors.files) > 1
    assert tensors.stored("odd") == 40
    assert tensors.stored("wide") == Groups(8, 64).size(WIDE) == tensors.stored("same")
    assert tensors.entry("wide").info.nbytes == WIDE.nbytes


def test_pieces_can_be_read_alone(folder):
    """Rows of a piece are told with what encodes them."""
    found = [(rows, made.shape) for rows, made in CompressedTensors(folder).encoded("wide")]
    assert found == [((0, 200), (200, 64)), ((200, 300), (100, 64))]


@pytest.mark.parametrize("name", ["wide", "half", "odd", "strange"])
def test_an_altered_byte_is_refused(name, folder):
    """The last byte of each tensor's first array, altered, is a FormatError on reading it."""
    tensors = CompressedTensors(folder)
    file = tensors.files[tensors.entry(name).file]
    own = [i for n, i in TensorFile(file).tensors.items() if n.partition(":")[0] == name]
    data = bytearray(file.read_bytes())
    data[own[0].begin + own[0].nbytes - 1] ^= 1
    file.write_bytes(data)
    with pytest.raises(FormatError, match=r"damaged: checksum"):
        CompressedTensors(folder).decode(name)
    with pytest.raises(FormatError, match=r"damaged: checksum"):
        list(CompressedTensors(folder).chunks(name))


def altered(folder, change):
    """The manifest, changed."""
    path = folder / MANIFEST
    told = json.loads(path.read_bytes())
    change(told)
    path.write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(format="x"), r"holds 'x', expected 'compressed-tensors'$"),
        (lambda m: m.update(version=2), r"version 2 is newer than 1: update thrifty$"),
        (lambda m: m.pop("files"), r"is damaged: KeyError"),
        (lambda m: m.update(files=["../x.safetensors"]), r"must be one in the folder"),
        (lambda m: m.update(files=m["files"] * 2), r"is in two files$"),
        (lambda m: m["aliases"].update(a="gone"), r"tensor 'a' is the same as one not there$"),
    ],
)
def test_a_wrong_manifest_is_refused(change, message, folder):
    """A manifest that is damaged, newer, or leads elsewhere."""
    altered(folder, change)
    with pytest.raises(FormatError, match=message):
        CompressedTensors(folder)


def forged(folder, change):
    """What a file says of the tensor `wide`, changed, with the checksum of nothing else touched."""
    tensors = CompressedTensors(folder)
    path = tensors.files[tensors.entry("wide").file]
    data, file = path.read_bytes(), TensorFile(path)
    size = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + size])
    about = json.loads(file.metadata["thrifty"])
    change(about["tensors"]["wide"])
    table["__metadata__"]["thrifty"] = json.dumps(about)
    text = json.dumps(table).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row["pieces"][1].update(rows=[199, 300]),
        lambda row: row["pieces"][1].update(rows=[200, 299]),
        lambda row: row["pieces"].pop(),
        lambda row: row["pieces"][0]["spec"].update(shape=[201, 64]),
        lambda row: row["pieces"][0]["spec"].update(codec="other"),
        lambda row: row["pieces"][0]["spec"].update(dtype="float64"),
        lambda row: row["pieces"][0]["spec"]["with"].update(bits=4),
        lambda row: row["pieces"][0].update(arrays=["gone"]),
        lambda row: row.update(dtype="F9_SOON"),
    ],
)
def test_forged_pieces_are_refused(change, folder):
    """Rows, codecs and shapes that do not fit are a FormatError when the tensor is asked for."""
    forged(folder, change)
    with pytest.raises(FormatError):
        CompressedTensors(folder).decode("wide")


@pytest.mark.parametrize("shape", [None, [-1]])
def test_forged_rows_are_refused_on_opening(shape, folder):
    """What can be told without reading is told on opening."""
    forged(folder, lambda row: row.update(shape=shape))
    with pytest.raises(FormatError):
        CompressedTensors(folder)


def test_other_folders(tmp_path, folder):
    """No folder, no name, and a plain file."""
    with pytest.raises(FileNotFoundError):
        CompressedTensors(tmp_path / "gone")
    with pytest.raises(KeyError):
        CompressedTensors(folder).decode("gone")
    data = json.dumps({}).encode()
    (tmp_path / "x").write_bytes(len(data).to_bytes(8, "little") + data)
    with pytest.raises(FormatError, match=r"x: not a compressed model, or damaged"):
        parts_of(TensorFile(tmp_path / "x"))
