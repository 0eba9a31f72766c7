"""Rank on the command line: what it prints, what it writes, what it refuses."""

import json

import pytest

from thrifty.cli import main


@pytest.fixture
def path(tmp_path):
    """Everyone links to hub, hub to one."""
    file = tmp_path / "edges.csv"
    file.write_text("from,to\na,hub\nb,hub\nc,hub\nhub,a\n")
    return file


def test_json(path, tmp_path, capsys):
    """One object; the file holds all nodes."""
    out = tmp_path / "ranks.csv"
    assert main(["rank", str(path), "--out", str(out), "--top", "2", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["nodes"], facts["edges"], facts["out"]) == (4, 4, str(out))
    assert [row["node"] for row in facts["top"]] == ["hub", "a"]
    assert len(out.read_text().splitlines()) == 5


def test_lines(path, capsys):
    """A line a node, and one about all."""
    words = ["--source", "from", "--target", "to", "--personal", "b", "--undirected"]
    assert main(["rank", str(path), *words]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split()[0] == "1"
    assert shown[0].split()[2] == "hub"
    assert shown[-1].startswith("4 nodes, 4 edges, ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--personal", "z"], "thrifty: personal must be a node of the graph, got 'z'"),
        (["--damping", "1"], "thrifty: --damping must be in 0..0.9999, got 1.0"),
        (["--top", "-1"], "thrifty: --top must be in 0..1000000000, got -1"),
        (["--out", "ranks.txt"], "thrifty: ending of the file must be one of .parquet, .csv"),
    ],
)
def test_refusals(words, message, path, capsys):
    """A bad flag is one line and exit status 2."""
    assert main(["rank", str(path), *words]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(message)
