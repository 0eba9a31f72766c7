"""Module tensors: parameters and buffers of a torch module, read as a checkpoint is."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from thrifty.codec._buffers import array_of
from thrifty.codec.tensorfile import TensorInfo, code_of
from thrifty.core import DataError

__all__ = ["ModuleTensors"]

CHUNK = 1 << 24


class ModuleTensors:
    """The state of a module, as arrays that share its memory where they can.

    Args:
        module: any.

    Raises:
        DataError: a tensor is on the meta device, so it has no numbers, or of a dtype that
            safetensors has not.

    Example:
        >>> layer = nn.Linear(3, 4, bias=False)
        >>> both = ModuleTensors(nn.ModuleList([layer, layer]))
        >>> both.tensors["0.weight"].shape, both.aliases
        ((4, 3), {'1.weight': '0.weight'})
    """

    kind, ours, architecture = "module", None, None

    def __init__(self, module: nn.Module) -> None:
        self._state = {
            name: _plain(name, tensor)
            for name, tensor in module.state_dict().items()
            if isinstance(tensor, Tensor)
        }
        self.tensors = {name: _info(name, array) for name, array in self._state.items()}
        self.aliases, self.metadata = _aliases(self._state), dict[str, str]()

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors, the same memory once."""
        return sum(info.nbytes for n, info in self.tensors.items() if n not in self.aliases)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Some rows of a tensor."""
        array = self._state[name]
        return array[start:stop] if array.ndim else array

    def chunks(self, name: str) -> Iterator[np.ndarray]:
        """All bytes of a tensor, some megabytes at a time."""
        flat = self._state[name].reshape(-1).view(np.uint8)
        for low in range(0, flat.size, CHUNK):
            yield flat[low : low + CHUNK]

    def extras(self) -> list[Path]:
        """Files beside it: none."""
        return []


def _plain(name: str, tensor: Tensor) -> np.ndarray:
    if tensor.is_meta:
        raise DataError(f"tensor {name!r} must have numbers, it is on the meta device")
    try:
        found = array_of(tensor.detach().cpu().contiguous())
    except TypeError as error:
        raise DataError(f"tensor {name!r} cannot be compressed: {error}") from error
    return found


def _info(name: str, array: np.ndarray) -> TensorInfo:
    return TensorInfo(code_of(array.dtype), array.shape, 0, array.nbytes)


def _aliases(state: dict[str, np.ndarray]) -> dict[str, str]:
    """Tensors that are the memory of an earlier one."""
    seen: dict[tuple[int, tuple[int, ...], str], str] = {}
    found = {}
    for name, array in state.items():
        key = (array.__array_interface__["data"][0], array.shape, array.dtype.str)
        if array.size and key in seen:
            found[name] = seen[key]
        seen.setdefault(key, name)
    return found
