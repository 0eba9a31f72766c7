"""Search on the command line: for people, as JSON, in batches, judged; refusals."""

import gzip
import json

import pytest

from thrifty.cli import main
from thrifty.cli.search import fusion_of
from thrifty.models import SearchIndex, index_documents, read_run

ROWS = [
    {"_id": "a", "title": "Lasers", "text": "A red laser heats.", "year": 2019},
    {"_id": "b", "title": "Cats", "text": "Cats chase a red dot.", "year": 2021},
    {"_id": "c", "title": "Dogs", "text": "Dogs bark at cats.", "year": 2022},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two indexes, queries and judgements in BEIR's forms, packed."""
    folder = tmp_path_factory.mktemp("cli-search")
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    asked = [{"_id": "q1", "text": "red lasers"}, {"_id": "q2", "text": "cats"}]
    lines = "".join(json.dumps(row) + "\n" for row in asked)
    (folder / "queries.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    judged = "query-id\tcorpus-id\tscore\nq1\ta\t2\nq2\tc\t1\n"
    (folder / "qrels.tsv.gz").write_bytes(gzip.compress(judged.encode()))
    index_documents(str(folder / "corpus.jsonl.gz"), folder / "idx")
    index_documents(str(folder / "corpus.jsonl.gz"), folder / "hybrid", encoder="builtin")
    return folder


def judged_in(folder):
    """The flags of queries and judgements."""
    queries, qrels = folder / "queries.jsonl.gz", folder / "qrels.tsv.gz"
    return ["--queries", str(queries), "--qrels", str(qrels)]


def test_json(folder, capsys):
    """A list of id, score, fields and explain."""
    assert main(["search", str(folder / "idx"), "red lasers", "--k", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [sorted(row) for row in found] == [["explain", "fields", "id", "score"]] * 2
    assert [row["id"] for row in found] == ["a", "b"]
    assert found[0]["fields"] == ROWS[0]
    assert sum(part["score"] for part in found[0]["explain"]) == pytest.approx(found[0]["score"])


def test_for_people(folder, capsys):
    """Title, id, snippet, other columns, and a line about it all; explained if wanted."""
    assert main(["search", str(folder / "hybrid"), "red lasers", "--explain"]) == 0
    shown = capsys.readouterr().out
    assert "  1  Lasers  a  " in shown
    assert "A red laser heats." in shown
    assert "year 2019" in shown
    assert "meaning (vectors)" in shown
    assert " in text, " in shown
    assert shown.rstrip().endswith(" ms, by words and vectors")
    assert main(["search", str(folder / "idx"), "zzz"]) == 0
    assert capsys.readouterr().out.startswith("nothing found in ")


def test_filter_and_fusion(folder, capsys):
    """Conditions on columns; words alone, ranks, a weight."""
    words = ["search", str(folder / "hybrid"), "cats", "--filter", "year>2021", "--json"]
    assert main(words) == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == ["c"]
    found = []
    for fusion in ("words", "ranks", "0.5"):
        assert main(["search", str(folder / "hybrid"), "cats", "--fusion", fusion, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert [len(rows) for rows in found] == [2, 3, 3]
    assert found[1][0]["score"] == pytest.approx(2 / 61)


def test_expand(folder, tmp_path, capsys):
    """Words of a file are added, and shown with a plus."""
    (tmp_path / "terms").write_text("dogs\tlaser\n")
    words = ["search", str(folder / "idx"), "dogs", "--expand", str(tmp_path / "terms")]
    assert main([*words, "--explain"]) == 0
    shown = capsys.readouterr().out
    assert "+laser" not in shown  # it is in one of three documents: more than a tenth
    (tmp_path / "many.jsonl").write_text(
        "".join(json.dumps({"_id": f"m{i}", "text": f"filler{i}"}) + "\n" for i in range(20))
    )
    out = tmp_path / "idx"
    files = [str(folder / "corpus.jsonl.gz"), str(tmp_path / "many.jsonl")]
    assert main(["index", *files, "--out", str(out)]) == 0
    capsys.readouterr()
    assert main(["search", str(out), "dogs", *words[3:], "--explain"]) == 0
    assert "+laser" in capsys.readouterr().out


def test_batch(folder, tmp_path, capsys):
    """A run in TREC's form, to a file and to stdout; as JSON."""
    words = ["search", str(folder / "idx"), "--queries", str(folder / "queries.jsonl.gz")]
    assert main([*words, "--run", str(tmp_path / "out.trec")]) == 0
    assert capsys.readouterr().out.startswith("2 queries, ")
    run = read_run(tmp_path / "out.trec")
    assert [name for name, _ in run["q1"]] == ["a", "b"]
    assert main([*words, "--k", "1"]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[1]["query"] == "q2"
    assert {row["id"] for row in found[1]["results"]} == {"b", "c"}


def test_evaluate(folder, capsys):
    """The keys, in JSON and for people."""
    judged = [
        "--queries",
        str(folder / "queries.jsonl.gz"),
        "--qrels",
        str(folder / "qrels.tsv.gz"),
    ]
    assert main(["evaluate", str(folder / "idx"), *judged, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"ndcg@10", "mrr@10", "recall@100", "queries_per_second"} <= set(facts)
    assert facts["recall@100"] == 1
    assert main(["evaluate", str(folder / "idx"), *judged, "--expand", "feedback"]) == 0
    assert capsys.readouterr().out.startswith("ndcg@10     ")


def test_a_weight_is_learned(folder, tmp_path, capsys):
    """It is kept in the index."""
    file = str(folder / "corpus.jsonl.gz")
    assert main(["index", file, "--out", str(tmp_path / "i"), "--encoder", "builtin"]) == 0
    judged = [
        "--queries",
        str(folder / "queries.jsonl.gz"),
        "--qrels",
        str(folder / "qrels.tsv.gz"),
    ]
    before = SearchIndex.open(tmp_path / "i").fusion
    assert main(["evaluate", str(tmp_path / "i"), *judged, "--learn"]) == 0
    assert SearchIndex.open(tmp_path / "i").fusion != before
    capsys.readouterr()


def test_what_is_no_fusion():
    """Neither a word nor a weight; a weight out of range."""
    for text in ("sum", "-1"):
        with pytest.raises(ValueError, match=r"^--fusion must be ranks, words or a weight, got '"):
            fusion_of(text)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["search", "IDX"], "thrifty: a question or --queries must be given, and only one"),
        (["search", "IDX", "x", "--queries", "y"], "thrifty: a question or --queries must be"),
        (["search", "IDX", "x", "--k", "0"], "thrifty: --k must be in 1..1000000, got 0"),
        (["search", "IDX", "x", "--filter", "yaer>1"], "thrifty: column "),
        (["search", "IDX", "x", "--filter", "year>"], "thrifty: filter "),
        (["search", "IDX", "x", "--fusion", "sum"], "thrifty: --fusion must be ranks, words or a"),
        (["search", "IDX", "x", "--expand", "magic"], "thrifty: expand must be one of feedback"),
        (["search", "IDX", "x", "--expand", "related"], "thrifty: related words need an index"),
        (["search", "gone", "x"], "thrifty: gone must be the folder of an index"),
        (["search", "IDX", "--queries", "gone"], "thrifty: gone: no such file or folder"),
        (["evaluate", "IDX"], "thrifty: --queries and --qrels must be given to measure an index"),
        (["evaluate", "IDX", "--queries", "x"], "thrifty: --queries and --qrels must be given tog"),
        (["evaluate", "IDX", "--queries", "Q", "--qrels", "R", "--learn"],
         "thrifty: weights can be learned for an index with vectors"),
    ],
)  # fmt: skip
def test_refusals(words, message, folder, capsys):
    """One line and exit status 2, nothing on stdout."""
    places = {"IDX": folder / "idx", "Q": folder / "queries.jsonl.gz", "R": folder / "qrels.tsv.gz"}
    assert main([str(places.get(word, word)) for word in words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(message)
    assert shown.err.count("\n") == 1
