"""Profile ask: what fits together, windows within their bytes, exact counts of small windows."""

import datetime as dt

import numpy as np
import pytest

from thrifty.core import BudgetError, DataError
from thrifty.data import Column, Schema
from thrifty.models.profile_ask import Ask, groups_for, rolling, windows_for

SCHEMA = Schema(
    (
        Column("user", "category"),
        Column("day", "date"),
        Column("n", "number"),
        Column("tags", "list"),
    )
)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (Ask(by="usr"), DataError, r"^column 'usr' not found; near: user$"),
        (Ask(by="tags"), DataError, r"^column 'tags' must hold one value a row, got lists$"),
        (Ask(window="28d", distinct="user"), ValueError,
         r"^window and time must be given together, got '28d' and None$"),
        (Ask(time="day", distinct="user"), ValueError,
         r"^window and time must be given together, got None and 'day'$"),
        (Ask(time="day", window="28d"), ValueError,
         r"^distinct must name a column where window is '28d'$"),
        (Ask(distinct="user"), ValueError,
         r"^distinct must go with by or window, got 'user' alone$"),
        (Ask(time="n", window="28d", distinct="user"), DataError,
         r"^column 'n' must hold dates, got kind 'number'$"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(ask, error, message):
    """Each message names the argument or the column."""
    with pytest.raises(error, match=message):
        ask.checked(SCHEMA)


def test_what_fits_is_itself():
    """Nothing asked, groups alone, and windows with all they need."""
    for ask in (Ask(), Ask(by="user"), Ask(None, "user", "day", "28d")):
        assert ask.checked(SCHEMA) is ask
        assert Ask(**ask.to_dict()) == ask


@pytest.mark.parametrize(
    ("window", "period"), [("28d", 86_400), ("1d", 86_400), ("36h", 3_600), ("90min", 60)]
)
def test_periods_follow_the_window(window, period):
    """The longest of day, hour, minute and second that the window is whole multiples of."""
    made = windows_for(Ask(None, "user", "day", window), 1_000_000, 0)
    assert made.period == period


def test_windows_keep_their_bytes():
    """However many days there are, no more is held than was given; the oldest go."""
    made = windows_for(Ask(None, "user", "day", "7d"), 100_000, 0)
    days = np.datetime64("2000-01-01") + np.arange(40_000) // 8
    made.add(np.arange(40_000), days.astype("datetime64[s]"))
    assert made.nbytes <= 100_000
    assert windows_for(Ask(), 100_000, 0) is None


def test_a_window_that_is_none_is_refused():
    """A span that cannot be read is named."""
    with pytest.raises(ValueError, match=r"^window must be a span such as .* got 'moon'$"):
        windows_for(Ask(None, "user", "day", "moon"), 1_000_000, 0)


def test_rolling_counts_small_windows_exactly():
    """Distinct users of each three days, by the last of them, as brute force has them."""
    rng = np.random.default_rng(3)
    days, users = np.sort(rng.integers(0, 30, 200)), rng.integers(0, 20, 200)
    ask = Ask(None, "user", "day", "3d")
    made = windows_for(ask, 1_000_000, 0)
    start = np.datetime64("2020-01-01", "s")
    made.add(users, start + days * np.timedelta64(86_400, "s"))
    found = {int(s // 86_400): i.estimate for s, i in rolling(made, ask, 0.95)}
    first = (dt.date(2020, 1, 1) - dt.date(1970, 1, 1)).days
    for day in range(days[0], days[-1] + 1):
        inside = users[(days > day - 3) & (days <= day)]
        assert found.get(first + day, 0) == len(set(inside.tolist()))


def test_groups_are_asked_or_not():
    """Groups keep their bytes; too few bytes are refused."""
    assert groups_for(Ask(), 1_000_000, 0) is None
    made = groups_for(Ask(by="user"), 100_000, 0)
    made.add(np.arange(5_000) % 700, np.arange(5_000))
    assert made.nbytes <= 100_000
    with pytest.raises(BudgetError):
        groups_for(Ask(by="user"), 1_000, 0)
