"""Expanders: from documents, acronyms, vectors, files, and an address on this machine."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from thrifty.core import DataError
from thrifty.models.expanders import (
    Acronyms,
    Endpoint,
    Feedback,
    Listed,
    Related,
    acronyms_in,
    expander_of,
)
from thrifty.models.search import SearchIndex
from thrifty.models.search_build import index_documents

TEXTS = [
    "Magnetic resonance imaging (MRI) shows the brain.", "MRI scans of a brain are slow.",
    "Cats purr softly.", "A cat and a dog purr and bark.", "The brain scan used contrast agents.",
    "Dogs bark at the moon.",
]  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Six documents and vectors of their words."""
    folder = tmp_path_factory.mktemp("expanders")
    rows = [{"_id": str(i), "text": text} for i, text in enumerate(TEXTS)]
    (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    index_documents(str(folder / "x.jsonl"), folder / "i", encoder="builtin")
    index_documents(str(folder / "x.jsonl"), folder / "words")
    return SearchIndex.open(folder / "i")


class Model(BaseHTTPRequestHandler):
    """Stands for a language model."""

    answer = ""

    def do_POST(self):
        """Answer as told."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Model.asked = (self.path, asked)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(Model.answer.encode())

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def address():
    """A server on this machine."""
    with HTTPServer(("127.0.0.1", 0), Model) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_feedback_is_the_formula(index):
    """Shares of words by scores of documents, times the log of how rare they are."""
    found = dict(Feedback(2)("brain MRI", index))
    hits = index.text.search(["brain MRI"], 2)
    scores = hits.scores[0] / hits.scores[0].sum()
    wanted = {}
    for row, share in zip(hits.rows[0].tolist(), scores.tolist(), strict=True):
        words = index.text.analyzer.tokens(TEXTS[int(index.text.ids([row])[0])])
        for word in words:
            wanted[word] = wanted.get(word, 0) + share / len(words)
    for word, weight in wanted.items():
        rare = np.log1p(len(TEXTS) / index.text.df([word])[0])
        assert found[word] == pytest.approx(weight * rare)
    assert set(found) == set(wanted)
    assert Feedback()("zzz", index) == []


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("support vector machines (SVM) and", [("SVM", "support vector machines")]),
        ("We used the hidden Markov model (HMM).", [("HMM", "hidden Markov model")]),
        ("interest (see below) (A) (ABC)", []),
        ("no such letters here (XQZ)", []),
        ("(MRI) at the start", []),
    ],
)
def test_acronyms_in_texts(text, pairs):
    """Letters in order, the first at the start of a word."""
    assert acronyms_in(text) == pairs


def test_acronyms_both_ways(index):
    """The long form for the short, the short for the long; nothing else."""
    assert Acronyms()("MRI", index) == [("magnetic resonance imaging", 1.0)]
    assert Acronyms()("magnetic resonance imaging", index) == [("MRI", 1.0)]
    assert Acronyms()("cats", index) == []


def test_related_words(index):
    """Words used in the same documents; only where there are word vectors."""
    found = dict(Related(5, least=0.3)("purr", index))
    assert "cat" in found
    assert all(near >= 0.3 for near in found.values())
    words = SearchIndex.open(index.describe()["path"].rsplit("/", 1)[0] + "/words")
    with pytest.raises(
        DataError, match=r"^related words need an index made with --encoder builtin"
    ):
        Related()("purr", words)


def test_words_of_a_file(tmp_path, index):
    """JSON lines with and without weights, and lines with a tab."""
    path = tmp_path / "terms"
    lines = [
        {"query": "Brain  scan", "terms": ["mri", "contrast agent"]},
        {"query": "x", "terms": {"y": 2}},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "dogs\tbark moon\n")
    found = Listed(path)
    assert found("brain SCAN", index) == [("mri", 1.0), ("contrast agent", 1.0)]
    assert found("x", index) == [("y", 2.0)]
    assert found("dogs", index) == [("bark", 1.0), ("moon", 1.0)]
    assert found("other", index) == []
    path.write_text("oops\n")
    with pytest.raises(DataError, match=r"line 1: must be a query and its terms, got 'oops'$"):
        Listed(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('["MRI", "contrast agent"]', ["MRI", "contrast agent"]),
        ('Here: ["a",\n"b"] done', ["a", "b"]),
        ("- one\n2. two, three", ["one", "two", "three"]),
    ],
)
def test_an_endpoint(content, words, address, index):
    """The question is sent; a list or lines are read; first words are heaviest."""
    Model.answer = json.dumps({"choices": [{"message": {"content": content}}]})
    found = Endpoint(f"{address}#tiny")("brain scans", index)
    assert [word for word, _ in found] == words
    assert [weight for _, weight in found] == sorted((w for _, w in found), reverse=True)
    path, asked = Model.asked
    assert path == "/v1/chat/completions"
    assert asked["model"] == "tiny"
    assert "brain scans" in asked["messages"][0]["content"]


@pytest.mark.parametrize("answer", ["{}", "oops", '{"choices": []}'])
def test_an_endpoint_that_answers_otherwise(answer, address, index):
    """Said in one line, with the address."""
    Model.answer = answer
    with pytest.raises(DataError, match=r"/chat/completions: not a chat completion: "):
        Endpoint(address)("x", index)


def test_an_endpoint_that_is_not_there(index):
    """No server, no http."""
    with pytest.raises(DataError, match=r"^http://127.0.0.1:9/chat/completions: "):
        Endpoint("http://127.0.0.1:9", seconds=2)("x", index)
    with pytest.raises(
        ValueError, match=r"^url must begin with http:// or https://, got 'file:/x'$"
    ):
        Endpoint("file:/x")


def test_names(tmp_path, index):
    """Names, files and addresses; several together weigh the same."""
    path = tmp_path / "terms"
    path.write_text("cats\twhiskers whisker2\n")
    both = expander_of(f"feedback,{path}")
    found = both("cats", index)
    assert sum(weight for _, weight in found) == pytest.approx(2)
    assert dict(found)["whiskers"] == 0.5
    assert isinstance(expander_of("http://localhost:1/v1"), Endpoint)
    assert isinstance(expander_of("related"), Related)
    with pytest.raises(DataError, match=r"^expand must be one of feedback, acronyms, related, an"):
        expander_of("magic")
    with pytest.raises(ValueError, match=r"^expand must name an expander, got ''$"):
        expander_of("")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Feedback(0), "documents must be in 1..1000, got 0"),
        (lambda: Acronyms(0), "documents must be in 1..1000, got 0"),
        (lambda: Related(0), "words must be in 1..1000, got 0"),
        (lambda: Related(least=2), "least must be in -1..1, got 2"),
        (lambda: Endpoint("http://x", 0), "seconds must be in 0.1..600, got 0"),
    ],
)
def test_arguments_out_of_range(make, message):
    """Each by name."""
    with pytest.raises(ValueError, match=rf"^{message}$"):
        make()
