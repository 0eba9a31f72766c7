"""Shrinking: which layers go, what stays untouched, and what a config must hold."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.codec.masks import n_of_m  # noqa: E402
from thrifty.core import DataError, IncompatibleError  # noqa: E402
from thrifty.nn.shrinking import Wanted, changed, made_smaller  # noqa: E402

X = [torch.randn(40, 6, generator=torch.Generator().manual_seed(i)) for i in range(4)]


def halves(scores):
    """2 of 4 neighbours stay."""
    return n_of_m(scores, 2, 4)


class Config:
    """A number of units, as transformers say it."""

    def __init__(self):
        self.intermediate_size = 16


class Two(nn.Module):
    """Two blocks, the second perhaps of a kind that cannot be shrunk."""

    def __init__(self, config=None, *, leak=False):
        super().__init__()
        self.config, self.leak = config or Config(), leak
        width = self.config.intermediate_size
        self.one = nn.ModuleList([nn.Linear(6, width), nn.Linear(width, 6)])
        self.two = nn.ModuleList([nn.Linear(6, width), nn.Linear(width, 6)])

    def forward(self, x):
        """As its class says."""
        x = self.one[1](self.one[0](x).relu())
        units = self.two[0](x).tanh()
        return self.two[1](units) + (units[:, :6] if self.leak else 0)


class Leaking(Two):
    """Its second block's units have another reader."""

    def __init__(self, config=None):
        super().__init__(config, leak=True)


def test_layers_as_the_config_says():
    """All of them keep the same number, which the config of the smaller one says."""
    torch.manual_seed(0)
    whole = Two()
    made = made_smaller(whole, X, Wanted(share=0.75))
    assert [row.after for row in made.layers] == [12, 12]
    assert (made.module.config.intermediate_size, whole.config.intermediate_size) == (12, 16)
    assert made.manifest["config"] == {"intermediate_size": 12}
    assert whole.one[0].out_features == 16


def test_a_block_that_cannot_be_shrunk():
    """The config has one number: either all blocks, or none."""
    torch.manual_seed(0)
    with pytest.raises(DataError, match=r"^model has blocks that cannot be shrunk as its config"):
        made_smaller(Leaking(), X, Wanted(share=0.75))


def test_what_changed():
    """Layers that were cut, in any dtype; all numbers where it was trained."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 6), nn.Sigmoid(), nn.LayerNorm(6), nn.Linear(6, 8),
                        nn.ReLU(), nn.Linear(8, 2))  # fmt: skip
    made = made_smaller(net, X, Wanted(share=0.5))
    names = {"3.weight", "3.bias", "5.weight", "5.bias"}
    assert set(changed(made)) == set(changed(made, shrunk=True)) == names
    half = changed(made)["3.weight"](np.dtype(np.float16))
    assert (half.dtype, half.shape) == (np.float16, (4, 6))
    taught = made_smaller(net, X, Wanted(share=0.5, epochs=1))
    assert set(changed(taught)) == set(net.state_dict())
    assert set(changed(taught, shrunk=True)) == names


def test_pruned_while_it_learns():
    """Without fewer units: a copy is pruned and taught."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    wanted = Wanted(epochs=2, prune=halves, pruned=lambda module: ["2.weight"])
    made = made_smaller(net, X, wanted)
    assert ((made.module[2].weight.reshape(-1, 4) != 0).sum(1) == 2).all()
    assert (net[2].weight != 0).all()
    assert (made.manifest, made.layers) == (None, [])
    assert made.recovered.losses[made.recovered.kept] < made.recovered.losses[0]


def test_watched_batches_choose_no_units():
    """What they hold changes nothing of what is shrunk, where there is training."""
    torch.manual_seed(0)
    whole, given = Two(), [X[i % 4] + i for i in range(5)]
    made = made_smaller(whole, given, Wanted(share=0.5, epochs=1))
    again = made_smaller(whole, [*given[:4], 99 * X[0]], Wanted(share=0.5, epochs=1))
    assert made.manifest == again.manifest
    assert [row.error for row in made.layers] == [row.error for row in again.layers]


def test_a_student_of_another_shape():
    """It is refused, and stays as it was."""
    torch.manual_seed(0)
    student = nn.Linear(6, 5)
    with pytest.raises(IncompatibleError, match=r"^student must answer as the model does: numbers"):
        made_smaller(Two(), X, Wanted(epochs=1, student=student))


def test_nothing_to_shrink():
    """A model of one layer."""
    with pytest.raises(DataError, match=r"^model has no hidden layer that can be shrunk$"):
        made_smaller(nn.Linear(6, 2), X, Wanted(share=0.5))
