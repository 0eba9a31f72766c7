"""nn: torch modules that hold fewer parameters, or do less with them."""

from thrifty.nn.pruning import IterativePruning, Masks, cubic_sparsity, masks_of, prune
from thrifty.nn.saliency import prunable, saliency

__all__ = [
    "IterativePruning",
    "Masks",
    "cubic_sparsity",
    "masks_of",
    "prunable",
    "prune",
    "saliency",
]
