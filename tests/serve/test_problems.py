"""Problems: what a client is told, and what it is not."""

import json

import pytest

from thrifty.core import DataError
from thrifty.serve.problems import Problem, problem_of, raw_problem


def test_members_of_a_problem():
    """Type, title, status and detail, as RFC 9457 names them, and what is added."""
    told = json.loads(Problem(413, "too  long\nby far", limit=3).body)
    assert told == {
        "type": "about:blank", "title": "Request Entity Too Large", "status": 413,
        "detail": "too long by far", "limit": 3,
    } or told["title"] == "Content Too Large"  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (ValueError("k must be 1"), 422, "k must be 1"),
        (DataError("no column 'x'"), 422, "no column 'x'"),
        (Problem(404, "not here"), 404, "not here"),
        (KeyError("secret"), 500, "the server failed; its log has the reason under this request"),
        (
            UnicodeError("secret"),
            500,
            "the server failed; its log has the reason under this request",
        ),
    ],
)
def test_what_is_told_of_an_error(error, status, says):
    """The message of a ValueError is written for who asked; any other stays inside."""
    problem = problem_of(error)
    assert (problem.status, problem.detail) == (status, says)


def test_a_long_detail_is_cut():
    """What a client sent does not come back whole."""
    detail = problem_of(ValueError("x" * 10_000)).detail
    assert len(detail) == 500
    assert detail.endswith("...")


def test_any_text_becomes_ascii():
    """Half a character, a line end or a quote cannot break the answer."""
    body = Problem(400, 'a "\ud800" b').body
    assert body.isascii()
    assert json.loads(body)["detail"] == 'a "\ud800" b'


def test_a_raw_answer_is_whole():
    """Its length is right and its connection ends."""
    head, _, body = raw_problem(Problem(431, "too long")).partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert b"connection: close" in head
    assert json.loads(body)["status"] == 431
