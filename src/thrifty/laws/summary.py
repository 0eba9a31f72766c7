"""Laws of summaries: a factory without arguments makes an empty one.

A law feeds it lists of items: integers, unless `items` is another hypothesis strategy (pairs of a
key and a weight, rows of small whole numbers, ...); `add(batch)` must take such a list, also an
empty one. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError

__all__ = ["LAWS"]

Make = Callable[[], Any]
INTEGERS = st.integers(-(2**63), 2**63 - 1)
LONGEST = 60
checked = settings(deadline=None, max_examples=40, derandomize=True)


def _batches(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, max_size=LONGEST)


def bytes_round_trip(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """from_bytes(to_bytes(x)) is x, and goes on as x would."""

    @checked
    @given(_batches(items), _batches(items))
    def check(a: list[Any], b: list[Any]) -> None:
        x = make().add(a)
        twin = type(x).from_bytes(x.to_bytes())
        assert twin.to_bytes() == x.to_bytes()
        assert twin.add(b).to_bytes() == x.add(b).to_bytes()

    check()


def damaged_bytes_are_refused(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """Bytes that were cut or altered anywhere are a FormatError, never another answer."""

    @checked
    @given(_batches(items), st.integers(0), st.integers(1, 255))
    def check(a: list[Any], where: int, flip: int) -> None:
        data = make().add(a).to_bytes()
        cut = where % len(data)
        altered = data[:cut] + bytes([data[cut] ^ flip]) + data[cut + 1 :]
        for bad in (data[:cut], altered, data + b"\0"):
            try:
                type(make()).from_bytes(bad)
            except FormatError:
                continue
            raise AssertionError(f"damage at byte {cut} was not noticed")

    check()


def a_copy_is_apart(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """Adding to a copy, or merging it, leaves the first as it was."""

    @checked
    @given(_batches(items), _batches(items))
    def check(a: list[Any], b: list[Any]) -> None:
        x, y = make().add(a), make().add(b)
        before, other = x.to_bytes(), y.to_bytes()
        x.copy().add(b)
        x.merge(y)
        assert x.to_bytes() == before
        assert y.to_bytes() == other

    check()


def made_alike_they_are_alike(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """Two made alike and fed alike hold the same bytes."""

    @checked
    @given(_batches(items))
    def check(a: list[Any]) -> None:
        assert make().add(a).to_bytes() == make().add(a).to_bytes()

    check()


def empty_is_neutral(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """Adding nothing, or merging with an empty one from either side, changes nothing."""

    @checked
    @given(_batches(items))
    def check(a: list[Any]) -> None:
        x = make().add(a)
        before = x.to_bytes()
        assert x.merge(make()).to_bytes() == before
        assert make().merge(x).to_bytes() == before
        assert x.add([]).to_bytes() == before

    check()


def merge_is_union(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """Two streams merged are the two added one after the other, in one batch or in two."""

    @checked
    @given(_batches(items), _batches(items))
    def check(a: list[Any], b: list[Any]) -> None:
        whole = make().add(a + b).to_bytes()
        assert make().add(a).merge(make().add(b)).to_bytes() == whole
        assert make().add(a).add(b).to_bytes() == whole

    check()


def merge_commutes(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """The order of a merge does not matter."""

    @checked
    @given(_batches(items), _batches(items))
    def check(a: list[Any], b: list[Any]) -> None:
        x, y = make().add(a), make().add(b)
        assert x.merge(y).to_bytes() == y.merge(x).to_bytes()

    check()


def merge_associates(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """Which of three are merged first does not matter."""

    @checked
    @given(_batches(items), _batches(items), _batches(items))
    def check(a: list[Any], b: list[Any], c: list[Any]) -> None:
        x, y, z = make().add(a), make().add(b), make().add(c)
        assert x.merge(y).merge(z).to_bytes() == x.merge(y.merge(z)).to_bytes()

    check()


def duplicates_are_ignored(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """Adding the same twice changes nothing."""

    @checked
    @given(_batches(items))
    def check(a: list[Any]) -> None:
        assert make().add(a + a).to_bytes() == make().add(a).to_bytes()

    check()


def subtract_undoes_add(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """What was merged in can be taken out again."""

    @checked
    @given(_batches(items), _batches(items))
    def check(a: list[Any], b: list[Any]) -> None:
        x, y = make().add(a), make().add(b)
        assert x.merge(y).subtract(y).to_bytes() == x.to_bytes()

    check()


def strangers_do_not_merge(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """Another kind of thing is refused, and both sides are shown."""
    message = ""
    try:
        make().merge("stranger")
    except IncompatibleError as error:
        message = str(error)
    assert "'stranger'" in message, "a stranger was merged"


def within_keeps_the_budget(make: Make, items: st.SearchStrategy[Any] = INTEGERS) -> None:
    """What `within` makes fits the budget; one too small names the smallest that would do."""
    kind = type(make())
    try:
        kind.within(1)
    except BudgetError as error:
        smallest = error.smallest
    else:
        raise AssertionError("a budget of one byte was accepted")
    for budget in (smallest, 2 * smallest, 10 * smallest + 1, "1 MB"):
        made = kind.within(budget)
        assert made.nbytes <= (1_000_000 if budget == "1 MB" else budget)
    try:
        kind.within(smallest - 1)
    except BudgetError:
        return
    raise AssertionError("less than the smallest was accepted")


LAWS: dict[str, tuple[Callable[..., None], ...]] = {
    "summary": (
        bytes_round_trip,
        damaged_bytes_are_refused,
        a_copy_is_apart,
        made_alike_they_are_alike,
        empty_is_neutral,
        strangers_do_not_merge,
    ),
    "merge": (merge_is_union, merge_commutes, merge_associates),
    "duplicates": (duplicates_are_ignored,),
    "linear": (subtract_undoes_add,),
    "budget": (within_keeps_the_budget,),
}
