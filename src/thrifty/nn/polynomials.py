"""Polynomials: a linear layer of recurrence width: polynomials of a recurrence at fixed points."""

import math

import torch
from torch import Tensor, nn

from thrifty.core import method, one_of, whole

__all__ = ["RecurrenceLinear"]

FAMILIES = ("chebyshev", "legendre")


@method(
    source="De Sa, Gu, Puttagunta, Re and Rudra 2018, arXiv:1611.01569; sums by Clenshaw 1955, "
    "doi:10.1090/S0025-5718-1955-0071856-0",
    memory="12 * in_features bytes, and 4 * out_features of a bias",
    time="O(in_features * out_features) a vector, without a matrix",
    error="that of the recurrence's numbers, kept in float32; sums are of float64: 4e-5 of the "
    "length of the answer at 512 Legendre polynomials",
    exact="x @ weight.T, the matrix written out",
    laws=("module", "module gradients"),
    evidence=("structured",),
)
class RecurrenceLinear(nn.Module):
    """A linear layer whose columns are polynomials that follow from the two before them.

    Column i holds the values of p_i at `out_features` points in -1..1, where p_0 = 1 and p_(i+1) =
    (a_i x + b_i) p_i + c_i p_(i-1). The recurrence is trained; it begins as that of a family of
    orthogonal polynomials, at whose points (those of Chebyshev) the columns are orthogonal. The
    transforms of Chebyshev and Legendre are such matrices.

    Args:
        in_features, out_features: 1 or more.
        family: that it begins as, "chebyshev" or "legendre".
        bias: whether there is one.

    Raises:
        TypeError: an argument that is no number of its kind.
        ValueError: an argument outside its range.

    Example:
        >>> layer = RecurrenceLinear(16, 16, bias=False)
        >>> gram = layer.weight.T @ layer.weight
        >>> bool(torch.allclose(gram, torch.diag(gram.diagonal()), atol=1e-5))
        True
    """

    points: Tensor

    def __init__(
        self, in_features: int, out_features: int, *, family: str = "chebyshev", bias: bool = True
    ) -> None:
        super().__init__()
        self.in_features = whole("in_features", in_features, 1, 2**24)
        self.out_features = whole("out_features", out_features, 1, 2**24)
        i = torch.arange(in_features)
        if one_of("family", family, FAMILIES) == "legendre":
            a, c = (2 * i + 1) / (i + 1), -i / (i + 1)
        else:
            a, c = torch.where(i > 0, 2.0, 1.0), torch.where(i > 0, -1.0, 0.0)
        self.a, self.b, self.c = (nn.Parameter(t.float()) for t in (a, 0 * a, c))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        places = (torch.arange(out_features).double() + 0.5) * (math.pi / out_features)
        self.register_buffer("points", places.cos().float(), persistent=False)
        self.scale = 1 / math.sqrt(in_features)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's answer (..., out) to x (..., in): the sum of polynomials, by Clenshaw."""
        a, b, c, terms = (t.to(torch.float64) for t in (self.a, self.b, self.c, x))
        above = beyond = torch.zeros((), dtype=torch.float64, device=x.device)
        steps = a[:, None] * self.points + b[:, None]
        for i in range(self.in_features - 1, -1, -1):
            after = c[i + 1] if i + 1 < self.in_features else torch.zeros_like(c[0])
            above, beyond = terms[..., i : i + 1] + steps[i] * above + after * beyond, above
        found = (above * self.scale).to(x.dtype)
        return found if self.bias is None else found + self.bias

    @property
    def weight(self) -> Tensor:
        """The matrix, written out."""
        every = torch.eye(self.in_features, dtype=self.a.dtype, device=self.a.device)
        found = self(every)
        return (found if self.bias is None else found - self.bias).T
