"""Acronyms: short forms in brackets, and the words before that they stand for."""

import re

__all__ = ["acronyms_in"]

SHORT = re.compile(r"\(([A-Za-z][A-Za-z0-9-]{1,9})\)")


def acronyms_in(text: str) -> list[tuple[str, str]]:
    """Acronyms in brackets with the words before that they stand for (Schwartz and Hearst 2003).

    Example:
        >>> acronyms_in("We use magnetic resonance imaging (MRI) and a note (see below).")
        [('MRI', 'magnetic resonance imaging')]
    """
    found = []
    for match in SHORT.finditer(text):
        short = match[1]
        if not any(c.isupper() for c in short):
            continue
        before = text[max(0, match.start() - 200) : match.start()]
        words = re.split(r"\s+", before.strip())[-min(len(short) + 5, 2 * len(short)) :]
        long = _long_form(short, " ".join(words))
        if long and len(long) > len(short):
            found.append((short, long))
    return found


def _long_form(short: str, before: str) -> str:
    """The shortest end of a text that holds the letters in order, the first at a word's start."""
    place = len(before)
    for at in range(len(short) - 1, -1, -1):
        letter = short[at].lower()
        if not letter.isalnum():
            continue
        place -= 1
        while place >= 0 and (
            before[place].lower() != letter
            or (at == 0 and place > 0 and before[place - 1].isalnum())
        ):
            place -= 1
        if place < 0:
            return ""
    return before[place:]
