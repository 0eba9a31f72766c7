"""Linears: which layers are linear maps, and along which axis of the weight their inputs lie."""

from torch import nn

__all__ = ["inputs_axis", "linear_layers"]


def inputs_axis(layer: nn.Module) -> int | None:
    """The axis of the weight that the inputs lie along; None if the layer is no linear map.

    It is 1 of a `Linear`, and 0 of what transformers call Conv1D, as GPT-2 has it.

    Example:
        >>> inputs_axis(nn.Linear(2, 3)), inputs_axis(nn.ReLU())
        (1, None)
    """
    if isinstance(layer, nn.Linear):
        return 1
    turned = type(layer).__name__ == "Conv1D" and hasattr(layer, "nf")
    return 0 if turned and isinstance(layer.weight, nn.Parameter) else None


def linear_layers(module: nn.Module, axis: int, most: int, name: str = "") -> dict[str, nn.Module]:
    """The linear layers of a module by the names of their weights.

    Args:
        module: with layers.
        axis: 0 for outputs and 1 for inputs; layers with more than `most` of them are left out.
        most: of them.
        name: of the module, put before the names.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 9))
        >>> list(linear_layers(model, 0, 8)), list(linear_layers(model, 1, 8, "net"))
        (['0.weight'], ['net.0.weight', 'net.2.weight'])
    """
    found = {}
    for own, layer in module.named_modules():
        along = inputs_axis(layer)
        if along is None:
            continue
        weight = layer.get_parameter("weight")
        if weight.shape[along if axis else 1 - along] <= most:
            found[".".join(word for word in (name, own, "weight") if word)] = layer
    return found
