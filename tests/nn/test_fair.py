"""FAIR: averages against the slow formula, nesting, capacity 1, refusals."""

import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")

TABLE = torch.randn(60, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def downloaded(seed=0):
    """What a device of a quarter downloads, and the slow formula of it."""
    layer = nn.FairTable(TABLE, seed=seed).layer(1 / 4)
    return layer, (torch.tensor([0, 59, 3]),), lambda m, ids: m.weight[ids]


@pytest.mark.parametrize("law", LAWS[record_of(nn.FairTable).laws[0]], ids=lambda f: f.__name__)
def test_law(law):
    """What is downloaded keeps the laws of modules."""
    law(downloaded)


def test_a_download_holds_means():
    """A slot is the mean of the signed weights on it."""
    layer = nn.FairTable(TABLE, seed=3).layer(1 / 7)
    slots, signs = nn.NestedMap(64, seed=3).slots(torch.arange(480))
    flat = TABLE.flatten() * signs[0]
    assert layer.source.values.numel() == 64
    for slot, value in enumerate(layer.source.values.tolist()):
        assert value == pytest.approx(float(flat[slots[0] == slot].mean()))


def test_small_arrays_join_the_slots_of_large_ones():
    """The download of half a capacity is the mean of pairs of slots, by their weights."""
    server = nn.FairTable(TABLE, seed=1)
    large, small = (server.layer(c).source.values.detach() for c in (1 / 4, 1 / 8))
    slots = nn.NestedMap(64, seed=1).slots(torch.arange(480))[0][0]
    counts = torch.bincount(slots, minlength=64).double()
    assert (large.numel(), small.numel()) == (64, 32)
    sums = torch.where(counts > 0, large * counts, 0.0).reshape(32, 2).sum(dim=1)
    torch.testing.assert_close(small, sums / counts.reshape(32, 2).sum(dim=1))


def test_whole_devices_are_plain_averaging():
    """With capacity 1 the table is the weighted mean, exactly federated averaging."""
    server = nn.FairTable(TABLE)
    first, second = server.layer(1.0), TABLE + 1
    assert torch.equal(first.weight, TABLE)
    server.average([(1.0, first.weight, 3), (1.0, second, 1)])
    torch.testing.assert_close(server.weights, TABLE + 0.25)


def test_changes_leave_what_small_arrays_do_not_hold():
    """The table moves by the mean of expanded changes; arrays that come back as sent leave it."""
    server = nn.FairTable(TABLE, seed=2)
    large, small = server.layer(1.0).weight, server.layer(1 / 4).source.values.detach()
    server.average([(1.0, large, 1), (1 / 4, small, 3)], changes=True)
    torch.testing.assert_close(server.weights, TABLE)
    moved = small + torch.arange(64.0, dtype=torch.float64)
    slots, signs = nn.NestedMap(64, seed=2).slots(torch.arange(480))
    added = (signs[0] * slots[0]).reshape(60, 8)
    server.average([(1.0, large + 1, 1), (1 / 4, moved, 3)], changes=True)
    torch.testing.assert_close(server.weights, TABLE + 0.25 + 0.75 * added)


def test_an_upload_is_expanded():
    """A device's array is read out to the whole table and weighs as much as it says."""
    server = nn.FairTable(TABLE, seed=2)
    layer = server.layer(1 / 2)
    expected = 0.75 * TABLE + 0.25 * layer.weight.detach()
    server.average([(1.0, TABLE, 30), (1 / 2, layer.source.values, 10)])
    torch.testing.assert_close(server.weights, expected)


REFUSED = [
    (lambda s: nn.FairTable(torch.zeros(3)), r"^weights must be a table, got shape \(3,\)$"),
    (lambda s: s.layer(0), r"^capacity must be above 0 and at most 1, got 0$"),
    (lambda s: s.layer(1.5), r"^capacity must be above 0 and at most 1, got 1\.5$"),
    (lambda s: s.slots(0.001), r"^capacity must be at least 1 / 480, got 0\.001$"),
    (lambda s: s.average([]), r"^uploads must weigh more than 0, got 0$"),
    (lambda s: s.average([(1.0, TABLE, 0)]), r"^uploads must weigh more than 0, got 0$"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_arguments_out_of_range_are_refused(call, message):
    """The message names the argument, its rule and its value."""
    with pytest.raises(ValueError, match=message):
        call(nn.FairTable(TABLE))


def test_an_array_of_another_capacity_is_refused():
    """The message shows both shapes."""
    message = r"^an array of \(9,\) does not fit capacity 0\.5: \(128,\)$"
    with pytest.raises(IncompatibleError, match=message):
        nn.FairTable(TABLE[:32]).expanded(0.5, torch.zeros(9))
