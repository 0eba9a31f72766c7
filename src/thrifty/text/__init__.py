"""text: find documents by their words: analysis, postings, ranking, snippets, on disk."""

from thrifty.text.analyzer import Analyzer
from thrifty.text.snapshot import Snapshot
from thrifty.text.textindex import TextIndex

__all__ = ["Analyzer", "Snapshot", "TextIndex"]
