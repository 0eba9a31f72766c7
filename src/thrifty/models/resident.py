"""Resident: how much memory this process holds, as the kernel counts it, and giving some back."""

import ctypes
import functools
import os
import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pyarrow as pa

__all__ = ["available", "peak", "trim", "trimmed"]

T = TypeVar("T")
EVERY = 16


def peak() -> int:
    """Largest resident memory of the process so far, in bytes.

    Example:
        >>> peak() > 1_000_000
        True
    """
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else 1024 * found


def available() -> int:
    """Memory that the system could give to a process without swapping, in bytes.

    Example:
        >>> available() > 1_000_000
        True
    """
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            facts = dict(line.split(":", 1) for line in file)
        return 1024 * int(facts["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def trim() -> None:
    """Give memory that is free inside this process back to the system.

    Arrays of changing sizes leave holes that the C library keeps; over gigabytes of rows they add
    up to a hundred megabytes. Where it cannot be asked to (it is not glibc) nothing happens.

    Example:
        >>> trim()
    """
    pa.default_memory_pool().release_unused()
    _malloc_trim()(0)


def trimmed(items: Iterable[T]) -> Iterator[T]:
    """The same items, with a `trim` now and then.

    Example:
        >>> list(trimmed("abc"))
        ['a', 'b', 'c']
    """
    for number, item in enumerate(items):
        if number % EVERY == 0:
            trim()
        yield item


@functools.cache
def _malloc_trim() -> Callable[[int], Any]:
    found = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    return found or (lambda pad: pad)
