"""Sharing: layers of torch that read their weights from one shared array."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from thrifty.core import IncompatibleError, whole
from thrifty.nn._reading import Region
from thrifty.nn.maps import ParameterMap
from thrifty.nn.shared import SharedParameter

__all__ = ["SharedConv2d", "SharedEmbedding", "SharedEmbeddingBag", "SharedLinear"]


class _Reader(nn.Module):
    """A layer whose weight is a region of an array, its own or that of a whole model.

    An array of its own is a part of the layer's state; one that is given belongs to the module
    that holds all the layers.
    """

    tied: bool

    def _read_from(
        self,
        shared: SharedParameter | ParameterMap,
        region: Region | None,
        shape: tuple[int, ...],
        *,
        tiled: bool,
        scale: float,
    ) -> None:
        rows, columns = shape[0], torch.Size(shape[1:]).numel()
        if isinstance(shared, ParameterMap):
            self.shared = SharedParameter(shared)
            shared = self.shared
        self._shape, self._source = torch.Size(shape), (shared,)
        if region is None:
            region = shared.region(rows, columns, scale=scale, tiled=tiled)
        if (region.rows, region.columns) != (rows, columns):
            raise IncompatibleError(f"{region!r} does not fit weights of {tuple(shape)}")
        self.region = region

    @property
    def source(self) -> SharedParameter:
        """The array that the weight is read from."""
        return self._source[0]

    @property
    def weight(self) -> torch.Tensor:
        """The weight, read anew at each look."""
        return self.source.matrix(self.region).reshape(self._shape)


class SharedLinear(_Reader):
    """`torch.nn.Linear` with its weight in a shared array; the bias is its own.

    Args:
        in_features, out_features: as of `torch.nn.Linear`, 1 or more.
        shared: a map for an array of its own, or an array that others read too.
        bias: as of `torch.nn.Linear`.
        region: of the array; None takes the next free positions.
        scale: weights are this times values of the array; None is 1 / sqrt(3 * in_features), the
            spread that `torch.nn.Linear` starts with, for values of spread 1.

    Example:
        >>> from thrifty.nn.maps import TileMap
        >>> layer = SharedLinear(64, 128, TileMap(800))
        >>> layer(torch.zeros(5, 64)).shape, sum(p.numel() for p in layer.parameters())
        (torch.Size([5, 128]), 928)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        shared: SharedParameter | ParameterMap,
        *,
        bias: bool = True,
        region: Region | None = None,
        scale: float | None = None,
    ) -> None:
        super().__init__()
        self.in_features = whole("in_features", in_features, 1, 2**31)
        self.out_features = whole("out_features", out_features, 1, 2**31)
        own = (3 * in_features) ** -0.5 if scale is None else scale
        self._read_from(shared, region, (out_features, in_features), tiled=True, scale=own)
        self.bias = nn.Parameter(self.source.values.new_zeros(out_features)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """X times the weight, plus the bias."""
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"


class SharedConv2d(_Reader):
    """`torch.nn.Conv2d` with its weight in a shared array, as a matrix of a row an output.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode,
            bias: as of `torch.nn.Conv2d`.
        shared, region, scale: as of `SharedLinear`.

    Example:
        >>> from thrifty.nn.maps import TileMap
        >>> layer = SharedConv2d(3, 16, 3, TileMap(50), padding=1)
        >>> layer(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 16, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        shared: SharedParameter | ParameterMap,
        *,
        bias: bool = True,
        region: Region | None = None,
        scale: float | None = None,
        **rest: Any,
    ) -> None:
        super().__init__()
        plain = nn.Conv2d(in_channels, out_channels, kernel_size, bias=False, device="meta", **rest)
        shape = tuple(plain.weight.shape)
        own = (3 * plain.weight[0].numel()) ** -0.5 if scale is None else scale
        plain.register_parameter("weight", None)
        self._plain = plain
        self._read_from(shared, region, shape, tiled=True, scale=own)
        self.bias = nn.Parameter(self.source.values.new_zeros(out_channels)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution, plus the bias."""
        return self._plain._conv_forward(x, self.weight, self.bias)


class SharedEmbedding(_Reader):
    """`torch.nn.Embedding` with its rows in a shared array.

    Args:
        num_embeddings, embedding_dim, padding_idx: as of `torch.nn.Embedding`.
        shared, region: as of `SharedLinear`.
        scale: weights are this times values of the array.

    Raises:
        ValueError: ids are outside 0..num_embeddings - 1 (looked at on the CPU alone).

    Example:
        >>> from thrifty.nn.maps import BlockMap
        >>> table = SharedEmbedding(1_000_000, 16, BlockMap(16_000))
        >>> table(torch.tensor([[1, 2, 999_999]])).shape, table.source.values.numel()
        (torch.Size([1, 3, 16]), 16000)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        shared: SharedParameter | ParameterMap,
        *,
        padding_idx: int | None = None,
        region: Region | None = None,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.num_embeddings = whole("num_embeddings", num_embeddings, 1, 2**40)
        self.embedding_dim = whole("embedding_dim", embedding_dim, 1, 2**31)
        self.padding_idx = padding_idx
        if padding_idx is not None:
            inside = whole("padding_idx", padding_idx, -num_embeddings, num_embeddings - 1)
            self.padding_idx = inside % num_embeddings
        shape = (num_embeddings, embedding_dim)
        self._read_from(shared, region, shape, tiled=False, scale=scale)

    def rows(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of flat ids, (n, embedding_dim); that of `padding_idx` is 0."""
        if ids.numel() and ids.device.type == "cpu":
            low, high = (int(end) for end in ids.aminmax())
            if low < 0 or high >= self.num_embeddings:
                last = self.num_embeddings - 1
                raise ValueError(f"ids must be in 0..{last}, got {low}..{high}")
        found = self.source.rows(self.region, ids)
        if self.padding_idx is None:
            return found
        return found.masked_fill((ids == self.padding_idx)[:, None], 0)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids of any shape, (..., embedding_dim)."""
        return self.rows(ids.reshape(-1)).reshape(*ids.shape, self.embedding_dim)

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"{self.num_embeddings}, {self.embedding_dim}"


class SharedEmbeddingBag(SharedEmbedding):
    """`torch.nn.EmbeddingBag` with its rows in a shared array.

    Args:
        mode, include_last_offset: as of `torch.nn.EmbeddingBag`.
        rest: as of `SharedEmbedding`.

    Example:
        >>> from thrifty.nn.maps import BlockMap
        >>> bag = SharedEmbeddingBag(1000, 8, BlockMap(64), mode="sum")
        >>> bag(torch.tensor([1, 2, 3]), torch.tensor([0, 2])).shape
        torch.Size([2, 8])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        shared: SharedParameter | ParameterMap,
        *,
        mode: str = "mean",
        include_last_offset: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, shared, **rest)
        self.mode, self.include_last_offset = mode, include_last_offset

    def forward(  # pyrefly: ignore[bad-override]
        self,
        input: torch.Tensor,
        offsets: torch.Tensor | None = None,
        per_sample_weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Sum, mean or maximum of the rows of each bag, as of `torch.nn.EmbeddingBag`."""
        flat = input.reshape(-1)
        found, picks = self.rows(flat), torch.arange(flat.numel(), device=flat.device)
        if self.padding_idx is not None:
            found = functional.pad(found, (0, 0, 0, 1))
            picks = picks.masked_fill(flat == self.padding_idx, flat.numel())
        return functional.embedding_bag(
            picks.reshape(input.shape),
            found,
            offsets,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=None if self.padding_idx is None else flat.numel(),
        )
