"""index: find rows: of a large inner product, of nearly equal codes, of the same bucket."""

from thrifty.index._tune import SLIDE, Settings, tune
from thrifty.index.bands import Bands
from thrifty.index.hamming import HammingIndex
from thrifty.index.maxip import MaxIPIndex

__all__ = ["SLIDE", "Bands", "HammingIndex", "MaxIPIndex", "Settings", "tune"]
