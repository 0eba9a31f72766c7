"""Hadamard: group convolutions between unitary transforms of the channels (HadaNet)."""

import math

import torch
from torch import Tensor, nn

from thrifty.core import IncompatibleError, method, one_of, whole

__all__ = ["UnitaryGroupConv2d", "hadamard"]

TRANSFORMS = ("hadamard", "shuffle", "none")


def hadamard(x: Tensor, dim: int = -1) -> Tensor:
    """The Walsh-Hadamard transform of length 1 along one axis, which is its own inverse.

    Additions only, log2 of them an element. A size that is no power of two is cut in blocks of
    the largest power of two that divides it.

    Args:
        x: float tensor of any shape.
        dim: the axis.

    Example:
        >>> x = torch.eye(4)
        >>> (2 * hadamard(x)).int().tolist()
        [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]
        >>> bool(torch.allclose(hadamard(hadamard(x)), x))
        True
    """
    return _Transform.apply(x, dim % x.dim())


class _Transform(torch.autograd.Function):
    """The transform, which is symmetric: its gradient is the transform of the gradient."""

    @staticmethod
    def forward(x, axis):  # type: ignore[no-untyped-def]
        size = x.shape[axis]
        block = max(size & -size, 1)
        lead, tail = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
        last, step = x.contiguous(), 1
        spare = [torch.empty_like(last) for _ in range(2)]
        while step < block:
            shape = lead * size // (2 * step), 2, step * tail
            pairs, found = last.view(shape), spare[0].view(shape)
            torch.add(pairs[:, 0], pairs[:, 1], out=found[:, 0])
            torch.sub(pairs[:, 0], pairs[:, 1], out=found[:, 1])
            last, spare, step = spare[0], spare[::-1], 2 * step
        return last.mul(block**-0.5) if step == 1 else last.mul_(block**-0.5)

    @staticmethod
    def setup_context(ctx, inputs, output):  # type: ignore[no-untyped-def]
        ctx.axis = inputs[1]

    @staticmethod
    def backward(ctx, *gradients):  # type: ignore[no-untyped-def]
        return _Transform.apply(gradients[0], ctx.axis), None


@method(
    source="Zhao et al. 2019, Building efficient deep neural networks with unitary group "
    "convolutions, arXiv:1811.07755",
    memory="4 * in * out * kernel**2 / groups bytes, and 4 * out of a bias",
    time="in * out * kernel**2 / groups products a pixel; log2(in) + log2(out) additions a channel",
    error="that of a convolution whose weights are 1 / groups as many; measured",
    exact="a convolution of all channels",
    laws=("module", "module gradients"),
    evidence=("hadamard",),
)
class UnitaryGroupConv2d(nn.Module):
    """A group convolution with a unitary transform of the channels before it and its inverse after.

    In a plain group convolution a channel sees the channels of its own group only. A Hadamard
    transform lets it see a sum of all of them, without a weight and without a multiplication; a
    shuffle (ShuffleNet) lets the next layer see other groups.

    Args:
        in_channels, out_channels: multiples of `groups`.
        kernel_size: of the convolution, odd; the size of images stays.
        groups: 1 or more.
        transform: "hadamard", "shuffle" or "none".
        bias: whether there is one.

    Raises:
        IncompatibleError: channels are no multiple of the groups.
        TypeError: an argument that is no number of its kind.
        ValueError: an argument outside its range.

    Example:
        >>> layer = UnitaryGroupConv2d(64, 64, groups=8)
        >>> layer(torch.zeros(1, 64, 5, 5)).shape, sum(p.numel() for p in layer.parameters())
        (torch.Size([1, 64, 5, 5]), 576)
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 1, *, groups: int = 1,
        transform: str = "hadamard", bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        whole("groups", groups, 1, 2**20), whole("kernel_size", kernel_size, 1, 99)
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if whole(name, channels, 1, 2**20) % groups:
                raise IncompatibleError(f"{name} must be a multiple of groups, got {channels}")
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.transform = one_of("transform", transform, TRANSFORMS)
        padding = kernel_size // 2
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, padding=padding, groups=groups, bias=bias
        )

    def forward(self, x: Tensor) -> Tensor:
        """Images (n, in, height, width) to (n, out, height, width)."""
        if self.transform == "hadamard":
            return hadamard(self.conv(hadamard(x, 1)), 1)
        found = self.conv(x)
        return shuffled(found, self.conv.groups) if self.transform == "shuffle" else found

    @property
    def weight(self) -> Tensor:
        """The weight (out, in, kernel, kernel) of one convolution of all channels that does it."""
        parts = self.conv.weight.chunk(self.conv.groups)
        each, after = parts[0].shape[1], len(parts) - 1
        sides = [(0, 0, 0, 0, i * each, (after - i) * each) for i in range(len(parts))]
        padded = zip(parts, sides, strict=True)
        dense = torch.cat([nn.functional.pad(part, side) for part, side in padded])
        if self.transform == "hadamard":
            return hadamard(hadamard(dense, 0), 1)
        return shuffled(dense[None], len(parts))[0] if self.transform == "shuffle" else dense


def shuffled(x: Tensor, groups: int) -> Tensor:
    """Channels of all groups in turn, so that the next layer's groups hold some of each."""
    n, channels, *sides = x.shape
    return x.reshape(n, groups, channels // groups, *sides).transpose(1, 2).reshape(x.shape)
