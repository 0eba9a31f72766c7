"""models: a file in, a model or an index out: features, plans, training, search, reports."""

from thrifty.models.compress import compress
from thrifty.models.decompress import decompress
from thrifty.models.dedup import Duplicates, dedup
from thrifty.models.encoder import WordEncoder
from thrifty.models.expanders import Acronyms, Endpoint, Feedback, Listed, Related, expander_of
from thrifty.models.expansion import Expand
from thrifty.models.featurizer import Featurizer
from thrifty.models.fusion import Fusion
from thrifty.models.inspection import inspect
from thrifty.models.metrics import Metrics
from thrifty.models.model import Model
from thrifty.models.phrases import Phrase, Phrases, phrases
from thrifty.models.plan import Plan, plan
from thrifty.models.profile import profile
from thrifty.models.profile_state import TableProfile
from thrifty.models.rank import RankedNodes, rank
from thrifty.models.rankings import read_qrels, read_queries, read_run, write_run
from thrifty.models.resolve import Entities, resolve
from thrifty.models.search import SearchIndex
from thrifty.models.search_build import add_documents, index_documents, remove_documents
from thrifty.models.search_learn import learn_fusion
from thrifty.models.sentiment import SeedSentiment
from thrifty.models.train import train
from thrifty.models.wide_retriever import WideRetriever

__all__ = [
    "Acronyms",
    "Duplicates",
    "Endpoint",
    "Entities",
    "Expand",
    "Featurizer",
    "Feedback",
    "Fusion",
    "Listed",
    "Metrics",
    "Model",
    "Phrase",
    "Phrases",
    "Plan",
    "RankedNodes",
    "Related",
    "SearchIndex",
    "SeedSentiment",
    "TableProfile",
    "WideRetriever",
    "WordEncoder",
    "add_documents",
    "compress",
    "decompress",
    "dedup",
    "expander_of",
    "index_documents",
    "inspect",
    "learn_fusion",
    "phrases",
    "plan",
    "profile",
    "rank",
    "read_qrels",
    "read_queries",
    "read_run",
    "remove_documents",
    "resolve",
    "train",
    "write_run",
]
