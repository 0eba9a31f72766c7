"""Evidence: outliers find zeros as often as chance has it, and activations gain by it."""

import numpy as np

from evidence import Evidence, run
from evidence.codec._digits import accuracy, network, read
from thrifty.codec import OverQ

EVIDENCE = (
    Evidence(
        id="overq-coverage",
        says="of the outliers among shuffled activations of a network of digits 1 - (1 - p0)**c "
        "find a zero within c slots, to 0.02, for c of 1, 2 and 4 and p0 the share of zeros",
        against="the formula",
        at_most=0.02,
        cost="long",
    ),
    Evidence(
        id="overq-error",
        says="4-bit activations of that network that overwrite zeros up to 4 slots away have 0.8 "
        "or less of the squared error of clipped ones, each with its best range",
        against="OverQ(4, cascade=0), which clips; a flag a slot is not counted",
        at_most=0.8,
        cost="long",
    ),
    Evidence(
        id="overq-precision",
        says="at the same bytes, 4-bit activations of that network that overwrite zeros for "
        "precision too have 0.8 or less of the squared error of those that do it for outliers "
        "alone, up to 4 slots away, each with its best range; so at 2, 3 and 5 bits",
        against="OverQ(bits), whose pairs of slots are all for what is above the range; the worst",
        at_most=0.8,
        cost="long",
    ),
)
SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


def activations() -> np.ndarray:
    """What the first ReLU gives for 2,000 digits."""
    weights, biases = network()
    return np.maximum(read()[2][:2000] @ weights[0].T + biases[0], 0)


def measure_coverage() -> tuple[float, dict[str, object]]:
    """The largest distance from the formula; found and expected beside it."""
    x = np.random.default_rng(0).permutation(activations().ravel())
    largest = float(np.quantile(x, 0.99))
    step = largest / 15
    zeros = float((np.rint(x / step) == 0).mean())
    found = {}
    for cascade in (1, 2, 4):
        above, covered = OverQ(4, cascade=cascade, largest=largest).covered(x)
        found[cascade] = (covered / above, 1 - (1 - zeros) ** cascade)
    worst = max(abs(a - b) for a, b in found.values())
    return worst, {"zeros": zeros, "found and expected": {str(c): v for c, v in found.items()}}


def best(x: np.ndarray, bits: int, cascade: int, precision: bool = False) -> tuple[float, OverQ]:
    """Relative squared error and codec of the best range."""
    tried = []
    for share in SHARES:
        largest = float(x.max()) * share
        codec = OverQ(bits, cascade=cascade, largest=largest, precision=precision)
        error = np.square(codec.encode(x).decode() - x).sum() / np.square(x).sum()
        tried.append((float(error), share, codec))
    error, _, codec = min(tried, key=lambda row: row[0])
    return error, codec


def measure_error() -> tuple[float, dict[str, object]]:
    """Error with cascades of 4 over clipping's; other bits and the accuracy of all beside it."""
    x, found = activations(), {}
    weights, biases = network()
    for bits in (2, 3, 4, 5):
        for cascade in (0, 1, 2, 4):
            error, codec = best(x, bits, cascade)
            right = accuracy(weights, biases, lambda y, c=codec: c.encode(y).decode())
            found[f"{bits} bits, cascade {cascade}"] = {"error": error, "accuracy": right}
    errors = [found[f"4 bits, cascade {cascade}"]["error"] for cascade in (4, 0)]
    return errors[0] / errors[1], {"exact": accuracy(weights, biases), "found": found}


def measure_precision() -> tuple[float, dict[str, object]]:
    """The worst ratio of errors with precision and without; bytes and accuracy beside it."""
    x, found = activations(), {}
    weights, biases = network()
    for bits in (2, 3, 4, 5):
        rows = [best(x, bits, 4, precision) for precision in (False, True)]
        codecs = [codec for _, codec in rows]
        found[f"{bits} bits"] = {
            "ratio": rows[1][0] / rows[0][0],
            "bytes": [c.size(x) for c in codecs],
            "accuracy": [
                accuracy(weights, biases, lambda y, c=c: c.encode(y).decode()) for c in codecs
            ],
        }
    return max(row["ratio"] for row in found.values()), {"without and with": found}


def main() -> int:
    """Measure all three."""
    ways = (measure_coverage, measure_error, measure_precision)
    held = [run(e, m) for e, m in zip(EVIDENCE, ways, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
