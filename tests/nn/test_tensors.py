"""Tensors: the memory of arrays, and rows put into a tensor."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from thrifty.nn.tensors import copy_rows, tensor_of  # noqa: E402


def test_the_memory_is_shared():
    """A change of the array is one of the tensor."""
    array = np.zeros(3, np.float32)
    made = tensor_of(array)
    array[1] = 5
    assert made.tolist() == [0.0, 5.0, 0.0]


def test_rows_of_any_form():
    """Rows may come flat; a tensor without an axis is replaced; parameters too."""
    whole = torch.nn.Parameter(torch.zeros(4, 2, 3))
    copy_rows(whole, 1, torch.arange(12.0).reshape(2, 6))
    assert whole[1:3].flatten().tolist() == list(map(float, range(12)))
    assert not whole[0].any()
    assert not whole[3].any()
    number = torch.zeros(())
    copy_rows(number, 0, torch.tensor([7.0]))
    assert number.item() == 7
