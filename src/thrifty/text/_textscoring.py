"""Scoring: fields, weights and the parameters of BM25, checked once and kept with an index."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from thrifty.core import in_range, one_of
from thrifty.text._textcounts import code_values, unit_of
from thrifty.text.postings import decay

__all__ = ["METHODS", "Scoring", "settings_of"]

METHODS = ("bm25", "bm25+")


def settings_of(
    fields: Mapping[str, float], k1: float, b: float, method: str, delta: float
) -> dict[str, Any]:
    """The settings as JSON can hold them.

    Raises:
        ValueError: one is outside its range.
    """
    if not fields:
        raise ValueError("fields must name a column, got none")
    for name, weight in fields.items():
        in_range(f"weight of field {name!r}", weight, 0.001, 1000)
    one_of("method", method, METHODS)
    return {
        "fields": {name: float(weight) for name, weight in fields.items()},
        "k1": float(in_range("k1", k1, 0, 100)),
        "b": float(in_range("b", b, 0, 1)),
        "method": method,
        "delta": float(in_range("delta", delta, 0, 10)) if method == "bm25+" else 0.0,
    }


class Scoring:
    """How documents are scored, from the settings of an index."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.fields = {str(name): float(w) for name, w in dict(settings["fields"]).items()}
        self.unit = unit_of(self.fields)
        self.weights = [round(weight / self.unit) for weight in self.fields.values()]
        self.k1, self.b = float(settings["k1"]), float(settings["b"])
        self.delta = float(settings["delta"])
        self.gain = self.k1 + 1
        self.floor = self.delta / self.gain
        self.values = code_values()

    def terms(self, average: float) -> tuple[np.float32, np.float32]:
        """K of a document of length n units is a + c * n, where documents have this average."""
        return decay(self.k1, self.b, self.unit, average)
