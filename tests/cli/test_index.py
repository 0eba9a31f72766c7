"""Index on the command line: made, added to, taken from; what it says and refuses."""

import json
import os
import signal
import subprocess
import sys

import pytest

from thrifty.cli import main
from thrifty.models import SearchIndex

ROWS = [
    {"key": "a", "head": "Lasers", "body": "A red laser.", "year": 2019},
    {"key": "b", "head": "Cats", "body": "Cats purr.", "year": 2021},
    {"key": "c", "head": "Dogs", "body": "Dogs bark at cats.", "year": 2022},
]


@pytest.fixture
def rows(tmp_path):
    """A file of documents."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def made(rows, *more):
    """An index of the rows."""
    out = rows.parent / "idx"
    words = ["--text", "body", "--title", "head", "--id", "key"]
    assert main(["index", str(rows), *words, "--out", str(out), *more]) == 0
    return out


def test_lines_and_json(rows, capsys):
    """What a person reads, and what a program does."""
    out = made(rows, "--memory", "1GB")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("3 documents added in ")
    assert shown[0].endswith(" s: head, body")
    assert shown[1].startswith(f"index     {out}: 3 documents in ")
    rows.write_text(json.dumps(ROWS[0] | {"body": "A green laser."}) + "\n")
    assert main(["index", str(rows), "--out", str(out), "--add", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["documents"], facts["added"], facts["replaced"]) == (3, 1, 1)
    assert SearchIndex.open(out).search("green")[0]["id"] == "a"


def test_remove(rows, tmp_path, capsys):
    """By ids, by a file of ids, and beside adding."""
    out = made(rows)
    assert main(["index", "--out", str(out), "--remove", "a,b"]) == 0
    assert "2 documents removed\n" in capsys.readouterr().out
    assert len(SearchIndex.open(out)) == 1
    (tmp_path / "ids").write_text("c\n")
    words = ["--out", str(out), "--remove", f"@{tmp_path / 'ids'}", "--add", str(rows)]
    assert main(["index", *words]) == 0
    assert len(SearchIndex.open(out)) == 3


def test_what_is_left_out_is_said(rows, capsys):
    """Counted on stderr, with examples; strict stops."""
    rows.write_text(rows.read_text() + "oops\n")
    made(rows)
    assert "lines that are not JSON: 1\n" in capsys.readouterr().err
    words = ["--out", str(rows.parent / "other"), "--strict"]
    assert main(["index", str(rows), *words]) == 2
    assert not (rows.parent / "other").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "thrifty: files must be given, or --remove"),
        (["--add"], "thrifty: --add must have files to add"),
        (["ROWS", "--remove", "a"], "thrifty: --remove must be alone or with --add, got files"),
        (["ROWS", "--add", "--text", "body"], "thrifty: --text must be as the index was made"),
        (["ROWS", "--text", "bdy"], "thrifty: column 'bdy' not found; near: body"),
        (["ROWS", "--memory", "lots"], "thrifty: --memory must be a size such as"),
        (["ROWS", "--chunk", "3"], "thrifty: chunk must be in 20..10000, got 3"),
        (["ROWS", "--language", "klingon"], "thrifty: language must be one of "),
        (["ROWS", "--encoder", "/gone"], "thrifty: encoder must be builtin or the folder of a"),
        (["ROWS", "--vectors", "year"], "thrifty: column 'year' must hold vectors, got double"),
        (["gone.csv"], "thrifty: gone.csv: no such file or folder"),
        (["--remove", ","], "thrifty: --remove must name an id, got ','"),
        (["--remove", "@gone"], "thrifty: gone: No such file or directory"),
        (["--remove", "a"], "thrifty: OUT must be the folder of an index, got no manifest.json"),
    ],
)
def test_refusals(words, message, rows, capsys):
    """One line and exit status 2; nothing is left behind."""
    out = rows.parent / "idx"
    given = [str(rows) if word == "ROWS" else word for word in words]
    assert main(["index", *given, "--out", str(out)]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(message.replace("OUT", str(out)))
    assert sorted(path.name for path in rows.parent.iterdir()) == ["rows.jsonl"]


@pytest.mark.skipif(os.name != "posix", reason="signals are of POSIX")
def test_interrupted(tmp_path):
    """Ctrl-C stops an index that is being added to, and leaves the one that was there."""
    first, more, out = tmp_path / "x.jsonl", tmp_path / "y.jsonl", str(tmp_path / "i")
    for path, low, high, text in ((first, 0, 9, "laser"), (more, 9, 60_000, "beam " * 30)):
        rows = (json.dumps({"id": i, "text": f"word{i} {text}"}) for i in range(low, high))
        path.write_text("\n".join(rows) + "\n")
    assert main(["index", str(first), "--out", out]) == 0
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from thrifty.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code, "index", str(more), "--out", out, "--add"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr.readline().startswith("indexing")
        child.send_signal(signal.SIGINT)
        said = child.communicate()[1]
    assert child.returncode == 130
    assert said.endswith("thrifty: interrupted\n")
    assert len(SearchIndex.open(tmp_path / "i")) == 9
