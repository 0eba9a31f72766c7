"""What the processor can do: nothing unknown, nothing where kernels are compiled for another."""

import numba
import pytest

from thrifty.core.machine import has_instructions


def test_nothing_is_asked_for():
    """On x86, no instruction at all may be used everywhere."""
    assert has_instructions() in (True, False)
    assert not has_instructions("sse2", "no such thing")


@pytest.mark.parametrize("names", [("sse2",), ()])
def test_another_processor_has_none(names, monkeypatch):
    """Where Numba is told to compile for another one, nobody knows what it can do."""
    monkeypatch.setattr(numba.config, "CPU_NAME", "generic")
    assert not has_instructions(*names)
