"""Feedforward: couples by shape, and proofs that refuse what would change the answers."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.core import DataError  # noqa: E402
from thrifty.nn import Couple, interpolate  # noqa: E402
from thrifty.nn.feedforward import feedforward_couples, width_of  # noqa: E402

X = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))


class Block(nn.Module):
    """Two layers of names that say nothing, with something between them."""

    def __init__(self, between=None, *, leak=False, norm=False):
        super().__init__()
        torch.manual_seed(0)
        self.q, self.k, self.o = nn.Linear(5, 8), nn.Linear(5, 8), nn.Linear(8, 5)
        self.between, self.leak = between or nn.GELU(), leak
        self.norm = nn.LayerNorm(8, elementwise_affine=False) if norm else nn.Identity()

    def forward(self, x):
        """As its class says."""
        units = self.norm(self.between(self.q(x)))
        other = self.k(x)
        return self.o(units) + other[:, :5].tanh() + (units[:, :5] if self.leak else 0)


class Gated(Block):
    """Units are products of two layers."""

    def forward(self, x):
        """As its class says."""
        return self.o(self.between(self.q(x)) * self.k(x))


def found(model, width=8):
    """The couples of a model of few numbers; its weights are as before."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    couples = feedforward_couples(model.eval(), X, width)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    return couples


def test_gates_are_producers_together():
    """What is multiplied is permuted together; alone neither is proved."""
    assert found(Gated()) == [Couple(("q", "k"), (), "o")]


def test_a_layer_that_only_looks_like_a_producer():
    """Where all layers of that size fail together, each is tried alone."""
    assert found(Block()) == [Couple(("q",), (), "o")]


@pytest.mark.parametrize(
    "model",
    [Block(leak=True), Block(norm=True), Block(nn.Softmax(-1))],
    ids=["read by another", "norm", "softmax"],
)
def test_what_is_not_alone_is_refused(model):
    """Units that something else reads, or that are not acted on one by one."""
    assert found(model) == []


def test_layers_of_a_chain():
    """A layer may read units and make others."""
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    assert found(model) == [Couple(("0",), (), "2"), Couple(("2",), (), "4")]


def test_shared_weights_are_left_out():
    """A layer whose weight another has too."""
    model = Block()
    model.k.weight = model.q.weight
    assert found(model) == []


def test_dead_units_prove_nothing():
    """Where the answers do not depend on the units there is no couple."""
    model = Block()
    nn.init.zeros_(model.o.weight)
    assert found(model) == []


def test_couples_can_be_shrunk():
    """All units that are left make what the whole layer made, where half are copies."""
    model = Gated().eval()
    with torch.no_grad():
        for layer in (model.q, model.k):
            layer.weight[4:], layer.bias[4:] = layer.weight[:4], layer.bias[:4]
    small, (row,) = interpolate(model, [X], keep=0.5, couples=found(model))
    assert (row.after, small.o.in_features, small.k.out_features) == (4, 4, 4)
    torch.testing.assert_close(small(X), model(X), rtol=1e-4, atol=1e-5)


def test_layers_of_inputs_by_outputs():
    """Weights turned the other way, as GPT-2 has them."""
    conv = pytest.importorskip("transformers").pytorch_utils.Conv1D
    torch.manual_seed(0)
    model = nn.Sequential(conv(8, 5), nn.GELU(), conv(5, 8)).eval()
    with torch.no_grad():
        model[0].weight[:, 4:], model[0].bias[4:] = model[0].weight[:, :4], model[0].bias[:4]
    couples = found(model)
    assert couples == [Couple(("0",), (), "2")]
    small, _ = interpolate(model, [X], keep=0.5, couples=couples)
    assert (small[0].nf, small[2].nx, small[2].weight.shape) == (4, 4, (4, 5))
    torch.testing.assert_close(small(X), model(X), rtol=1e-4, atol=1e-5)


def test_widths():
    """By whatever name; a config without one is refused."""
    assert width_of({"d_ff": 12}) == ("d_ff", 12)
    with pytest.raises(DataError, match=r"^config must have one of intermediate_size, n_inner"):
        width_of({"hidden_size": 12})
