"""Rank: files of edges in every format, PageRank of the same edges, refusals."""

import importlib

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from thrifty.core import DataError, SaveError
from thrifty.learn import pagerank
from thrifty.models.rank import rank

MODULE = importlib.import_module("thrifty.models.rank")


def edges(number=500):
    """Names of both ends."""
    u, v = np.random.default_rng(0).integers(0, 60, (2, number))
    return [f"n{i}" for i in u], [f"n{i}" for i in v]


def expected(names, u, v, **options):
    """Ranks of the names by PageRank on numbers."""
    number = {name: place for place, name in enumerate(names)}
    pairs = [number[x] for x in u], [number[x] for x in v]
    return pagerank(pairs, len(names), **options).values


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("form", ["csv", "parquet", "spaces"])
def test_ranks_of_a_file(form, streamed, tmp_path, monkeypatch):
    """The same as of the edges themselves, from memory and from disk."""
    monkeypatch.setattr(MODULE, "BLOCK", 64 if streamed else 1 << 20)
    u, v = edges()
    path = tmp_path / f"edges.{'txt' if form == 'spaces' else form}"
    if form == "csv":
        path.write_text("from,to\n" + "".join(f"{a},{b}\n" for a, b in zip(u, v, strict=True)))
    elif form == "parquet":
        pq.write_table(pa.table({"from": u, "to": v}), path)
    else:
        path.write_text("".join(f"{a} {b}\n" for a, b in zip(u, v, strict=True)))
    found = rank([str(path)])
    assert found.edges == 500
    assert found.left_out == 0
    assert (np.diff(found.values) <= 0).all()
    np.testing.assert_allclose(found.values, expected(found.names, u, v), atol=1e-9)


def test_columns_direction_and_place_of_restart(tmp_path):
    """Named columns, both ways, and from one node."""
    u, v = edges(200)
    path = tmp_path / "edges.parquet"
    pq.write_table(pa.table({"weight": [1.0] * 200, "b": v, "a": u}), path)
    named = {"source": "a", "target": "b"}
    plain = rank(str(path), **named)
    np.testing.assert_allclose(plain.values, expected(plain.names, u, v), atol=1e-9)
    both = rank(str(path), **named, undirected=True)
    np.testing.assert_allclose(both.values, expected(both.names, u, v, undirected=True), atol=1e-9)
    near = rank(str(path), **named, personal="n7", damping=0.5)
    start = near.names.index("n7")
    exact = expected(near.names, u, v, restart=start, damping=0.5)
    np.testing.assert_allclose(near.values, exact, atol=1e-9)
    assert near.names[0] == "n7"


def test_rows_without_an_end_are_counted(tmp_path):
    """They are left out and told."""
    path = tmp_path / "edges.parquet"
    pq.write_table(pa.table({"a": ["x", None, "y"], "b": ["y", "z", None]}), path)
    found = rank(str(path))
    assert (found.edges, found.left_out, sorted(found.names)) == (1, 2, ["x", "y"])


def test_ranks_are_written(tmp_path):
    """All nodes, highest first."""
    u, v = edges()
    pq.write_table(pa.table({"a": u, "b": v}), tmp_path / "edges.parquet")
    found = rank(str(tmp_path / "edges.parquet"))
    found.write(tmp_path / "out.parquet")
    found.write(tmp_path / "out.csv")
    for table in (pq.read_table(tmp_path / "out.parquet"), pacsv.read_csv(tmp_path / "out.csv")):
        assert table["node"].to_pylist() == found.names
        np.testing.assert_allclose(table["rank"].to_numpy(), found.values)
    facts = found.facts(3)
    assert facts["top"][0] == {"node": found.names[0], "rank": found.values[0]}
    assert (facts["nodes"], len(facts["top"])) == (len(found.names), 3)
    with pytest.raises(ValueError, match=r"^ending of the file must be one of \.parquet, \.csv, "):
        found.write(tmp_path / "out.txt")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(SaveError):
        found.write(tmp_path / "dir.csv")


def test_refusals(tmp_path):
    """No edges, no such column, no such node, one column."""
    path = tmp_path / "edges.parquet"
    pq.write_table(pa.table({"a": pa.array([None], pa.string()), "b": ["x"]}), path)
    with pytest.raises(DataError, match=r"^the files hold no edges$"):
        rank(str(path))
    pq.write_table(pa.table({"a": ["x"], "b": ["y"]}), path)
    with pytest.raises(DataError, match=r"'c'"):
        rank(str(path), source="c")
    with pytest.raises(ValueError, match=r"^personal must be a node of the graph, got 'z'$"):
        rank(str(path), personal="z")
    with pytest.raises(ValueError, match=r"^damping must be in 0\.\.0\.9999, got 2$"):
        rank(str(path), damping=2)
    pq.write_table(pa.table({"a": ["x"]}), path)
    with pytest.raises(DataError, match=r"^edges must have two columns, got 'a'$"):
        rank(str(path), source="a")
