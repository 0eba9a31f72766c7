"""nn: torch modules that hold fewer parameters, or do less with them."""

from thrifty.nn.compressed import load_compressed
from thrifty.nn.couples import Couple, couples_of
from thrifty.nn.cove import ItemVocabulary
from thrifty.nn.distil import distil, soft_label_loss, teacher_logits
from thrifty.nn.diverse import Committee, Teacher, committee_distil
from thrifty.nn.exponents import ExponentTensor
from thrifty.nn.fair import FairTable
from thrifty.nn.gating import GatedConv2d, gating_loss
from thrifty.nn.graded import GradedEmbedding
from thrifty.nn.hadamard import UnitaryGroupConv2d, hadamard
from thrifty.nn.interpolative import Interpolated, Shrunk, interpolate
from thrifty.nn.labelheads import LabelHeads, federated_average
from thrifty.nn.lma import similar_codes
from thrifty.nn.lora import LoRALinear, add_lora, load_lora, merge_lora, save_lora
from thrifty.nn.maps import (
    BlockMap,
    CyclicMap,
    NestedMap,
    ParameterMap,
    RandomMap,
    SimilarityMap,
    TileMap,
)
from thrifty.nn.packed import PackedLinear, Packing, pack_linears
from thrifty.nn.pairs import PairConnect
from thrifty.nn.polynomials import RecurrenceLinear
from thrifty.nn.pruning import IterativePruning, Masks, cubic_sparsity, masks_of, prune
from thrifty.nn.saliency import prunable, saliency
from thrifty.nn.share import Sharing, compress_embeddings, share_parameters
from thrifty.nn.shared import SharedParameter, scale_updates
from thrifty.nn.sharing import SharedConv2d, SharedEmbedding, SharedEmbeddingBag, SharedLinear
from thrifty.nn.spectral import spectral_codes
from thrifty.nn.structured import DisplacementLinear

__all__ = [
    "BlockMap",
    "Committee",
    "Couple",
    "CyclicMap",
    "DisplacementLinear",
    "ExponentTensor",
    "FairTable",
    "GatedConv2d",
    "GradedEmbedding",
    "Interpolated",
    "ItemVocabulary",
    "IterativePruning",
    "LabelHeads",
    "LoRALinear",
    "Masks",
    "NestedMap",
    "PackedLinear",
    "Packing",
    "PairConnect",
    "ParameterMap",
    "RandomMap",
    "RecurrenceLinear",
    "SharedConv2d",
    "SharedEmbedding",
    "SharedEmbeddingBag",
    "SharedLinear",
    "SharedParameter",
    "Sharing",
    "Shrunk",
    "SimilarityMap",
    "Teacher",
    "TileMap",
    "UnitaryGroupConv2d",
    "add_lora",
    "committee_distil",
    "compress_embeddings",
    "couples_of",
    "cubic_sparsity",
    "distil",
    "federated_average",
    "gating_loss",
    "hadamard",
    "interpolate",
    "load_compressed",
    "load_lora",
    "masks_of",
    "merge_lora",
    "pack_linears",
    "prunable",
    "prune",
    "saliency",
    "save_lora",
    "scale_updates",
    "share_parameters",
    "similar_codes",
    "soft_label_loss",
    "spectral_codes",
    "teacher_logits",
]
