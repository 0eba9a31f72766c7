"""Profile plan: how large the sketches of a profile may be, so that all fit a budget."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from thrifty.core import BudgetError, FormatError, format_bytes, in_range, parse_bytes

__all__ = ["MOST_NUMBERS", "Sizes", "least_for", "sizes_for"]

MOST_NUMBERS = 256
"""Columns of numbers and dates whose correlations are exact; of more they are estimated."""

COPIES, FEWEST_THREADS = 3, 4
A_SLOT = 250
A_QUANTILE = 32
A_SAMPLE = 16
BESIDE = 48
LARGEST = 2**34
GROUPS, WINDOWS = 0.2, 0.3
FEWEST_ROWS, MANY_ROWS, CELLS, ROWS_SHARE = 8, 64, 2**18, 0.3


@dataclass(frozen=True)
class Sizes:
    """Arguments of the sketches of a profile.

    Args:
        p: of each HyperLogLog.
        slots: of each HeavyHitters.
        k: of each KLL.
        sample: of each distinct sample of rows.
        group_bytes: for groups, in all.
        window_bytes: for windows, in all.
        directions: rows that estimate the correlations of more than 256 numeric columns; 0 if
            correlations are exact, or none fit.
    """

    p: int
    slots: int
    k: int
    sample: int
    group_bytes: int
    window_bytes: int
    directions: int = 0

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Sizes":
        """Inverse of `to_dict`.

        Raises:
            FormatError: a size is missing, unknown or beyond 16 GB.
        """
        names = [field.name for field in fields(cls)]
        data = {"directions": 0, **data}
        sound = sorted(data) == sorted(names) and all(type(x) is int for x in data.values())
        if not sound or not all(0 <= x <= LARGEST for x in data.values()):
            raise FormatError(f"sizes must be {', '.join(names)} within 16 GB, got {dict(data)}")
        return cls(**data)

    def to_dict(self) -> dict[str, int]:
        """As plain numbers."""
        return asdict(self)


LADDER = tuple(
    Sizes(p, slots, k, sample, 0, 0)
    for p, slots, k, sample in (
        (8, 16, 32, 256), (10, 64, 64, 512), (11, 128, 128, 1024), (12, 256, 128, 2048),
        (12, 512, 256, 4096), (13, 1024, 256, 4096), (14, 1024, 256, 8192), (14, 2048, 512, 16384),
        (14, 4096, 512, 16384), (15, 8192, 1024, 32768), (16, 16384, 1024, 65536),
    )
)  # fmt: skip


def sizes_for(
    memory: int | str,
    columns: Sequence[str],
    *,
    threads: int = 1,
    groups: bool = False,
    windows: bool = False,
) -> Sizes:
    """The largest sketches with which all states of a fold fit the budget together.

    A fold holds threads + 3 copies of what it folds into, each at most as large as its sketches
    can become. Fewer than 4 threads count as 4, so that profiles of small machines merge.

    Args:
        memory: the budget for the state, as "64 MB" or an int.
        columns: kinds of the columns, one each.
        threads: how many fold at a time.
        groups, windows: whether there are any; they then get 20 and 30 % of the budget.

    Raises:
        BudgetError: not even the smallest sketches fit; it names the smallest budget.

    Example:
        >>> small, large = (sizes_for(size, ["text"] * 20) for size in ("4 MB", "400 MB"))
        >>> small.slots < large.slots, held(large, 20) * 7 <= 400_000_000
        (True, True)
    """  # fmt: skip
    budget = parse_bytes(memory)
    copies, grouped, windowed = _copies(threads), GROUPS * groups, WINDOWS * windows
    share = budget * (1 - grouped - windowed) / copies
    numbers = sum(kind in ("number", "date") for kind in columns)
    fits = [sizes for sizes in LADDER if held(sizes, len(columns), numbers) <= share]
    if not fits:
        least = int(held(LADDER[0], len(columns), numbers) * budget / share) + 1
        needs = f"{format_bytes(least, up=True)} for {len(columns)} columns and {threads} threads"
        raise BudgetError(f"memory must be at least {needs}, got {memory!r}", least)
    best = fits[-1]
    if numbers > MOST_NUMBERS:
        best = _with_directions(fits, len(columns), numbers, share)
    group, window = (int(budget * part / copies) for part in (grouped, windowed))
    return replace(best, group_bytes=group, window_bytes=window)


def least_for(
    columns: Sequence[str], *, threads: int = 1, groups: bool = False, windows: bool = False
) -> int:
    """The smallest budget with which correlations of more than 256 columns are estimated.

    Args:
        columns, threads, groups, windows: as for `sizes_for`.
    """
    numbers = sum(kind in ("number", "date") for kind in columns)
    smallest = replace(LADDER[0], directions=min(FEWEST_ROWS, numbers))
    share = (1 - GROUPS * groups - WINDOWS * windows) / _copies(threads)
    return int(held(smallest, len(columns), numbers) / share) + 1


def _copies(threads: int) -> int:
    return max(in_range("threads", threads, 1, 1024), FEWEST_THREADS) + COPIES


def _with_directions(fits: Sequence[Sizes], columns: int, numbers: int, share: float) -> Sizes:
    """The largest sketches that leave room for enough rows, and as many rows as then fit.

    Enough are 64, a fourth of a million numbers, or what takes 30 % of the share.
    """
    wanted = min(numbers, max(MANY_ROWS, CELLS // numbers))
    fewest = min(FEWEST_ROWS, numbers)
    enough = max(min(wanted, int(ROWS_SHARE * share) // (16 * numbers)), fewest)
    for sizes in reversed(fits):
        spare = share - held(sizes, columns, numbers) - BESIDE * numbers
        rows = min(wanted, int(spare) // (16 * numbers))
        if rows >= enough or (sizes is fits[0] and rows >= fewest):
            return replace(sizes, directions=rows)
    return fits[-1]


def held(sizes: Sizes, columns: int, numbers: int = 0) -> int:
    """Bytes that one profile of so many columns can become, groups and windows aside."""
    column = (1 << sizes.p) + A_SLOT * sizes.slots + A_QUANTILE * sizes.k + 2_000
    pairs = 32 * numbers**2 if numbers <= MOST_NUMBERS else 0
    rows = (16 * sizes.directions + BESIDE) * numbers if sizes.directions else 0
    return columns * column + 2 * A_SAMPLE * sizes.sample + pairs + rows
