"""codec: tensors to fewer bits and back: number formats, lossless codes, codebooks."""

from thrifty.codec.blocks import encoded_rows
from thrifty.codec.codec import Codec, Encoded
from thrifty.codec.fixed import FixedPoint
from thrifty.codec.floats import FloatFormat
from thrifty.codec.gptq import gptq, input_moments, output_error
from thrifty.codec.groups import Groups
from thrifty.codec.kmeans import kmeans_1d
from thrifty.codec.leanquant import LeanCodec
from thrifty.codec.nf4 import NF4
from thrifty.codec.nofm import NOfM
from thrifty.codec.numberformat import quantize
from thrifty.codec.packing import pack, unpack
from thrifty.codec.sparse import Sparse, sparse_sizes

__all__ = [
    "NF4",
    "Codec",
    "Encoded",
    "FixedPoint",
    "FloatFormat",
    "Groups",
    "LeanCodec",
    "NOfM",
    "Sparse",
    "encoded_rows",
    "gptq",
    "input_moments",
    "kmeans_1d",
    "output_error",
    "pack",
    "quantize",
    "sparse_sizes",
    "unpack",
]
