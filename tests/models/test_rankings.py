"""Rankings: measures against slow formulas, every form of file, refusals."""

import gzip
import itertools
import json
import math

import numpy as np
import pytest

from thrifty.core import DataError, SaveError
from thrifty.models.rankings import judge, ndcg, read_qrels, read_queries, read_run, write_run


def slow_ndcg(ranked, grades, k):
    """Gains by the definition, the best order found by trying all."""

    def gain(order):
        return sum(max(g, 0) / math.log2(place + 2) for place, g in enumerate(order[:k]))

    best = max(gain(order) for order in itertools.permutations(grades))
    return gain(ranked) / best if best else 0.0


# measures


@pytest.mark.parametrize("k", [1, 3, 10])
def test_ndcg_is_the_formula(k):
    """The same as the definition, for graded, unjudged and negative documents."""
    rng = np.random.default_rng(k)
    for _ in range(50):
        grades = rng.integers(-1, 4, rng.integers(1, 7)).tolist()
        ranked = rng.permutation(grades + [0] * 3).tolist()
        assert ndcg(ranked, grades, k) == pytest.approx(slow_ndcg(ranked, grades, k), abs=1e-12)


def test_measures_by_hand():
    """Two queries with known answers, one without any, one that nothing is relevant for."""
    qrels = {
        "1": {"a": 2, "b": 1, "x": 0}, "2": {"c": 1}, "3": {"d": 1}, "4": {"e": 0},
    }  # fmt: skip
    run = {"1": ["x", "b", "a"], "2": [f"n{i}" for i in range(10)] + ["c"], "9": ["a"]}
    found = judge(run, qrels)
    assert found.queries == ["1", "2", "3"]
    best = 2 + 1 / math.log2(3)
    wanted = [(1 / math.log2(3) + 2 / 2) / best, 0, 0]
    np.testing.assert_allclose(found.ndcg, wanted, atol=1e-12)
    assert found.mrr.tolist() == [0.5, 0, 0]
    assert found.recall.tolist() == [1, 1, 0]
    facts = found.facts()
    assert facts["queries"] == 3
    assert facts["mrr@10"] == pytest.approx(1 / 6)
    assert facts["recall@100"] == pytest.approx(2 / 3)
    error = np.std(wanted, ddof=1) / math.sqrt(3)
    assert facts["ndcg@10 standard error"] == pytest.approx(error)


def test_recall_looks_at_a_hundred():
    """The 100th document counts, the 101st does not."""
    names = [f"n{i}" for i in range(101)]
    found = judge({"q": names}, {"q": {"n99": 1, "n100": 1}})
    assert found.recall.tolist() == [0.5]


@pytest.mark.parametrize(
    ("run", "qrels", "error", "message"),
    [
        ({"q": ["a", "a"]}, {"q": {"a": 1}}, ValueError,
         "run must name a document once a query, got one twice for 'q'"),
        ({"q": ["a"]}, {"q": {"a": 0}}, DataError,
         "qrels must have a relevant document, got none"),
        ({"p": ["a"]}, {"q": {"a": 1}}, DataError,
         "run must have a query of the qrels, got none: are the ids the same\\?"),
    ],
)  # fmt: skip
def test_refusals_of_judge(run, qrels, error, message):
    """What cannot be judged is said."""
    with pytest.raises(error, match=rf"^{message}$"):
        judge(run, qrels)


def test_depth_of_ndcg():
    """A depth of nothing is refused."""
    with pytest.raises(ValueError, match=r"^k must be in 1..2147483648, got 0$"):
        ndcg([1], [1], 0)


# files


@pytest.mark.parametrize("packed", [False, True])
def test_beir_files(packed, tmp_path):
    """queries.jsonl and qrels.tsv with its head, plain or packed."""
    queries = [{"_id": "q1", "text": "a b", "metadata": {}}, {"_id": 7, "text": "c\td"}]
    text = "".join(json.dumps(item) + "\n" for item in queries)
    rows = "query-id\tcorpus-id\tscore\nq1\td 1\t2\nq1\td2\t0\n7\td1\t1\n"
    ending = ".gz" if packed else ""
    for name, held in (("queries.jsonl", text), ("qrels.tsv", rows)):
        raw = held.encode()
        (tmp_path / f"{name}{ending}").write_bytes(gzip.compress(raw) if packed else raw)
    assert read_queries(tmp_path / f"queries.jsonl{ending}") == {"q1": "a b", "7": "c\td"}
    found = read_qrels(tmp_path / f"qrels.tsv{ending}")
    assert found == {"q1": {"d 1": 2.0, "d2": 0.0}, "7": {"d1": 1.0}}


def test_other_forms(tmp_path):
    """TREC's qrels, lines of id and text, and bare lines."""
    path = tmp_path / "x"
    path.write_text("1 0 doc1 1\n1 0 doc2 -1\n\n2 0 doc1 0\n")
    assert read_qrels(path) == {"1": {"doc1": 1.0, "doc2": -1.0}, "2": {"doc1": 0.0}}
    path.write_text("q1\twhat is it\nq2\t why \n")
    assert read_queries(path) == {"q1": "what is it", "q2": "why"}
    path.write_text("first\n\nthird one\n")
    assert read_queries(path) == {"1": "first", "3": "third one"}


def test_a_run_returns(tmp_path):
    """What is written is read, highest score first."""
    run = {"q1": [("a", 2.5), ("b", 1.25)], "q2": [("c", -3.0)]}
    write_run(tmp_path / "out.trec", run)
    assert read_run(tmp_path / "out.trec") == run
    lines = (tmp_path / "out.trec").read_text().splitlines()
    assert lines[0] == "q1 Q0 a 1 2.5 thrifty"
    (tmp_path / "other").write_text("q Q0 low 1 1 x\nq Q0 high 2 5 x\nq Q0 tie 3 5 x\n")
    assert [name for name, _ in read_run(tmp_path / "other")["q"]] == ["high", "tie", "low"]


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_queries, '{"_id": 1}\n',
         "line 1: a query must be JSON with _id and text, got '{\"_id\": 1}'"),
        (read_queries, "{oops\n",
         "line 1: a query must be JSON with _id and text, got '{oops'"),
        (read_queries, "a\tx\na\ty\n", "line 2: query 'a' comes twice"),
        (read_qrels, "1\t2\t3\nq d many\n",
         "line 2: a judgement must be query, document and grade, got 'q d many'"),
        (read_qrels, "one two\n",
         "line 1: a judgement must be query, document and grade, got 'one two'"),
        (read_run, "q Q0 d 1 high x\n",
         "line 1: a line of a run must be query, Q0, document, place, score and name, "
         "got 'q Q0 d 1 high x'"),
    ],
)  # fmt: skip
def test_lines_that_do_not_fit(read, text, message, tmp_path):
    """The file, the line and what was there."""
    path = tmp_path / "x"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value) == f"{path}, {message}"


@pytest.mark.parametrize(
    ("read", "what"), [(read_queries, "query"), (read_qrels, "judgement"), (read_run, "answer")]
)
def test_files_with_nothing(read, what, tmp_path):
    """Nothing in it, and no such file."""
    path = tmp_path / "x"
    path.write_text("\n\n")
    with pytest.raises(DataError, match=rf"^{path}: no {what} in it$"):
        read(path)
    with pytest.raises(DataError, match=r": no such file or folder$"):
        read(tmp_path / "gone")


def test_a_run_that_cannot_be_written(tmp_path):
    """A folder that is not there, a name with space."""
    with pytest.raises(SaveError, match=r"^\[Errno 2\] cannot write .*: No such file"):
        write_run(tmp_path / "no" / "x", {})
    with pytest.raises(ValueError, match=r"^names of a run must be without space, got 'a b'$"):
        write_run(tmp_path / "x", {"q": [("a b", 1.0)]})
    assert list(tmp_path.iterdir()) == []
