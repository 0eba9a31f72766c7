"""Blocks: the parts of a module that run one after the other, each fed by the one before."""

from torch import nn

__all__ = ["block_at", "blocks_of"]


def blocks_of(module: nn.Module) -> list[str]:
    """Names of the blocks of a module, in the order they run; none where it has no such parts.

    They are the parts of the one list that holds most parameters: of a `ModuleList` of parts of
    one class, as transformers have, or of a `Sequential`.

    Args:
        module: any; its parameters may be on the meta device.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> blocks_of(model), blocks_of(nn.Linear(4, 8))
        (['0', '1', '2'], [])
    """
    best, most = list[str](), 0
    for name, part in module.named_modules():
        if not _in_turn(part):
            continue
        held = sum(parameter.numel() for parameter in part.parameters())
        if held > most:
            best, most = [f"{name}.{own}".lstrip(".") for own, _ in part.named_children()], held
    return best


def _in_turn(part: nn.Module) -> bool:
    children = list(part.children())
    if len(children) < 2:
        return False
    alike = isinstance(part, nn.ModuleList) and len({type(child) for child in children}) == 1
    return alike or type(part) is nn.Sequential


def block_at(key: str, blocks: list[str]) -> int | None:
    """The number of the block that a parameter belongs to, by its name.

    Example:
        >>> block_at("layers.10.up.weight", ["layers.1", "layers.10"]), block_at("head.bias", [])
        (1, None)
    """
    return next((n for n, name in enumerate(blocks) if key.startswith(f"{name}.")), None)
