"""CoVE: laws, logits and embeddings against the slow formula, twins, refusals."""

import pytest

from thrifty.core import record_of
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")


class Scored(torch.nn.Module):
    """Logits of all items for the embeddings of some: what the laws ask for in one call."""

    def __init__(self, items):
        super().__init__()
        self.items = items

    def forward(self, ids):
        """Embeddings in, logits out."""
        return self.items.logits(self.items(ids))


def slow(module, ids):
    """Means of rows and of scores, item by item."""
    items = module.items
    head = items.embedding if items.head is None else items.head
    picks = items.map.slots(torch.arange(items.num_items))[0]
    wide = torch.stack([items.embedding[picks[:, i]].mean(dim=0) for i in range(items.num_items)])
    out = torch.stack([head[picks[:, i]].mean(dim=0) for i in range(items.num_items)])
    return wide[ids] @ out.T


def maker(tied, hashes):
    """A factory for the laws."""
    ids = torch.tensor([[0, 49], [7, 7]])
    return lambda seed=0: (
        Scored(nn.ItemVocabulary(50, 8, 13, hashes=hashes, tied=tied, seed=seed)), (ids,), slow,
    )  # fmt: skip


LAW_CASES = [law for name in record_of(nn.ItemVocabulary).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
@pytest.mark.parametrize(("tied", "hashes"), [(False, 4), (True, 1)])
def test_law(law, tied, hashes):
    """The laws the record names hold."""
    law(maker(tied, hashes))


@pytest.mark.parametrize("states", [8, 9])
def test_logits_of_few_and_of_many_states_are_the_same(states):
    """Scores first or rows first: logits and gradients are those of one state at a time."""
    items = nn.ItemVocabulary(50, 8, 13, seed=3).double()
    hidden = torch.randn(states, 8, generator=torch.Generator().manual_seed(1)).double()
    one = torch.cat([items.logits(state[None]) for state in hidden])
    (expected,) = torch.autograd.grad(one.square().sum(), items.head)
    together = items.logits(hidden)
    torch.testing.assert_close(together, one)
    (found,) = torch.autograd.grad(together.square().sum(), items.head)
    torch.testing.assert_close(found, expected)


def test_shapes_and_state():
    """Leading axes stay; the state is two tables of few rows and a seed, or one where tied."""
    items = nn.ItemVocabulary(1000, 16, 125)
    assert items(torch.zeros(2, 3, dtype=torch.int64)).shape == (2, 3, 16)
    assert items.logits(torch.zeros(2, 3, 16)).shape == (2, 3, 1000)
    sizes = {name: t.numel() for name, t in items.state_dict().items()}
    assert sizes == {"embedding": 2000, "head": 2000, "seed": 1}
    assert "head" not in nn.ItemVocabulary(1000, 16, 125, tied=True).state_dict()


def test_twins_are_as_many_as_expected():
    """Pairs of items with the same rows: the mean over seeds within 5 standard errors."""
    found = []
    for seed in range(60):
        items = nn.ItemVocabulary(400, 1, 40, hashes=2, seed=seed)
        rows = items.picks(torch.arange(400)).sort(dim=1).values
        counts = torch.unique(rows, dim=0, return_counts=True)[1]
        found.append(float((counts * (counts - 1) / 2).sum()))
    spread = torch.tensor(found).std().item() / 60**0.5
    assert abs(sum(found) / 60 - items.twins) <= 5 * spread + 0.05 * items.twins


REFUSED = [
    ({"num_items": 0}, ValueError, r"^num_items must be in 1\.\.\d+, got 0$"),
    ({"rows": 0}, ValueError, r"^size must be in 1\.\.\d+, got 0$"),
    ({"hashes": 0}, ValueError, r"^hashes must be in 1\.\.64, got 0$"),
    ({"dim": 2.5}, TypeError, r"^dim must be a whole number in .*, got 2\.5$"),
]


@pytest.mark.parametrize(("change", "error", "message"), REFUSED)
def test_arguments_out_of_range_are_refused(change, error, message):
    """The message names the argument, its range and its value."""
    with pytest.raises(error, match=message):
        nn.ItemVocabulary(**{"num_items": 9, "dim": 4, "rows": 3, **change})
