"""Cells: categories, numbers and dates as features whose values add up."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from thrifty.models.cells import Category, Date, Numeric, column_seed, own_codes


def test_equal_categories_have_one_code():
    """One feature a value, in any batch; columns do not share them; a missing value has its own."""
    job, town = Category("job"), Category("town")
    array = pa.array(["a", "b", None, "a"])
    codes, values = job.cells(array)
    assert codes[0, 0] == codes[3, 0]
    assert len(np.unique(codes)) == 3
    assert set(town.coarse(array).tolist()).isdisjoint(codes[:, 0].tolist())
    assert (values == 1).all()
    assert job.coarse(array.slice(1, 2)).tolist() == codes[1:3, 0].tolist()


def test_few_numbers_are_told_apart():
    """With few values every one is a knot of weight 1, and has a bin of its own."""
    rooms = Numeric.fit("rooms", pa.array([1.0, 2.0, 5.0, 2.0]))
    codes, values = rooms.cells(pa.array([1.0, 2.0, 5.0]))
    heavy = [set(codes[i][values[i] == 1].tolist()) for i in range(3)]
    assert heavy[0].isdisjoint(heavy[1])
    assert heavy[1].isdisjoint(heavy[2])
    assert len(set(rooms.coarse(pa.array([1.0, 2.0, 5.0, None])).tolist())) == 4


def test_a_line_is_a_sum_of_knots():
    """Knot positions weighted by the cells give the number back, inside the knots."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=5000)
    column = Numeric.fit("x", pa.array(x))
    inside = np.clip(rng.normal(size=200), column.knots[0], column.knots[-1])
    codes, values = column.cells(pa.array(inside))
    known = own_codes("x", "knot", len(column.knots) + 2)[:-2].tolist()
    place = dict(zip(known, column.knots, strict=True))
    knots = np.vectorize(lambda code: place.get(code, 0.0))(codes[:, :2])
    assert (knots * values[:, :2]).sum(axis=1) == pytest.approx(inside, abs=1e-6)


def test_numbers_outside_and_missing():
    """Outside the sample the end knot has all the weight; a missing number has only its mark."""
    column = Numeric.fit("x", pa.array([0.0, 1.0, 2.0]))
    _, values = column.cells(pa.array([-1e300, 1e300, None]))
    assert values[0, :2].tolist() == [1, 0]
    assert values[1, :2].tolist() == [0, 1]
    assert values[2].tolist() == [0, 0, 0, 1]
    assert np.abs(values).max() <= 5


@pytest.mark.parametrize("sample", [[], [None], [7.0]], ids=str)
def test_a_sample_without_spread(sample):
    """No values, or one, still make a column that gives finite features."""
    column = Numeric.fit("x", pa.array(sample, pa.float64()))
    _, values = column.cells(pa.array([7.0, None, 8.5]))
    assert np.isfinite(values).all()
    _, values = Date.fit("d", pa.array([], pa.timestamp("us"))).cells(
        pa.nulls(2, pa.timestamp("us"))
    )
    assert values.tolist() == [[0, 0, 0, 0, 0, 1]] * 2


def test_dates_are_taken_apart():
    """Same weekday and hour, same features; the age is 0 at the latest date, then falls."""
    days = [datetime(2020, 1, 1, 5), datetime(2020, 1, 8, 5), None]
    column = Date.fit("d", pa.array(days, pa.timestamp("us")))
    codes, values = column.cells(pa.array(days, pa.timestamp("us")))
    assert codes[0, :4].tolist() == codes[1, :4].tolist()
    assert values[:, 4].tolist() == [-1, 0, 0]
    assert values[:, 5].tolist() == [0, 0, 1]
    other, _ = column.cells(pa.array([datetime(2021, 2, 2, 6)], pa.timestamp("us")))
    assert not set(other[0, :4].tolist()) & set(codes[0, :4].tolist())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (Category("job"), "nurse"),
        (Category("job"), None),
        (Numeric.fit("x", pa.array([1.0, 2.0, 9.0])), 2.5),
        (Numeric.fit("x", pa.array([1.0, 2.0, 9.0])), None),
        (Date("d", 0.0, 1.0), datetime(2001, 2, 3)),
        (Date("d", 0.0, 1.0), None),
    ],
    ids=str,
)
def test_every_feature_in_use_has_words(column, value):
    """Cells with a value have a name that mentions the column; others may be empty."""
    array = pa.array([value], pa.timestamp("us") if isinstance(column, Date) else None)
    array = array.cast(pa.float64()) if isinstance(column, Numeric) else array
    array = array.cast(pa.string()) if isinstance(column, Category) else array
    codes, values = column.cells(array)
    names = column.names(value)
    assert len(names) == codes.shape[1]
    assert all(column.name in name for name, v in zip(names, values[0], strict=True) if v)
    if not isinstance(column, Date):
        assert column.name in column.coarse_name(value)


def test_bins_are_named_by_their_ends():
    """A bin is shown with the edges around the value."""
    column = Numeric("age", (0.0,), (31.0, 35.0), 0.0, 1.0)
    assert column.coarse_name(33.0) == "age in 31..35"
    assert column.coarse_name(99.0) == "age in 35..inf"


def test_golden_codes():
    """Codes do not move between versions or machines: models on disk depend on them."""
    assert column_seed("age") == 4347528875543276488
    assert own_codes("age", "bin", 3).tolist() == [1063034000, 89971763, 876351869]
    assert Category("job").coarse(pa.array(["nurse"])).tolist() == [395049499]
