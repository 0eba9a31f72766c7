"""Compress search: few runs tell what all would; what is measured stands; what is not known too."""

import numpy as np
import pytest

from thrifty.models import compress
from thrifty.models.compress_plan import Option, choose
from thrifty.models.compress_search import LEAST, MOST, Search

SETTINGS = ("int8", "int6", "lean4", "lean3", "lean2")
RNG = np.random.default_rng(11)


def drawn(tensors, spread=0.2, seed=0):
    """Options with errors of outputs, and true losses: log of rank one, and some noise."""
    rng = np.random.default_rng(seed)
    errors = 4.0 ** -np.array([8, 6, 4.6, 3.4, 2.3])
    weights, bends = rng.normal(0, 2, tensors), rng.normal(0, 0.4, tensors)
    sizes = rng.integers(1000, 9000, tensors)
    bits, names = (8.25, 6.4, 4.6, 3.4, 2.3), [f"t{i}" for i in range(tensors)]
    options, true = {}, {}
    for i, name in enumerate(names):
        ways = zip(SETTINGS, bits, errors, strict=True)
        kept = Option("lossless", int(28 * sizes[i] / 8), 0.0)
        options[name] = [kept, *(Option(s, int(b * sizes[i] / 8), e) for s, b, e in ways)]
        noise = rng.normal(0, spread, 5)
        gaps = weights[i] + bends[i] * np.arange(5) + noise
        true |= {(name, s): float(x) for s, x in zip(SETTINGS, errors * np.exp(gaps), strict=True)}
    return options, true


def total(options, true, losses, budget):
    """What is truly lost by the choice of these losses."""
    return sum(true.get((n, o.setting), 0.0) for n, o in choose(losses, budget).items())


@pytest.mark.parametrize("seed", range(5))
def test_few_runs_choose_as_all_would(seed):
    """At less than half of the runs it loses little more, and less than errors of outputs would."""
    options, true = drawn(60, seed=seed)
    search = Search(lambda name, setting: true[name, setting])
    found = search.losses(options)
    assert search.runs == 8 * 5 + 52 * 2
    budget = sum(int(ways[4].nbytes * 1.1) for ways in options.values())
    every = Search(lambda name, setting: true[name, setting], few=60)
    ours, best, blind = (
        total(options, true, losses, budget) for losses in (found, every.losses(options), options)
    )
    assert every.runs == 300
    assert ours < 1.1 * best
    assert ours < 0.8 * blind


def test_what_was_measured_stands():
    """Of all tensors that were tried; without loss stays without."""
    options, true = drawn(30)
    seen = {}

    def measure(name, setting):
        seen[name, setting] = true[name, setting]
        return true[name, setting]

    found = Search(measure).losses(options)
    for name, ways in found.items():
        assert [way.nbytes for way in ways] == [way.nbytes for way in options[name]]
        assert ways[0] == options[name][0]
        for way in ways[1:]:
            if (name, way.setting) in seen:
                assert way.loss == pytest.approx(seen[name, way.setting])
            else:
                assert way.loss == pytest.approx(true[name, way.setting], rel=2)


def test_the_largest_are_tried_in_all_settings():
    """What most bytes hang on is measured, not told."""
    options, true = drawn(40)
    tried = {}

    def measure(name, setting):
        tried.setdefault(name, []).append(setting)
        return true[name, setting]

    Search(measure).losses(options)
    large = sorted(options, key=lambda name: -options[name][0].nbytes)[:4]
    assert all(len(tried[name]) == 5 for name in large)
    assert sorted(map(len, tried.values())) == [2] * 32 + [5] * 8


def test_odd_tensors_are_tried_whole():
    """Those with other settings than most, and all of a small model."""
    options, true = drawn(20)
    options["odd"] = [Option("lossless", 900, 0.0), Option("int4", 90, 0.1), Option("int2", 50, 1)]
    true |= {("odd", "int4"): 0.25, ("odd", "int2"): 3.0}
    search = Search(lambda name, setting: true[name, setting])
    assert [way.loss for way in search.losses(options)["odd"]] == [0, 0.25, 3.0]
    small = dict(list(options.items())[:4])
    search = Search(lambda name, setting: true[name, setting])
    found = search.losses(small)
    assert search.runs == 20
    assert found["t3"][2].loss == pytest.approx(true["t3", "int6"])


def test_where_nothing_is_known():
    """Errors of outputs stand; a single tensor that is not known is told as the others are."""
    options, true = drawn(20)
    search = Search(lambda name, setting: None)
    assert search.losses(options) == options
    assert search.runs == 0
    hidden = [name for name in options if name != "t7"]
    known = Search(lambda name, setting: true[name, setting] if name in hidden else None)
    found = known.losses(options)["t7"]
    weights = [true[name, "lean3"] / options[name][4].loss for name in hidden]
    assert min(weights) < found[4].loss / options["t7"][4].loss < max(weights)
    assert Search(lambda name, setting: 1.0).losses({}) == {}


def test_losses_of_no_size_or_of_none_are_bounded():
    """Nothing lost counts as rounding does, what is not finite as the most."""
    options, _ = drawn(4)
    odd = {"int8": 0.0, "int6": 1e-30, "lean4": float("inf"), "lean3": float("nan"), "lean2": 2.0}
    found = Search(lambda name, setting: odd[setting]).losses(options)["t0"]
    assert [way.loss for way in found[1:]] == pytest.approx([LEAST, LEAST, MOST, MOST, 2.0])


def test_progress_is_told():
    """From nothing on, never back."""
    options, true = drawn(20)
    told = []
    Search(lambda name, setting: true[name, setting]).losses(options, told.append)
    assert told[0] == 0
    assert told == sorted(told)
    assert len(told) == 20


def test_a_budget_with_data_is_met_by_what_was_measured(tmp_path):
    """A module whose second half does nothing: all of the budget goes to the first."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(64, 96), torch.nn.Linear(96, 64))
    side = torch.nn.Linear(64, 96)
    module.add_module("side", torch.nn.Sequential(side, torch.nn.Linear(96, 64)))
    module.side.forward = lambda x: x
    batches = [torch.randn(32, 64) for _ in range(2)]
    facts = compress(module, budget=27_000, calibrate=batches, out=tmp_path / "small")
    found = {row["name"]: row["setting"] for row in facts["layers"]}
    assert facts["model_runs"] == 4 * 5
    assert {found[name] for name in ("side.0.weight", "side.1.weight")} == {"lean2"}
    assert all(SETTINGS.index(found[name]) <= 2 for name in ("0.weight", "1.weight"))
