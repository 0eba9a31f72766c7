"""Laws of folds: a sound fold keeps them, and each fault is seen by one."""

import pyarrow as pa
import pytest

from thrifty.laws import LAWS


def simple(source, into, *, partition=1000):
    """A sound fold: parts of as many batches, merged in order."""
    if isinstance(into, dict):
        return {name: simple(source, one, partition=partition) for name, (_, one) in into.items()}
    size, total = max(1, partition // 1000), into.copy()
    for start in range(0, len(source), size):
        part = into.copy()
        for batch in source[start : start + size]:
            part.add(batch)
        total.absorb(part)
    return total


def forgets_the_last(source, into, *, partition=1000):
    """Broken: the last batch is lost."""
    return simple(source[:-1], into, partition=partition)


def merges_backwards(source, into, *, partition=1000):
    """Broken: the last part comes first."""
    return simple(source[::-1], into, partition=partition)


def fills_what_was_given(source, into, *, partition=1000):
    """Broken: what was given to be filled is filled."""
    if isinstance(into, dict):
        return simple(source, into, partition=partition)
    for batch in source:
        into.add(batch)
    return into


def feeds_the_first_only(source, into, *, partition=1000):
    """Broken: of many summaries one is fed."""
    if isinstance(into, dict):
        return {"a": simple(source, into["a"][1]), "b": into["b"][1]}
    return simple(source, into, partition=partition)


@pytest.mark.parametrize("law", LAWS["fold"], ids=lambda law: law.__name__)
def test_law(law):
    """A sound fold keeps the laws."""
    law(lambda: simple)


@pytest.mark.parametrize(
    ("broken", "at"),
    [
        (forgets_the_last, 0), (merges_backwards, 1), (fills_what_was_given, 2),
        (feeds_the_first_only, 3),
    ],
)  # fmt: skip
def test_the_laws_notice(broken, at):
    """Each law sees the fault that is its own."""
    with pytest.raises(AssertionError):
        LAWS["fold"][at](lambda: broken)


def grouped(source, key, into):
    """A sound keyed fold by pyarrow, for what the laws ask."""
    if not source:
        return Answer(pa.table({}))
    asked = [([], "count_all"), ("v", "sum"), ("v", "max"), ("v", "distinct")]
    found = pa.Table.from_pylist(source).group_by(key).aggregate(asked).sort_by(key)
    return Answer(found.rename_columns([key, *into]))


def forgets_a_row(source, key, into):
    """Broken: the first row is lost."""
    return grouped(source[1:], key, into)


def begins_with_the_first(source, key, into):
    """Broken: only rows with the first key's letter count."""
    return grouped([row for row in source if row["k"][:1] == source[0]["k"][:1]], key, into)


class Answer:
    """What a keyed fold gives."""

    def __init__(self, table):
        self.table = table

    def to_table(self):
        """The table."""
        return self.table


@pytest.mark.parametrize("law", LAWS["keyed"], ids=lambda law: law.__name__)
def test_law_of_keys(law):
    """A sound keyed fold keeps the laws."""
    law(lambda: grouped)


@pytest.mark.parametrize(("broken", "at"), [(forgets_a_row, 0), (begins_with_the_first, 1)])
def test_the_laws_of_keys_notice(broken, at):
    """Each law sees the fault that is its own."""
    with pytest.raises(AssertionError):
        LAWS["keyed"][at](lambda: broken)
