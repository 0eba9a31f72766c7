"""learn: learners on NumPy buffers that stream: the wide network and its parts."""

from thrifty.learn.network import Wide
from thrifty.learn.refit import refit
from thrifty.learn.settings import Settings
from thrifty.learn.shortlist import Shortlist
from thrifty.learn.trainer import History, train

__all__ = ["History", "Settings", "Shortlist", "Wide", "refit", "train"]
