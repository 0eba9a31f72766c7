"""Sharing a model in place: the same at 1x, tied weights, what is left, budgets and state."""

import copy

import pytest

from thrifty.core import BudgetError

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")


class Net(torch.nn.Module):
    """Convolution, tied embedding and head, attention, a norm and a parameter of its own."""

    def __init__(self, dtype=torch.float64):
        super().__init__()
        torch.manual_seed(5)
        self.conv = torch.nn.Conv2d(1, 8, 3, padding=1)
        self.table = torch.nn.Embedding(50, 16, padding_idx=0)
        self.norm = torch.nn.LayerNorm(16)
        self.mix = torch.nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = torch.nn.Linear(16, 50)
        self.head.weight = self.table.weight
        self.inner = torch.nn.Sequential(torch.nn.Linear(16, 64), torch.nn.Linear(64, 16))
        self.again = self.inner[0]
        self.shift = torch.nn.Parameter(torch.randn(16))
        self.to(dtype)

    def forward(self, image, ids):
        """Numbers that depend on every module."""
        seen = self.conv(image).mean(dim=(1, 2, 3))
        rows = self.norm(self.table(ids) + self.shift)
        rows = rows + self.mix(rows, rows, rows)[0]
        return self.head(self.inner(rows) + self.again(rows)[..., :16]) * seen[:, None, None]


IMAGE = torch.linspace(-1, 1, 2 * 36, dtype=torch.float64).reshape(2, 1, 6, 6)
IDS = torch.tensor([[1, 2, 0], [49, 2, 2]])


@pytest.mark.parametrize("optimizer", [None, "SGD"])
def test_a_budget_that_holds_the_model_leaves_it_as_it_is(optimizer):
    """At 1x a cyclic map gives the model's answers, before and after steps of SGD."""
    dense = Net()
    shared = copy.deepcopy(dense)
    done = nn.share_parameters(shared, "1 MB")
    assert done.ratio == 1
    if optimizer:
        for model in (dense, shared):
            step = torch.optim.SGD(model.parameters(), lr=0.1)
            for _ in range(3):
                step.zero_grad()
                model(IMAGE, IDS).square().mean().backward()
                step.step()
    torch.testing.assert_close(shared(IMAGE, IDS), dense(IMAGE, IDS), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("map", ["cyclic", "tile", "robe", "random"])
def test_what_is_replaced_and_what_is_left(map):
    """Known modules are replaced once, others are listed with the reason; the budget is kept."""
    model = Net()
    before = sum(p.numel() * 8 for p in model.parameters())
    done = nn.share_parameters(model, 20_000, map)
    assert done.replaced == ("conv", "table", "head", "inner.0", "inner.1", "again")
    assert done.left == {
        "": "a Net", "norm": "a LayerNorm", "mix": "a MultiheadAttention",
        "mix.out_proj": "a NonDynamicallyQuantizableLinear",
    }  # fmt: skip
    state = model.state_dict()
    held = {t.data_ptr(): t.numel() * t.element_size() for t in state.values()}
    assert done.bytes_before == before
    assert done.bytes_after == sum(held.values()) <= 20_000
    assert done.bytes_after > 20_000 - 8
    assert not any(name.endswith("weight") for name in state if not name.startswith(("no", "mi")))
    model(IMAGE, IDS).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_tied_weights_stay_tied():
    """A table and a head that were one weight read the same positions; a module used twice too."""
    model = Net()
    nn.share_parameters(model, 20_000)
    assert model.table.region is model.head.region
    assert model.again is model.inner[0]
    torch.testing.assert_close(model.table.weight, model.head.weight)


def test_a_weight_tied_to_what_is_left_is_left():
    """What a module that stays holds is not taken from under it."""
    model = Net()
    done = nn.share_parameters(model, 30_000, keep=("table", "inner.1"))
    assert done.left["table"] == done.left["inner.1"] == "kept"
    assert done.left["head"] == "its weight is tied to table"
    assert done.replaced == ("conv", "inner.0", "again")


def test_state_returns_to_a_model_of_another_start():
    """A model shared alike under another seed answers as the first once it has its state."""
    first, other = Net(), Net()
    nn.share_parameters(first, 20_000, "tile", seed=3)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(3)
    nn.share_parameters(other, 20_000, "tile", seed=9)
    other.load_state_dict(first.state_dict(), strict=True)
    assert torch.equal(other(IMAGE, IDS), first(IMAGE, IDS))
    assert torch.equal(copy.deepcopy(other)(IMAGE, IDS), first(IMAGE, IDS))


def test_tables_are_compressed():
    """All tables read one array of at most the budget; other modules are not looked at."""
    model = torch.nn.ModuleDict({
        "a": torch.nn.Embedding(1000, 16, sparse=True), "b": torch.nn.EmbeddingBag(500, 8),
        "c": torch.nn.Embedding(9, 4, max_norm=1.0), "d": torch.nn.Linear(3, 3),
    })  # fmt: skip
    done = nn.compress_embeddings(model, "2 kB")
    assert done.replaced == ("a", "b")
    reason = "max_norm or scale_grad_by_freq"
    assert done.left == {"c": reason, "d": "a Linear"}
    held = sum(t.numel() * t.element_size() for t in done.shared.state_dict().values())
    assert 2000 - 4 < held <= 2000
    assert done.ratio == 20_000 / done.shared.map.size
    assert model["b"](torch.tensor([[1, 2]])).shape == (1, 8)


def test_a_head_tied_to_a_table_goes_with_it():
    """A linear head whose weight is a table's reads the same rows; other heads stay."""
    model = Net()
    done = nn.compress_embeddings(model, "1 kB")
    assert done.replaced == ("table", "head")
    torch.testing.assert_close(model.head.weight, model.table.weight)
    model(IMAGE, IDS)


def test_a_mean_is_nearer_to_what_was_trained():
    """Averages of weights are nearer to them than sums that keep their spread."""
    errors = []
    for mean in (True, False):
        model = torch.nn.Sequential(torch.nn.Embedding(1000, 16))
        torch.manual_seed(0)
        torch.nn.init.normal_(model[0].weight)
        weight = model[0].weight.detach().clone()
        nn.compress_embeddings(model, 6400, mean=mean)
        errors.append(float((model[0].weight - weight).detach().square().mean()))
    assert errors[0] < 0.96 < 1.3 < errors[1]


def test_the_smallest_budget_does():
    """The budget that the error names is enough, and one byte less is not."""
    with pytest.raises(
        BudgetError, match=r"^budget must be at least .* for 6 modules, got 9$"
    ) as e:
        nn.share_parameters(Net(), 9)
    smallest = e.value.smallest
    assert nn.share_parameters(Net(), smallest).shared.map.size == 1
    with pytest.raises(BudgetError):
        nn.share_parameters(Net(), smallest - 1)
    with pytest.raises(BudgetError, match=r"^budget must be at least 20 B for 1 modules, got 3$"):
        nn.compress_embeddings(torch.nn.Sequential(torch.nn.Embedding(9, 9)), 3)


def test_what_cannot_be_shared_is_refused():
    """A model without such modules, one that shares already, a name that is not there."""
    with pytest.raises(ValueError, match=r"^model must hold a module to share, got none; left: "):
        nn.share_parameters(torch.nn.Linear(3, 3), "1 kB")
    model = Net()
    nn.compress_embeddings(model, "1 kB", keep=("conv",))
    with pytest.raises(ValueError, match=r"^model must not share its weights already, got one "):
        nn.share_parameters(model, "20 kB")
    with pytest.raises(ValueError, match=r"^keep must be names of modules, got nowhere$"):
        nn.share_parameters(Net(), "20 kB", keep=("nowhere",))


def test_weights_that_are_not_finite_stay():
    """NaN and infinity are left alone and listed; the others are shared."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    with torch.no_grad():
        model[0].weight[1, 2] = float("nan")
    done = nn.share_parameters(model, "1 kB")
    assert done.left == {"0": "weights that are not finite"}
    assert done.replaced == ("1",)


def test_weights_of_another_kind_stay():
    """The dtype of the first module is the array's; others, and whole numbers, are listed."""
    model = torch.nn.Sequential(*(torch.nn.Linear(4, 4) for _ in range(3)))
    model[1].half()
    model[2].weight = torch.nn.Parameter(torch.ones(4, 4, dtype=torch.int8), requires_grad=False)
    done = nn.share_parameters(model, "1 kB")
    assert done.left == {
        "1": "weights of torch.float16 on cpu", "2": "weights of torch.int8 (4, 4)",
    }  # fmt: skip
    assert done.shared.values.dtype == torch.float32
