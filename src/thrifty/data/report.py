"""Report: what was wrong with the data, counted, with the first three examples of each kind."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from thrifty.core import DataError

__all__ = ["Report", "missing_column"]

EXAMPLES = 3


@dataclass
class Report:
    """Count what was skipped or repaired, by kind, and keep the first three examples of each.

    Args:
        strict: raise at the first thing that is wrong instead of counting it.

    Raises:
        DataError: strict, and something is wrong.

    Example:
        >>> report = Report()
        >>> for line in range(2, 9):
        ...     report.add("ragged rows", f"line {line}: 3 fields, expected 4")
        >>> report.counts["ragged rows"], len(report.examples["ragged rows"])
        (7, 3)
    """

    strict: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, example: str, count: int = 1) -> None:
        """Count `count` things of one kind; the example says where and what."""
        if self.strict:
            raise DataError(f"{kind}: {example}")
        self.counts[kind] = self.counts.get(kind, 0) + count
        if self.wants(kind):
            self.examples.setdefault(kind, []).append(example)

    def wants(self, kind: str) -> bool:
        """Whether another example of this kind would be kept (finding one can be costly)."""
        return self.strict or len(self.examples.get(kind, ())) < EXAMPLES

    def merge(self, other: "Report") -> None:
        """Add the counts and examples of another report to this one."""
        for kind, count in other.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count
            both = self.examples.get(kind, []) + other.examples.get(kind, [])
            self.examples[kind] = both[:EXAMPLES]

    def to_dict(self) -> dict[str, dict[str, object]]:
        """Counts and examples by kind, ready for JSON."""
        return {
            kind: {"count": count, "examples": list(self.examples.get(kind, ()))}
            for kind, count in self.counts.items()
        }

    def __str__(self) -> str:
        lines = []
        for kind, count in self.counts.items():
            lines.append(f"{kind}: {count}")
            lines += [f"  {example}" for example in self.examples.get(kind, ())]
        return "\n".join(lines)


def missing_column(name: str, names: Iterable[str]) -> DataError:
    """The error for a column that is not there, with the names that look like it.

    Example:
        >>> print(missing_column("targt", ["age", "target"]))
        column 'targt' not found; near: target
    """
    names = list(names)
    folded = {other.casefold(): other for other in reversed(names)}
    near = [folded[key] for key in difflib.get_close_matches(name.casefold(), folded)]
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    hint = f"near: {', '.join(near)}" if near else f"columns: {shown or 'none'}"
    return DataError(f"column {name!r} not found; {hint}")
