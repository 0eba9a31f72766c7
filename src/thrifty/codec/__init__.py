"""codec: tensors to fewer bits and back: number formats, lossless codes, codebooks."""

from thrifty.codec.codec import Codec, Encoded
from thrifty.codec.nofm import NOfM
from thrifty.codec.sparse import Sparse, sparse_sizes

__all__ = ["Codec", "Encoded", "NOfM", "Sparse", "sparse_sizes"]
