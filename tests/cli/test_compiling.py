"""Compiling: said once, when it takes its time; silent otherwise."""

import time

import numba

from thrifty.cli.compiling import SAYS, told_of_compiling


def compiled(number):
    """Compile a function that nobody has compiled before."""
    return numba.njit(lambda x: x * number + 1)(2)  # noqa: TID251


def test_it_is_said_once():
    """However much is compiled, one line is said; nothing before that time has gone by."""
    said = []
    with told_of_compiling(said.append, seconds=0.0):
        assert (compiled(3), compiled(4)) == (7, 9)
        time.sleep(0.2)
    assert said == [SAYS]
    with told_of_compiling(said.append, seconds=60.0):
        assert compiled(5) == 11
    assert said == [SAYS]


def test_other_waits_are_not_called_compiling():
    """Where nothing is compiled nothing is said, however long it takes."""
    said = []
    with told_of_compiling(said.append, seconds=0.01):
        time.sleep(0.1)
    assert said == []
