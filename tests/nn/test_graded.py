"""Graded rows: laws, classes at their edges, what they start as, refusals."""

import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")


def shared(seed=0):
    """Graded rows of an array that rows go round, with scales that tell classes apart."""
    module = nn.GradedEmbedding(nn.SharedEmbedding(100, 6, nn.CyclicMap(90, seed=seed)))
    with torch.no_grad():
        module.scales.copy_(torch.linspace(0.5, 2, module.scales.numel()).reshape(7, 6))
    return module, (torch.tensor([[0, 99], [2, 3]]),), slow


def slow(module, ids):
    """Row by row, the class by the length of the number in bits."""
    weight = module.table.weight
    rows = [weight[i] * module.scales[(i + 1).bit_length() - 1] for i in ids.flatten().tolist()]
    return torch.stack(rows).reshape(*ids.shape, -1)


LAW_CASES = [law for name in record_of(nn.GradedEmbedding).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(shared)


def test_classes_double():
    """Class k is of 2**k ids, up to the largest there may be."""
    module = nn.GradedEmbedding(torch.nn.Embedding(255, 2))
    counts = torch.bincount(module.grades(torch.arange(255)))
    assert counts.tolist() == [2**k for k in range(8)]
    ends = torch.tensor([2**39 - 2, 2**39 - 1, 2**40 - 2])
    assert module.grades(ends).tolist() == [38, 39, 39]


def test_it_starts_as_the_table():
    """Before any step its rows are those of the table; it holds a row a class more."""
    table = torch.nn.Embedding(1000, 4)
    module = nn.GradedEmbedding(table)
    assert torch.equal(module(torch.arange(1000)), table.weight)
    assert module.state_dict()["scales"].shape == (10, 4)


@pytest.mark.parametrize("table", [torch.nn.Linear(2, 3), torch.nn.Identity()])
def test_what_is_no_table_is_refused(table):
    """A module without the sizes of an embedding is named."""
    message = rf"^{type(table).__name__} has no num_embeddings and embedding_dim$"
    with pytest.raises(IncompatibleError, match=message):
        nn.GradedEmbedding(table)
