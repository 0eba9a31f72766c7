"""Vectors of documents: by the scan of all, across segments, merges, masks, refusals."""

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError, FormatError, IncompatibleError, SaveError, save
from thrifty.index.flat import FlatIndex
from thrifty.models import search_vectors as module
from thrifty.models.search_documents import Layout
from thrifty.models.search_vectors import CELLS, FLAT, VectorSide, joined_texts

GIVEN = Layout("id", ("text",), vectors="v")


class Letters:
    """An encoder: how often each of three letters is in a text."""

    dim = 3

    def encode(self, texts):
        """Counts of a, b and c, of length 1."""
        made = np.array([[text.count(c) for c in "abc"] for text in texts], np.float32)
        norms = np.linalg.norm(made.reshape(-1, 3), axis=1, keepdims=True)
        return made.reshape(-1, 3) / np.where(norms > 0, norms, 1)


def table(rows):
    """Documents with the vectors of an array; None where a row is 0."""
    values = [row.tolist() if row.any() else None for row in rows]
    names = [str(i) for i in range(len(rows))]
    kind = pa.list_(pa.float32())
    return pa.table({"id": names, "text": names, "v": pa.array(values, kind)})


def made(folder, rows, sources=()):
    """A segment in a folder."""
    folder.mkdir()
    VectorSide(GIVEN, None).write(folder, table(rows), list(sources))
    return folder


def rows_of(seed, number=40):
    """Vectors, one of them 0."""
    rows = np.random.default_rng(seed).standard_normal((number, 6)).astype(np.float32)
    rows[5] = 0
    return rows


def unit(rows):
    """Of length 1."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def test_segments_answer_as_one(tmp_path):
    """The best of all segments by plain products, removed and filtered ones left out."""
    one, two = rows_of(1), rows_of(2)
    folders = [made(tmp_path / "a", one), made(tmp_path / "b", two)]
    mask = np.random.default_rng(3).integers(0, 2, 40).astype(np.uint8)
    queries = np.random.default_rng(4).standard_normal((5, 6)).astype(np.float32)
    queries[2] = 0
    found = VectorSide(GIVEN, None).search(folders, [0, 40], queries, 7, [np.zeros(0), mask])
    near = unit(queries) @ unit(np.concatenate([one, two])).T
    near[:, [5, 45]] = -np.inf
    near[:, 40:][:, mask == 0] = -np.inf
    for i, (rows, scores) in enumerate(found):
        if i == 2:
            assert rows.size == 0
            continue
        assert rows.tolist() == np.argsort(-near[i])[:7].tolist()
        np.testing.assert_allclose(scores, near[i][rows], atol=2e-3)


def test_a_merged_segment_keeps_vectors(tmp_path):
    """Rows taken from older segments have the vectors they had, by their new numbers."""
    one, two = rows_of(1), rows_of(2)
    old = [made(tmp_path / "a", one), made(tmp_path / "b", two)]
    kept = [np.array([0, 3, 5, 9]), np.array([2, 39])]
    merged = made(tmp_path / "c", np.ones((6, 2)), zip(old, kept, strict=True))
    found = VectorSide(GIVEN, None).vectors_of([merged], [100], 100 + np.arange(6))
    wanted = unit(np.concatenate([one[kept[0]], two[kept[1]]]))
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    assert not found[2].any()


def test_an_encoder_makes_them(tmp_path):
    """From all text columns; a document of which nothing is known has none."""
    side = VectorSide(Layout("id", ("title", "text")), Letters())
    documents = pa.table(
        {"id": ["x", "y", "z"], "title": ["a", None, ""], "text": ["ab", "zz", "c"]}
    )
    assert joined_texts(documents, side.layout) == ["a ab", "zz", "c"]
    side.write(tmp_path, documents, [])
    (found,) = side.search([tmp_path], [0], Letters().encode(["c"]), 5, [np.zeros(0)])
    assert found[0].tolist() == [2, 0]
    assert found[1].tolist() == pytest.approx([1, 0], abs=1e-3)


def test_many_rows_lie_in_cells(tmp_path, monkeypatch):
    """A large segment answers nearly as a scan does, and is merged like any other."""
    monkeypatch.setattr(module, "MANY", 1000)
    draw = np.random.default_rng(5)
    rows = (draw.standard_normal((20, 8))[draw.integers(0, 20, 1500)]).astype(np.float32)
    rows += 0.3 * draw.standard_normal(rows.shape).astype(np.float32)
    folder = made(tmp_path / "a", rows)
    assert (folder / CELLS).exists()
    queries = rows[:20] + 0.01
    found = VectorSide(GIVEN, None).search([folder], [0], queries, 10, [np.zeros(0)])
    near = np.argsort(-(unit(queries) @ unit(rows).T), axis=1)[:, :10]
    hits = [np.isin(near[i], found[i][0]).mean() for i in range(20)]
    assert np.mean(hits) > 0.8
    kept = np.arange(0, 1500, 2)
    merged = made(tmp_path / "b", np.ones((kept.size, 2)), [(folder, kept)])
    again = VectorSide(GIVEN, None).vectors_of([merged], [0], np.arange(kept.size))
    np.testing.assert_allclose(again, unit(rows[kept]), atol=2e-3)


def test_no_vectors_at_all(tmp_path):
    """Nothing is written, nothing is found."""
    side = VectorSide(Layout("id", ("text",)), None)
    side.write(tmp_path, pa.table({"id": ["x"], "text": ["y"]}), [])
    assert list(tmp_path.iterdir()) == []
    (found,) = side.search([tmp_path], [0], np.ones((1, 2), np.float32), 5, [np.zeros(0)])
    assert found[0].size == 0
    assert side.vectors_of([tmp_path], [0], np.arange(1)).shape == (1, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0], [1.0, 2.0]], "column 'v' must hold vectors of one width, got 1 and 2"),
        ([[1.0], [float("nan")]], "column 'v': vectors must be finite"),
    ],
)
def test_vectors_that_do_not_fit(values, message, tmp_path):
    """Different widths, and what is no number."""
    column = pa.array(values, pa.list_(pa.float32()))
    with pytest.raises(DataError) as caught:
        VectorSide(GIVEN, None).write(tmp_path, pa.table({"v": column}), [])
    assert str(caught.value).startswith(message)


def test_other_refusals(tmp_path):
    """Queries of another width, a cut file, rows out of order, a folder that is not there."""
    folder, side = made(tmp_path / "a", rows_of(1)), VectorSide(GIVEN, None)
    with pytest.raises(IncompatibleError):
        side.search([folder], [0], np.ones((1, 5), np.float32), 3, [np.zeros(0)])
    whole = FlatIndex(2).add(np.eye(2))
    twice = whole.arrays() | {"ids": np.ones(2, np.int64)}
    how = {"kind": FlatIndex.KIND, "version": FlatIndex.VERSION}
    save(tmp_path / FLAT, header=whole.spec(), arrays=twice, **how)
    with pytest.raises(FormatError):
        side.vectors_of([tmp_path], [0], np.arange(2))
    (folder / FLAT).write_bytes((folder / FLAT).read_bytes()[:-9])
    with pytest.raises(FormatError):
        VectorSide(GIVEN, None).search([folder], [0], np.ones((1, 6), np.float32), 3, [np.zeros(0)])
    with pytest.raises(SaveError):
        side.write(tmp_path / "gone", table(rows_of(1)), [])
