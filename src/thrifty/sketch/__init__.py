"""sketch: mergeable summaries of streams, each with an error beside its answer."""

from thrifty.sketch.comoments import CoMoments, Correlated

__all__ = ["CoMoments", "Correlated"]
