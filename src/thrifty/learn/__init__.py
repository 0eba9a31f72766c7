"""learn: learners on NumPy buffers that stream: the wide network and its parts.

The estimators bring scikit-learn with them, so they load on first use.
"""

from thrifty.learn.class_counts import ClassCounts
from thrifty.learn.class_sketch import ClassSketch
from thrifty.learn.network import Wide
from thrifty.learn.refit import refit
from thrifty.learn.settings import Settings
from thrifty.learn.shortlist import Shortlist
from thrifty.learn.trainer import History, train

__all__ = [
    "ClassCounts",
    "ClassSketch",
    "History",
    "NaiveBayes",
    "Settings",
    "Shortlist",
    "Wide",
    "WideClassifier",
    "WideRegressor",
    "refit",
    "train",
]


def __getattr__(name: str) -> type:
    if name == "NaiveBayes":
        from thrifty.learn.naive_bayes import NaiveBayes

        return NaiveBayes
    if name in ("WideClassifier", "WideRegressor"):
        from thrifty.learn.wide import WideClassifier, WideRegressor

        return {"WideClassifier": WideClassifier, "WideRegressor": WideRegressor}[name]
    raise AttributeError(f"module 'thrifty.learn' has no attribute {name!r}")
