"""Selectors by name: each name gives its kind, and what cannot be is refused."""

import pytest

from thrifty.core import BudgetError
from thrifty.learn.lss import LSS
from thrifty.learn.negatives import HiddenLSH, LabelLSH, LogFrequency, Uniform
from thrifty.learn.selectors import NAMES, make_selector
from thrifty.learn.settings import SELECTORS


def test_each_name_is_its_kind():
    """The five names give five kinds."""
    kinds = [type(make_selector(name, 500, 12, memory="2 MB")) for name in NAMES]
    assert kinds == [Uniform, LogFrequency, HiddenLSH, LabelLSH, LSS]


def test_settings_know_the_same_names():
    """What a network may ask for is what there is, and "none"."""
    assert ("none", *NAMES) == SELECTORS


def test_refusals():
    """An unknown name is told with the known ones, and a budget with what it cannot hold."""
    names = "uniform, log-frequency, lsh-hidden, lsh-label, lss"
    with pytest.raises(ValueError, match=rf"^name must be one of {names}, got 'x'$"):
        make_selector("x", 5, 2)
    with pytest.raises(BudgetError, match=r"^an index over 500 rows needs \S+ kB, got 10$"):
        make_selector("lsh-label", 500, 12, memory=10)
