"""Laws of orders over rows: a factory makes an empty mixer; `make(seed)` one with that seed.

A mixer takes rows by `add(batch)`, is closed by `finish()`, and gives `epoch(number,
chunk_rows=..., start_chunk=...)`. Each law raises AssertionError if broken.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

__all__ = ["LAWS"]

Make = Callable[..., Any]
ROWS = st.lists(st.tuples(st.integers(0, 9), st.text(max_size=5), st.lists(st.integers(0, 9))))
BATCHES = st.lists(ROWS, max_size=4)
checked = settings(deadline=None, max_examples=25, derandomize=True)


def an_epoch_is_a_permutation(make: Make) -> None:
    """Every epoch gives every row as often as it was added."""

    @checked
    @given(BATCHES, st.integers(0, 5), st.integers(1, 9))
    def check(batches: list[list[Any]], number: int, chunk_rows: int) -> None:
        mixer = _filled(make(), batches)
        added = [row for rows in batches for row in rows]
        assert sorted(_rows(mixer.epoch(number, chunk_rows=chunk_rows))) == sorted(added)
        assert mixer.num_rows == len(added)
        mixer.remove()

    check()


def order_follows_seed_and_epoch_only(make: Make) -> None:
    """Two mixers fed alike give the same order, whatever was read before."""

    @checked
    @given(BATCHES, st.integers(0, 5))
    def check(batches: list[list[Any]], number: int) -> None:
        one, two = _filled(make(), batches), _filled(make(), batches)
        next(one.epoch(number + 1), None)
        assert _rows(one.epoch(number)) == _rows(two.epoch(number))
        one.remove()
        two.remove()

    check()


def epochs_and_seeds_differ(make: Make) -> None:
    """Over 500 rows, ten epochs and ten seeds give twenty different orders."""
    batches = [[(i % 10, str(i), [i]) for i in range(500)]]
    mixers = [_filled(make(seed), batches) for seed in range(10)]
    orders = [_rows(mixer.epoch(3)) for mixer in mixers]
    orders += [_rows(mixers[0].epoch(number)) for number in range(4, 14)]
    assert len({str(order) for order in orders}) == 20
    for mixer in mixers:
        mixer.remove()


def resume_equals_no_pause(make: Make) -> None:
    """Started at chunk k, an epoch gives just what is left after k chunks."""
    mixer = _filled(make(), [[(i % 10, str(i), [i]) for i in range(200)]] * 3)
    chunks = [_rows([chunk]) for chunk in mixer.epoch(2, chunk_rows=50)]
    assert len(chunks) > 5
    for k in range(len(chunks) + 2):
        rest = [_rows([chunk]) for chunk in mixer.epoch(2, chunk_rows=50, start_chunk=k)]
        assert rest == chunks[k:]
    mixer.remove()


LAWS: dict[str, tuple[Callable[[Make], None], ...]] = {
    "order": (
        an_epoch_is_a_permutation,
        order_follows_seed_and_epoch_only,
        epochs_and_seeds_differ,
        resume_equals_no_pause,
    ),
}


def _filled(mixer: Any, batches: list[list[Any]]) -> Any:
    for rows in batches:
        label, text, items = zip(*rows, strict=True) if rows else ((), (), ())
        columns = [pa.array(label, pa.int64()), pa.array(text, pa.string())]
        columns.append(pa.array(items, pa.list_(pa.int32())))
        mixer.add(pa.RecordBatch.from_arrays(columns, ["label", "text", "items"]))
    mixer.finish()
    return mixer


def _rows(chunks: Any) -> list[Any]:
    return [tuple(row.values()) for chunk in chunks for row in chunk.to_pylist()]
