"""Resident: the kernel's count of memory grows with what is held."""

import numpy as np

from thrifty.models.resident import peak


def test_peak_grows_with_what_is_held():
    """Touching 200 MB more than ever held raises the peak to at least that much."""
    before = peak()
    held = np.ones(before // 8 + 25_000_000)
    assert peak() >= held.nbytes
    assert peak() > before
