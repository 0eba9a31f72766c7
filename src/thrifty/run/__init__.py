"""run: one fold over many partitions, by threads here, by Ray or Spark beyond."""

from thrifty.run.feeds import Each
from thrifty.run.fold import fold
from thrifty.run.keyed import Keyed, fold_by

__all__ = ["Each", "Keyed", "fold", "fold_by"]
