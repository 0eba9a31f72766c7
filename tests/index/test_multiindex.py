"""MultiIndexHashing: its laws with and without tables, the scan beside it, its edges, its bytes."""

import hashlib

import numpy as np
import pytest

from thrifty.core import FormatError, dump, read_container, record_of
from thrifty.index import HammingIndex, MultiIndexHashing, multiindex
from thrifty.laws import LAWS


@pytest.fixture
def never_scans(monkeypatch):
    """Tables are made of however few rows, and looked at however much that costs."""
    monkeypatch.setattr(multiindex, "FEWEST", 0)
    monkeypatch.setattr(multiindex, "BUCKET", 0.0)
    monkeypatch.setattr(multiindex, "CANDIDATE", 0.0)
    monkeypatch.setattr(multiindex, "scan_part", None)


@pytest.mark.parametrize(
    ("bits", "tables"), [(1, 1), (7, 1), (9, 9), (13, 4), (20, 3), (64, 5), (100, 9), (300, 30)]
)
@pytest.mark.parametrize("law", LAWS["nearest"], ids=lambda law: law.__name__)
@pytest.mark.usefixtures("never_scans")
def test_law(law, bits, tables):
    """The laws of nearest codes hold by tables alone, also where substrings cross words."""
    assert record_of(MultiIndexHashing).laws == ("nearest",)
    law(lambda: MultiIndexHashing(bits, tables=tables))


@pytest.mark.parametrize("law", LAWS["nearest"], ids=lambda law: law.__name__)
def test_law_of_few_rows(law):
    """The laws of nearest codes hold where all is scanned."""
    law(lambda: MultiIndexHashing(64))


def near_places(rows, bits, seed):
    """Codes of which most lie around some places, and a few anywhere."""
    centres = np.random.default_rng(bits).random((rows // 20, bits)) < 0.5
    rng = np.random.default_rng(seed)
    codes = centres[rng.integers(0, len(centres), rows)] ^ (rng.random((rows, bits)) < 0.06)
    codes[: rows // 10] = rng.random((rows // 10, bits)) < 0.5
    return np.packbits(codes, axis=1)


@pytest.mark.parametrize("bits", [48, 64, 128])
def test_agrees_with_the_scan(bits, monkeypatch):
    """Rows and distances are those of HammingIndex, whether queries have near rows or none."""
    rows, queries = near_places(30_000, bits, 1), near_places(200, bits, 2)
    scanned, scan = [], multiindex.scan_part

    def counted(part, mask, asked, *found):
        scanned.append(len(asked))
        scan(part, mask, asked, *found)

    monkeypatch.setattr(multiindex, "scan_part", counted)
    index = MultiIndexHashing(bits).add(rows[:20_000]).add(rows[20_000:])
    for mine, theirs in zip(
        index.search(queries, 10), HammingIndex(bits).add(rows).search(queries, 10), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    if bits < 128:
        assert 0 < sum(scanned) < 200


@pytest.mark.peers
def test_agrees_with_faiss():
    """Distances are those of IndexBinaryFlat."""
    peer = pytest.importorskip("faiss")
    rows, queries = near_places(20_000, 64, 3), near_places(50, 64, 4)
    flat = peer.IndexBinaryFlat(64)
    flat.add(rows)
    found = MultiIndexHashing(64).add(rows).search(queries, 5)
    np.testing.assert_array_equal(found.distances, flat.search(queries, 5)[0])


def test_equal_codes_are_no_trouble():
    """Of thousands of equal codes the lowest ids are answered."""
    index = MultiIndexHashing(32).add(np.full((5000, 4), 7, np.uint8), np.arange(5000)[::-1])
    ids, distances = index.search(np.full((1, 4), 7, np.uint8), 5)
    assert (ids.tolist(), distances.tolist()) == ([[0, 1, 2, 3, 4]], [[0] * 5])
    assert index.near(np.full((1, 4), 7, np.uint8), 0)[1].tolist() == list(range(5000))


def test_sizes():
    """The bytes are those of the record."""
    index = MultiIndexHashing(64, tables=4).add(near_places(5120, 64, 5))
    assert index.nbytes == 5120 * (8 + 8 + 4 * 4) + 4 * 4 * (2**16 + 1)
    assert MultiIndexHashing(64).add(near_places(1024, 64, 5)).nbytes == 1024 * 16


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"bits": 0}, r"bits must be in 1\.\.65536, got 0"),
        ({"bits": 64, "tables": 2}, r"tables must be in 3\.\.64, got 2"),
        ({"bits": 64, "tables": 65}, r"tables must be in 3\.\.64, got 65"),
    ],
)
def test_refusals(given, says):
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=rf"^{says}$"):
        MultiIndexHashing(**given)


def test_lying_bytes_are_refused(tmp_path):
    """Tables of another size, or tables of few rows, are a FormatError, opened or loaded."""
    path = tmp_path / "index.thrifty"
    MultiIndexHashing(32, tables=4).add(near_places(3000, 32, 6)).save(path)
    with open(path, "rb") as file:
        header, arrays = read_container(file, kind="multi-index-hashing", version=1)
    few = {"ids": arrays["ids"][:9], "blocks": arrays["blocks"][:1]}
    starts, places = arrays["starts"], arrays["places"]
    for lie in (
        {**arrays, "starts": starts[:3]},
        {**arrays, "starts": starts.astype(np.int64)},
        {**arrays, "places": places[:, :-1]},
        {name: arrays[name] for name in ("ids", "blocks")},
        {**few, "starts": starts, "places": places[:, :9]},
    ):
        held = {name: np.ascontiguousarray(array) for name, array in lie.items()}
        path.write_bytes(dump(kind="multi-index-hashing", version=1, header=header, arrays=held))
        for read in (MultiIndexHashing.open, MultiIndexHashing.load):
            with pytest.raises(FormatError):
                read(path)


def test_lies_in_tables_end_nothing(tmp_path):
    """Tables whose numbers are no rows or lie beyond the end are looked at without harm."""
    path, codes = tmp_path / "index.thrifty", near_places(3000, 32, 6)
    MultiIndexHashing(32, tables=4).add(codes).save(path)
    with open(path, "rb") as file:
        header, arrays = read_container(file, kind="multi-index-hashing", version=1)
    for name in ("starts", "places"):
        for lie in (-(2**31), -1, 2**31 - 1):
            held = {**arrays, name: np.full_like(arrays[name], lie)}
            path.write_bytes(
                dump(kind="multi-index-hashing", version=1, header=header, arrays=held)
            )
            assert MultiIndexHashing.open(path).search(codes[:9], 3)[0].shape == (9, 3)


def test_bytes_are_stable():
    """Golden: the bytes of fixed rows do not move between versions."""
    codes = np.random.default_rng(7).integers(0, 256, (2100, 2), np.uint8)
    data = MultiIndexHashing(16, tables=2).add(codes).remove([5]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "400b3952f8a2562e"
