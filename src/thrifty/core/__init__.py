"""core: the record of a method, budgets, errors, checks, the container, summaries, segments."""

from thrifty.core.atomic import replacing
from thrifty.core.budget import budget_for, format_bytes, parse_bytes
from thrifty.core.checks import in_range, one_of, whole
from thrifty.core.composite import packed, unpacked
from thrifty.core.container import dump, load, opened, read_container, save, write_container
from thrifty.core.durations import parse_duration
from thrifty.core.errors import (
    DAMAGE,
    BudgetError,
    DataError,
    FormatError,
    IncompatibleError,
    SaveError,
    ThriftyError,
)
from thrifty.core.interval import Interval
from thrifty.core.linear import LinearSummary
from thrifty.core.mapped import MappedSummary
from thrifty.core.method import Method, method, record_of
from thrifty.core.saved import Saved
from thrifty.core.summary import Summary, taken

__all__ = [
    "DAMAGE",
    "BudgetError",
    "DataError",
    "FormatError",
    "IncompatibleError",
    "Interval",
    "LinearSummary",
    "MappedSummary",
    "Method",
    "SaveError",
    "Saved",
    "Summary",
    "ThriftyError",
    "budget_for",
    "dump",
    "format_bytes",
    "in_range",
    "load",
    "method",
    "one_of",
    "opened",
    "packed",
    "parse_bytes",
    "parse_duration",
    "read_container",
    "record_of",
    "replacing",
    "save",
    "taken",
    "unpacked",
    "whole",
    "write_container",
]
