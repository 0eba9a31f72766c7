"""hashing: hash families, and features made by hashing."""

from thrifty.hashing.blocks import hash_blocks, weighted_blocks
from thrifty.hashing.dwta import DWTA
from thrifty.hashing.features import NUM_CODES, TextFeatures, code_of, cross
from thrifty.hashing.keys import hash_column, mix64
from thrifty.hashing.minhash import MinHash
from thrifty.hashing.pooledsimhash import PooledSimHash
from thrifty.hashing.pstable import PStable
from thrifty.hashing.simhash import SimHash

__all__ = [
    "DWTA",
    "NUM_CODES",
    "MinHash",
    "PStable",
    "PooledSimHash",
    "SimHash",
    "TextFeatures",
    "code_of",
    "cross",
    "hash_blocks",
    "hash_column",
    "mix64",
    "weighted_blocks",
]
