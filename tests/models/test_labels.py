"""Target: tasks are told from the column, labels come back as they were written."""

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError, FormatError
from thrifty.data import Column, Report, Schema
from thrifty.data.kinds import kind_of
from thrifty.models.labels import LEFT_OUT, Target


def told(values, **options):
    """A target told from values."""
    batch = pa.RecordBatch.from_pydict({"y": values})
    schema = Schema((kind_of("y", batch["y"], keep=True),))
    return Target.told("y", schema, batch, **options), batch


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b", "a"], "one"),
        ([True, False, True], "one"),
        ([0, 1, 2, 1], "one"),
        (["0", "1", "1"], "one"),
        ([0.5, 1.25, 3.0], "number"),
        (list(range(1000, 3000, 7)), "number"),
        ([["a"], ["b", "c"], []], "many"),
        ([[1.0, 2.0], [3.0], [3.0]], "many"),
    ],
    ids=str,
)
def test_the_task_is_told(values, task):
    """Lists are many, fractions and many whole numbers a number, all else one class."""
    assert told(values)[0].task == task


def test_numbers_of_items_are_classes():
    """A number that names an item of the lists beside it is a class; any other stays a number."""
    items = list(range(5000, 5900, 7))
    lists = [[str(items[n - 1]), str(items[n - 2])] for n in range(len(items))]
    batch = pa.RecordBatch.from_pydict({"had": lists, "y": items, "price": [i + 1 for i in items]})
    schema = Schema((Column("had", "list"), Column("y", "number"), Column("price", "number")))
    assert Target.told("y", schema, batch).task == "one"
    assert Target.told("price", schema, batch).task == "number"


def test_the_task_can_be_set():
    """What is given wins over what is guessed."""
    assert told([1.5, 2.5], task="one")[0].task == "one"
    assert told([1, 2], task="number")[0].task == "number"
    target, batch = told(["a;b", "b", "c;a"], separator=";")
    labels, _ = target.learn(batch)
    assert labels.to_pylist() == [[1, 0], [1], [0, 2]]


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([3, 7, 3], [3, 7]),
        ([True, False, True], [True, False]),
        ([2.0, 5.0, 2.0], [2, 5]),
        (["x", "y", "x"], ["x", "y"]),
        ([[4, 5], [5]], [5, 4]),
    ],
    ids=str,
)
def test_classes_come_back_as_they_were(values, classes):
    """Whole numbers as ints, truth values as bools, texts as texts."""
    target, batch = told(values)
    target.learn(batch)
    found = [target.value_of(n) for n in range(target.num_outputs)]
    assert sorted(map(repr, found)) == sorted(map(repr, classes))


def test_rows_without_a_target_are_left_out_and_counted():
    """Missing, empty, NaN and infinite targets are counted, never learned."""
    report = Report()
    target, batch = told(["a", None, "", "b"])
    labels, kept = target.learn(batch, report)
    assert (labels.to_pylist(), kept.tolist()) == ([[0], [1]], [True, False, False, True])
    assert report.counts == {LEFT_OUT: 2}
    report = Report()
    target, batch = told([0.5, float("nan"), float("inf"), 2.25, None])
    numbers, kept = target.learn(batch, report)
    assert numbers.to_pylist() == [0.5, 2.25]
    assert report.counts[LEFT_OUT] == 3


def test_strict_refuses_a_row_without_a_target():
    """A strict report raises instead of counting."""
    target, batch = told(["a", None, "b"])
    with pytest.raises(DataError, match=f"^{LEFT_OUT}: y is missing$"):
        target.learn(batch, Report(strict=True))


def test_many_labels_are_distinct_in_a_row():
    """A label that comes twice counts once; a null item is none; an empty list is kept."""
    target, batch = told([["a", "b", "a"], [], ["c", None]])
    labels, kept = target.learn(batch)
    assert [sorted(row) for row in labels.to_pylist()] == [[0, 1], [], [2]]
    assert kept.all()


def test_looking_up_adds_nothing():
    """Unknown classes are negative, each its own, and the target stays as it was."""
    target, batch = told(["a", "b", "a"])
    target.learn(batch)
    labels, _ = target.look_up(pa.RecordBatch.from_pydict({"y": ["b", "z", "?"]}))
    assert labels.to_pylist() == [[1], [-2], [-3]]
    assert target.num_outputs == 2


def test_counts_and_moments_add_up():
    """Observed in pieces: counts of classes, and mean and spread of numbers, as of the whole."""
    target, batch = told(["a", "b", "a", "c"])
    labels, _ = target.learn(batch)
    for start in range(4):
        target.observe(labels.slice(start, 1))
    target.check()
    assert target.counts.tolist() == [2, 1, 1]
    x = 1e9 + np.random.default_rng(6).normal(size=1000)
    target = Target(Column("y", "number"), "number")
    for part in np.array_split(x, 13):
        target.observe(pa.array(part))
    assert target.mean == pytest.approx(x.mean(), rel=1e-12)
    assert target.scale == pytest.approx(x.std(), rel=1e-6)
    scaled = target.ragged(pa.array(x))
    assert (scaled.mean(), scaled.std()) == pytest.approx((0, 1), abs=1e-4)


@pytest.mark.parametrize("values", [["a", "b"], [0.5, 1.5], [["a"], ["b", "c"]]], ids=str)
def test_state_returns(values):
    """A target rebuilt from its state is the same."""
    target, batch = told(values)
    labels, _ = target.learn(batch)
    target.observe(labels)
    target.check()
    again = Target.from_state(*target.state())
    assert again.state()[0] == target.state()[0]
    assert again.look_up(batch)[0].equals(labels)


def test_a_damaged_state_is_refused():
    """Header and arrays that do not belong together are a FormatError."""
    header, arrays = Target(Column("y", "category"), "one").state()
    with pytest.raises(FormatError, match=r"^not the state of a target: KeyError\('offsets'\)$"):
        Target.from_state(header, {"text": arrays["text"]})
    with pytest.raises(FormatError, match=r"^not the state of a target: "):
        Target.from_state({**header, "task": "two"}, arrays)


def test_what_cannot_be_learned_is_refused():
    """One class only, no values, a missing column, an unknown task."""
    target, batch = told(["a", "a"])
    target.learn(batch)
    with pytest.raises(DataError, match=r"^target 'y' has only one class, 'a'$"):
        target.check()
    for task in ("one", "number"):
        with pytest.raises(DataError, match=r"^target 'y' has no values$"):
            Target(Column("y", "category"), task).check()
    with pytest.raises(DataError, match=r"^target 'y' has no values$"):
        told([None, None])
    schema, batch = Schema((Column("lable", "category"),)), told(["a"])[1]
    with pytest.raises(DataError, match=r"^column 'label' not found; near: lable$"):
        Target.told("label", schema, batch)
    message = r"^task must be one of auto, one, many, number, got 'two'$"
    with pytest.raises(ValueError, match=message):
        told(["a", "b"], task="two")
