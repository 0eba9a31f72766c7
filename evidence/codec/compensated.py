"""Evidence: bfloat16 weights with what they lack train as float32 do; two floats hold 100 bits."""

from fractions import Fraction

import ml_dtypes
import numpy as np

from evidence import Evidence, run
from thrifty.codec import kahan_add, mc_add, mc_multiply, mc_renormalise

EVIDENCE = (
    Evidence(
        id="compensated-bfloat16",
        says="least squares by 20,000 small steps on bfloat16 weights with Kahan's correction ends "
        "with 0.01 or less of the excess loss of plain bfloat16 weights",
        against="the same steps on bfloat16 weights rounded to the nearest",
        at_most=0.01,
    ),
    Evidence(
        id="compensated-bits",
        says="polynomials of degree 30 by Horner's rule in numbers of two float64 are right to 98 "
        "bits or more of the largest partial sum, the worst of 200",
        against="fractions",
        at_least=98.0,
    ),
)


def measure_kahan() -> tuple[float, dict[str, float]]:
    """Excess loss with the correction over that without; of float32 beside it."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 50)).astype(np.float32)
    y = x @ rng.standard_normal(50).astype(np.float32)
    bf16 = ml_dtypes.bfloat16
    single, plain = np.zeros(50, np.float32), np.zeros(50, bf16)
    total, lost = np.zeros(50, bf16), np.zeros(50, bf16)
    for step in range(20_000):
        rows = slice(step * 10 % 2000, step * 10 % 2000 + 10)

        def slope(w: np.ndarray, rows: slice = rows) -> np.ndarray:
            wide = w.astype(np.float32)
            return -0.001 * (x[rows].T @ (x[rows] @ wide - y[rows])) / 10

        single = single + slope(single)
        plain = plain + slope(plain).astype(bf16)
        total, lost = kahan_add(total, lost, slope(total).astype(bf16))
    whole = total.astype(np.float32) + lost.astype(np.float32)
    loss = {
        name: float(np.square(x @ w.astype(np.float32) - y).mean())
        for name, w in (("float32", single), ("bfloat16", plain), ("corrected", whole))
    }
    loss["corrected, weight alone"] = float(np.square(x @ total.astype(np.float32) - y).mean())
    return loss["corrected"] / loss["bfloat16"], loss


def measure_bits() -> float:
    """The fewest right bits."""
    rng = np.random.default_rng(1)
    worst = np.inf
    coefficients, points = rng.standard_normal((31, 200)), rng.standard_normal(200)
    x = mc_renormalise(np.stack([points, points * 2.0**-55]), 2)
    value = np.zeros((2, 200))
    for row in coefficients:
        value = mc_add(mc_multiply(value, x), row[None])
    for i in range(200):
        at = Fraction(float(x[0, i])) + Fraction(float(x[1, i]))
        exact, most = Fraction(0), Fraction(0)
        for c in coefficients[:, i]:
            exact = exact * at + Fraction(float(c))
            most = max(most * abs(at) + abs(Fraction(float(c))), abs(exact))
        error = abs(Fraction(float(value[0, i])) + Fraction(float(value[1, i])) - exact)
        worst = min(worst, -np.log2(float(error / most)) if error else 107.0)
    return worst


def main() -> int:
    """Measure both."""
    held = [run(e, m) for e, m in zip(EVIDENCE, (measure_kahan, measure_bits), strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
