"""Gating: convolutions that look at a part of the channels first, and at the rest where it pays."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from thrifty.core import IncompatibleError, in_range, method, whole
from thrifty.nn._gates import gated_sums

__all__ = ["GatedConv2d", "gating_loss"]

SPARSE = 0.15  # of outputs; with more of them open, all sums over the rest are as fast
PLAIN = ("cpu", torch.float32)


class _Gate(torch.autograd.Function):
    """A step at 0 whose gradient is that of a sigmoid."""

    @staticmethod
    def forward(ctx, x, steep):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        ctx.steep = steep
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, *gradients):  # type: ignore[no-untyped-def]
        (x,), steep = ctx.saved_tensors, ctx.steep
        soft = torch.sigmoid(steep * x)
        return gradients[0] * steep * soft * (1 - soft), None


@method(
    source="Hua et al. 2019, Channel gating neural networks, arXiv:1805.12549; the accelerator: "
    "Hua et al. 2019, doi:10.1145/3352460.3358283",
    memory="as many weights as the convolution, and 5 * out of two norms and thresholds",
    time="base / in of the products, and the rest of them for each output that the gate opens",
    error="measured",
    exact="the convolution of all channels",
    laws=("module",),
    evidence=("gating",),
)
class GatedConv2d(nn.Module):
    """A convolution that skips most input channels where the first ones tell enough.

    A sum over the base channels is made everywhere. Where it is above a threshold of its output
    channel, after a norm without weights, the sum over the rest is added; there one batch norm
    follows, elsewhere another. Each output group has base channels of its own, one from each
    group of the layer before, so that every channel is looked at. On CPUs in evaluation, where
    few gates are open, the rest is computed for open outputs only; dense products are so fast
    there that this saves time against a plain convolution only where hardly any gate is open.

    Args:
        in_channels, out_channels: multiples of `groups`.
        kernel_size: odd; the size of images stays.
        groups: base channels are in_channels / groups, of each of as many groups of outputs.
        threshold: that gates begin with. steep: of the sigmoid that gradients go through.

    Raises:
        IncompatibleError: channels are no multiple of the groups.
        TypeError: an argument that is no number of its kind.
        ValueError: an argument outside its range.

    Example:
        >>> layer = GatedConv2d(32, 64, groups=4).eval()
        >>> layer(torch.zeros(1, 32, 8, 8)).shape, float(layer.open_share)
        (torch.Size([1, 64, 8, 8]), 0.0)
        >>> layer.products(8, 8) / (32 * 64 * 9 * 64)
        0.25
    """

    open_share: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 3, *, groups: int = 4,
        threshold: float = 0.0, steep: float = 2.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.groups = whole("groups", groups, 2, 2**16)
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if whole(name, channels, 1, 2**20) % groups:
                raise IncompatibleError(f"{name} must be a multiple of groups, got {channels}")
        if whole("kernel_size", kernel_size, 1, 99) % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.steep = in_range("steep", steep, 0.0, 1e6)
        made = nn.Conv2d(in_channels, out_channels, kernel_size, bias=False)
        self.weight, self.padding = made.weight, kernel_size // 2
        self.thresholds = nn.Parameter(torch.full((out_channels,), float(threshold)))
        self.norm = nn.BatchNorm2d(out_channels, affine=False)
        self.closed, self.open = nn.BatchNorm2d(out_channels), nn.BatchNorm2d(out_channels)
        self.register_buffer("base", _base(in_channels, out_channels, groups), persistent=False)
        self.register_buffer("open_share", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Images (n, in, height, width) to (n, out, height, width), before any activation."""
        grouped, weight = self._by_group(x), self._weight_by_group()
        first = conv2d(
            grouped.flatten(1, 2), weight[:, 0], padding=self.padding, groups=self.groups
        )
        asked = torch.is_grad_enabled() and (first.requires_grad or self.thresholds.requires_grad)
        if not (self.training or asked) and (first.device.type, first.dtype) == PLAIN:
            return self._chosen(x, grouped, weight, first)
        gate = _Gate.apply(self.norm(first) - self.thresholds[:, None, None], self.steep)
        self.open_share = gate.detach().mean()
        part = self.closed(first)
        return part + gate * (self.open(first + self._rest(x)) - part)

    def _rest(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight * (1 - self.base), padding=self.padding)

    def _chosen(self, x: Tensor, grouped: Tensor, weight: Tensor, first: Tensor) -> Tensor:
        """The answer where no gradient is asked: closed outputs are left out if they are many."""
        mean, spread = _moments(self.norm)
        gate = first > (mean + self.thresholds * spread)[:, None, None]
        self.open_share = gate.count_nonzero() / gate.numel()
        if float(self.open_share) > SPARSE:
            return torch.where(gate, self.open(first + self._rest(x)), self.closed(first))
        return gated_sums(grouped, weight, first, gate, _line(self.closed), _line(self.open))

    def _by_group(self, x: Tensor) -> Tensor:
        """Images (n, groups, in / groups, height, width): base channels of each group together."""
        n, _, height, width = x.shape
        return x.reshape(n, -1, self.groups, height, width).transpose(1, 2)

    def _weight_by_group(self) -> Tensor:
        """(out, groups, in / groups, kernel, kernel): each output's own base channels first."""
        out, _, *kernel = self.weight.shape
        parts = self.weight.reshape(out, -1, self.groups, *kernel).transpose(1, 2)
        own = torch.arange(out, device=parts.device) // (out // self.groups)
        order = (own[:, None] + torch.arange(self.groups, device=own.device)) % self.groups
        return parts.gather(1, order[:, :, None, None, None].expand_as(parts))

    def products(self, height: int, width: int) -> float:
        """Products an image of this size asks for, by the gates of the last call.

        Where more than 15 percent of gates are open, or gradients are asked, more are made.
        """
        every = self.weight.numel() * height * width
        return every / self.groups * (1 + (self.groups - 1) * float(self.open_share))


def _moments(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel that a norm has seen."""
    return norm.get_buffer("running_mean"), (norm.get_buffer("running_var") + norm.eps).sqrt()


def _line(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Slope and start of each channel of a norm in evaluation."""
    mean, spread = _moments(norm)
    slope = norm.weight / spread
    return slope, norm.bias - mean * slope


def _base(in_channels: int, out_channels: int, groups: int) -> Tensor:
    """1 where an output looks first: each group of outputs at every groups-th input."""
    theirs = torch.arange(in_channels) % groups
    mine = torch.arange(out_channels) // (out_channels // groups)
    return (mine[:, None] == theirs).float()[:, :, None, None]


def gating_loss(model: nn.Module, target: float) -> Tensor:
    """What to add to a loss, times a factor, so that thresholds move to a target.

    Args:
        model: that holds `GatedConv2d` layers.
        target: of thresholds, in deviations of the first sums; higher means fewer open gates.
            Thresholds move no further than rates let them: begin near it.

    Raises:
        ValueError: there is no such layer.
    """
    found = [m.thresholds for m in model.modules() if isinstance(m, GatedConv2d)]
    if not found:
        raise ValueError("model must hold GatedConv2d layers, got none")
    return torch.stack([(target - mine).square().sum() for mine in found]).sum()
