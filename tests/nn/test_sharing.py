"""Layers that read a shared array: laws, torch's own layers as the formula, refusals."""

import pytest

from thrifty.core import IncompatibleError
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")
F = torch.nn.functional

IDS = torch.tensor([[0, 3, 99], [3, 98, 7]])
BAGS = (torch.tensor([5, 3, 99, 0, 3]), torch.tensor([0, 0, 2]), torch.tensor([1.0, 2, 3, -1, 0.5]))
X = torch.linspace(-1, 1, 48).reshape(4, 12)
IMAGE = torch.linspace(-1, 1, 2 * 4 * 36).reshape(2, 4, 6, 6)


def linear(seed=0):
    """A linear layer, and torch's own with the same weight."""
    layer = nn.SharedLinear(12, 40, nn.TileMap(300, seed=seed))
    return layer, (X,), lambda m, x: F.linear(x, m.weight, m.bias)


def conv(seed=0):
    """A convolution, and torch's own with the same weight."""
    layer = nn.SharedConv2d(
        4, 6, (3, 2), nn.CyclicMap(50, seed=seed), stride=2, padding=1, groups=2,
        padding_mode="reflect",
    )  # fmt: skip

    def formula(m, x):
        wide = F.pad(x, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(wide, m.weight, m.bias, stride=2, groups=2)

    return layer, (IMAGE,), formula


def embedding(seed=0):
    """A table, and torch's own with the same weight."""
    layer = nn.SharedEmbedding(100, 12, nn.BlockMap(60, block=8, seed=seed), padding_idx=-1)

    def formula(m, ids):
        found = F.embedding(ids, m.weight)
        return found * (ids != 99)[..., None]

    return layer, (IDS,), formula


def bag(seed=0, mode="sum", padding_idx=3):
    """A bag, and torch's own with the same weight."""
    layer = nn.SharedEmbeddingBag(
        100, 12, nn.BlockMap(60, seed=seed), mode=mode, padding_idx=padding_idx
    )
    given = BAGS if mode == "sum" else BAGS[:2]

    def formula(m, ids, offsets, weights=None):
        return F.embedding_bag(
            ids, m.weight, offsets, mode=m.mode, per_sample_weights=weights,
            padding_idx=m.padding_idx,
        )  # fmt: skip

    return layer, given, formula


MAKERS = {
    "linear": linear,
    "conv": conv,
    "embedding": embedding,
    "bag": bag,
    "mean bag": lambda seed=0: bag(seed, "mean", None),
    "max bag": lambda seed=0: bag(seed, "max"),
}
LAW_CASES = [law for name in ("module", "module gradients") for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", MAKERS)
def test_law(law, name):
    """The laws of modules hold, with torch's own layer on the weight as the slow formula."""
    law(MAKERS[name])


def test_tables_without_rows_and_of_two_axes():
    """Empty ids give no rows; bags of two axes need no offsets."""
    table = nn.SharedEmbedding(10, 4, nn.RandomMap(8))
    assert table(torch.zeros(0, 3, dtype=torch.int64)).shape == (0, 3, 4)
    bags = nn.SharedEmbeddingBag(100, 12, nn.BlockMap(60))
    torch.testing.assert_close(bags(IDS), F.embedding_bag(IDS, bags.weight))
    assert table(torch.tensor(3, dtype=torch.int32)).shape == (4,)


def test_state_holds_the_small_array_alone():
    """A layer's state has its array, seed and scale, and the bias; no weight."""
    layer = nn.SharedLinear(1000, 1000, nn.TileMap(500))
    sizes = {name: t.numel() for name, t in layer.state_dict().items()}
    expected = {"shared.values": 500, "shared.seed": 1, "shared.scales": 1, "bias": 1000}
    assert sizes == expected


def test_layers_of_one_array():
    """Layers that are given an array read different positions of it and keep none of their own."""
    shared = nn.SharedParameter(nn.CyclicMap(40))
    first, second = (nn.SharedLinear(4, 5, shared, bias=False) for _ in range(2))
    assert not first.state_dict()
    (first(torch.ones(1, 4)) + second(torch.ones(1, 4))).sum().backward()
    assert int((shared.values.grad != 0).sum()) == 40
    message = r"^Region\(.*\) does not fit weights of \(5, 3\)$"
    with pytest.raises(IncompatibleError, match=message):
        nn.SharedLinear(3, 5, shared, region=first.region)


REFUSED = [
    (lambda: nn.SharedLinear(0, 3, nn.RandomMap(5)), r"^in_features must be in .*, got 0$"),
    (
        lambda: nn.SharedEmbedding(9, 3, nn.RandomMap(5), padding_idx=9),
        r"^padding_idx must be in -9\.\.8, got 9$",
    ),
    (
        lambda: nn.SharedEmbedding(9, 3, nn.RandomMap(5))(torch.tensor([3, 9])),
        r"^ids must be in 0\.\.8, got 3\.\.9$",
    ),
    (
        lambda: nn.SharedEmbedding(9, 3, nn.RandomMap(5))(torch.tensor([-1, 0])),
        r"^ids must be in 0\.\.8, got -1\.\.0$",
    ),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_arguments_out_of_range_are_refused(call, message):
    """The message names the argument, its range and its value."""
    with pytest.raises(ValueError, match=message):
        call()
