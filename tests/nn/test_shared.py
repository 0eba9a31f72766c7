"""One shared array: kernels against torch's own indexing, gradients, scaling, state."""

import copy

import numpy as np
import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.laws import LAWS

torch = pytest.importorskip("torch")
nn = pytest.importorskip("thrifty.nn")

CODES = np.random.default_rng(0).integers(0, 30, (300, 12))
MAPS = {
    "random": lambda seed=1: nn.RandomMap(1000, seed=seed),
    "hashes": lambda seed=1: nn.RandomMap(500, hashes=3, seed=seed),
    "robe": lambda seed=1: nn.BlockMap(1000, seed=seed),
    "robe of several hashes": lambda seed=1: nn.BlockMap(1000, block=6, hashes=2, seed=seed),
    "one slot": lambda seed=1: nn.BlockMap(1, seed=seed),
    "tile": lambda seed=1: nn.TileMap(2000, seed=seed),
    "tile that is not square": lambda seed=1: nn.TileMap(700, tile=(7, 40), seed=seed),
    "cyclic": lambda seed=1: nn.CyclicMap(3000, seed=seed),
    "cyclic, small": lambda seed=1: nn.CyclicMap(11, seed=seed),
    "cyclic, whole": lambda seed=1: nn.CyclicMap(70 * 45 + 123 * 7, tile=None, seed=seed),
    "similar": lambda seed=1: nn.SimilarityMap(900, CODES, block=4, seed=seed),
    "similar, the first rows": lambda seed=1: nn.SimilarityMap(
        900, CODES[:80], block=4, rows=300, seed=seed
    ),
}


class Both(torch.nn.Module):
    """A matrix and rows of one array, as a module for the laws."""

    def __init__(self, map, *, slow=False, scaler=False, dtype=torch.float64):
        super().__init__()
        self.shared = nn.SharedParameter(map, scaler=scaler, dtype=dtype)
        self.regions = (
            self.shared.region(70, 45, scale=0.5, tiled=True),
            self.shared.region(123, 7, scale=2.0),
        )

    def forward(self, ids):
        """The weights of both, in one row, each times a number of its own."""
        matrix, rows = self.shared.matrix(self.regions[0]), self.shared.rows(self.regions[1], ids)
        flat = torch.cat([matrix.flatten(), rows.flatten()])
        return flat * torch.linspace(1, 2, flat.numel(), dtype=flat.dtype)


def plain(module, ids):
    """The same by torch's own indexing, which another device would use."""
    module.shared._is_fast = lambda: False
    try:
        return module(ids)
    finally:
        del module.shared._is_fast


IDS = torch.tensor([0, 122, 5, 5, 77])
LAW_CASES = [law for name in record_of(nn.SharedParameter).laws for law in LAWS[name]]


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", MAPS)
def test_law(law, name):
    """The laws the record names hold for every map."""
    law(lambda seed=0: (Both(MAPS[name](seed)), (IDS,), plain))


@pytest.mark.parametrize("name", MAPS)
def test_scaled_gradients_are_those_of_the_formula(name):
    """With the scaler a slot's gradient is divided by (sum of scales)**2 / number, in both ways."""
    module = Both(MAPS[name](), scaler=True)
    bare = Both(MAPS[name]())
    ours, slow, raw = (
        torch.autograd.grad(call(IDS).square().sum(), owner.shared.values)[0]
        for owner, call in (
            (module, module), (module, lambda ids: plain(module, ids)), (bare, bare),
        )
    )  # fmt: skip
    torch.testing.assert_close(ours, slow)
    counts, sums = (torch.zeros(len(raw), dtype=torch.float64) for _ in range(2))
    for region, scale in zip(module.regions, (0.5, 2.0), strict=True):
        one = Both(MAPS[name]())
        one.shared.map.signed = False
        one.shared.map._work_out()
        one.shared.scales.view(torch.float64)[:] = 1.0
        (given,) = torch.autograd.grad(one.shared.matrix(region).sum(), one.shared.values)
        counts, sums = counts + given, sums + scale * given
    torch.testing.assert_close(ours, raw / (sums**2 / counts.clamp(min=1) + 1e-12))


def test_single_weights_of_a_matrix_in_tiles():
    """A tile's weights stand side by side, row by row, and tiles follow each other."""
    shared = nn.SharedParameter(nn.CyclicMap(6 * 5, tile=(4, 2), signed=False))
    region = shared.region(6, 5, tiled=True)
    order = shared.map.slots(torch.arange(30))[0][0]
    expected = torch.empty(6, 5)
    at = 0
    for r in (0, 4):
        for c in (0, 2, 4):
            for i in range(r, min(r + 4, 6)):
                for j in range(c, min(c + 2, 5)):
                    expected[i, j] = shared.values[order[at]].item()
                    at += 1
    torch.testing.assert_close(shared.matrix(region).detach(), expected)


def test_one_gradient_for_many_reads():
    """Gradients of many reads add up, over passes as well; a pass that failed leaves none."""
    module = Both(nn.BlockMap(300))
    (first,) = torch.autograd.grad(module(IDS).sum(), module.shared.values)
    module(IDS).sum().backward()
    (2 * module(IDS).sum() + module(IDS).sum()).backward()
    torch.testing.assert_close(module.shared.values.grad, 4 * first)

    class Failing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, given):
            raise RuntimeError("on purpose")

    later = Failing.apply(module(IDS).sum())
    both = module.shared.rows(module.regions[1], IDS).sum()
    with pytest.raises(RuntimeError, match="on purpose"):
        (both + Failing.apply(module.shared.values.sum()) + later).backward()
    module.shared.values.grad = None
    module(IDS).sum().backward()
    torch.testing.assert_close(module.shared.values.grad, first)


def test_frozen_arrays_and_no_grad():
    """Without gradients nothing is recorded; a frozen array lets others train; inference works."""
    module = Both(nn.BlockMap(300))
    with torch.no_grad():
        assert module(IDS).grad_fn is None
    with torch.inference_mode():
        first = module(IDS).clone()
    module(IDS).sum().backward()
    assert module.shared.values.grad is not None
    module.shared.values.requires_grad_(False)
    assert not module(IDS).requires_grad
    torch.testing.assert_close(module(IDS), first.clone())


def test_halves_use_torch():
    """An array in bfloat16 is read by torch's own operations, with a gradient of its dtype."""
    module = Both(nn.BlockMap(300), dtype=torch.bfloat16)
    module(IDS).float().sum().backward()
    assert module.shared.values.grad.dtype == torch.bfloat16
    wide = copy.deepcopy(module).double()
    assert wide.shared.scale(wide.regions[0]) == module.shared.scale(module.regions[0]) == 0.5
    torch.testing.assert_close(module(IDS).double(), wide(IDS), rtol=0.02, atol=0.02)


def test_an_array_starts_from_weights():
    """A permutation gives the weights back; else a slot is their mean, or keeps their spread."""
    weight = torch.randn(70, 45, generator=torch.Generator().manual_seed(0))
    whole = nn.SharedParameter(nn.CyclicMap(70 * 45))
    region = whole.region(70, 45, scale=0.3, tiled=True)
    for mean in (True, False):
        whole.start_from([(region, weight)], mean=mean)
        torch.testing.assert_close(whole.matrix(region).detach(), weight)
    small = nn.SharedParameter(nn.CyclicMap(100))
    region = small.region(70, 45, tiled=True)
    small.start_from([(region, weight)])
    assert abs(float(small.values.detach().std()) - 1) < 5 / np.sqrt(200)
    small.start_from([(region, weight)], mean=True)
    best = ((small.matrix(region) - weight) ** 2).sum()
    (gradient,) = torch.autograd.grad(best, small.values)
    assert float(gradient.abs().max()) < 1e-4


def test_inner_products_are_right_on_average():
    """Over maps, the inner product of two rows is that of the table, within 5 standard errors."""
    table = torch.randn(50, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    exact, found = float(table[3] @ table[7]), []
    for seed in range(400):
        map = nn.BlockMap(16 * 50, block=8, seed=seed)
        shared = nn.SharedParameter(map, dtype=torch.float64)
        region = shared.region(50, 16)
        total = torch.zeros(800, dtype=torch.float64)
        slots, signs = map.slots(torch.arange(800))
        total.index_add_(0, slots[0], table.flatten() * signs[0])
        with torch.no_grad():
            shared.values.copy_(total)
            rows = shared.rows(region, torch.tensor([3, 7]))
        found.append(float(rows[0] @ rows[1]))
    assert abs(np.mean(found) - exact) <= 5 * np.std(found) / 20


@pytest.mark.parametrize("which", ["SGD", "Adam"])
def test_an_array_as_large_as_the_model_trains_as_it(which):
    """At 1x plain SGD with the scaler and Adam with scaled updates make the dense model's steps."""
    torch.manual_seed(0)
    dense = torch.nn.Sequential(
        torch.nn.Linear(9, 30), torch.nn.Tanh(), torch.nn.Linear(30, 4)
    ).double()
    with torch.no_grad():
        dense[0].weight *= 5
    shared = copy.deepcopy(dense)
    done = nn.share_parameters(shared, "1 MB")
    pair = []
    for model in (dense, shared):
        kind = getattr(torch.optim, which)
        rest = {"eps": 1e-14} if which == "Adam" else {}
        pair.append((model, kind(model.parameters(), lr=0.05, **rest)))
    if which == "Adam":
        nn.scale_updates(pair[1][1], done.shared)
    x, y = torch.randn(40, 9).double(), torch.randint(0, 4, (40,))
    for _ in range(10):
        for model, optimizer in pair:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    torch.testing.assert_close(shared(x), dense(x), rtol=1e-4, atol=1e-4)


def test_what_does_not_fit_is_refused():
    """Rows without codes, arrays that are not stepped and values without spread."""
    shared = nn.SharedParameter(nn.SimilarityMap(90, CODES, block=4))
    for rows, columns in ((301, 7), (10, 49)):
        with pytest.raises(IncompatibleError, match=r"^rows 0\.\.\d+ of \d+ weights do not fit "):
            shared.region(rows, columns)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
    with pytest.raises(IncompatibleError, match=r"^the optimizer does not step SharedParameter"):
        nn.scale_updates(optimizer, shared)
    with pytest.raises(ValueError, match=r"^std must be above 0 and finite, got 0$"):
        nn.SharedParameter(nn.RandomMap(5), std=0)
