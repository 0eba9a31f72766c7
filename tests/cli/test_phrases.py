"""Phrases on the command line: what it prints, what it writes, what it refuses."""

import json

import pytest

from thrifty.cli import main


@pytest.fixture
def paths(tmp_path):
    """A corpus about a city and one that is not."""
    fore, back = tmp_path / "fore.txt", tmp_path / "back.txt"
    fore.write_text("".join(f"we saw new york {i}\n" for i in range(9)))
    back.write_text("".join(f"we saw a new house {i}\nin york {i}\n" for i in range(30)))
    return str(fore), str(back)


@pytest.mark.parametrize("memory", [[], ["--memory", "1 MB"]])
def test_json(memory, paths, tmp_path, capsys):
    """One object; the file holds all phrases; memory makes counts sketches."""
    out = tmp_path / "phrases.jsonl"
    words = [paths[0], "--against", paths[1], "--top", "1", "--out", str(out), "--json"]
    assert main(["phrases", *words, *memory]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["phrases"][0]["phrase"] == "new york"
    assert (facts["exact"], facts["words"]) == (not memory, [45, 270])
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == facts["found"] > 1
    assert rows[0] == facts["phrases"][0]


def test_lines(paths, tmp_path, capsys):
    """A table, of a column of a table."""
    table = tmp_path / "table.csv"
    table.write_text("id,says\n" + "".join(f"{i},we saw new york {i}\n" for i in range(9)))
    words = ["--against", paths[1], paths[1], "--text", "says", "--min-count", "9"]
    assert main(["phrases", str(table), *words]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["score", "count", "against", "p", "phrase"]
    assert shown[1].split()[-2:] == ["new", "york"]
    assert " phrases of 45 words against 540, counted exactly in " in shown[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--memory", "some"], "thrifty: --memory must be a size such as"),
        (["--memory", "1 kB"], "thrifty: budget must be at least 200 kB for counts of phrases"),
        (["--min-count", "0"], "thrifty: --min-count must be in 1..1099511627776, got 0"),
        (["--top", "-1"], "thrifty: --top must be in 0..1000000000, got -1"),
    ],
)
def test_refusals(words, message, paths, capsys):
    """A bad flag is one line and exit status 2."""
    assert main(["phrases", paths[0], "--against", paths[1], *words]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(message)


def test_a_column_must_be_named(tmp_path, capsys):
    """Where there are several."""
    table = tmp_path / "table.csv"
    table.write_text("id,says\n1,hello\n2,you\n")
    assert main(["phrases", str(table), "--against", str(table)]) == 2
    assert capsys.readouterr().err == "thrifty: --text must name one of id, says\n"
