"""models: a file in, a model out: features, budget planner, training, metrics, report."""

from thrifty.models.dedup import Duplicates, dedup
from thrifty.models.featurizer import Featurizer
from thrifty.models.metrics import Metrics
from thrifty.models.model import Model
from thrifty.models.phrases import Phrase, Phrases, phrases
from thrifty.models.plan import Plan, plan
from thrifty.models.profile import profile
from thrifty.models.profile_state import TableProfile
from thrifty.models.rank import RankedNodes, rank
from thrifty.models.resolve import Entities, resolve
from thrifty.models.sentiment import SeedSentiment
from thrifty.models.train import train

__all__ = [
    "Duplicates",
    "Entities",
    "Featurizer",
    "Metrics",
    "Model",
    "Phrase",
    "Phrases",
    "Plan",
    "RankedNodes",
    "SeedSentiment",
    "TableProfile",
    "dedup",
    "phrases",
    "plan",
    "profile",
    "rank",
    "resolve",
    "train",
]
