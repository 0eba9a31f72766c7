"""Module tensors: a module's state as a checkpoint, in its own memory."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.core import DataError  # noqa: E402
from thrifty.nn.moduletensors import ModuleTensors  # noqa: E402


def test_the_state_is_read():
    """Parameters and buffers, in parts, of the dtypes they have."""
    module = nn.Sequential(nn.Linear(6, 4).bfloat16(), nn.BatchNorm1d(4))
    found = ModuleTensors(module)
    assert set(found.tensors) == set(module.state_dict())
    assert found.tensors["0.weight"].code == "BF16"
    whole = module[0].weight.detach().float().numpy()
    assert np.array_equal(found.read("0.weight", 1, 3).astype(np.float32), whole[1:3])
    assert b"".join(c.tobytes() for c in found.chunks("1.num_batches_tracked")) == bytes(8)
    assert found.nbytes == 2 * 28 + 4 * 16 + 8
    assert found.extras() == []


def test_the_memory_is_shared():
    """A change of the module is seen; nothing is copied."""
    module = nn.Linear(3, 2)
    found = ModuleTensors(module)
    with torch.no_grad():
        module.weight[0, 0] = 42
    assert found.read("weight")[0, 0] == 42


def test_tensors_without_numbers_are_refused():
    """A module on the meta device, and numbers that the format has not."""
    with pytest.raises(DataError, match=r"^tensor 'weight' must have numbers"):
        ModuleTensors(nn.Linear(2, 2, device="meta"))
    module = nn.Module()
    module.register_buffer("wave", torch.zeros(2, dtype=torch.complex64))
    with pytest.raises(DataError, match=r"^tensor 'wave' cannot be compressed"):
        ModuleTensors(module)
