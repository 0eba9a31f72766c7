"""Buffers: arrays of NumPy and tensors of torch as the same memory, without importing torch."""

import sys
from typing import Any

import ml_dtypes
import numpy as np

__all__ = ["DTYPES", "array_of", "bits_of", "dtype_named", "values_of"]

DTYPES: dict[str, np.dtype] = {
    name: np.dtype(kind)
    for name, kind in {
        "float64": np.float64, "float32": np.float32, "float16": np.float16,
        "bfloat16": ml_dtypes.bfloat16,
        "float8_e4m3fn": ml_dtypes.float8_e4m3fn, "float8_e5m2": ml_dtypes.float8_e5m2,
        "int64": np.int64, "int32": np.int32, "int16": np.int16, "int8": np.int8,
        "uint64": np.uint64, "uint32": np.uint32, "uint16": np.uint16, "uint8": np.uint8,
        "bool": np.bool_,
    }.items()
}  # fmt: skip
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def array_of(x: Any) -> np.ndarray:
    """The array of what has a buffer: an array as it is, a tensor of torch on the CPU as a view.

    Raises:
        TypeError: it is neither, or its dtype has no name here.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        return _array_of_tensor(torch, x)
    found = np.asarray(x)
    if found.dtype.name not in DTYPES:
        raise TypeError(f"x must be of dtype {', '.join(DTYPES)}, got {found.dtype}")
    return found


def _array_of_tensor(torch: Any, tensor: Any) -> np.ndarray:
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise TypeError(f"x must be of dtype {', '.join(DTYPES)}, got {tensor.dtype}")
    if tensor.device.type != "cpu":
        raise TypeError(f"x must be on the CPU, got {tensor.device}")
    plain, dtype = tensor.detach(), DTYPES[name]
    if hasattr(np, name) or name == "bool":
        return plain.numpy()
    return plain.view(getattr(torch, UNSIGNED[dtype.itemsize].__name__)).numpy().view(dtype)


def bits_of(x: Any) -> np.ndarray:
    """The bit patterns of an array or tensor, unsigned integers of the same shape, not copied."""
    found = array_of(x)
    return found.view(UNSIGNED[found.dtype.itemsize])


def values_of(x: Any) -> np.ndarray:
    """The numbers of an array or tensor as float32, or as float64 where they are; copied if not."""
    found = array_of(x)
    return found if found.dtype == np.float64 else found.astype(np.float32, copy=False)


def dtype_named(name: Any) -> np.dtype:
    """The dtype of this name.

    Raises:
        ValueError: there is none.
    """
    if name not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {name!r}")
    return DTYPES[name]
