"""LoRA: a linear layer that stays as it is, and a product of two thin matrices that is trained."""

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from thrifty.codec import NF4
from thrifty.core import DataError, IncompatibleError, in_range, method, whole
from thrifty.core.atomic import replacing
from thrifty.nn._submodules import put
from thrifty.nn.packed import PackedLinear

__all__ = ["LoRALinear", "add_lora", "load_lora", "merge_lora", "save_lora"]

PREFIX, CONFIG, WEIGHTS = "base_model.model.", "adapter_config.json", "adapter_model.safetensors"


@method(
    source="Hu et al. 2021, LoRA, arXiv:2106.09685; with a base of 4 bits: Dettmers et al. 2023, "
    "QLoRA, arXiv:2305.14314",
    memory="4 * r * (in + out) bytes beside the base, which is frozen; a base in NF4 takes about "
    "0.516 bytes a weight",
    time="r * (in + out) products a vector beside the base",
    error="a change of the weight of rank r",
    exact="training the whole weight",
    laws=("module",),
    evidence=("lora",),
)
class LoRALinear(nn.Module):
    """A frozen linear layer and a trained change: `base(x) + (alpha / r) * B(A(dropout(x)))`.

    `B` begins at zero, so the layer begins as its base.

    Args:
        base: `nn.Linear` or `PackedLinear`; its parameters are frozen.
        r: rank of the change, 1 or more.
        alpha: what it is scaled by, over r.
        dropout: share of inputs of the change that are dropped in training, 0..1.

    Raises:
        TypeError: the base is another kind of module.
        ValueError: an argument outside its range.

    Example:
        >>> layer = LoRALinear(nn.Linear(512, 512), r=8)
        >>> sum(p.numel() for p in layer.parameters() if p.requires_grad)
        8192
        >>> x = torch.randn(2, 512)
        >>> bool((layer(x) == layer.base_layer(x)).all())
        True
    """

    def __init__(
        self, base: nn.Module, r: int = 8, alpha: float = 16.0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if not isinstance(base, nn.Linear | PackedLinear):
            raise TypeError(f"base must be Linear or PackedLinear, got {type(base).__name__}")
        whole("r", r, 1, 2**20), in_range("dropout", dropout, 0.0, 1.0)
        self.base_layer = base.requires_grad_(False)
        self.in_features, self.out_features = base.in_features, base.out_features
        self.r, self.alpha = r, float(alpha)
        self.lora_A = nn.Linear(base.in_features, r, bias=False)
        self.lora_B = nn.Linear(r, base.out_features, bias=False)
        nn.init.zeros_(self.lora_B.weight)
        nn.init.kaiming_uniform_(self.lora_A.weight, a=math.sqrt(5))
        if isinstance(base, nn.Linear):
            self.lora_A.to(base.weight), self.lora_B.to(base.weight)
        self.dropout = nn.Dropout(dropout)

    @property
    def scaling(self) -> float:
        """What the change is multiplied by."""
        return self.alpha / self.r

    def forward(self, x: Tensor) -> Tensor:
        """The layer's answer (..., out) to x (..., in)."""
        change = self.lora_B(self.lora_A(self.dropout(x.to(self.lora_A.weight.dtype))))
        return self.base_layer(x) + (change * self.scaling).to(x.dtype)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """One plain linear layer with the change in its weight."""
        change = self.scaling * self.lora_B.weight @ self.lora_A.weight
        bias = self.base_layer.bias
        layer = nn.Linear(self.in_features, self.out_features, bias=bias is not None)
        if isinstance(self.base_layer, PackedLinear):
            rows = torch.cat([part for _, part in self.base_layer.blocks()])
            layer.to(rows.dtype)
        else:
            rows = self.base_layer.weight
            layer.to(rows)
        layer.weight.copy_(rows + change.to(rows.dtype))
        if bias is not None:
            layer.bias.copy_(bias)
        return layer


def add_lora(
    model: nn.Module,
    targets: Collection[str] | str = "all-linear",
    *,
    r: int = 8,
    alpha: float = 16.0,
    dropout: float = 0.0,
    four_bits: bool = False,
) -> list[str]:
    """Freeze a model and put `LoRALinear` in place of its linear layers, in place.

    Args:
        model: any module that holds linear layers.
        targets: last parts of the names of layers, as "q_proj"; or "all-linear".
        r, alpha, dropout: as of `LoRALinear`.
        four_bits: encode the frozen weights as NF4 with doubly encoded scales (QLoRA).

    Returns:
        Names of the layers that were wrapped.

    Raises:
        DataError: no layer has such a name.

    Example:
        >>> model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
        >>> add_lora(model, ["0"], r=2), sum(p.requires_grad for p in model.parameters())
        (['0'], 2)
    """
    every = targets == "all-linear"
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | PackedLinear)
        and (every or name.rpartition(".")[2] in targets)
    ]
    if not names:
        raise DataError(f"targets must be names of linear layers, got {targets!r}")
    model.requires_grad_(False)
    for name in names:
        base = model.get_submodule(name)
        if four_bits and isinstance(base, nn.Linear):
            base = PackedLinear.of(base, NF4(64, double=True))
        put(model, name, LoRALinear(base, r, alpha, dropout))
    return names


def merge_lora(model: nn.Module) -> nn.Module:
    """Put plain linear layers with their changes in place of all `LoRALinear`, in place."""
    for name, layer in list(_wrapped(model).items()):
        put(model, name, layer.merged())
    return model


def save_lora(model: nn.Module, folder: str | Path) -> None:
    """Write the changes alone, as `peft` writes and reads them.

    Args:
        model: with `LoRALinear` layers, all of one r and alpha.
        folder: that adapter_config.json and adapter_model.safetensors are written to.

    Raises:
        DataError: there is no such layer, or their r or alpha differ.
    """
    found = _wrapped(model)
    kinds = {(layer.r, layer.alpha) for layer in found.values()}
    if len(kinds) != 1:
        raise DataError(f"model must hold LoRA layers of one r and alpha, got {sorted(kinds)}")
    r, alpha = kinds.pop()
    Path(folder).mkdir(parents=True, exist_ok=True)
    drop = next(iter(found.values())).dropout.p
    config = {
        "peft_type": "LORA", "r": r, "lora_alpha": alpha, "lora_dropout": drop,
        "target_modules": sorted(found), "bias": "none", "inference_mode": True,
    }  # fmt: skip
    with replacing(Path(folder) / CONFIG) as file:
        file.write(json.dumps(config, indent=1).encode())
    state = {
        f"{PREFIX}{name}.{part}.weight": getattr(layer, part).weight.detach().contiguous()
        for name, layer in found.items()
        for part in ("lora_A", "lora_B")
    }
    with replacing(Path(folder) / WEIGHTS) as file:
        file.write(save(state))


def load_lora(model: nn.Module, folder: str | Path) -> list[str]:
    """Add the changes of a folder that `save_lora` or `peft` wrote, in place.

    Args:
        model: the one they were trained beside, without LoRA layers.
        folder: with adapter_config.json and adapter_model.safetensors.

    Returns:
        Names of the layers that were wrapped.

    Raises:
        DataError: the folder does not hold such a file, or the config says something else.
        IncompatibleError: the changes do not fit the model.
    """
    try:
        config = json.loads((Path(folder) / CONFIG).read_bytes())
        state = load_file(Path(folder) / WEIGHTS)
        r, alpha, drop = config["r"], config["lora_alpha"], config.get("lora_dropout", 0.0)
        plain = config["peft_type"] == "LORA" and config.get("bias", "none") == "none"
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DataError(f"{folder} must hold a LoRA adapter, got {error}") from error
    if not plain or config.get("use_dora") or config.get("use_rslora"):
        raise DataError(f"{folder} must hold a plain LoRA adapter without biases")
    names = sorted({_layer(key) for key in state})
    linear = {n for n, m in model.named_modules() if isinstance(m, nn.Linear | PackedLinear)}
    if strange := [name for name in names if name not in linear]:
        raise IncompatibleError(f"model must have a linear layer {strange[0]!r}, got none")
    for name in names:
        layer = LoRALinear(model.get_submodule(name), r, alpha, drop)
        _fill(layer, name, state)
        put(model, name, layer)
    return names


def _layer(key: str) -> str:
    """The layer that a tensor of an adapter belongs to."""
    for part in (".lora_A.weight", ".lora_B.weight"):
        if key.startswith(PREFIX) and key.endswith(part):
            return key.removeprefix(PREFIX).removesuffix(part)
    raise DataError(f"tensors must be lora_A and lora_B of layers, got {key!r}")


def _fill(layer: LoRALinear, name: str, state: dict[str, Any]) -> None:
    for part in ("lora_A", "lora_B"):
        mine, found = getattr(layer, part).weight, state.get(f"{PREFIX}{name}.{part}.weight")
        if found is None or found.shape != mine.shape:
            got = None if found is None else tuple(found.shape)
            raise IncompatibleError(f"{part} of {name!r} must be {tuple(mine.shape)}, got {got}")
        mine.data.copy_(found)


def _wrapped(model: nn.Module) -> dict[str, LoRALinear]:
    return {name: m for name, m in model.named_modules() if isinstance(m, LoRALinear)}
