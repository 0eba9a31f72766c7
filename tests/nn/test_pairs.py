"""Pairs of words: what each word sees, that order and distance matter, and the sum by hand."""

import pytest

from thrifty.laws import LAWS
from thrifty.nn.pairs import pair_rows

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")
IDS = torch.randint(50, (3, 11), generator=torch.Generator().manual_seed(1))


def slow(module, ids):
    """Every pair of every word, one after the other."""
    rows, _ = pair_rows(ids, module.window, module.seed)
    out = module.words(ids).clone()
    for i in range(ids.shape[0]):
        for j in range(ids.shape[1]):
            many = min(j, module.window)
            for t in range(many):
                out[i, j] = out[i, j] + module.pairs(rows[i, j, t]) / many**0.5
    return out


def layer_of(seed=0, **given):
    """A small layer."""
    torch.manual_seed(seed)
    layer = nn.PairConnect(50, 8, window=4, slots=500, **given)
    torch.nn.init.normal_(layer.pairs.source.values)
    return layer


@pytest.mark.parametrize("law", LAWS["module"])
def test_laws(law):
    """Words at the beginning have fewer pairs."""
    law(lambda seed=0: (layer_of(seed), (IDS,), slow))


def test_rows_are_of_the_two_words_and_their_distance():
    """The same pair at the same distance has one row wherever it stands; any change another."""
    rows, there = pair_rows(torch.tensor([[1, 2, 3, 1, 2, 9, 1, 2]]), 3, 0)
    assert there[0].sum(1).tolist() == [0, 1, 2, 3, 3, 3, 3, 3]
    assert rows[0, 1, 0] == rows[0, 4, 0] == rows[0, 7, 0]
    assert rows[0, 4, 2] != rows[0, 4, 0]
    assert len(set(rows[there].tolist())) == 13
    assert 0 <= int(rows.min()) <= int(rows.max()) < 2**40
    other, _ = pair_rows(torch.tensor([[1, 2]]), 3, 1)
    assert other[0, 1, 0] != rows[0, 1, 0]


def test_a_word_sees_only_those_before_it_and_within_the_window():
    """A change of one word reaches it and the next four."""
    layer, ids = layer_of(), IDS[:1].clone()
    before = layer(ids)
    ids[0, 5] = (ids[0, 5] + 1) % 50
    moved = (layer(ids) != before).any(-1)[0]
    assert moved.nonzero().ravel().tolist() == [5, 6, 7, 8, 9]


def test_pairs_never_seen_say_nothing():
    """The table begins at 0, so that a layer begins as its words; a step moves what was seen."""
    layer = nn.PairConnect(50, 8, window=4, slots=500)
    assert layer(IDS).equal(layer.words(IDS))
    layer(IDS).square().sum().backward()
    torch.optim.Adam(layer.parameters(), 0.01).step()
    assert not layer(IDS).equal(layer.words(IDS))


def test_two_layers_read_one_table():
    """With other seeds, and the table's values once in each state."""
    one = layer_of()
    two = layer_of(table=one.pairs, seed=0)
    assert two.pairs is one.pairs
    both = torch.nn.ModuleList([one, two])
    assert sum(p.numel() for p in both.parameters()) == 500 + 2 * 50 * 8


def test_dropped_pairs_leave_the_mean():
    """In training some pairs are dropped and the others weigh more."""
    layer = layer_of(dropout=0.5)
    torch.manual_seed(0)
    mean = torch.stack([layer(IDS) for _ in range(400)]).mean(0)
    spread = torch.stack([layer(IDS) for _ in range(400)]).std(0) / 20
    assert ((mean - layer.eval()(IDS)).abs() <= 6 * spread + 1e-5).all()


def test_refusals():
    """Words that are none, and arguments outside their range."""
    with pytest.raises(ValueError, match=r"^ids must be in 0..49, got 50..50$"):
        layer_of()(torch.tensor([[50]]))
    with pytest.raises(TypeError, match=r"^window must be "):
        nn.PairConnect(10, 4, window=1.5)
