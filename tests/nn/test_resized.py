"""Resized: a whole module becomes as small as one that was shrunk, or is refused."""

from copy import deepcopy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.core import FormatError, IncompatibleError  # noqa: E402
from thrifty.nn import couples_of, interpolate  # noqa: E402
from thrifty.nn.resized import resize, shrunk_row  # noqa: E402


def net():
    """Convolutions, a norm, a depthwise layer, linear layers."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3), nn.BatchNorm2d(12), nn.Conv2d(12, 12, 1, groups=12), nn.ReLU(),
        nn.Flatten(), nn.Linear(12 * 16, 20), nn.ReLU(), nn.Linear(20, 3),
    ).eval()  # fmt: skip


@pytest.fixture
def shrunk():
    """A smaller module, what is told of it, and inputs."""
    torch.manual_seed(0)
    whole, x = net(), torch.randn(30, 1, 6, 6)
    small, rows = interpolate(whole, [x], keep=0.5)
    pairs = couples_of(whole)
    return small, {"rows": [shrunk_row(p, r) for p, r in zip(pairs, rows, strict=True)]}, x


def test_weights_fit_and_sizes_are_told(shrunk):
    """A state of the small module fits; attributes say the sizes; once more changes nothing."""
    small, told, x = shrunk
    made = resize(net(), told)
    made.load_state_dict(small.state_dict())
    with torch.no_grad():
        assert torch.equal(made(x), small(x))
    assert [repr(layer) for layer in made] == [repr(layer) for layer in small]
    before = deepcopy(made.state_dict())
    assert all(torch.equal(v, before[n]) for n, v in resize(made, told).state_dict().items())


def test_the_units_that_stay_are_those_told(shrunk):
    """Rows of a whole module whose numbers are not replaced."""
    _, told, _ = shrunk
    whole = net()
    made = resize(deepcopy(whole), told)
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(told["rows"][1]["units"]), np.uint8))
    columns = torch.from_numpy(np.flatnonzero(bits))
    assert torch.equal(made[5].bias, whole[5].bias[columns])
    assert torch.equal(made[7].weight, whole[7].weight[:, columns])


def test_nothing_was_shrunk():
    """Nothing happens."""
    model = net()
    assert resize(model, None) is model


@pytest.mark.parametrize(
    "change",
    [{"units": "zz"}, {"units": "ff"}, {"units": "0" * 6}, {"before": "x"}, {"producers": []},
     {"consumer": 3}, {"before": 2**70}],
)  # fmt: skip
def test_damage_is_told(change, shrunk):
    """Forged numbers change no module."""
    _, told, _ = shrunk
    bad = {"rows": [{**told["rows"][1], **change}]}
    with pytest.raises(FormatError, match=r"^what is told of shrunk layers is damaged: "):
        resize(net(), bad)
    with pytest.raises(FormatError, match=r"^what is told of shrunk layers is damaged: "):
        resize(net(), [1])


def test_modules_that_do_not_fit(shrunk):
    """Other layers or other sizes: nothing is cut."""
    _, told, _ = shrunk
    with pytest.raises(IncompatibleError, match=r"^into must have a layer '5' as the model that"):
        resize(nn.Sequential(nn.Conv2d(1, 12, 3), nn.BatchNorm2d(12)), told)
    other = net()
    other[5] = nn.Linear(12 * 16, 21)
    text = r"^into must have 20 or 10 units in layer '5', got 21$"
    with pytest.raises(IncompatibleError, match=text):
        resize(other, told)
    assert other[0].out_channels == 12
    other[5], other[7] = nn.Linear(12 * 16, 20), nn.Linear(21, 3)
    text = r"^layer '7' of into must read 20 units, got 21$"
    with pytest.raises(IncompatibleError, match=text):
        resize(other, told)
