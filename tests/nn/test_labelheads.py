"""Label heads: targets are buckets of labels, labels come back, averages are means."""

import pytest

from thrifty.core import IncompatibleError
from thrifty.laws import LAWS
from thrifty.learn import LabelHash

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")
HASHED = LabelHash.random(300, 4, 40, seed=3)


def slow(module, x):
    """A plain linear layer."""
    return x @ module.linear.weight.T + module.linear.bias


@pytest.mark.parametrize("law", [*LAWS["module"], *LAWS["module gradients"]])
def test_laws(law):
    """The head is a linear layer of few outputs."""
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))

    def make(seed=0):
        torch.manual_seed(seed)
        return nn.LabelHeads(6, HASHED), (x,), slow

    law(make)


def test_targets_are_the_buckets_of_labels():
    """A bucket is on if any label of the row is in it."""
    heads, labels = nn.LabelHeads(6, HASHED), [[5, 7], [], [299]]
    slow_targets = torch.zeros(3, 160)
    for row, mine in enumerate(labels):
        for label in mine:
            for r in range(4):
                slow_targets[row, 40 * r + HASHED.buckets[r, label]] = 1
    assert heads.targets(labels).equal(slow_targets)
    with pytest.raises(IncompatibleError, match=r"^labels 300..300 do not fit LabelHash"):
        heads.targets([[300]])


def test_labels_of_their_own_features_are_learned():
    """Trained on one row a label, each row's best label is its own."""
    torch.manual_seed(0)
    x, labels = torch.nn.functional.normalize(torch.randn(300, 64)), [[i] for i in range(300)]
    heads = nn.LabelHeads(64, HASHED)
    optimizer = torch.optim.Adam(heads.parameters(), 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        heads.loss(x, labels).backward()
        optimizer.step()
    found, scores = heads.top_k(x, 2)
    assert (found[:, 0] == range(300)).mean() > 0.95
    assert (scores[:, 0] >= scores[:, 1]).all()


def test_the_mean_of_devices():
    """Floats are averaged by weight; what counts is taken from the first."""
    torch.manual_seed(0)
    parts = [(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)) for _ in range(3)]
    model, one, two = (torch.nn.Sequential(*mine) for mine in parts)
    one(torch.randn(4, 3))
    nn.federated_average(model, [one.state_dict(), two.state_dict()], [1, 3])
    for name, tensor in model.state_dict().items():
        a, b = one.state_dict()[name], two.state_dict()[name]
        torch.testing.assert_close(tensor, a / 4 + 3 * b / 4 if a.is_floating_point() else a)


def test_refusals():
    """Weights that do not fit, and states of another model."""
    model = torch.nn.Linear(3, 2)
    state = model.state_dict()
    with pytest.raises(IncompatibleError, match=r"^2 weights do not fit 1 states$"):
        nn.federated_average(model, [state], [1, 2])
    with pytest.raises(ValueError, match=r"^weights must be at least 0 and not all 0, got \[0\]$"):
        nn.federated_average(model, [state], [0])
    with pytest.raises(IncompatibleError, match=r"^states must have the model's tensors, got "):
        nn.federated_average(model, [{"weight": state["weight"]}], [1])
