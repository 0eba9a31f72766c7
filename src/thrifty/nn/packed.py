"""Packed: linear layers whose weights stay encoded; a block of them at most is decoded at once."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from thrifty.codec._buffers import array_of
from thrifty.codec.codec import Codec, Encoded
from thrifty.codec.products import PackedMatrix
from thrifty.codec.rows import decoded_blocks
from thrifty.core import IncompatibleError
from thrifty.nn.tensors import tensor_of

__all__ = ["PackedLinear", "Packing", "pack_linears"]


PACKED, DOT = "packed_", "_of_"


class PackedLinear(nn.Module):
    """A linear layer on an encoded weight: `x @ weight.T + bias`.

    `Groups` of 4 or 8 bits are multiplied as they are on a processor that can (`PackedMatrix`),
    where every group of `x` is rounded to int8; everything else, and with `exact`, is decoded a
    block of rows at a time. Gradients reach the input and the bias, not the weight. The state
    holds the encoded arrays, as bytes, and the bias.

    Args:
        encoded: a matrix (out, in), of any codec.
        bias: (out,) float tensor, or None.
        exact: never round the input.

    Raises:
        IncompatibleError: what is encoded is no matrix, or the bias is of another size.

    Example:
        >>> from thrifty.codec import Groups
        >>> layer = nn.Linear(256, 64)
        >>> small = PackedLinear.of(layer, Groups(4))
        >>> x = torch.randn(8, 256, generator=torch.Generator().manual_seed(0))
        >>> bool((small(x) - layer(x)).norm() < 0.15 * layer(x).norm()), small.nbytes
        (True, 8960)
    """

    def __init__(
        self, encoded: Encoded, bias: Tensor | None = None, *, exact: bool = False
    ) -> None:
        super().__init__()
        if len(encoded.shape) != 2:
            raise IncompatibleError(f"encoded must be a matrix, got {encoded!r}")
        self.out_features, self.in_features = encoded.shape
        if bias is not None and bias.shape != (self.out_features,):
            raise IncompatibleError(
                f"bias must be of shape ({self.out_features},), got {tuple(bias.shape)}"
            )
        self.codec, self._dtype = encoded.codec, encoded.dtype
        self.exact = exact or not PackedMatrix.fits(encoded)
        arrays = encoded.arrays() if self.exact else PackedMatrix.of(encoded).arrays()
        for name, array in arrays.items():
            self.register_buffer(_buffer(name), tensor_of(np.array(array)))
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone())

    @classmethod
    def of(cls, layer: nn.Linear, codec: Codec, *, exact: bool = False) -> "PackedLinear":
        """The layer with its weight encoded."""
        return cls(codec.encode(layer.weight), layer.bias, exact=exact)

    @property
    def nbytes(self) -> int:
        """Bytes of the encoded weight."""
        return sum(array.nbytes for array in self._arrays().values())

    def _arrays(self) -> dict[str, np.ndarray]:
        return {_name(key): array_of(t) for key, t in self._buffers.items() if t is not None}

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:  # type: ignore[override]
        """Take what was encoded as it comes: its arrays may be of other names and sizes."""
        keys = [key.removeprefix(prefix) for key in state_dict if key.startswith(prefix)]
        if found := [key for key in keys if key.startswith(PACKED)]:
            self._buffers = {key: torch.empty_like(state_dict[prefix + key]) for key in found}
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _matrix(self) -> PackedMatrix:
        codec: Any = self.codec
        return PackedMatrix(codec.bits, self._shape, codec.block, **self._arrays())

    @property
    def _shape(self) -> tuple[int, int]:
        return self.out_features, self.in_features

    def blocks(self) -> Iterator[tuple[int, Tensor]]:
        """The weight, some rows at a time: the number of the first, and the rows."""
        if not self.exact:
            matrix, step = self._matrix(), max(1, (1 << 15) // self.in_features) * 16
            for start in range(0, self.out_features, step):
                rows = matrix.decode(start, min(start + step, self.out_features))
                yield start, torch.from_numpy(np.ascontiguousarray(rows))
            return
        encoded = Encoded(self.codec, self._shape, self._dtype, self._arrays())
        for start, rows in decoded_blocks(encoded):
            yield start, tensor_of(rows)

    def products(self, x: Tensor) -> Tensor:
        """`x @ weight.T` for x (m, in), without gradients."""
        if not self.exact:
            found = self._matrix().times(x.float().numpy(), torch.get_num_threads())
            return torch.from_numpy(found).to(x.dtype)
        out = x.new_empty(len(x), self.out_features)
        for start, rows in self.blocks():
            torch.matmul(x, rows.to(x.dtype).T, out=out[:, start : start + len(rows)])
        return out

    def forward(self, x: Tensor) -> Tensor:
        """The layer's answer (..., out) to x (..., in)."""
        found = _Products.apply(x.reshape(-1, self.in_features), self)
        found = found if self.bias is None else found + self.bias.to(x.dtype)
        return found.reshape(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Sizes and codec."""
        return f"{self.in_features}, {self.out_features}, codec={self.codec!r}"


def _buffer(name: str) -> str:
    """The name of the buffer that holds an encoded array; a dot means another module to torch."""
    return PACKED + name.replace(".", DOT)


def _name(buffer: str) -> str:
    """Inverse of `_buffer`."""
    return buffer.removeprefix(PACKED).replace(DOT, ".")


class _Products(torch.autograd.Function):
    """Products whose gradient goes to the vectors, block by block."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: PackedLinear) -> Tensor:
        ctx.layer = layer
        return layer.products(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        gradient = gradients[0]
        total = gradient.new_zeros(len(gradient), ctx.layer.in_features)
        for start, rows in ctx.layer.blocks():
            total += gradient[:, start : start + len(rows)] @ rows.to(gradient.dtype)
        return total, None


@dataclass(frozen=True)
class Packing:
    """What was packed.

    Args:
        packed: names of the layers that are packed now. left: names of linear layers that were
            left, and why. bytes_before, bytes_after: of the weights of those packed.
    """

    packed: tuple[str, ...]
    left: dict[str, str]
    bytes_before: int
    bytes_after: int


def pack_linears(
    model: nn.Module, codec: Codec, *, keep: Collection[str] = (), exact: bool = False
) -> Packing:
    """Put `PackedLinear` in place of the linear layers of a model, one after the other.

    Layers whose weight is used elsewhere too are left as they are; a layer that stands in two
    places stays one.

    Args:
        model: any module, but for a linear layer itself.
        codec: of the weights.
        keep: names of layers to leave. exact: as of `PackedLinear`.

    Raises:
        ValueError: the model is itself a linear layer, so that it cannot be replaced in place.

    Example:
        >>> from thrifty.codec import Groups
        >>> model = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10))
        >>> done = pack_linears(model, Groups(8), keep=["2"])
        >>> done.packed, done.left, done.bytes_before / done.bytes_after > 3.5
        (('0',), {'2': 'kept'}, True)
    """
    if isinstance(model, nn.Linear):
        raise ValueError("model must hold linear layers, got a linear layer: use PackedLinear.of")
    found = {name: m for name, m in model.named_modules() if type(m) is nn.Linear}
    left = _left(model, found, keep)
    packed, before, after = [], 0, 0
    for name in found.keys() - left.keys():
        layer = found[name]
        small = PackedLinear.of(layer, codec, exact=exact)
        before, after = before + layer.weight.nbytes, after + small.nbytes
        for owner, part in _places(model, layer):
            setattr(owner, part, small)
        packed.append(name)
    order = [name for name in found if name in packed]
    return Packing(tuple(order), left, before, after)


def _left(model: nn.Module, found: dict[str, nn.Linear], keep: Collection[str]) -> dict[str, str]:
    """Which layers are left, and why."""
    owners: dict[int, set[int]] = {}
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            owners.setdefault(id(parameter), set()).add(id(module))
    left = {}
    for name, layer in found.items():
        if name in keep:
            left[name] = "kept"
        elif len(owners[id(layer.weight)]) > 1:
            left[name] = "its weight is that of another module too"
        elif not layer.weight.numel():
            left[name] = "its weight is empty"
    return left


def _places(model: nn.Module, layer: nn.Module) -> list[tuple[nn.Module, str]]:
    """Every module that has the layer as a part, and as which."""
    return [
        (owner, part)
        for owner in model.modules()
        for part, module in owner._modules.items()
        if module is layer
    ]
