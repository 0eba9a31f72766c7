"""Report style: colours that can be read in light and in dark."""

import re

import pytest

from thrifty.models.report_memory import NUM_COLORS
from thrifty.models.report_style import STYLE


def luminance(color):
    """Relative luminance of #rrggbb, as WCAG 2.2 defines it."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio of two colours, 1..21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


SCHEMES = [dict(re.findall(r"--([\w-]+): (#[\da-f]{6})\b", part)) for part in STYLE.split("@media")]


@pytest.mark.parametrize("colors", SCHEMES[:2], ids=["light", "dark"])
def test_text_can_be_read(colors):
    """Every colour of text has a contrast of 4.5 or more on what it stands on (WCAG 2.2 AA)."""
    for ground in ("ground", "card"):
        for ink in ("ink", "soft", "accent"):
            assert contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)
    assert contrast(colors["ink"], colors["warm-soft"]) >= 4.5


def test_both_schemes_set_the_same_colours():
    """Dark forgets no variable that light sets."""
    found = [set(re.findall(r"--([\w-]+): #", part)) for part in STYLE.split("@media")]
    light, dark = found[:2]
    assert len(light) > NUM_COLORS
    assert light == dark


def test_nothing_is_loaded():
    """The style names no address and no font file."""
    assert not re.search(r"url\(|@import|@font-face", STYLE)
