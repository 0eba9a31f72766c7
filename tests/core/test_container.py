"""Container: what goes in comes out, what is damaged is refused."""

import hashlib
import io
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from thrifty.core import FormatError, dump, load, read_container, save

DTYPES = ["?", "i1", "u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"]
KEEP = {"kind": "demo", "version": 3}
SMALL = dump(
    **KEEP,
    header={"p": 12, "name": "x"},
    arrays={"a": np.arange(3, dtype=np.float32), "b": np.array([[True, False]])},
)
TWIN = {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]}


def read(data, **keep):
    """The header and arrays in some bytes."""
    return read_container(io.BytesIO(data), **(keep or KEEP))


def craft(**changes):
    """A file with one array of three u1 whose table is altered and its checksum made right."""
    meta = {"format": "demo", "version": 1, "header": {}, "crc32": {"a": zlib.crc32(b"abc")}}
    entry = {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]}
    meta |= {key: value for key, value in changes.items() if key in meta}
    entry |= {key: value for key, value in changes.items() if key in entry}
    table = {"__metadata__": {"thrifty": json.dumps(meta, sort_keys=True)}, "a": entry}
    table |= changes.get("more", {})
    table["__metadata__"]["crc32"] = f"{zlib.crc32(json.dumps(table, sort_keys=True).encode()):08x}"
    text = json.dumps(table).encode()
    return len(text).to_bytes(8, "little") + text + b"abc"


# laws


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda name: name != "__metadata__"),
        arrays_of.arrays(st.sampled_from(DTYPES), arrays_of.array_shapes(min_dims=0, min_side=0)),
        max_size=4,
    ),
    st.dictionaries(st.text(), st.integers() | st.text() | st.none() | st.lists(st.booleans())),
)
def test_what_goes_in_comes_out(arrays, header):
    """Every dtype, shape and header returns bit for bit, from bytes that depend on nothing else."""
    data = dump(**KEEP, header=header, arrays=arrays)
    found_header, found = read(data)
    assert found_header == header
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()
    assert data == dump(**KEEP, header=header, arrays=dict(reversed(arrays.items())))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.arange(12)[::-3],
        np.arange(5, dtype=">i4"),
        np.broadcast_to(np.float32(2), (2, 3)),
        np.float64(1.5),
        np.arange(3, dtype=np.longlong),
    ],
    ids=["transposed", "strided", "big-endian", "broadcast", "scalar", "longlong"],
)
def test_memory_layout_does_not_matter(array):
    """Any layout is stored little-endian and contiguous, equal in value and shape."""
    found = read(dump(**KEEP, header={}, arrays={"x": array}))[1]["x"]
    np.testing.assert_array_equal(found, array, strict=False)
    assert found.shape == array.shape
    assert found.flags.c_contiguous
    assert found.flags.writeable


def test_every_array_is_aligned_in_the_file():
    """An array starts at a multiple of its item size, so a map of the file can be used as it is."""
    arrays = {str(i): np.ones(i % 3 + 1, dtype) for i, dtype in enumerate(DTYPES)}
    data = dump(**KEEP, header={}, arrays=arrays)
    size = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + size])
    starts = {name: table[name]["data_offsets"][0] for name in arrays}
    assert size % 8 == 0
    assert all(start % arrays[name].itemsize == 0 for name, start in starts.items())


# agrees with a peer


@given(arrays_of.arrays(st.sampled_from(DTYPES), arrays_of.array_shapes(min_dims=0)))
def test_safetensors_reads_what_we_write(array):
    """The library safetensors opens our bytes and finds the same array."""
    safetensors = pytest.importorskip("safetensors.numpy")
    found = safetensors.load(dump(**KEEP, header={"p": 1}, arrays={"x": array}))["x"]
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()


def test_a_file_of_safetensors_itself_is_foreign():
    """A valid file of another program is refused by name, not half understood."""
    safetensors = pytest.importorskip("safetensors.numpy")
    data = safetensors.save({"x": np.ones(3)}, metadata={"made": "elsewhere"})
    with pytest.raises(FormatError, match=r"^not a thrifty file, or damaged: 'crc32'$"):
        read(data)


# damage


@pytest.mark.parametrize("extra", [b"\0", b"abc", SMALL])
def test_longer_files_are_refused(extra):
    """Bytes after the end are damage too."""
    with pytest.raises(FormatError, match=r"^not a thrifty file, or damaged: \d+ bytes where"):
        read(SMALL + extra)


def test_cut_anywhere_is_refused():
    """No prefix of a file is a file."""
    for length in range(len(SMALL)):
        with pytest.raises(FormatError, match="damaged"):
            read(SMALL[:length])


def test_one_flipped_bit_is_refused():
    """Each bit of the file is covered: by its place, by JSON, or by a checksum."""
    accepted = []
    for position in range(8 * len(SMALL)):
        data = bytearray(SMALL)
        data[position // 8] ^= 1 << position % 8
        try:
            accepted.append((position, read(bytes(data))))
        except FormatError:
            continue
    assert accepted == []


@given(st.dictionaries(st.integers(0, len(SMALL) - 1), st.integers(0, 255), min_size=1))
def test_altered_bytes_are_refused_or_mean_the_same(changes):
    """Whatever bytes change, the answer is FormatError or exactly what was saved."""
    data = bytearray(SMALL)
    for position, value in changes.items():
        data[position] = value
    try:
        header, arrays = read(bytes(data))
    except FormatError:
        return
    assert dump(**KEEP, header=header, arrays=arrays) == SMALL


@given(st.binary(max_size=200))
def test_noise_is_refused(noise):
    """Random bytes, with or without a plausible length in front, are no container."""
    for data in (noise, len(noise).to_bytes(8, "little") + noise):
        with pytest.raises(FormatError, match=r"^not a thrifty file, or damaged: "):
            read(data)


def test_crafted_file_without_a_lie_is_read():
    """The forger of the next test makes valid files when it changes nothing."""
    assert read(craft(), kind="demo", version=1)[1]["a"].tobytes() == b"abc"


@pytest.mark.parametrize(
    "lie",
    [
        {"shape": [4]},
        {"shape": [-3]},
        {"shape": [-1, -3]},
        {"shape": [2**62, 2**62]},
        {"shape": [0, 2**62]},
        {"shape": [1e400]},
        {"shape": ["x"]},
        {"shape": [3] + [1] * 70},
        {"shape": None},
        {"dtype": "F32"},
        {"dtype": "BF16"},
        {"dtype": []},
        {"data_offsets": [0, 2]},
        {"data_offsets": [1, 3]},
        {"data_offsets": [3, 0]},
        {"data_offsets": [0, 2**70]},
        {"data_offsets": [0, 1e400]},
        {"data_offsets": [0]},
        {"data_offsets": None},
        {"crc32": {}},
        {"crc32": {"a": 0}},
        {"crc32": None},
        {"header": None},
        {"version": None},
        {"version": 1e400},
        {"more": {"b": 7}},
        {"more": {"b": TWIN}, "crc32": {"a": zlib.crc32(b"abc"), "b": zlib.crc32(b"abc")}},
    ],
    ids=str,
)
def test_lies_with_a_right_checksum_are_refused(lie):
    """Sizes, types and offsets are checked before anything is believed or allocated."""
    with pytest.raises(FormatError, match=r"damaged: "):
        read(craft(**lie), kind="demo", version=1)


@pytest.mark.parametrize(
    "text", [b"[]", b"{}", b"null", b'"x"', b"[" * 100_000, b'{"__metadata__":[]}', b"\xff\xfe"]
)
def test_tables_that_are_no_tables_are_refused(text):
    """JSON of any other form, however deep, is an error and not a crash."""
    with pytest.raises(FormatError, match=r"^not a thrifty file, or damaged: "):
        read(len(text).to_bytes(8, "little") + text)


@pytest.mark.parametrize("size", [0, 1, 10**8 + 1, 2**63, 2**64 - 1])
def test_impossible_header_sizes_are_refused_unread(size):
    """The length in front is compared with the file before a byte is read for it."""
    message = rf"^not a thrifty file, or damaged: header of {size} bytes in a file of \d+$"
    with pytest.raises(FormatError, match=message):
        read(size.to_bytes(8, "little") + SMALL[8:])


# edges and refusals


def test_other_kind_is_named():
    """A file of another kind shows both names."""
    with pytest.raises(FormatError, match=r"^this file holds 'demo', expected 'model'$"):
        read(SMALL, kind="model", version=3)


@pytest.mark.parametrize("flip", [1, 41, 42, 45, 255])
def test_every_byte_counts(flip):
    """No byte may be another, not even a space behind the header that becomes a tab."""
    assert b"}} " in SMALL
    for place, byte in enumerate(SMALL):
        altered = SMALL[:place] + bytes([byte ^ flip]) + SMALL[place + 1 :]
        with pytest.raises(FormatError):
            read(altered)


def test_newer_version_says_to_update():
    """A file of a newer version is refused; one of an older version is handed over."""
    message = r"^demo format version 3 is newer than 2: update thrifty$"
    with pytest.raises(FormatError, match=message):
        read(SMALL, kind="demo", version=2)
    assert read(SMALL, kind="demo", version=4)[0] == {"p": 12, "name": "x"}
    assert read(SMALL, kind="demo", version=4, oldest=3)[0] == {"p": 12, "name": "x"}


def test_a_version_that_is_read_no_more_says_so():
    """A file of a version whose reader is gone is refused, not misread."""
    message = r"^demo format version 3 is older than 4: make it anew$"
    with pytest.raises(FormatError, match=message):
        read(SMALL, kind="demo", version=5, oldest=4)


def test_load_names_the_file(tmp_path):
    """The same errors from a path begin with the path."""
    (tmp_path / "cut").write_bytes(SMALL[:-1])
    with pytest.raises(FormatError, match=rf"^{tmp_path}/cut: not a thrifty file, or damaged: "):
        load(tmp_path / "cut", **KEEP)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent", **KEEP)


@pytest.mark.parametrize("dtype", ["U1", "O", "c8", "M8[s]", "V3"])
def test_arrays_without_a_number_are_refused(dtype):
    """Text, objects, complex numbers and dates have no place in the format."""
    message = r"^array 'x' must be of a number or bool dtype, got .+$"
    with pytest.raises(TypeError, match=message):
        dump(**KEEP, header={}, arrays={"x": np.zeros(2, dtype)})


def test_reserved_name_is_refused():
    """An array cannot take the place of the metadata."""
    with pytest.raises(ValueError, match=r"^array name must not be '__metadata__': safetensors"):
        dump(**KEEP, header={}, arrays={"__metadata__": np.ones(1)})


def test_a_header_too_large_to_read_is_not_written(monkeypatch):
    """What no reader would accept is refused while the data is still in memory."""
    monkeypatch.setattr("thrifty.core.container.MAX_HEADER", 500)
    with pytest.raises(ValueError, match=r"^header must be at most 500 bytes, got \d+$"):
        dump(**KEEP, header={"names": "x" * 500}, arrays={})


def test_arrays_can_be_read_in_place():
    """An array that is at hand and fits is filled; one that does not fit is left alone."""
    mine = {"a": np.ones(3, np.float32), "b": np.ones((2, 2), bool), "c": np.ones(1)}
    _, found = read_container(io.BytesIO(SMALL), **KEEP, into=mine)
    assert found["a"] is mine["a"]
    assert mine["a"].tolist() == [0, 1, 2]
    assert found["b"].tolist() == [[True, False]]
    assert mine["b"].all()
    assert list(found) == ["a", "b"]


# golden bytes


def test_bytes_are_stable(tmp_path):
    """Golden: the bytes of a fixed content do not move between versions or machines."""
    save(
        tmp_path / "file",
        **KEEP,
        header={"p": 12, "name": "x"},
        arrays={"a": np.arange(3, dtype=np.float32), "b": np.array([[True, False]])},
    )
    assert (tmp_path / "file").read_bytes() == SMALL
    assert hashlib.sha256(SMALL).hexdigest()[:16] == "0d19cbfe97a9e85f"
