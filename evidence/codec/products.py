"""Evidence: int4 and int8 weights multiply faster than float weights do, in a fraction of them."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from evidence import Evidence, run
from evidence.timing import best
from thrifty.codec import Groups, PackedMatrix

SIDE, GROUP, BATCHES = 4096, 64, (1, 32)
SETTINGS = (
    f"torch's Linear of {SIDE} x {SIDE} weights, float32 or bfloat16, whichever is faster; CPU "
    "seconds of one thread each, batches of 1 and of 32"
)
EVIDENCE = (
    Evidence(
        id="products-int4",
        says=f"at least as many products a second with int4 weights in groups of {GROUP} as with "
        "float weights, for a batch of 1 and of 32",
        against=SETTINGS,
        at_least=1.0,
    ),
    Evidence(
        id="products-int8",
        says="the same with int8 weights",
        against=SETTINGS,
        at_least=1.0,
    ),
    Evidence(
        id="products-error",
        says="rounding the input to int8 adds an error of at most a hundredth of the length of "
        "the output, for both widths and batches",
        against="the products of the decoded weights with the input as it is",
        at_most=0.01,
    ),
)


def calls(w: np.ndarray, x: np.ndarray) -> dict[str, Callable[[], Any]]:
    """What is timed, by name."""
    import torch
    from torch.nn.functional import linear

    torch.set_num_threads(1)
    weight, one = torch.from_numpy(w), torch.from_numpy(x)
    half, short = weight.bfloat16(), one.bfloat16()
    small = {bits: PackedMatrix.of(Groups(bits, GROUP).encode(w)) for bits in (4, 8)}
    found: dict[str, Callable[[], Any]] = {
        "int4": lambda: small[4].times(x),
        "int8": lambda: small[8].times(x),
        "float32": lambda: linear(one, weight),
        "bfloat16": lambda: linear(short, half),
    }
    return found | peers(half, short)


def peers(half: Any, short: Any) -> dict[str, Callable[[], Any]]:
    """Kernels of int4 and int8 weights that torch and torchao have for the CPU."""
    import torch

    codes = torch.randint(0, 16, half.shape, dtype=torch.int32)
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, 1)
    sides = torch.ones(half.shape[1] // GROUP, half.shape[0], 2, dtype=torch.bfloat16)
    product = torch.ops.aten._weight_int4pack_mm_for_cpu
    found: dict[str, Callable[[], Any]] = {
        "torch int4": lambda: product(short, packed, GROUP, sides)
    }
    if importlib.util.find_spec("torchao"):
        from torchao.quantization import Int8WeightOnlyConfig, quantize_

        layer = torch.nn.Sequential(torch.nn.Linear(*half.T.shape, bias=False)).bfloat16()
        quantize_(layer, Int8WeightOnlyConfig())
        found["torchao int8"] = lambda: layer(short)
    return found


def timed() -> dict[str, dict[str, float]]:
    """Milliseconds by batch and name, in turns."""
    import torch

    w = np.random.default_rng(0).standard_normal((SIDE, SIDE), dtype=np.float32)
    told: dict[str, dict[str, float]] = {}
    for batch in BATCHES:
        x = np.random.default_rng(batch).standard_normal((batch, SIDE), dtype=np.float32)
        with torch.no_grad():
            mine = calls(w, x)
            rounds = [{name: best(call, 3) for name, call in mine.items()} for _ in range(5)]
        told[str(batch)] = {name: 1e3 * min(r[name] for r in rounds) for name in mine}
    return told


def ratio(told: dict[str, dict[str, float]], name: str) -> float:
    """The least ratio of torch's faster way to ours over all batches."""
    return min(min(mine["float32"], mine["bfloat16"]) / mine[name] for mine in told.values())


def errors() -> tuple[float, dict[str, Any]]:
    """The largest relative error that rounding the input adds."""
    rng = np.random.default_rng(1)
    w = rng.standard_normal((1024, 1024), dtype=np.float32)
    told = {}
    for bits in (4, 8):
        encoded = Groups(bits, GROUP).encode(w)
        for batch in BATCHES:
            x = rng.standard_normal((batch, 1024), dtype=np.float32)
            exact = x @ encoded.decode().T
            gap = np.linalg.norm(PackedMatrix.of(encoded).times(x) - exact)
            told[f"int{bits}, {batch}"] = float(gap / np.linalg.norm(exact))
    return max(told.values()), told


def main() -> int:
    """Time both widths together, and measure the error."""
    w = np.zeros((SIDE, SIDE), np.float32)
    sizes = {f"int{b} bytes": PackedMatrix.of(Groups(b, GROUP).encode(w)).nbytes for b in (4, 8)}
    with threadpool_limits(1):
        told = timed()
    beside = {"milliseconds": told, "float32 bytes": w.nbytes, **sizes}
    held = [
        run(EVIDENCE[i], lambda b=b: (ratio(told, b), beside))
        for i, b in enumerate(("int4", "int8"))
    ]
    held.append(run(EVIDENCE[2], errors))
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
