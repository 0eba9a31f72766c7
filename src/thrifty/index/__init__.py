"""index: find what is near: vectors, codes, sets, rows of a large inner product."""

from thrifty.index._maxip_tune import SLIDE, Settings, tune
from thrifty.index.bands import Bands
from thrifty.index.binary import BinaryIndex
from thrifty.index.flat import FlatIndex
from thrifty.index.graph import GraphIndex
from thrifty.index.hamming import HammingIndex
from thrifty.index.ivf import IVFIndex
from thrifty.index.maxip import MaxIPIndex
from thrifty.index.multiindex import MultiIndexHashing
from thrifty.index.setindex import SetIndex
from thrifty.index.setshards import SetShards
from thrifty.index.tree import TreeIndex
from thrifty.index.tuner import Tuned, tuned
from thrifty.index.vectors import VectorIndex

__all__ = [
    "SLIDE",
    "Bands",
    "BinaryIndex",
    "FlatIndex",
    "GraphIndex",
    "HammingIndex",
    "IVFIndex",
    "MaxIPIndex",
    "MultiIndexHashing",
    "SetIndex",
    "SetShards",
    "Settings",
    "TreeIndex",
    "Tuned",
    "VectorIndex",
    "tune",
    "tuned",
]
