"""Walk: the blocks one after the other are the module."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from tests.nn.test_skeleton import llama  # noqa: E402
from thrifty.nn.walk import Walk, moments_of  # noqa: E402

RNG = torch.Generator().manual_seed(2)
BATCHES = [{"input_ids": torch.randint(0, 90, (3, 9), generator=RNG)} for _ in range(2)]


def asked(model):
    """A walk through a language model."""
    return Walk(model, BATCHES, lambda batch: model(**batch))


def test_moments_are_those_of_the_whole_model(tmp_path):
    """Of every linear layer in every block, to rounding."""
    model = llama(tmp_path)
    walk = asked(model)
    with torch.no_grad():
        plain = moments_of(model, lambda: [model(**batch) for batch in BATCHES])
    assert walk.works()
    for number in range(3):
        for name, found in walk.moments(number).items():
            assert torch.allclose(found, plain[name], rtol=1e-4, atol=1e-6)
    assert sum(name.startswith("model.layers.") for name in plain) == 21


def test_hidden_words_and_what_was_said_before(tmp_path):
    """With padding, and though the model would keep keys and values: each run is the first."""
    model = llama(tmp_path)
    mask = torch.ones(3, 9, dtype=torch.long)
    mask[0, 5:] = 0
    batches = [{**batch, "attention_mask": mask} for batch in BATCHES]
    walk = Walk(model, batches, lambda batch: model(**batch))
    with torch.no_grad():
        plain = moments_of(model, lambda: [model(**batch) for batch in batches])
    for number in (0, 1, 2):
        for _ in range(2):
            found = walk.moments(number)
        for name, moments in found.items():
            assert torch.allclose(moments, plain[name], rtol=1e-4, atol=1e-6)


def test_a_changed_block_feeds_those_behind(tmp_path):
    """After a change of block 0 the moments of block 1 are those of the changed model."""
    model = llama(tmp_path)
    walk = asked(model)
    walk.moments(0)
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight.mul_(3)
        plain = moments_of(model, lambda: [model(**batch) for batch in BATCHES])
    name = "model.layers.1.self_attn.q_proj.weight"
    assert torch.allclose(walk.moments(1)[name], plain[name], rtol=1e-4, atol=1e-6)


def test_each_block_runs_twice_a_walk(tmp_path):
    """Once for the moments and once for what it puts out, on every batch; and block 0 to begin."""
    model = llama(tmp_path)
    counts = [0, 0, 0]
    for number, block in enumerate(model.model.layers):

        def count(*_, number=number):
            counts[number] += 1

        block.register_forward_hook(count)
    walk = asked(model)
    for number in range(3):
        walk.moments(number)
    assert counts == [5, 4, 2]


def test_going_back_begins_anew(tmp_path):
    """A block behind is fed what it was."""
    model = llama(tmp_path)
    walk = asked(model)
    first = walk.moments(0)
    walk.moments(2)
    again = walk.moments(0)
    assert all(torch.equal(again[name], found) for name, found in first.items())
    assert [type(layer).__name__ for layer in model.model.layers] == ["LlamaDecoderLayer"] * 3


class Crossed(nn.Module):
    """Parts in a list that do not run in turn."""

    def __init__(self, order):
        super().__init__()
        torch.manual_seed(0)
        self.parts = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.order = order

    def forward(self, x):
        """A sum, or some other order."""
        if self.order is None:
            return sum(part(x) for part in self.parts)
        for number in self.order:
            x = self.parts[number](x)
        return x


@pytest.mark.parametrize("order", [None, (2, 1, 0), (0, 1, 1, 2), (0, 1)])
def test_parts_that_do_not_run_in_turn_are_found_out(order):
    """A sum, another order, one part twice, one part never: no walk."""
    model = Crossed(order)
    assert not Walk(model, [torch.ones(2, 4)], model).works()
    right = Crossed((0, 1, 2))
    assert Walk(right, [torch.ones(2, 4)], right).works()
