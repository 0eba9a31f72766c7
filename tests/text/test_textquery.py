"""TextQuery: every form is read, and what fits none is words."""

import pytest

from thrifty.text.textquery import Demand, TextQuery, parse

CASES = [
    ("red laser", TextQuery("red laser")),
    ('"heat flow"', TextQuery("heat flow", (Demand("heat flow"),))),
    ("title:red x", TextQuery("red x", (Demand("red", "title"),))),
    ('title:"a b"', TextQuery("a b", (Demand("a b", "title"),))),
    ("comp*", TextQuery("", (), ("comp",))),
    ("title:comp*", TextQuery("", (Demand("comp", "title", True),), ("comp",))),
    ("at 10:30", TextQuery("at 10:30")),
    ('half "open', TextQuery("half open")),
    ('"" * :', TextQuery("* :")),
]


@pytest.mark.parametrize(("query", "read"), CASES, ids=[query for query, _ in CASES])
def test_a_query_is_read(query, read):
    """Words, phrases, fields and beginnings; anything else is words."""
    assert parse(query, ["title"]) == read
    assert parse(query, ["title"]).plain == (not read.demands and not read.beginnings)
