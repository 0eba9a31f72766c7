"""sketch: mergeable summaries of streams, each with an error beside its answer."""

from thrifty.sketch.bloom import BloomFilter
from thrifty.sketch.collisions import expected_collisions
from thrifty.sketch.comoments import CoMoments, Correlated
from thrifty.sketch.countmin import CountMin
from thrifty.sketch.countsketch import CountSketch
from thrifty.sketch.covariancesketch import CovarianceSketch
from thrifty.sketch.densitysketch import DensitySketch
from thrifty.sketch.distinctsample import DistinctSample
from thrifty.sketch.exacttop import exact_top
from thrifty.sketch.frequentdirections import FrequentDirections
from thrifty.sketch.groupby import Group, GroupBy
from thrifty.sketch.heavyhitters import Frequent, HeavyHitters
from thrifty.sketch.hyperloglog import HyperLogLog
from thrifty.sketch.kll import KLL
from thrifty.sketch.poissonbinomial import PoissonBinomial, poisson_binomial
from thrifty.sketch.privatesketch import PrivateSketch
from thrifty.sketch.race import RACE
from thrifty.sketch.refactor import refactored
from thrifty.sketch.reservoir import Reservoir
from thrifty.sketch.shardrouter import ShardRouter
from thrifty.sketch.singletons import SingletonFilter
from thrifty.sketch.topkapi import Topkapi
from thrifty.sketch.weightedreservoir import WeightedReservoir
from thrifty.sketch.windows import SlidingUnion, Window, Windows
from thrifty.sketch.wordsketch import WordSketch

__all__ = [
    "KLL",
    "RACE",
    "BloomFilter",
    "CoMoments",
    "Correlated",
    "CountMin",
    "CountSketch",
    "CovarianceSketch",
    "DensitySketch",
    "DistinctSample",
    "Frequent",
    "FrequentDirections",
    "Group",
    "GroupBy",
    "HeavyHitters",
    "HyperLogLog",
    "PoissonBinomial",
    "PrivateSketch",
    "Reservoir",
    "ShardRouter",
    "SingletonFilter",
    "SlidingUnion",
    "Topkapi",
    "WeightedReservoir",
    "Window",
    "Windows",
    "WordSketch",
    "exact_top",
    "expected_collisions",
    "poisson_binomial",
    "refactored",
]
