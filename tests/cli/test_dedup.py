"""Dedup on the command line: what it prints, what it writes, what it refuses."""

import json

import pyarrow.parquet as pq
import pytest

from thrifty.cli import main

LINE = "the quick brown fox jumps over the lazy dog again and again until it is tired"


@pytest.fixture
def path(tmp_path):
    """Four texts, of which three are nearly the same."""
    file = tmp_path / "texts.csv"
    file.write_text(f"id,text\n1,{LINE}\n2,a few other words\n3,{LINE} now\n4,{LINE}\n")
    return file


def test_json(path, tmp_path, capsys):
    """One object with the counts, the bands, both qualities and the path of the clusters."""
    out = tmp_path / "clusters.parquet"
    assert main(["dedup", str(path), "--text", "text", "--out", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["rows"], facts["clusters"], facts["duplicates"]) == (4, 1, 2)
    assert facts["out"] == str(out)
    assert 0 < facts["recall"]["low"] <= facts["recall"]["estimate"] <= 1
    assert pq.read_table(out)["row"].to_pylist() == [0, 2, 3]


def test_lines(path, tmp_path, capsys):
    """People get a few lines; characters may stand for words."""
    out = str(tmp_path / "c.parquet")
    words = ["--text", "text", "--out", out, "--chars", "4", "--threshold", "0.9"]
    assert main(["dedup", str(path), *words]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "1 clusters hold 2 near-duplicates of 4 rows (at 0.9 or more)"
    assert shown[-1] == f"clusters  {out}"


def test_no_pairs(path, tmp_path, capsys):
    """Without pairs there is no quality to tell: null in JSON, no line for people."""
    out = str(tmp_path / "c.parquet")
    assert main(["dedup", str(path), "--text", "id", "--out", out, "--words", "1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["clusters"] == 0
    assert facts["precision"]["estimate"] is None


def test_match(tmp_path, capsys):
    """Records of the same person are found by several columns; each tells how much it says."""
    file = tmp_path / "people.csv"
    rows = [f"name{i % 20} family{i},road{i} {i},{i:04}555" for i in range(200)]
    rows += [row.replace("road", "rood") for row in rows[:60]]
    file.write_text("name,address,phone\n" + "\n".join(rows) + "\n")
    words = ["--match", "name,address,phone", "--out", str(tmp_path / "c.parquet")]
    assert main(["dedup", str(file), *words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["rows"], facts["clusters"], facts["duplicates"]) == (260, 60, 60)
    assert main(["dedup", str(file), *words]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "60 clusters hold 60 near-duplicates of 260 rows (at 0.9 or more)"
    assert [line.split()[0] for line in shown[4:7]] == ["name", "address", "phone"]


def test_one_way_must_be_chosen(path, tmp_path, capsys):
    """Neither --text nor --match, or both, is refused."""
    for words in ([], ["--text", "text", "--match", "text"]):
        assert main(["dedup", str(path), "--out", str(tmp_path / "c"), *words]) == 2
        says = "thrifty: --text or --match must be given, and only one of them\n"
        assert capsys.readouterr().err == says


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--threshold", "0"], "thrifty: --threshold must be in 0.01..1, got 0.0"),
        (["--memory", "some"], "thrifty: --memory must be a size such as"),
        (["--memory", "1 kB"], "thrifty: budget must be at least 8 MB for near-duplicates"),
        (["--words", "9"], "thrifty: words must be in 1..8, got 9"),
    ],
)
def test_refusals(words, message, path, tmp_path, capsys):
    """A bad flag is one line and exit status 2."""
    out = str(tmp_path / "c.parquet")
    assert main(["dedup", str(path), "--text", "text", "--out", out, *words]) == 2
    assert capsys.readouterr().err.startswith(message)
