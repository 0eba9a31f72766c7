"""Transposed: a codec along the other axis, for weights that are kept as (inputs, outputs)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from thrifty.codec._buffers import array_of
from thrifty.codec.codec import KINDS, Arrays, Codec, Encoded
from thrifty.core import one_of

__all__ = ["Transposed"]


class Transposed(Codec):
    """What another codec makes of an array's transpose.

    Args:
        codec: the other one, or the name of its kind.
        of: the keywords that make it, where its name is given.

    Raises:
        ValueError: no codec has that name, or it is itself a transposed one.

    Example:
        >>> from thrifty.codec import Groups
        >>> x = np.arange(12, dtype=np.float32).reshape(3, 4)
        >>> one, two = Transposed(Groups(8)).encode(x), Groups(8).encode(x.T)
        >>> bool((one.decode() == two.decode().T).all()), one.nbytes == two.nbytes
        (True, True)
    """

    KIND = "transposed"

    def __init__(self, codec: Codec | str, of: Mapping[str, Any] | None = None) -> None:
        if isinstance(codec, str):
            one_of("codec", codec, tuple(sorted(KINDS.keys() - {self.KIND})))
            codec = KINDS[codec](**(of or {}))
        one_of("codec", codec.KIND, tuple(sorted(KINDS.keys() - {self.KIND})))
        self.codec = codec
        self.FIXED_RATE = codec.FIXED_RATE

    @classmethod
    def turned(cls, encoded: Encoded) -> Encoded:
        """What was encoded of a transpose, as the encoding of the array itself."""
        codec = cls(encoded.codec)
        return Encoded(codec, encoded.shape[::-1], encoded.dtype, encoded.arrays())

    def spec(self) -> dict[str, Any]:
        """The other codec, by its kind and its keywords."""
        return {"codec": self.codec.KIND, "of": self.codec.spec()}

    def size(self, x: Any) -> int:
        """Bytes, as the other codec says."""
        return self.codec.size(array_of(x).T)

    def bound(self, x: Any) -> np.ndarray | float:
        """The largest error of every element, as the other codec says."""
        found = array_of(x)
        return np.broadcast_to(self.codec.bound(found.T), found.T.shape).T

    def _encode(self, x: np.ndarray) -> Arrays:
        return self.codec.encode(x.T).arrays()

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        turned = np.empty(out.T.shape, out.dtype)
        self.codec._decode(arrays, turned)
        out[...] = turned.T
