"""Method: the record each published method carries; docs, laws and evidence all read it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Method", "method", "record_of"]

T = TypeVar("T", bound=Callable[..., object])


@dataclass(frozen=True, kw_only=True)
class Method:
    """What a reader needs to choose a method, in machine-readable form.

    Args:
        source: the paper and year, or the system it comes from.
        memory: bytes as a formula in the arguments' own names.
        time: cost of one unit of work.
        error: how far the answer may be off, as a formula, or that it is exact.
        exact: what the method approximates; its test and evidence compare with it.
        laws: names of the law groups in `thrifty.laws` that it keeps.
        evidence: names of the files in evidence/<room>/ that measure it.
    """

    source: str
    memory: str
    time: str
    error: str
    exact: str
    laws: tuple[str, ...]
    evidence: tuple[str, ...]


def method(**fields: object) -> Callable[[T], T]:
    """Attach a Method record to a class or function and return it unchanged.

    Raises:
        TypeError: a field is missing or misspelt (at import, so it cannot be overlooked).
    """
    record = Method(**fields)  # type: ignore[arg-type]

    def attach(thing: T) -> T:
        thing.__method__ = record  # type: ignore[attr-defined]
        return thing

    return attach


def record_of(thing: object) -> Method | None:
    """The record on this very object, not one inherited from a base class."""
    return vars(thing).get("__method__") if hasattr(thing, "__dict__") else None
