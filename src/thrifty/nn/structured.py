"""Structured: dense matrices of few parameters, multiplied without being written out."""

import math

import torch
from torch import Tensor, nn

from thrifty.core import method, whole

__all__ = ["DisplacementLinear"]


@method(
    source="Sindhwani, Sainath and Kumar 2015, arXiv:1510.01722; De Sa, Gu, Puttagunta, Re and "
    "Rudra 2018, A two-pronged progress in structured dense matrix-vector multiplication, "
    "arXiv:1611.01569; Pan 2001, doi:10.1007/978-1-4612-0129-8",
    memory="8 * rank * size bytes, and 4 * out_features of a bias; size is the larger side",
    time="O(rank * size * log(size)) a vector",
    error="float32 rounding of three transforms: about 1e-6 of the length of the answer",
    exact="x @ weight.T, the matrix written out",
    laws=("module", "module gradients"),
    evidence=("structured",),
)
class DisplacementLinear(nn.Module):
    """A linear layer whose matrix has a low displacement rank.

    The matrix A is what shifting it down, less shifting it left, leaves of a low rank: Z A - A Z' =
    G H.T, where Z moves a vector by one place and around, and Z' moves around with the sign turned.
    Rank 1 holds circulant matrices, 2 Toeplitz ones, 4 products of two of these. A is a sum of
    `rank` products of a circulant and a skew-circulant matrix, which are multiplied by Fourier
    transforms. Sides that differ, or are not whole, are cut from a square.

    Args:
        in_features, out_features: 1 or more.
        rank: of the displacement, 1 or more.
        bias: whether there is one.

    Raises:
        TypeError: an argument that is no number of its kind.
        ValueError: an argument outside its range.

    Example:
        >>> layer = DisplacementLinear(784, 784, rank=2)
        >>> sum(p.numel() for p in layer.parameters()), 784 * 784 + 784
        (3920, 615440)
        >>> x = torch.randn(3, 784, generator=torch.Generator().manual_seed(0))
        >>> bool(torch.allclose(layer(x), x @ layer.weight.T + layer.bias, atol=1e-5))
        True
    """

    def __init__(
        self, in_features: int, out_features: int, rank: int = 2, *, bias: bool = True
    ) -> None:
        super().__init__()
        self.in_features = whole("in_features", in_features, 1, 2**24)
        self.out_features = whole("out_features", out_features, 1, 2**24)
        whole("rank", rank, 1, 2**10)
        self.size = max(in_features, out_features)
        spread = (4 / (3 * rank)) ** 0.25 / math.sqrt(self.size)
        self.g = nn.Parameter(spread * torch.randn(rank, self.size))
        self.h = nn.Parameter(spread * torch.randn(rank, self.size))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """The layer's answer (..., out) to x (..., in)."""
        padded = nn.functional.pad(x, (0, self.size - self.in_features))
        turned = torch.fft.rfft(_skewed(self.h.flip(-1), padded[..., None, :]))
        terms = (torch.fft.rfft(self.g) * turned).sum(dim=-2)
        found = torch.fft.irfft(terms, n=self.size) / 2
        found = found[..., : self.out_features]
        return found if self.bias is None else found + self.bias

    @property
    def weight(self) -> Tensor:
        """The matrix, written out."""
        every = torch.eye(self.in_features, dtype=self.g.dtype, device=self.g.device)
        found = self(every)
        return (found if self.bias is None else found - self.bias).T


def _skewed(first: Tensor, x: Tensor) -> Tensor:
    """Products of the skew-circulant matrices of these first columns with x, along the last axis.

    They turn the sign of what goes around: half a turn along the circle makes them circulant.
    """
    size = first.shape[-1]
    angles = torch.arange(size, dtype=first.dtype, device=first.device) * (math.pi / size)
    turn = torch.polar(torch.ones_like(angles), angles)
    terms = torch.fft.fft(first * turn) * torch.fft.fft(x * turn)
    return (torch.fft.ifft(terms) * turn.conj()).real
