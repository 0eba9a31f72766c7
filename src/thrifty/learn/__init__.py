"""learn: learners on NumPy buffers that stream: the wide network and its parts.

The estimators bring scikit-learn with them, so they load on first use.
"""

from thrifty.learn.atoms import Atoms, LinearSteps
from thrifty.learn.bloom_signatures import BloomSignatures, link_features
from thrifty.learn.centre_tree import CentreTree
from thrifty.learn.class_counts import ClassCounts
from thrifty.learn.class_sketch import ClassSketch
from thrifty.learn.cluster_sums import ClusterSums
from thrifty.learn.emql import EmQL, EntitySet
from thrifty.learn.fellegi_sunter import FellegiSunter
from thrifty.learn.frank_wolfe import Minimum, Quadratic, frank_wolfe
from thrifty.learn.graph import Graph
from thrifty.learn.group_testing import best_pool, decode_pools, pool_design, pool_posterior
from thrifty.learn.herding import Herd, fourier_features, kernel_herding
from thrifty.learn.interpolative import Interpolation, Triangle, interpolation
from thrifty.learn.label_hash import LabelHash
from thrifty.learn.low_rank import LowRank, low_rank
from thrifty.learn.lsvi import LSVI
from thrifty.learn.network import Wide
from thrifty.learn.nql import NQL
from thrifty.learn.pagerank import Ranks, pagerank
from thrifty.learn.peppp import PEPPP, pareto
from thrifty.learn.personal_ranks import NearRanks, personal_ranks
from thrifty.learn.refit import refit
from thrifty.learn.representer import RepresenterSketch
from thrifty.learn.seeding import parallel_seeds
from thrifty.learn.settings import Settings
from thrifty.learn.shortlist import Shortlist
from thrifty.learn.storm_sketch import StormSketch
from thrifty.learn.trainer import History, train
from thrifty.learn.triples import Triples

__all__ = [
    "IRLI",
    "LSVI",
    "NQL",
    "PCA",
    "PEPPP",
    "SOLAR",
    "VLAD",
    "Atoms",
    "BloomSignatures",
    "CentreTree",
    "ClassCounts",
    "ClassSketch",
    "ClusterSums",
    "EmQL",
    "EntitySet",
    "FellegiSunter",
    "Graph",
    "Herd",
    "History",
    "Interpolation",
    "JMeans",
    "KMeans",
    "LabelHash",
    "LinearSteps",
    "LowRank",
    "Minimum",
    "NaiveBayes",
    "NearRanks",
    "Quadratic",
    "RACEClassifier",
    "Ranks",
    "RepresenterSketch",
    "Settings",
    "Shortlist",
    "StormClassifier",
    "StormRegressor",
    "StormSketch",
    "Triangle",
    "Triples",
    "Wide",
    "WideClassifier",
    "WideRegressor",
    "best_pool",
    "decode_pools",
    "fourier_features",
    "frank_wolfe",
    "interpolation",
    "kernel_herding",
    "link_features",
    "low_rank",
    "pagerank",
    "parallel_seeds",
    "pareto",
    "personal_ranks",
    "pool_design",
    "pool_posterior",
    "refit",
    "train",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'thrifty.learn' has no attribute {name!r}")
    from thrifty.learn.irli import IRLI
    from thrifty.learn.jmeans import JMeans
    from thrifty.learn.kmeans import KMeans
    from thrifty.learn.naive_bayes import NaiveBayes
    from thrifty.learn.pca import PCA
    from thrifty.learn.race_classifier import RACEClassifier
    from thrifty.learn.solar import SOLAR
    from thrifty.learn.storm import StormClassifier, StormRegressor
    from thrifty.learn.vlad import VLAD
    from thrifty.learn.wide import WideClassifier, WideRegressor

    found = (
        IRLI, JMeans, KMeans, NaiveBayes, PCA, RACEClassifier, SOLAR, StormClassifier,
        StormRegressor, VLAD, WideClassifier, WideRegressor,
    )  # fmt: skip
    return {thing.__name__: thing for thing in found}[name]
