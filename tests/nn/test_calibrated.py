"""Calibrated: moments, damage and quality of a module against the plain formulas."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from thrifty.core import DataError  # noqa: E402
from thrifty.models import compress  # noqa: E402
from thrifty.nn import load_compressed  # noqa: E402
from thrifty.nn.calibrated import Calibrated  # noqa: E402
from thrifty.nn.outcome import agreement  # noqa: E402


def net():
    """A small classifier."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 256), nn.Linear(256, 5))


def batches(count=6, rows=40):
    """Inputs of uneven directions, and the classes the module itself gives them, mostly."""
    rng = torch.Generator().manual_seed(4)
    made = [torch.randn(rows, 20, generator=rng) * torch.linspace(0.1, 3, 20) for _ in range(count)]
    return [(x, net()(x).argmax(1)) for x in made]


def test_moments_are_those_of_the_inputs():
    """The mean of x x^T over the batches learned from: every second one."""
    data = batches()
    found = Calibrated(net(), data, ["0.weight", "2.weight", "2.bias"])
    x = torch.cat([x for x, _ in data[0::2]])
    assert np.allclose(found.gram("0.weight"), (x.T @ x / len(x)).numpy(), atol=1e-4)
    h = net()[:2](x).detach()
    assert np.allclose(found.gram("2.weight"), (h.T @ h / len(h)).numpy(), atol=1e-4)
    assert found.gram("2.bias") is None


def test_damage_is_the_divergence_of_answers():
    """Kullback-Leibler of the classes; nothing for the weight itself; the module stays."""
    module, data = net(), batches()
    found = Calibrated(module, data, ["2.weight"])
    weight = module[2].weight.detach().clone()
    other = weight + 0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    damage = found.damage("2.weight", other.numpy())
    assert torch.equal(module[2].weight, weight)
    changed = net()
    changed[2].weight.data = other
    one, two = net()(data[0][0]).log_softmax(1), changed(data[0][0]).log_softmax(1)
    assert damage == pytest.approx((one.exp() * (one - two)).sum(1).mean().item(), rel=1e-4)
    assert found.damage("2.weight", weight.numpy()) == pytest.approx(0, abs=1e-6)


def test_quality_and_agreement():
    """Loss and accuracy on the batches held out; agreement is the share of the same classes."""
    data = batches()
    before = Calibrated(net(), data, []).outcome()
    after = Calibrated(torch.nn.Sequential(net(), nn.Linear(5, 5)), data, []).outcome()
    losses = [cross_entropy(net()(x), y).item() for x, y in data[1::2]]
    assert before.quality()["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert before.quality()["accuracy"] == 1.0
    share, more = agreement(before, after)
    assert share == pytest.approx(after.quality()["accuracy"])
    assert more == {}


def test_numbers_and_embeddings():
    """Squared differences of numbers; cosine and nearest neighbours where nothing is to be met."""
    rows = torch.randn(8, 20, generator=torch.Generator().manual_seed(5))
    numbers = Calibrated(net(), [(rows, torch.zeros(8, 5))], []).outcome()
    assert numbers.quality()["loss"] == pytest.approx((net()(rows) ** 2).mean().item(), rel=1e-5)
    assert agreement(numbers, numbers) == (None, {})
    plain = Calibrated(net(), [rows], []).outcome()
    share, more = agreement(plain, plain)
    assert share == 1.0
    assert more["cosine"] == pytest.approx(1.0)
    own = Calibrated(net(), [(rows, torch.zeros(8, 5))], [], loss=lambda x, y: x.abs().mean())
    assert own.outcome().quality()["loss"] == pytest.approx(net()(rows).abs().mean().item())


def test_no_batches_are_refused():
    """Nothing to calibrate on."""
    with pytest.raises(DataError, match=r"^calibrate must have batches, got none$"):
        Calibrated(net(), [], [])


def test_calibration_pays(tmp_path):
    """With the inputs known, the same bits lose less of the answers than without."""
    module, data = net(), batches(8, 200)
    known = compress(module, to="lean3", out=tmp_path / "known", calibrate=data)
    blind = compress(module, to="lean3", out=tmp_path / "blind")
    assert known["bytes_after"] == pytest.approx(blind["bytes_after"], rel=0.01)
    assert known["quality_before"]["accuracy"] == 1.0
    x = torch.cat([x for x, _ in data[1::2]])
    with torch.no_grad():
        found = [load_compressed(tmp_path / name, into=net())(x) for name in ("known", "blind")]
        errors = [float(((one - module(x)) ** 2).mean()) for one in found]
    assert errors[0] < 0.9 * errors[1]


def test_a_budget_with_data(tmp_path):
    """The budget is kept, quality is told, and the module given stays as it was."""
    module, data = net(), batches()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    facts = compress(module, budget=60_000, out=tmp_path / "small", calibrate=data)
    assert facts["bytes_after"] <= 60_000
    assert facts["quality_after"]["accuracy"] > 0.8 < facts["agreement"]
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("walks", [True, False])
def test_settled_tensors_feed_those_behind(walks, monkeypatch):
    """Moments are those of the module as it is now, by a walk or by runs that end at the layer."""
    monkeypatch.setattr("thrifty.nn.walk.Walk.works", lambda walk: walks)
    data = batches()
    found = Calibrated(net(), data, ["0.weight", "2.weight", "3.weight"])
    assert found.order(["3.weight", "other", "0.weight"]) == ["other", "0.weight", "3.weight"]
    before = found.gram("3.weight")
    other = torch.randn(256, 20, generator=torch.Generator().manual_seed(1)) / 5
    found.gram("0.weight")
    found.settle("0.weight", 0, other[:100].numpy())
    found.settle("0.weight", 100, other[100:].numpy())
    found.settle("no such tensor", 0, other.numpy())
    changed = net()
    changed[0].weight.data = other
    x = torch.cat([x for x, _ in data[0::2]])
    for place in (2, 3):
        h = changed[:place](x).detach()
        exact = (h.T @ h / len(h)).numpy()
        assert np.allclose(found.gram(f"{place}.weight"), exact, rtol=1e-3, atol=1e-4)
    assert not np.allclose(before, exact, rtol=0.1)


def test_a_run_ends_at_the_layer(monkeypatch):
    """After a change, moments of a layer do not run what is behind it."""
    monkeypatch.setattr("thrifty.nn.walk.Walk.works", lambda walk: False)
    module = net()
    found = Calibrated(module, batches(), ["0.weight", "2.weight"])
    found.settle("0.weight", 0, module[0].weight.detach().numpy())
    ran = []
    module[3].register_forward_hook(lambda *given: ran.append(1))
    assert found.gram("2.weight") is not None
    assert ran == []
