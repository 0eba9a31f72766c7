"""Searching: by query and by body, and every way to ask wrongly."""

import json

import pytest

from tests.serve.running import running
from thrifty.serve import Limits

SEARCH = "/v1/indexes/wings/search"


def test_both_ways_answer_alike(client):
    """A GET for people and links, a POST for programs."""
    by_query = client.ask("GET", f"{SEARCH}?q=wing&k=2&filter=year%3E1900&explain=true")
    by_body = client.ask(
        "POST", SEARCH, {"q": "wing", "k": 2, "filter": "year>1900", "explain": True}
    )
    assert by_query[0] == by_body[0] == 200
    assert by_query[2] == by_body[2]
    first, second = json.loads(by_body[2])["hits"]
    assert (first["id"], second["id"]) == ("a", "b")
    assert first["fields"]["title"] == "Wings in a stream"
    assert first["explain"][0]["term"] == "wing"


def test_snippets_are_pieces(client):
    """Marked words are told apart from the text, so that markup in it stays text."""
    (hit,) = client.get(f"{SEARCH}?q=heat")["hits"]
    assert hit["snippets"]["text"] == [
        {"text": "Heat", "mark": True},
        {"text": " of a wing, and <b>of</b> a body.", "mark": False},
    ]


def test_what_an_index_holds(client):
    """Its name and what it tells of itself."""
    told = client.get("/v1/indexes/wings")
    assert (told["name"], told["documents"], told["fields"]) == ("wings", 3, ["title", "text"])


def test_nothing_found_is_no_error(client):
    """An empty query and unknown words have empty answers."""
    assert client.get(f"{SEARCH}?q=") == client.get(f"{SEARCH}?q=zebra") == {"hits": []}


def test_a_score_that_is_no_number_is_null(client):
    """JSON has no NaN."""
    assert client.get(f"{SEARCH}?q=nan")["hits"][0]["score"] is None


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"q": "wing", "k": 0}, 422, "k must be in 1..100, got 0"),
        ({"q": "wing", "k": 101}, 422, "k must be in 1..100, got 101"),
        ({"q": "wing", "k": 2**70}, 422, f"k must be in 1..100, got {2**70}"),
        (
            {"q": "wing", "k": 1.5},
            422,
            "k: Input should be a valid integer, got a number with a fractional part",
        ),
        ({"q": "wing", "filter": "colour==3"}, 422, "filter has an unknown column in 'colour==3'"),
        (
            {"q": "wing", "filter": "year" * 9999},
            422,
            "filter must have at most 10000 characters: 39996",
        ),
        ({"q": "x" * 1_000_000}, 422, "q must have at most 10000 characters: 1000000"),
        ({"k": 3}, 422, "q: Field required"),
        ({"q": "wing", "page": 2}, 422, "page: Extra inputs are not permitted"),
        ([], 422, "the body must be a JSON object, got list"),
        (
            b"{",
            400,
            "the body must be JSON: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)",
        ),
        (b"\x00", 400, "the body must be JSON: Expecting value: line 1 column 1 (char 0)"),
    ],
    ids=range(12),
)
def test_wrong_bodies(client, body, status, says):
    """Each is one clear sentence."""
    told = client.problem("POST", SEARCH, body, content_type="application/json")
    assert (told["status"], told["detail"]) == (status, says)


@pytest.mark.parametrize(
    "query", ["", "?k=3", "?q=a&k=x", "?q=a&k=0", "?q=a&size=1", "?q=a&q2=%ff"]
)
def test_wrong_queries(client, query):
    """A GET is checked in the same way."""
    assert client.problem("GET", SEARCH + query)["status"] == 422


def test_other_kinds_of_body(client):
    """Forms, texts and packed bodies are not read."""
    for headers in ({"content_type": "text/plain"}, {"content_type": ""}):
        assert client.problem("POST", SEARCH, b"{}", **headers)["status"] == 415
    packed = {"content_type": "application/json", "content_encoding": "gzip"}
    assert client.problem("POST", SEARCH, b"x", **packed)["detail"] == "the body must not be packed"


def test_an_index_that_fails_keeps_its_secret(client):
    """A 500 without the reason; the next search is answered."""
    told = client.problem("POST", SEARCH, {"q": "break"})
    assert told["status"] == 500
    assert "secret" not in str(told)
    assert len(told["request"]) == 16
    assert client.get(f"{SEARCH}?q=wing")["hits"]


def test_unknown_names(client):
    """A 404 that names what there is."""
    told = client.problem("GET", "/v1/indexes/birds/search?q=a")
    assert (told["status"], told["served"]) == (404, ["wings"])
    assert client.problem("GET", "/v1/indexes/animals/search?q=a")["status"] == 404


@pytest.mark.parametrize(
    "name",
    ["..", ".", "..%2f..%2fetc", "%2e%2e", "..%5c", "wings%00", "wings/..", "%ff", "wings%2f"],
)
def test_path_tricks(client, name):
    """No name leaves the shelf."""
    assert client.problem("GET", f"/v1/indexes/{name}/search?q=a")["status"] == 404
    assert client.problem("GET", f"/v1/indexes/{name}")["status"] == 404


def test_slow_searches_are_given_up(index):
    """After its time a search is a 504, and the server goes on."""
    with running(index, limits=Limits(seconds=0.1, threads=1)) as client:
        assert client.problem("GET", f"{SEARCH}?q=sleep+1500")["detail"] == "no answer within 0.1 s"
        assert client.problem("GET", f"{SEARCH}?q=wing")["status"] == 504
        while client.ask("GET", f"{SEARCH}?q=wing")[0] != 200:
            pass
