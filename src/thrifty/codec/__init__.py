"""codec: tensors to fewer bits and back: number formats, lossless codes, codebooks."""

from thrifty.codec.codec import Codec, Encoded

__all__ = ["Codec", "Encoded"]
