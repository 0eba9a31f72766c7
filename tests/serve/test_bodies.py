"""Bodies: JSON that is none is refused, and every member that is wrong is named."""

import json

import pytest

from thrifty.serve.bodies import PredictBody, SearchBody, answer_bytes, checked, invalid, parsed
from thrifty.serve.problems import Problem


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", r"the body must be JSON: Expecting value: line 1 column 1 \(char 0\)"),
        (b"{'a': 1}", r"the body must be JSON: Expecting property name .*"),
        (b"[NaN]", "the body must be JSON: NaN is none"),
        (b"[-Infinity]", "the body must be JSON: -Infinity is none"),
        (b"[1e999]", "the body must be JSON: 1e999 is too large a number"),
        (b"\xff\xfe", "the body must be JSON in UTF-8"),
        (b'["\\ud800"]', "the body must be JSON: half a character in a text"),
        (b'{"\\udfff": 1}', "the body must be JSON: half a character in a text"),
        (b"[" * 100_000, "the body must be JSON: it is nested too deeply"),
        (b"1" * 5000, r"the body must be JSON: Exceeds the limit .*"),
    ],
    ids=range(10),
)
def test_what_is_no_json(body, says):
    """One clear sentence, status 400."""
    with pytest.raises(Problem, match=rf"^{says}$") as caught:
        parsed(body)
    assert caught.value.status == 400


def test_a_whole_character_in_two_halves_is_one():
    """Escaped pairs are what JSON has for characters beyond the first plane."""
    assert parsed(b'["\\ud83e\\udd89"]') == ["\U0001f989"]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([1], "the body must be a JSON object, got list"),
        ({}, "q: Field required"),
        ({"q": 3}, "q: Input should be a valid string"),
        ({"q": "a", "k": "many"}, "k: Input should be a valid integer, .*"),
        ({"q": "a", "size": 3}, "size: Extra inputs are not permitted"),
    ],
)
def test_what_is_no_search(value, says):
    """The member is named, status 422."""
    with pytest.raises(Problem, match=rf"^{says}$") as caught:
        checked(SearchBody, value)
    assert caught.value.status == 422


def test_all_wrong_members_are_named_up_to_ten():
    """The first one is the detail."""
    errors = [{"loc": ("rows", number), "msg": "wrong"} for number in range(99)]
    problem = invalid(errors)
    assert problem.detail == "rows.0: wrong"
    assert len(problem.more["errors"]) == 10


def test_rows_are_objects():
    """A row that is a list is refused with its number."""
    with pytest.raises(Problem, match=r"^rows\.1: Input should be a valid dictionary$"):
        checked(PredictBody, {"rows": [{}, []]})


def test_answers_are_json_whatever_is_in_them():
    """Not a number is null; half a character and unknown things become texts."""
    value = {"a": float("inf"), "b": "\ud800", "c": {1, 2}, "d": object}
    told = json.loads(answer_bytes({**value, "b": "x"}))
    assert told["a"] is None
    assert json.loads(answer_bytes(value))["b"] == "\ud800"
