"""run: one fold over many partitions, by threads here, by Ray or Spark beyond."""

__all__ = []
