"""Tensors: NumPy arrays of any dtype as torch tensors of the same memory."""

import numpy as np
import torch
from torch import Tensor

__all__ = ["copy_rows", "tensor_of"]


def tensor_of(array: np.ndarray) -> Tensor:
    """An array of any dtype as a tensor of the same memory.

    Example:
        >>> import ml_dtypes
        >>> tensor_of(np.ones(2, ml_dtypes.bfloat16)).dtype
        torch.bfloat16
    """
    name = array.dtype.name
    if hasattr(np, name) or name == "bool":
        return torch.from_numpy(array)
    words = array.view({1: np.uint8, 2: np.int16}[array.dtype.itemsize])
    return torch.from_numpy(words).view(getattr(torch, name))


def copy_rows(into: Tensor, start: int, rows: Tensor) -> None:
    """Put rows into a tensor, from one row on; their other axes may be flat.

    Example:
        >>> found = torch.zeros(3, 2)
        >>> copy_rows(found, 1, torch.ones(2, 2))
        >>> found.sum(1).tolist()
        [0.0, 2.0, 2.0]
    """
    part = into[start : start + len(rows)] if into.ndim else into
    with torch.no_grad():
        part.copy_(rows.reshape(part.shape))
