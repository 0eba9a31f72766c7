"""Quantised: the linear maps of a torch model, quantised in each way that is compared."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from thrifty.codec import Encoded, LeanCodec, gptq, output_error

__all__ = [
    "BITS",
    "ROWS",
    "SAME_BYTES",
    "WAYS",
    "encode",
    "gradients_of",
    "kept",
    "moments_of",
    "quantise",
    "table",
]

BITS = (4, 3, 2)
ROWS = ("nearest", "GPTQ", "LeanQuant affine")  # a scale and a least value a row
SAME_BYTES = ("GPTQ groups", "LeanQuant affine groups", "k-means", "LeanQuant")
WAYS = (*ROWS, *SAME_BYTES)

Moments = Mapping[str, np.ndarray]
GRIDS = {
    "GPTQ": "affine", "LeanQuant affine": "lean-affine", "k-means": "kmeans", "LeanQuant": "lean",
}  # fmt: skip


def encode(
    way: str, bits: int, weight: torch.Tensor, moments: np.ndarray, outputs: np.ndarray | None
) -> Encoded:
    """Weights in one of the WAYS; with ", together" after it, rows make up for each other too.

    Groups are as many even grids as take a codebook's bytes. Alone, GPTQ and k-means are as
    published; together, sweeps follow the loop whatever the grid.
    """
    way, _, together = way.partition(", ")
    rounds = 2 if together or way.startswith("LeanQuant") else 0  # else the loop as published
    if way == "nearest":
        return LeanCodec(bits, "affine").encode(weight)
    group = -(-weight.shape[1] // 2 ** (bits - 1)) if way.endswith("groups") else None
    grid = GRIDS[way.removesuffix(" groups")]
    theirs = outputs if together else None
    return gptq(
        weight, moments, outputs=theirs, bits=bits, grid=grid, group=group, rounds=rounds
    )  # fmt: skip


@torch.no_grad()
def moments_of(
    maps: Mapping[str, nn.Linear], model: Callable[..., Any], batches: Iterable[Any]
) -> dict[str, np.ndarray]:
    """Second moments of the inputs of linear maps, over batches that a model is called with."""
    sums = {name: np.zeros((part.in_features,) * 2) for name, part in maps.items()}

    def hook(name: str) -> Callable[..., None]:
        def add(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            rows = inputs[0].reshape(-1, inputs[0].shape[-1]).float().numpy()
            sums[name] += rows.T @ rows

        return add

    hooks = [part.register_forward_pre_hook(hook(name)) for name, part in maps.items()]
    for batch in batches:
        model(batch)
    for each in hooks:
        each.remove()
    return sums


@torch.enable_grad()
def gradients_of(
    maps: Mapping[str, nn.Linear], loss: Callable[[Any], torch.Tensor], batches: Iterable[Any]
) -> dict[str, np.ndarray]:
    """Second moments of the gradients of a loss at the outputs of linear maps, over batches."""
    sums = {name: np.zeros((part.out_features,) * 2) for name, part in maps.items()}

    def hook(name: str) -> Callable[..., None]:
        def add(_: nn.Module, __: Any, found: tuple[torch.Tensor, ...]) -> None:
            rows = found[0].reshape(-1, found[0].shape[-1]).float().numpy()
            sums[name] += rows.T @ rows

        return add

    hooks = [part.register_full_backward_hook(hook(name)) for name, part in maps.items()]
    for batch in batches:
        loss(batch).backward()
    for each in hooks:
        each.remove()
    return sums


def kept(maps: Mapping[str, nn.Linear]) -> dict[str, torch.Tensor]:
    """The weights as they are."""
    return {name: part.weight.detach().clone() for name, part in maps.items()}


@torch.no_grad()
def quantise(
    maps: Mapping[str, nn.Linear],
    weights: Mapping[str, torch.Tensor],
    moments: Moments,
    way: str,
    bits: int,
    outputs: Moments | None = None,
) -> dict[str, float]:
    """Put quantised weights into a model; the bits a weight, and the error of what maps put out.

    The error is the geometric mean over maps of the mean squared error of the outputs over their
    mean square.
    """
    nbytes, shares = 0, []
    for name, part in maps.items():
        theirs = None if outputs is None else outputs[name]
        made = encode(way, bits, weights[name], moments[name], theirs)
        decoded = made.decode()
        part.weight.copy_(torch.from_numpy(decoded))
        nbytes += made.nbytes
        whole = output_error(weights[name], np.zeros_like(decoded), moments[name])
        shares.append(output_error(weights[name], decoded, moments[name]) / whole)
    count = sum(weight.numel() for weight in weights.values())
    return {
        "bits": 8 * nbytes / count, "output error": float(np.exp(np.log(shares).mean())),
    }  # fmt: skip


@torch.no_grad()
def table(
    maps: Mapping[str, nn.Linear],
    moments: Moments,
    judged: Callable[[], dict[str, float]],
    bits: Iterable[int] = BITS,
    ways: Sequence[str] = WAYS,
) -> dict[str, dict[str, float]]:
    """What is judged, for each way and number of bits; the model is as it was afterwards."""
    weights, rows = kept(maps), {"as it is": judged()}
    for count in bits:
        for way in ways:
            row = quantise(maps, weights, moments, way, count)
            rows[f"{way}, {count} bits"] = row | judged()
            print(way, count, rows[f"{way}, {count} bits"], flush=True)
    for name, part in maps.items():
        part.weight.copy_(weights[name])
    return rows
