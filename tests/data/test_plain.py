"""PlainText: one row a line."""

import pytest

from thrifty.data.source import open as open_source


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\n\r\ntwo", ["one", "", "two"]),
        (b"\xef\xbb\xbfone\n", ["one"]),
        ("a, b\u2028c\n".encode(), ["a, b\u2028c"]),
        (b"\n", [""]),
    ],
)
def test_lines(tmp_path, data, texts):
    """Lines end at newlines only; an empty line is a row of empty text."""
    (tmp_path / "x.txt").write_bytes(data)
    source = open_source(tmp_path / "x.txt", format="text")
    assert [text for batch in source.batches() for text in batch["text"].to_pylist()] == texts


def test_many_lines_are_those_of_python(tmp_path):
    """Across many blocks, the lines are those of str.splitlines."""
    lines = [f"line {i} " + "x" * (i % 97) for i in range(60_000)]
    (tmp_path / "x.txt").write_text("\n".join(lines))
    source = open_source(tmp_path / "x.txt", format="text")
    assert [text for batch in source.batches() for text in batch["text"].to_pylist()] == lines
