"""sketch: mergeable summaries of streams, each with an error beside its answer."""

from thrifty.sketch.bloom import BloomFilter
from thrifty.sketch.comoments import CoMoments, Correlated
from thrifty.sketch.distinctsample import DistinctSample
from thrifty.sketch.exacttop import exact_top
from thrifty.sketch.heavyhitters import Frequent, HeavyHitters
from thrifty.sketch.hyperloglog import HyperLogLog
from thrifty.sketch.shardrouter import ShardRouter
from thrifty.sketch.singletons import SingletonFilter
from thrifty.sketch.topkapi import Topkapi

__all__ = [
    "BloomFilter",
    "CoMoments",
    "Correlated",
    "DistinctSample",
    "Frequent",
    "HeavyHitters",
    "HyperLogLog",
    "ShardRouter",
    "SingletonFilter",
    "Topkapi",
    "exact_top",
]
