"""Pruning: laws of its masks, scopes by hand, the schedule, and what is refused."""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.prune import global_unstructured, is_pruned, ln_structured

from thrifty.codec import NOfM, sparse_sizes
from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS
from thrifty.nn import IterativePruning, Masks, cubic_sparsity, masks_of, prune, saliency

LAW_CASES = [law for name in record_of(prune).laws for law in LAWS[name]]


def net(seed=0):
    """A small network."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 4))


def chooser(scope):
    """Scores of one array to its mask."""

    def choose(scores, share):
        found = masks_of({"w": torch.from_numpy(scores)}, share, scope=scope)
        return found["w"].numpy()

    return choose


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, scope):
    """The laws the record names hold."""
    law(lambda: chooser(scope))


def test_global_masks_are_torchs():
    """The same weights go as by torch.nn.utils.prune, over all layers and by filter."""
    ours, peer = net(), net()
    masks = prune(ours, 0.25)
    layers = [(peer[0], "weight"), (peer[2], "weight")]
    from torch.nn.utils import prune as torchs

    global_unstructured(layers, torchs.L1Unstructured, amount=round(0.75 * 128))
    assert is_pruned(peer)
    assert (masks["0.weight"] == peer[0].weight_mask.bool()).all()
    assert (ours[2].weight == peer[2].weight).all()
    ours, peer = net(), net()
    ln_structured(peer[0], "weight", amount=6, n=2, dim=0)
    found = prune(ours, 0.25, scope="filter", weights=["0.weight"])
    assert (found["0.weight"] == peer[0].weight_mask.bool()).all()


def test_scopes_count_where_they_say():
    """By layer, by row, by filter and by groups."""
    scores = saliency(net())
    assert [int(m.sum()) for m in masks_of(scores, 0.5, scope="layer").values()] == [48, 16]
    rows = masks_of(scores, 0.25, scope="row")
    assert (rows["0.weight"].sum(1) == 3).all()
    assert (rows["2.weight"].sum(1) == 2).all()
    filters = masks_of(scores, 0.25, scope="filter")
    assert sorted(filters["0.weight"].sum(1).tolist()) == [0] * 6 + [12] * 2
    groups = masks_of(scores, "1:4")
    assert (groups["0.weight"].reshape(-1, 4).sum(1) == 1).all()


def test_a_convolution_is_grouped_over_its_inputs():
    """2:4 of (out, in, h, w) is of its rows of in * h * w, as it is stored."""
    conv = nn.Conv2d(2, 3, 2)
    prune(conv, "2:4")
    flat = conv.weight.detach().flatten(1)
    assert (NOfM(2, 4).encode(flat).decode() == flat.numpy()).all()


def test_masks_hold_and_sizes_are_summed():
    """Masked weights are zero, others untouched; bytes by name."""
    model, whole = net(), net()
    masks = prune(model, 0.1, by="random", seed=3)
    for name, mask in masks.items():
        after, before = model.get_parameter(name), whole.get_parameter(name)
        assert (after[mask] == before[mask]).all()
        assert not after[~mask].any()
    assert masks.density == pytest.approx(0.1, abs=0.5 / 128)
    each = [sparse_sizes(model.get_parameter(name)) for name in masks]
    assert masks.sizes(model)["csr32"] == sum(sizes["csr32"] for sizes in each)
    assert Masks().sizes(model) == {}
    assert Masks().density == 1


def test_snip_and_wanda_read_batches():
    """Wanda keeps a share of each row; SNIP of all."""
    model = net()
    batch = (torch.randn(6, 12), torch.tensor([0, 1, 2, 3, 0, 1]))
    assert (prune(model, 0.5, by="wanda", batches=[batch])["0.weight"].sum(1) == 6).all()
    assert prune(net(), 0.25, by="snip", batches=[batch]).density == 0.25
    assert prune(net(), 0.25, by="movement", batches=[batch]).density == 0.25


def train(model, pruning, steps):
    """Some steps on random rows; densities on the way."""
    rng = torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    seen = []
    for _ in range(steps):
        x, y = torch.randn(8, 12, generator=rng), torch.randint(0, 4, (8,), generator=rng)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        seen.append({name: mask.clone() for name, mask in pruning.step().items()})
    return seen


@pytest.mark.parametrize("by", ["magnitude", "random", "movement"])
@pytest.mark.parametrize("scope", ["global", "layer", "row"])
def test_iterative_masks_nest_and_follow_the_schedule(by, scope):
    """Weights that went stay at zero through momentum; the last density is the one asked for."""
    model = net()
    pruning = IterativePruning(model, 0.25, steps=12, every=5, by=by, scope=scope)
    seen = train(model, pruning, 14)
    for early, late in itertools.pairwise(seen):
        assert not any((late[name] & ~early[name]).any() for name in late)
    assert all(m.all() for m in seen[3].values())
    assert Masks(seen[-1]).density == 0.25
    low = 1 - cubic_sparsity(5, 12, 0.75)
    assert Masks(seen[6]).density == pytest.approx(low, abs=0.05)
    assert all(not model.get_parameter(n)[~m].any() for n, m in seen[-1].items())


def test_movement_keeps_what_grows():
    """A weight pushed away from zero stays, a larger one pushed to zero goes."""
    model = nn.Linear(2, 1, bias=False)
    model.weight.data = torch.tensor([[0.1, 1.0]])
    pruning = IterativePruning(model, 0.5, steps=1, by="movement")
    model.weight.grad = torch.tensor([[-1.0, 1.0]])
    assert pruning.step()["weight"].tolist() == [[True, False]]


def test_synflow_in_rounds_loses_no_layer():
    """At one weight a layer, where magnitude and one round lose whole layers."""
    torch.manual_seed(0)
    deep = [nn.Linear(a, b, bias=False) for a, b in ((64, 64), (64, 8), (8, 64), (64, 10))]
    inputs, kept = torch.zeros(1, 64), {}
    for by, rounds in (("magnitude", 1), ("synflow", 1), ("synflow", 100)):
        model = nn.Sequential(*copy.deepcopy(deep))
        masks = prune(model, 12 / 5760, by=by, rounds=rounds, batches=[inputs])
        assert sum(int(mask.sum()) for mask in masks.values()) == 12
        kept[by, rounds] = min(int(mask.sum()) for mask in masks.values())
    assert kept["magnitude", 1] == 0
    assert kept["synflow", 100] >= 1


@pytest.mark.parametrize("by", ["grasp", "movement", "random"])
def test_rounds_stay_inside_of_rounds_before(by):
    """Scores below zero do not bring back what has gone, and the share is that asked for."""
    first, both = net(), net()  # which seeds what follows
    batches = [(torch.randn(9, 12), torch.randint(0, 4, (9,)))]
    outer = prune(first, 0.25**0.5, by=by, batches=batches)
    inner = prune(both, 0.25, by=by, batches=iter(batches), rounds=2)
    assert inner.density == 0.25
    assert all((inner[name] <= outer[name]).all() for name in inner)
    with pytest.raises(ValueError, match=r"^rounds must be 1 with a pattern, got 2$"):
        prune(both, "2:4", rounds=2)


def test_masks_of_another_model_are_refused():
    """By name and by shape."""
    masks = prune(net(), 0.5)
    message = r"^mask of '0\.weight' fits no parameter of the model$"
    with pytest.raises(IncompatibleError, match=message):
        masks.apply(nn.Linear(3, 3))
    with pytest.raises(IncompatibleError, match=message):
        masks.apply(nn.Sequential(nn.Linear(12, 9)))


def test_weights_that_are_not_finite_are_named_and_nothing_changes():
    """NaN anywhere: no weight is touched."""
    model = net()
    model[2].weight.data[0, 0] = np.nan
    before = model[0].weight.detach().clone()
    message = r"^scores of '2\.weight' must be finite, got NaN or infinity$"
    with pytest.raises(ValueError, match=message):
        prune(model, 0.5)
    assert (model[0].weight == before).all()


def test_arguments_out_of_range_are_named():
    """Shares, patterns, scopes and steps."""
    with pytest.raises(ValueError, match=r"^keep must be in 0\.\.1, got 1\.5$"):
        prune(net(), 1.5)
    with pytest.raises(TypeError, match=r"^keep must be a number in 0\.\.1, got None$"):
        prune(net(), None)
    message = r"^scope must be one of global, layer, row, filter, got 'all'$"
    with pytest.raises(ValueError, match=message):
        prune(net(), 0.5, scope="all")
    with pytest.raises(ValueError, match=r"^steps must be in 1\.\.1000000000000, got 0$"):
        IterativePruning(net(), 0.5, steps=0)
    with pytest.raises(
        ValueError, match=r"^by must be one of magnitude, random, movement, got 'snip'$"
    ):
        IterativePruning(net(), 0.5, steps=5, by="snip")
