"""Plan: who gets which bytes of a memory budget, decided before training starts."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from thrifty.core import BudgetError, format_bytes, parse_bytes
from thrifty.learn import Settings
from thrifty.learn.settings import pair_bytes
from thrifty.learn.sizing import negatives_for

__all__ = ["BASE", "Facts", "Plan", "Reading", "plan"]

BASE = "300 MB"
READ_BUFFER, CHUNK_BYTES = 24_000_000, 6_000_000
LEAST_ROWS, LEAST_SHARE = 1000, 0.25
DENSE_OUTPUTS, DENSE_SHARE, SPARSE_SHARE, PAIRS_SHARE = 300, 0.6, 0.4, 0.7
ALL_ITEMS = 20_000  # lists have many labels each, so that a tile touches most outputs anyway
COMPLETING: dict[str, Any] = {  # slow steps: a few long lists are soon learned by heart
    "complete": True, "linear": "sparse", "loss": "softmax", "input_dropout": 0.7,
    "learning_rate": 0.03, "linear_rate": 0.03, "epochs": 50, "patience": 8,
}  # fmt: skip
JUDGED, JUDGED_BYTES = 1_000_000, 16  # scores at once; four float32 copies
AUDITED, MAYBE_DENSE = 1_700_000_000, 50_000  # products of a tile; classes that may be all computed
WIDTHS = ((128, "float32"), (128, "bfloat16"), (64, "bfloat16"), (32, "bfloat16"), (16, "bfloat16"))
LARGEST = 1 << 50


@dataclass(frozen=True)
class Reading:
    """What the first pass may hold, a fixed part of the budget.

    Args:
        slots: counters of features, a power of two.
        mixing: bytes of the buffer that mixes rows.
        held_out: most bytes of held-out rows.
    """

    slots: int
    mixing: int
    held_out: int

    @classmethod
    def within(cls, budget: int) -> "Reading":
        """The shares of a budget of bytes.

        Example:
            >>> Reading.within(200_000_000)
            Reading(slots=4194304, mixing=40000000, held_out=8000000)
        """
        slots = 1 << min(24, max(16, (budget // 40).bit_length() - 1))
        mixing = min(1_000_000_000, max(2_000_000, budget // 5))
        return cls(slots, mixing, min(64_000_000, max(500_000, budget // 25)))

    def parts(self) -> dict[str, int]:
        """Bytes by part."""
        return {
            "reading": READ_BUFFER,
            "mixing buffer": self.mixing,
            "feature slots": 4 * self.slots,
            "held-out rows": 2 * self.held_out,
        }


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the first pass found.

    Args:
        task: "one", "many" or "number".
        rows: training rows.
        features: feature slots that are in use.
        repeated: those that occur in two rows or more.
        entries: features of all training rows together.
        outputs: classes; 1 for a number.
        labels: labels of all training rows together.
        label_bytes: what the names and counts of classes take.
        complete: rows are lists to be completed. pairs: of items that share a list.
    """

    task: str
    rows: int
    features: int
    repeated: int
    entries: int
    outputs: int
    labels: int
    label_bytes: int
    complete: bool = False
    pairs: int = 0


@dataclass(frozen=True)
class Plan:
    """A split of a budget.

    Args:
        budget: bytes asked for, besides the base.
        parts: bytes by name; their sum is at most the budget.
        settings: of the network.
        chunk_rows: rows weighed at a time.
        facts: what it was made from.

    Example:
        >>> facts = Facts(task="one", rows=1000, features=5000, repeated=4000, entries=90_000,
        ...     outputs=3, labels=1000, label_bytes=800)
        >>> made = plan("100 MB", facts)
        >>> sum(made.parts.values()) <= made.budget == 100_000_000
        True
    """

    budget: int
    parts: dict[str, int]
    settings: Settings
    chunk_rows: int
    facts: Facts

    @property
    def nbytes(self) -> int:
        """Bytes that are given out."""
        return sum(self.parts.values())

    def settings_for(self, rows: int) -> Settings:
        """The settings with the table rows that are really used, at most those planned."""
        return dataclasses.replace(self.settings, num_columns=rows)

    def __str__(self) -> str:
        settings, facts = self.settings, self.facts
        lines = [f"{name:<18}{format_bytes(size):>9}" for name, size in self.parts.items() if size]
        lines.append(f"{'total':<18}{format_bytes(self.nbytes):>9} of {format_bytes(self.budget)}")
        lines.append(f"besides the base of {BASE} (interpreter and libraries)")
        lines.append(
            f"{facts.rows:,} rows, {facts.features:,} features in {settings.num_columns:,} table "
            f"rows, {facts.outputs:,} outputs, hidden {settings.hidden} ({settings.storage}), "
            f"linear path {settings.linear}, negatives {settings.negatives}"
        )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, ready for JSON."""
        return {
            "budget": self.budget,
            "base": parse_bytes(BASE),
            "total": self.nbytes,
            "parts": dict(self.parts),
            "settings": self.settings.to_dict(),
            "chunk_rows": self.chunk_rows,
            "facts": dataclasses.asdict(self.facts),
        }


def plan(budget: int | str, facts: Facts, **settings: Any) -> Plan:
    """Split a budget.

    Tables get a row for every feature that comes again, if they fit; then the hidden layer becomes
    narrower, and at last rare features share rows.

    Args:
        budget: bytes for all but the base, as "512 MB" or an int.
        facts: what the first pass found.
        settings: fields of `Settings` that are set by hand.

    Raises:
        BudgetError: it cannot hold the job; `.smallest` can.

    Example:
        >>> facts = Facts(task="one", rows=1000, features=5000, repeated=4000, entries=90_000,
        ...     outputs=3, labels=1000, label_bytes=800)
        >>> try:
        ...     plan("10 MB", facts)
        ... except BudgetError as error:
        ...     plan(error.smallest, facts).budget == error.smallest
        True
    """
    nbytes = parse_bytes(budget)
    made = _best(nbytes, facts, settings)
    if made is None:
        least = smallest(facts, settings)
        shown = format_bytes(least, up=True)
        raise BudgetError(
            f"memory must be at least {shown} for this job, got {format_bytes(nbytes)}", least
        )
    return made


def smallest(facts: Facts, settings: dict[str, Any]) -> int:
    """The fewest bytes for which there is a plan, to the next 0.5 MB, as a power of 1000."""
    step = 500_000
    low, high = 0, 1
    while _best(high * step, facts, settings) is None:
        low, high = high, 2 * high
        if high * step > LARGEST:
            raise BudgetError("no budget can hold this job", LARGEST)
    while high - low > 1:
        middle = (low + high) // 2
        found = _best(middle * step, facts, settings)
        low, high = (low, middle) if found else (middle, high)
    return high * step


def _best(budget: int, facts: Facts, chosen: dict[str, Any]) -> Plan | None:
    """The first width whose table holds enough rows; else the one that holds the most."""
    parts = Reading.within(budget).parts()
    parts |= {"classes": facts.label_bytes, "weighing": 2 * CHUNK_BYTES}
    left = budget - sum(parts.values())
    found = [fit for s in _settings(facts, chosen, left) if (fit := _fitted(s, facts, left))]
    if not found:
        return None
    enough = [s for s in found if s.num_columns >= _enough(s, facts, chosen)]
    settings = enough[0] if enough else max(found, key=lambda s: s.num_columns)
    parts |= {"judging": _judging(settings), **settings.memory()}
    a_row = max(1.0, 16 * facts.entries / max(1, facts.rows))
    chunk_rows = int(min(4096, max(16, CHUNK_BYTES / a_row)))
    return Plan(budget, parts, settings, chunk_rows, facts)


def _enough(settings: Settings, facts: Facts, chosen: dict[str, Any]) -> float:
    """Table rows that a hidden layer must leave: all that are wanted, or it is stored shorter."""
    wanted = _wanted(facts)
    if settings.storage == "float32" and "storage" not in chosen:
        return wanted
    return min(wanted, LEAST_SHARE * facts.features)


def _wanted(facts: Facts) -> int:
    """Table rows worth having: one for what comes again, and an eighth more for the rest."""
    return max(1, min(facts.features, facts.repeated + facts.repeated // 7 + 8))


def _judging(settings: Settings) -> int:
    """Bytes for scores of every output: to judge, to audit a sampler, and to do without it."""
    outputs, hidden, tile = settings.num_outputs, settings.hidden, settings.tile
    scored = JUDGED_BYTES * outputs * max(8, min(256, JUDGED // outputs))
    if settings.negatives == "none" or not hidden:
        return scored
    audited = 4 * outputs * (hidden + 4 * max(1, min(tile, AUDITED // (outputs * hidden))))
    dense = 4 * outputs * (2 * hidden + 3 * tile) if outputs <= MAYBE_DENSE else 0
    return max(scored, audited, dense)


def _settings(facts: Facts, chosen: dict[str, Any], left: int) -> Iterator[Settings]:
    """Candidates, the preferred ones first."""
    few = facts.outputs <= DENSE_OUTPUTS
    negatives, num_negatives = negatives_for(facts.outputs)
    common: dict[str, Any] = {
        "task": facts.task,
        "num_outputs": facts.outputs,
        "num_columns": 1,
        "linear": "dense" if few else "sparse",
        "negatives": negatives,
        "num_negatives": num_negatives,
    }
    if facts.complete:
        common |= COMPLETING
        common["negatives"] = "none" if facts.outputs <= ALL_ITEMS else "uniform"
    for hidden, storage in WIDTHS:
        options: dict[str, Any] = {**common, "hidden": hidden, "storage": storage, **chosen}
        if options["linear"] == "sparse" and "slots" not in chosen:
            together = int(facts.entries * max(1.0, facts.labels / max(1, facts.rows)))
            pairs, share = (
                (facts.pairs, PAIRS_SHARE) if facts.complete else (together, SPARSE_SHARE)
            )
            room = int(share * left) // pair_bytes(facts.outputs)
            options["slots"] = max(0, min(2 * pairs, room))
        yield Settings(**options)


def _fitted(settings: Settings, facts: Facts, left: int) -> Settings | None:
    """The settings with as many table rows as fit, or None if too few do."""
    wanted = _wanted(facts)
    least = min(wanted, LEAST_ROWS)

    def with_rows(rows: int) -> Settings:
        return dataclasses.replace(settings, num_columns=rows)

    judging = _judging(settings)

    def fits(rows: int) -> bool:
        return sum(with_rows(rows).memory().values()) + judging <= left

    if not fits(least):
        return None
    low, high = least, wanted
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return with_rows(low)
