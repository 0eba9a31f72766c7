"""data: tables, text and sparse rows in, as Arrow batches of known kinds, mixed across the file."""

from thrifty.data.kinds import Column
from thrifty.data.mix import Mixer
from thrifty.data.report import Report
from thrifty.data.schema import Schema, infer
from thrifty.data.source import Source, open
from thrifty.data.svmlight import iter_svmlight, read_svmlight

__all__ = [
    "Column",
    "Mixer",
    "Report",
    "Schema",
    "Source",
    "infer",
    "iter_svmlight",
    "open",
    "read_svmlight",
]
