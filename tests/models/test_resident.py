"""Resident: the kernel's count of memory, and giving back what is free."""

import sys

import numpy as np
import pytest

from thrifty.models import resident
from thrifty.models.resident import peak, trim, trimmed


def test_peak_grows_with_what_is_held():
    """Touching 200 MB more than ever held raises the peak to at least that much."""
    before = peak()
    held = np.ones(before // 8 + 25_000_000)
    assert peak() >= held.nbytes
    assert peak() > before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts pages as Linux does")
def test_holes_are_given_back():
    """Of many small arrays with every second one gone, at least half the holes go back."""

    def held():
        with open("/proc/self/statm", encoding="ascii") as file:
            return 4096 * int(file.read().split()[1])

    arrays = [np.ones(12_000) for _ in range(1000)]
    kept = arrays[::2]
    del arrays
    before = held()
    trim()
    assert before - held() > 500 * kept[0].nbytes / 2


def test_items_pass_unchanged(monkeypatch):
    """Every sixteenth item trims once; all pass in order."""
    calls = []
    monkeypatch.setattr(resident, "trim", lambda: calls.append(1))
    assert list(trimmed(range(40))) == list(range(40))
    assert len(calls) == 3
