"""run: one fold over many partitions, by threads here, by Ray or Spark beyond."""

from thrifty.run.feeds import Each
from thrifty.run.fold import fold

__all__ = ["Each", "fold"]
