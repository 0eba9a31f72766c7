"""Budget: sizes as people write them, to bytes and back; the one parser of the house."""

import math
import re
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal

from thrifty.core.errors import BudgetError

__all__ = ["budget_for", "format_bytes", "parse_bytes"]

UNITS = {"": 1, "b": 1} | {
    letter + suffix: base**power
    for power, letter in enumerate("kmgt", start=1)
    for suffix, base in (("", 1000), ("b", 1000), ("ib", 1024))
}
FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE | re.ASCII)
SCALES = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 1000), ("B", 1))
LARGEST = 2**62


def parse_bytes(size: int | str, name: str = "memory") -> int:
    """Turn a size such as "512 MB", "1.5GiB" or 4096 into bytes.

    Args:
        size: an int of bytes, or a number and a unit: B, kB, MB, GB, TB (powers of 1000) or
            KiB, MiB, GiB, TiB (powers of 1024); case and spaces do not matter.
        name: what the argument is called, for the error.

    Returns:
        Whole bytes, at least 1.

    Raises:
        TypeError: size is neither an int nor a str.
        ValueError: the text is not a size, or the size is below one byte or absurdly large.

    Example:
        >>> parse_bytes("64 MB"), parse_bytes("1 GiB"), parse_bytes(100)
        (64000000, 1073741824, 100)
        >>> parse_bytes(format_bytes(123_000_000)) == 123_000_000
        True
    """
    if isinstance(size, bool) or not isinstance(size, (int, str)):
        raise TypeError(f'{name} must be an int of bytes or a text such as "512 MB", got {size!r}')
    nbytes = size if isinstance(size, int) else _parse_text(size, name)
    if not 1 <= nbytes <= LARGEST:
        raise ValueError(f"{name} must be at least 1 byte and at most 4 EiB, got {size!r}")
    return nbytes


def budget_for(what: str, budget: int | str, smallest: int) -> int:
    """Turn a budget into bytes, and refuse one that cannot hold the smallest of its kind.

    Args:
        what: that is to be made, with its article.
        budget: as for `parse_bytes`.
        smallest: bytes of the smallest there is.

    Raises:
        BudgetError: the budget is below the smallest, which the error names.

    Example:
        >>> budget_for("a Bloom filter", "1 kB", 64)
        1000
        >>> budget_for("a Bloom filter", 63, 64)
        Traceback (most recent call last):
        thrifty.core.errors.BudgetError: budget must be at least 64 B for a Bloom filter, got 63
    """
    nbytes = parse_bytes(budget, "budget")
    if nbytes < smallest:
        least = format_bytes(smallest, up=True)
        raise BudgetError(f"budget must be at least {least} for {what}, got {budget!r}", smallest)
    return nbytes


def _parse_text(text: str, name: str) -> int:
    match = FORM.fullmatch(text)
    if match is None or match[2].lower() not in UNITS:
        raise ValueError(f'{name} must be a size such as "512 MB" or "1 GiB", got {text!r}')
    if len(match[1]) > 30:
        return LARGEST + 1
    return round(Decimal(match[1]) * UNITS[match[2].lower()])


def format_bytes(nbytes: float, *, up: bool = False) -> str:
    """Write bytes the way `parse_bytes` reads them, with three digits.

    Args:
        nbytes: bytes, 0 or more.
        up: round up, so that what is named is enough; the nearest otherwise.

    Example:
        >>> format_bytes(512_000_000), format_bytes(1_234), format_bytes(7)
        ('512 MB', '1.23 kB', '7 B')
        >>> parse_bytes(format_bytes(1_234, up=True)) >= 1_234
        True
    """
    digits = Decimal(math.ceil(nbytes) if up else round(nbytes))
    context = Context(prec=3, rounding=ROUND_CEILING if up else ROUND_HALF_EVEN)
    value = context.plus(digits) if digits >= 1000 else digits
    unit, scale = next((unit, scale) for unit, scale in SCALES if value >= scale or scale == 1)
    return f"{(value / scale).normalize():f} {unit}"
