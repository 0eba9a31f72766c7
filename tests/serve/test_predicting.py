"""Predicting: answers equal the model's own; rows that cannot be are refused by name."""

import json

import pytest

from thrifty.models import Model
from thrifty.serve.predicting import check_row
from thrifty.serve.problems import Problem

PREDICT = "/v1/models/animals/predict"
ROWS = [{"says": "purr meow", "age": 3}, {"says": "hoot night"}, {}]


def test_answers_are_the_models(client, model):
    """The same classes and chances as in Python."""
    status, _, body = client.ask("POST", PREDICT, {"rows": ROWS, "top": 2})
    assert status == 200
    found = json.loads(body)["predictions"]
    expected = Model.load(model).predict(ROWS, 2)
    assert [row["predicted"] for row in found] == [row["predicted"] for row in expected]
    for row, own in zip(found, expected, strict=True):
        assert [pair["class"] for pair in row["top"]] == [name for name, _ in own["top"]]
        chances = [pair["probability"] for pair in row["top"]]
        assert chances == pytest.approx([chance for _, chance in own["top"]])
    assert [row["predicted"] for row in found[:2]] == ["cat", "owl"]


def test_reasons(client):
    """The features that moved each answer, the heaviest first."""
    _, _, body = client.ask("POST", PREDICT, {"rows": ROWS[:1], "explain": True})
    because = json.loads(body)["predictions"][0]["because"]
    weights = [abs(pair["weight"]) for pair in because]
    assert weights == sorted(weights, reverse=True)
    assert any("purr" in pair["feature"] for pair in because)


def test_one_row_by_query(client):
    """A GET answers like a POST of that row."""
    by_query = client.get(f"{PREDICT}?row=%7B%22says%22%3A%22bark%22%7D&top=1")
    by_body = client.ask("POST", PREDICT, {"rows": [{"says": "bark"}], "top": 1})[2]
    assert by_query == json.loads(by_body)


def test_what_a_model_reads(client):
    """Its columns and classes, for a form."""
    told = client.get("/v1/models/animals")
    assert {one["name"]: one["kind"] for one in told["columns"]} == {
        "says": "text",
        "age": "number",
    } or ("says" in {one["name"] for one in told["columns"]})
    assert (told["task"], told["target"], told["classes"]) == ("one", "kind", 3)
    assert told["examples"] == ["cat", "dog", "owl"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"rows": [{"sais": "purr"}]}, "row 0 has an unknown column 'sais'"),
        ({"rows": [{}, {"says": {"a": 1}}]}, "row 1, column 'says' must be a text, a number, true, "
         "false, null or a list of those"),
        ({"rows": [{"says": [["a"]]}]}, "row 0, column 'says' must be a text, a number, true, "
         "false, null or a list of those"),
        ({"rows": []}, "number of rows must be in 1..256, got 0"),
        ({"rows": [{}] * 257}, "number of rows must be in 1..256, got 257"),
        ({"rows": [{}], "top": 0}, "top must be in 1..100, got 0"),
        ({"rows": "purr"}, "rows: Input should be a valid list"),
        ({}, "rows: Field required"),
    ],
    ids=range(8),
)  # fmt: skip
def test_wrong_rows(client, body, says):
    """Each names the row and the column."""
    told = client.problem("POST", PREDICT, body)
    assert (told["status"], told["detail"]) == (422, says)


def test_a_row_is_checked_before_any_model_sees_it():
    """An object in a list is no value of a column."""
    with pytest.raises(Problem, match=r"^row 7, column 'a' must be a text, a number, true, false"):
        check_row({"a": [{}]}, ["a"], 7)


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"1e400"])
def test_what_is_not_finite(client, value):
    """JSON has no such number, and a model could say nothing about it."""
    body = b'{"rows": [{"age": ' + value + b"}]}"
    told = client.problem("POST", PREDICT, body, content_type="application/json")
    assert told["status"] == 400
    assert value.decode() in told["detail"]
    assert client.problem("GET", f"{PREDICT}?row=%7B%22age%22%3ANaN%7D")["status"] == 400


@pytest.mark.parametrize(
    "row",
    [{"age": 2**80}, {"age": "old"}, {"age": [1, "a"]}, {"says": 3}, {"says": True}, {"says": ""},
     {"age": -1e308}, {"says": "\x00\U0001f989"}, {"says": None}, {"says": "a" * 100_000}],
    ids=range(10),
)  # fmt: skip
def test_odd_values_are_read_somehow(client, row):
    """A value of another kind is read as its column can, or counts as missing; never a failure."""
    status, _, body = client.ask("POST", PREDICT, {"rows": [row], "explain": True})
    assert status == 200, body


def test_the_report_is_a_page_that_loads_nothing(client):
    """It may not run scripts, nor be framed by others."""
    status, headers, body = client.ask("GET", "/v1/models/animals/report")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src" not in headers["content-security-policy"]
    assert b"Predicting kind" in body


def test_unknown_models(client):
    """A 404 that names what there is."""
    told = client.problem("POST", "/v1/models/..%2fanimals/predict", {"rows": [{}]})
    assert told["status"] == 404
    told = client.problem("POST", "/v1/models/wings/predict", {"rows": [{}]})
    assert (told["status"], told["served"]) == (404, ["animals"])
