"""Blocks: which parts of a module run one after the other."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.nn.blocks import block_at, blocks_of  # noqa: E402


class Net(nn.Module):
    """Ten blocks of a class, a list of other things, and a head."""

    def __init__(self):
        super().__init__()
        self.others = nn.ModuleList([nn.Linear(90, 90), nn.LayerNorm(90)])
        self.layers = nn.ModuleList(
            nn.ModuleDict({"up": nn.Linear(10, 40), "parts": nn.Sequential(nn.ReLU(), nn.ReLU())})
            for _ in range(11)
        )
        self.head = nn.Linear(10, 300)


def test_the_list_with_most_parameters():
    """A list of parts of one class; one of several classes is none, however large."""
    assert blocks_of(Net()) == [f"layers.{n}" for n in range(11)]
    with torch.device("meta"):
        assert len(blocks_of(Net())) == 11
    assert blocks_of(nn.Linear(2, 2)) == []


def test_the_block_of_a_parameter():
    """By whole words of the name: layers.1 is not layers.10."""
    blocks = blocks_of(Net())
    assert [block_at(f"layers.{n}.up.weight", blocks) for n in (0, 1, 10)] == [0, 1, 10]
    assert block_at("head.weight", blocks) is None
