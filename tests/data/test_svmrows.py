"""SvmRows: svmlight as a source; the parser itself is tested beside it."""

import pytest

from thrifty.core import DataError
from thrifty.data.source import open as open_source


def opened(folder, text, **options):
    """A source over these lines."""
    (folder / "x.svm").write_text(text)
    return open_source(folder / "x.svm", **options)


def rows(source, columns=None):
    """All rows as tuples."""
    return [tuple(row.values()) for batch in source.batches(columns) for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("text", "names", "first"),
    [
        ("1 2:0.5\n-1 1:1\n", ["label", "indices", "values"], (1.0, [2], [0.5])),
        ("3 qid:7 2:0.5\n", ["label", "qid", "indices", "values"], (3.0, 7, [2], [0.5])),
        ("1,2 2:0.5\n3 1:1\n", ["label", "indices", "values"], ([1.0, 2.0], [2], [0.5])),
    ],
)
def test_columns_follow_the_sample(tmp_path, text, names, first):
    """Several labels and query ids are seen in a sample, or asked for."""
    source = opened(tmp_path, text)
    assert source.schema.names == names
    assert rows(source)[0] == first
    assert next(source.batches()).schema == source.schema
    assert rows(source, ["values"])[0] == first[-1:]


def test_options(tmp_path):
    """One-based indices, several labels and query ids can be told."""
    source = opened(tmp_path, "1 2:0.5\n", zero_based=False, multilabel=True, query_id=True)
    assert rows(source) == [([1.0], None, [1], [0.5])]


def test_bad_rows_are_counted(tmp_path):
    """Descending indices are skipped with their line, or refused if strict."""
    text = "1 2:1\n1 5:1 3:1\n-1 4:1\n"
    source = opened(tmp_path, text)
    assert [row[0] for row in rows(source)] == [1.0, -1.0]
    assert source.report.counts == {"bad svmlight rows": 1}
    with pytest.raises(DataError, match=r"x\.svm, line 2: "):
        rows(opened(tmp_path, text, strict=True))


def test_no_rows(tmp_path):
    """Blank lines alone are no table."""
    with pytest.raises(DataError, match=r"x\.svm: the file has no rows$"):
        opened(tmp_path, "\n\n")
