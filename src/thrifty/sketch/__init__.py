"""sketch: mergeable summaries of streams, each with an error beside its answer."""

from thrifty.sketch.comoments import CoMoments, Correlated
from thrifty.sketch.distinctsample import DistinctSample

__all__ = ["CoMoments", "Correlated", "DistinctSample"]
