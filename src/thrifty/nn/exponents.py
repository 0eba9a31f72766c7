"""Exponent tensors: weights that stay coded on their device and are decoded there, bit for bit."""

from typing import Any

import numpy as np
import torch

from thrifty.codec import Encoded, ExponentReader
from thrifty.codec.huffman import table_of
from thrifty.core import IncompatibleError
from thrifty.nn import _triton_exponents

__all__ = ["ExponentTensor"]

SIGNED = {1: torch.uint8, 2: torch.int16}


class ExponentTensor:
    """What `ExponentCodec` encoded, on a device; decoded on a GPU by a Triton kernel.

    The arrays are those that are stored; beside them stand the first bit of every stream of 2,048
    elements and a table for each code, about 1 % of an array of a million elements or more. On the
    CPU, and where the exponents were not worth coding, the codec's own decoder does it.

    Args:
        encoded: of bfloat16, float16, float8_e4m3fn or float8_e5m2 for the kernel; others are
            decoded on the CPU and moved.
        device: of torch.

    Raises:
        IncompatibleError: another codec made it.

    Example:
        >>> from thrifty.codec import ExponentCodec
        >>> x = torch.randn(300, 200, generator=torch.Generator().manual_seed(0)).bfloat16()
        >>> coded = ExponentTensor(ExponentCodec().encode(x))
        >>> bool((coded.decode() == x).all()), coded.nbytes < 0.7 * x.nbytes
        (True, True)
    """

    def __init__(self, encoded: Encoded, device: Any = "cpu") -> None:
        self.device, self.shape = torch.device(device), encoded.shape
        self.dtype = getattr(torch, encoded.dtype)
        self.nbytes = encoded.nbytes
        self._reader, self._encoded = ExponentReader.of(encoded), encoded
        self._parts = self.parts(self.device) if self.device.type == "cuda" else None

    def parts(self, device: Any) -> tuple[torch.Tensor, ...] | None:
        """What the kernel is given on a device; None where the exponents have no codes."""
        paired = self._reader.coded_pair()
        if paired is None:
            return None
        code, bits, low = paired
        words = np.append(bits, np.zeros(-bits.size % 4, np.uint8)).view(np.int32)
        tables = np.stack([table_of(lengths, 11) for lengths in code.lengths]).view(np.int16)
        given = (words, code.starts, tables, code.uses, low)
        return tuple(torch.tensor(array, device=device) for array in given)

    def decode(self, out: torch.Tensor | None = None) -> torch.Tensor:
        """The tensor again, on the device.

        Args:
            out: contiguous tensor of the same shape and dtype on the device; None makes one.

        Raises:
            IncompatibleError: `out` is of another shape, dtype or device; Triton is not there.
        """
        if out is None:
            out = torch.empty(self.shape, dtype=self.dtype, device=self.device)
        if (out.shape, out.dtype, out.device.type) != (self.shape, self.dtype, self.device.type):
            raise IncompatibleError(
                f"out must be {self.dtype} of shape {tuple(self.shape)} on {self.device}, "
                f"got {out.dtype} {tuple(out.shape)} on {out.device}"
            )
        if self._parts is not None:
            self.run(self._parts, out)
        elif self.device.type == "cpu":
            self._encoded.decode(out)
        else:
            here = torch.empty(self.shape, dtype=self.dtype)
            self._encoded.decode(here)
            out.copy_(here)
        return out

    def run(self, parts: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        """Decode by the kernel.

        Args:
            parts: of `parts`. out: contiguous, on their device; written.

        Raises:
            IncompatibleError: Triton is not there.
        """
        if not _triton_exponents.there():
            raise IncompatibleError("decoding on a GPU needs Triton: pip install triton")
        words, starts, tables, uses, low = parts
        bits = 4 * out.element_size() if low.numel() else 0
        flat = out.view(SIGNED[out.element_size()]).view(-1)
        _triton_exponents.launch(words, starts, tables, uses, low, bits, flat)
