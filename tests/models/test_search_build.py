"""Build: made, added to and taken from; whole after a failure, a Ctrl-C and a kill."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from thrifty.core import DataError, FormatError, IncompatibleError, SaveError
from thrifty.models import search_build as module
from thrifty.models.search import SearchIndex
from thrifty.models.search_build import (
    add_documents,
    index_documents,
    remove_documents,
    writing,
)
from thrifty.text.textindex import TextIndex

WORDS = [
    "laser", "beam", "heat", "plate", "cat", "dog", "bark", "purr", "light", "wave", "sound",
    "metal",
]  # fmt: skip
ADD = """
import sys
from thrifty.models import add_documents
print("begun", flush=True)
add_documents(sys.argv[1], sys.argv[2], memory="4 MB")
print("done", flush=True)
"""


def rows_of(number, first=0, seed=0):
    """Random documents."""
    draw = random.Random(seed)
    for i in range(first, first + number):
        yield {"_id": f"d{i}", "text": " ".join(draw.choices(WORDS, k=12)), "n": i}


def write(path, rows):
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def answers(out, **how):
    """Ids and scores for some queries."""
    queries = {w: f"{w} {v}" for w, v in itertools.pairwise(WORDS)}
    found = SearchIndex.open(out).run(queries, 8, **how)
    return {name: [(i, round(score, 4)) for i, score in rows] for name, rows in found.items()}


# making


@pytest.mark.parametrize("memory", ["1 MB", "2 GB"])
def test_the_budget_does_not_change_answers(memory, tmp_path):
    """Many small segments answer as one."""
    file = write(tmp_path / "x.jsonl", rows_of(3000))
    facts = index_documents(file, tmp_path / "i", memory=memory)
    assert (facts["documents"], facts["added"], facts["replaced"]) == (3000, 3000, 0)
    index_documents(file, tmp_path / "whole")
    assert answers(tmp_path / "i") == answers(tmp_path / "whole")


def test_every_kind_of_file(tmp_path):
    """CSV, Parquet and lines of text as well."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = list(rows_of(20))
    lines = ["_id,text,n"] + [f"{row['_id']},{row['text']},{row['n']}" for row in rows]
    (tmp_path / "x.csv").write_text("\n".join(lines) + "\n")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    (tmp_path / "x.txt").write_text("".join(row["text"] + "\n" for row in rows))
    found = []
    for name in ("csv", "parquet", "txt"):
        index_documents([str(tmp_path / f"x.{name}")], tmp_path / name)
        found.append([[score for _, score in rows] for rows in answers(tmp_path / name).values()])
    assert found[0] == found[1] == found[2]


def test_progress_and_what_is_left_out(tmp_path):
    """Phases come in order, fractions grow; rows that cannot be used are counted."""
    path = tmp_path / "x.jsonl"
    write(path, rows_of(50))
    path.write_text(path.read_text() + "oops\n" + '{"text": "no id"}\n')
    told = []
    facts = index_documents(str(path), tmp_path / "i", encoder="builtin", progress=told.append)
    phases = list(dict.fromkeys(state["phase"] for state in told))
    assert phases == ["learning", "indexing", "writing"]
    assert facts["documents"] == 50
    kinds = {kind: found["count"] for kind, found in facts["left_out"].items()}
    assert kinds == {"lines that are not JSON": 1, "rows without an id, left out": 1}
    with pytest.raises(DataError):
        index_documents(str(path), tmp_path / "strict", strict=True)
    assert not (tmp_path / "strict").exists()


def test_a_place_that_is_taken(tmp_path):
    """An index is not overwritten; an empty folder is filled."""
    file = write(tmp_path / "x.jsonl", rows_of(5))
    (tmp_path / "i").mkdir()
    index_documents(file, tmp_path / "i")
    with pytest.raises(IncompatibleError, match=r"i must be a new or empty folder, or be added to"):
        index_documents(file, tmp_path / "i")
    assert len(SearchIndex.open(tmp_path / "i")) == 5


# adding and taking out


@pytest.mark.parametrize("encoder", [None, "builtin"])
def test_removed_and_added_again(encoder, tmp_path):
    """A third of the documents out and in again answers as before."""
    rows = list(rows_of(600))
    index_documents(write(tmp_path / "x.jsonl", rows), tmp_path / "i", encoder=encoder)
    before = answers(tmp_path / "i")
    gone = [row for row in rows if row["n"] % 3 == 0]
    facts = remove_documents(tmp_path / "i", [row["_id"] for row in gone])
    assert (facts["removed"], facts["documents"]) == (200, 400)
    found = {i for rows in answers(tmp_path / "i").values() for i, _ in rows}
    assert not found & {row["_id"] for row in gone}
    facts = add_documents(tmp_path / "i", write(tmp_path / "y.jsonl", gone))
    assert (facts["added"], facts["replaced"], facts["documents"]) == (200, 0, 600)
    after = answers(tmp_path / "i")
    for name, rows in before.items():
        scores = [score for _, score in rows]
        np.testing.assert_allclose([s for _, s in after[name]], scores, atol=2e-3)


def test_an_update_takes_the_place(tmp_path):
    """A document whose id is there is replaced; vectors follow through merges."""
    file = write(tmp_path / "x.jsonl", rows_of(40))
    index_documents(file, tmp_path / "i", encoder="builtin")
    for turn in range(12):
        new = [{"_id": f"d{turn}", "text": "laser laser beam", "n": 1000 + turn}]
        facts = add_documents(tmp_path / "i", write(tmp_path / "y.jsonl", new))
        assert facts["replaced"] == 1
    index = SearchIndex.open(tmp_path / "i")
    assert len(index) == 40
    assert len(index.text.segments) <= 10
    found = index.search("laser beam", 12, explain=True)
    assert {row["id"] for row in found} == {f"d{turn}" for turn in range(12)}
    assert all(any(part["part"] == "vectors" for part in row["explain"]) for row in found)


def test_rows_without_ids_are_numbered_on(tmp_path):
    """The second file goes on where the first ended."""
    (tmp_path / "x.txt").write_text("red laser\nblue cat\n")
    (tmp_path / "y.txt").write_text("green dog\n")
    index_documents(str(tmp_path / "x.txt"), tmp_path / "i")
    remove_documents(tmp_path / "i", ["2"])
    add_documents(tmp_path / "i", str(tmp_path / "y.txt"))
    assert [row["id"] for row in SearchIndex.open(tmp_path / "i").search("dog")] == ["3"]


def test_passages_go_with_their_document(tmp_path):
    """A document of fewer passages leaves none behind; removing takes all."""
    long = {"_id": "a", "text": " ".join(["laser"] * 100)}
    other = {"_id": "b", "text": "a cat"}
    index_documents(write(tmp_path / "x.jsonl", [long, other]), tmp_path / "i", chunk=20, overlap=0)
    assert len(SearchIndex.open(tmp_path / "i")) == 6
    short = {"_id": "a", "text": " ".join(["laser"] * 30)}
    add_documents(tmp_path / "i", write(tmp_path / "y.jsonl", [short]))
    assert [row["id"] for row in SearchIndex.open(tmp_path / "i").search("laser")] == ["a#1", "a#2"]
    assert remove_documents(tmp_path / "i", ["a"])["removed"] == 2
    with pytest.raises(DataError):
        remove_documents(tmp_path / "i", ["a"])


# refusals


def test_bad_documents_and_ids(tmp_path):
    """Other columns, unknown ids; the index is as it was."""
    index_documents(write(tmp_path / "x.jsonl", rows_of(5)), tmp_path / "i")
    before = answers(tmp_path / "i")
    with pytest.raises(DataError, match=r"^column 'text' not found"):
        add_documents(tmp_path / "i", write(tmp_path / "y.jsonl", [{"_id": "z", "body": "x"}]))
    with pytest.raises(DataError, match=r"^ids must be in the index, got 1 that are not: 'zz'$"):
        remove_documents(tmp_path / "i", ["d1", "zz"])
    assert answers(tmp_path / "i") == before
    with pytest.raises(ValueError, match=r"^memory must be a size"):
        index_documents(str(tmp_path / "x.jsonl"), tmp_path / "j", memory="lots")


def test_two_writers(tmp_path):
    """The second is told of the lock; readers are not held up."""
    index_documents(write(tmp_path / "x.jsonl", rows_of(5)), tmp_path / "i")
    with writing(tmp_path / "i"):
        with pytest.raises(SaveError, match=r"another writer holds the lock"):
            remove_documents(tmp_path / "i", ["d1"])
        assert len(SearchIndex.open(tmp_path / "i")) == 5
    remove_documents(tmp_path / "i", ["d1"])


def test_what_is_no_index(tmp_path):
    """No folder, and an index that something else made."""
    with pytest.raises(FormatError):
        remove_documents(tmp_path / "gone", ["a"])
    TextIndex.create(tmp_path / "texts", fields={"text": 1.0}).close()
    with pytest.raises(DataError, match=r"must be made by thrifty index, got an index of texts"):
        remove_documents(tmp_path / "texts", ["a"])


# failures


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError(28, "No space left")])
def test_a_failure_leaves_what_was_there(error, tmp_path, monkeypatch):
    """Nothing where nothing was, the same answers where an index was."""
    file = write(tmp_path / "x.jsonl", rows_of(100))

    def fail(*args):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(module.TextIndex, "commit", fail)
        with pytest.raises(BaseException):  # noqa: B017, PT011
            index_documents(file, tmp_path / "i")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.jsonl"]
    index_documents(file, tmp_path / "i")
    before = answers(tmp_path / "i")
    with monkeypatch.context() as patch:
        patch.setattr(module.TextIndex, "commit", fail)
        with pytest.raises(BaseException):  # noqa: B017, PT011
            add_documents(tmp_path / "i", write(tmp_path / "y.jsonl", rows_of(50, 90, seed=1)))
    assert answers(tmp_path / "i") == before
    add_documents(tmp_path / "i", str(tmp_path / "y.jsonl"))
    assert len(SearchIndex.open(tmp_path / "i")) == 140


def test_what_a_killed_process_left_is_swept(tmp_path):
    """A folder beside the place, of a process that is no more; that of a living one stays."""
    file = write(tmp_path / "x.jsonl", rows_of(5))
    (tmp_path / ".i.99999999.part").mkdir()
    (tmp_path / ".i.1.part").mkdir()
    index_documents(file, tmp_path / "i")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".i.1.part", "i", "x.jsonl"]


@pytest.mark.skipif(os.name != "posix", reason="kill is of POSIX")
def test_killed_while_it_adds(tmp_path):
    """After kill -9 at any moment the index is what it was before, or what it was to be."""
    index_documents(write(tmp_path / "x.jsonl", rows_of(300)), tmp_path / "i")
    file, draw, whole = write(tmp_path / "y.jsonl", rows_of(4000, 300, seed=1)), random.Random(0), 0
    for turn in range(4):
        before = len(SearchIndex.open(tmp_path / "i"))
        command = [sys.executable, "-c", ADD, str(tmp_path / "i"), file]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline() == "begun\n"
            time.sleep(draw.uniform(0.0, 0.6))
            child.send_signal(signal.SIGKILL)
        after = SearchIndex.open(tmp_path / "i")
        assert len(after) in (before, 4300), turn
        assert len(after.search("laser")) == 10
        whole += len(after) == 4300
    add_documents(tmp_path / "i", file)
    assert len(SearchIndex.open(tmp_path / "i")) == 4300
    left = {path.name for path in (tmp_path / "i").iterdir() if path.is_dir()}
    assert len(left) == len(SearchIndex.open(tmp_path / "i").text.segments)
