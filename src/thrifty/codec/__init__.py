"""codec: tensors to fewer bits and back: number formats, lossless codes, codebooks."""

from thrifty.codec.activationsplit import ActivationSplit
from thrifty.codec.bitsneeded import error_floor, required_bits, required_format
from thrifty.codec.blockfloat import BlockFloat
from thrifty.codec.codebook import CodebookCodec
from thrifty.codec.codec import Codec, Encoded, RowReader
from thrifty.codec.compensated import (
    kahan_add,
    mc_add,
    mc_multiply,
    mc_renormalise,
    mc_scale,
    two_product,
    two_sum,
)
from thrifty.codec.compressed import CompressedTensors
from thrifty.codec.exponents import ExponentCodec, ExponentReader, Saving, saving_of
from thrifty.codec.fixed import FixedPoint
from thrifty.codec.floats import FloatFormat
from thrifty.codec.gptq import gptq, input_moments, output_error
from thrifty.codec.groups import Groups
from thrifty.codec.kmeans import kmeans_1d
from thrifty.codec.leanquant import LeanCodec
from thrifty.codec.logfloat import LogFormat
from thrifty.codec.multisetfunction import MultisetFunction
from thrifty.codec.nf4 import NF4
from thrifty.codec.nofm import NOfM
from thrifty.codec.numberformat import quantize
from thrifty.codec.outliersplit import OutlierSplit
from thrifty.codec.overq import OverQ
from thrifty.codec.packing import pack, unpack
from thrifty.codec.products import PackedMatrix
from thrifty.codec.rows import decoded_blocks
from thrifty.codec.sparse import Sparse, sparse_sizes
from thrifty.codec.staticfunction import StaticFunction
from thrifty.codec.toplogits import TopLogits
from thrifty.codec.transposed import Transposed

__all__ = [
    "NF4",
    "ActivationSplit",
    "BlockFloat",
    "CodebookCodec",
    "Codec",
    "CompressedTensors",
    "Encoded",
    "ExponentCodec",
    "ExponentReader",
    "FixedPoint",
    "FloatFormat",
    "Groups",
    "LeanCodec",
    "LogFormat",
    "MultisetFunction",
    "NOfM",
    "OutlierSplit",
    "OverQ",
    "PackedMatrix",
    "RowReader",
    "Saving",
    "Sparse",
    "StaticFunction",
    "TopLogits",
    "Transposed",
    "decoded_blocks",
    "error_floor",
    "gptq",
    "input_moments",
    "kahan_add",
    "kmeans_1d",
    "mc_add",
    "mc_multiply",
    "mc_renormalise",
    "mc_scale",
    "output_error",
    "pack",
    "quantize",
    "required_bits",
    "required_format",
    "saving_of",
    "sparse_sizes",
    "two_product",
    "two_sum",
    "unpack",
]
