"""Pieces: every kind of source, cut the same way each time, no row lost."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as papq
import pytest

from thrifty.core import DataError
from thrifty.data import Report
from thrifty.data import open as open_source
from thrifty.run.pieces import pieces

TABLE = pa.table({"a": range(1000), "b": [f"t{i}" for i in range(1000)]})


def read(found, columns=None, nbytes=None):
    """Values of all batches, and how many partitions there are."""
    cut = pieces(found, columns, nbytes)
    partitions = list(cut.partitions())
    moved = []
    batches = [b for p in partitions for _, b in cut.read(p, Report(), moved.append)]
    assert sum(moved) == sum(p.nbytes for p in partitions)
    rows = [
        row
        for batch in batches
        for row in (batch.to_pylist() if hasattr(batch, "to_pylist") else list(batch))
    ]
    return rows, len(partitions)


def files(folder):
    """Three Parquet files, with two row groups each."""
    for i in range(3):
        some = TABLE.slice(i * 334, 334)
        papq.write_table(some, folder / f"{i}.parquet", row_group_size=200)
    return folder


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: folder, lambda folder: str(folder), lambda folder: f"{folder}/*.parquet",
        lambda folder: sorted(folder.iterdir()), lambda folder: open_source(folder),
        lambda folder: pads.dataset(folder), lambda folder: pads.dataset(TABLE),
        lambda folder: TABLE, lambda folder: TABLE.to_reader(100),
        lambda folder: TABLE.to_batches(70),
        lambda folder: iter(TABLE.to_batches(70)), lambda folder: TABLE.to_pylist(),
        lambda folder: TABLE.combine_chunks().to_batches()[0],
    ],
)  # fmt: skip
def test_sources_of_columns(tmp_path, make):
    """Files, data sets, tables, readers, iterables of batches and of rows: all rows, in order."""
    source = make(files(tmp_path))
    if not isinstance(source, pa.RecordBatchReader):
        assert read(source)[0] == TABLE.to_pylist()
    rows, count = read(make(tmp_path), ["b"], 1)
    assert rows == TABLE.select(["b"]).to_pylist()
    assert count >= 1


@pytest.mark.peers
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library):
    """Frames, their columns, and text in the newer layout."""
    frames = pytest.importorskip(library)
    frame = frames.DataFrame(TABLE.to_pydict())
    assert read(frame)[0] == TABLE.to_pylist()
    assert read([frame, frame], ["b"])[0] == 2 * TABLE.select(["b"]).to_pylist()
    assert read(frame["a"])[0] == [{"value": i} for i in range(1000)]
    cut = pieces(frame, ["b"], None)
    assert next(cut.partitions()).items[0].schema.types[0] in (pa.string(), pa.large_string())


@pytest.mark.parametrize(
    "source",
    [
        np.arange(1000), pa.array(range(1000)), pa.chunked_array([range(400), range(400, 1000)]),
        range(1000), iter(range(1000)), [list(range(500)), list(range(500, 1000))],
        [np.arange(900), pa.array(range(900, 999)), 999],
    ],
)  # fmt: skip
def test_sources_of_values(source):
    """Arrays and lists, single values, one after the other."""
    rows, _ = read(source)
    assert [row["value"] if isinstance(row, dict) else row for row in rows] == list(range(1000))


def test_vectors_stay_arrays():
    """Rows of an (n, d) array come as (m, d) arrays."""
    vectors = np.arange(400_000.0).reshape(200_000, 2)
    cut = pieces(vectors, None, None)
    batches = [b for p in cut.partitions() for _, b in cut.read(p, Report(), lambda n: None)]
    assert [batch.shape for batch in batches] == [(65536, 2)] * 3 + [(3392, 2)]
    assert (np.concatenate(batches) == vectors).all()


def test_small_parts_are_put_together(tmp_path):
    """A thousand small files are few partitions; large ones are cut."""
    for i in range(100):
        (tmp_path / f"{i:03}.txt").write_text(f"line {i}\n" * 100)
    rows, count = read(tmp_path, None, 20_000)
    assert rows == [{"text": f"line {i}"} for i in range(100) for _ in range(100)]
    assert count == 4
    assert read(tmp_path)[1] == 1
    assert read(tmp_path, None, 100)[1] > 500


def test_nothing():
    """No rows are no partitions."""
    for source in ([], iter([]), TABLE.slice(0, 0), np.zeros(0), [[], []]):
        assert read(source) == ([], 0)


@pytest.mark.parametrize("source", [3, None, {"a": [1]}, b"abc", len])
def test_refused(source):
    """What is no source is shown."""
    rule = "a path, an Arrow source, a data frame or an iterable of batches or rows"
    with pytest.raises(TypeError, match=re.escape(f"source must be {rule}, got {source!r}")):
        pieces(source, None)


def test_columns_that_are_not_there(tmp_path):
    """Told at once of files and data sets; of a stream, when its first batch comes."""
    files(tmp_path)
    message = r"^column 'c' not found; columns: a, b$"
    for source in (tmp_path, pads.dataset(tmp_path)):
        with pytest.raises(DataError, match=message):
            pieces(source, ["c"])
    with pytest.raises(DataError, match=message):
        list(pieces(TABLE, ["c"]).partitions())
    with pytest.raises(DataError, match=r"^column 'c' not found; columns: none$"):
        list(pieces([[1, 2]], ["c"]).partitions())
