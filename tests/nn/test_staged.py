"""Staged: the same answers, whether weights stay or come and go; and what is settled."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch import nn  # noqa: E402

import thrifty.nn.staged as staged  # noqa: E402
from tests.nn.test_skeleton import llama  # noqa: E402
from thrifty.core import IncompatibleError  # noqa: E402
from thrifty.nn.skeleton import skeleton  # noqa: E402
from thrifty.nn.staged import Staged, matching, sources_of  # noqa: E402

IDS = torch.arange(20)[None] % 17


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_the_answers_are_those_of_the_model(whole, tied, tmp_path, monkeypatch):
    """To the bit, twice; in between, blocks have no weights unless they stay."""
    monkeypatch.setattr(staged, "SMALL", 1000)
    model = llama(tmp_path, tie_word_embeddings=tied)
    state = model.state_dict()
    if tied:
        del state["lm_head.weight"]
    made = Staged(skeleton(tmp_path), state.__getitem__, state, whole=whole)
    for _ in range(2):
        with torch.no_grad():
            assert torch.equal(made.module(IDS).logits, model(IDS).logits)
        assert made.module.model.layers[1].mlp.up_proj.weight.is_meta is not whole
    assert not made.module.model.norm.weight.is_meta


def test_one_block_at_a_time(tmp_path, monkeypatch):
    """While a block runs, no other has its weights."""
    monkeypatch.setattr(staged, "SMALL", 1000)
    model = llama(tmp_path)
    made = Staged(
        skeleton(tmp_path), model.state_dict().__getitem__, model.state_dict(), whole=False
    )
    seen = []

    def look(*_):
        blocks = made.module.model.layers
        seen.append([not block.mlp.up_proj.weight.is_meta for block in blocks])

    for block in made.module.model.layers:
        block.register_forward_hook(look, prepend=True)
    made.module(IDS)
    assert seen == [[True, False, False], [False, True, False], [False, False, True]]


def test_weights_go_when_a_part_fails(tmp_path, monkeypatch):
    """An error inside of a block leaves no weights behind."""
    monkeypatch.setattr(staged, "SMALL", 0)
    parts = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3))
    state = parts.state_dict()
    with torch.device("meta"):
        blank = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3))
    made = Staged(blank, state.__getitem__, state, whole=False)
    with pytest.raises(RuntimeError):
        made.module(torch.ones(1, 7))
    assert made.module[0].weight.is_meta


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_settled_counts(whole, tmp_path, monkeypatch):
    """Rows that are settled, in parts, stand in the place of those that are read."""
    monkeypatch.setattr(staged, "SMALL", 0)
    model = llama(tmp_path)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    made = Staged(skeleton(tmp_path), state.__getitem__, state, whole=whole)
    name = "model.layers.1.mlp.up_proj.weight"
    other = torch.randn(64, 32, generator=torch.Generator().manual_seed(1))
    made.settle(name, 0, other[:40])
    made.settle(name, 40, other[40:])
    model.load_state_dict({**model.state_dict(), name: other})
    with torch.no_grad():
        assert torch.equal(made.module(IDS).logits, model(IDS).logits)
        made.forget()
        again = made.module(IDS).logits
    assert torch.equal(again, model(IDS).logits) is whole


def test_names_that_do_not_fit():
    """A prefix may differ; a weight with no tensor is an error that names it."""
    assert matching("a.weight", {"b.a.weight": 1, "a.bias": 2}) == "b.a.weight"
    assert matching("a.weight", ["x.a.weight", "y.a.weight"]) is None
    with torch.device("meta"):
        blank = nn.Linear(2, 2)
    message = r"^the module's tensor 'bias' is not in the checkpoint$"
    with pytest.raises(IncompatibleError, match=message):
        sources_of(blank, ["weight"])
    with pytest.raises(IncompatibleError, match=message):
        Staged(blank, {}.__getitem__, ["weight"], whole=True)
