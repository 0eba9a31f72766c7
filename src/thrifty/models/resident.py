"""Resident: how much memory this process has held at most, as the kernel counts it."""

import resource
import sys

__all__ = ["peak"]


def peak() -> int:
    """Largest resident memory of the process so far, in bytes.

    Example:
        >>> peak() > 1_000_000
        True
    """
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else 1024 * found
