"""sketch: mergeable summaries of streams, each with an error beside its answer."""

__all__ = []
