"""index: find the rows with a large inner product, without looking at every row."""

from thrifty.index._tune import SLIDE, Settings, tune
from thrifty.index.bands import Bands
from thrifty.index.maxip import MaxIPIndex

__all__ = ["SLIDE", "Bands", "MaxIPIndex", "Settings", "tune"]
