"""Evidence: channels split in two keep digits told right at three bits."""

import numpy as np

from evidence import Evidence, run
from evidence.codec._digits import accuracy, network, read
from thrifty.codec import OutlierSplit

EVIDENCE = (
    Evidence(
        id="outliersplit-accuracy",
        says="with one step for a layer of 3-bit weights, splitting 5 % of the channels of a "
        "network of digits tells at least 1 point more of them right than plain rounding",
        against="OutlierSplit(3, 0), the same network without splits",
        at_least=0.01,
        cost="long",
    ),
    Evidence(
        id="outliersplit-error",
        says="at 4 bits, splitting 5 % of the channels leaves 0.5 or less of the squared error of "
        "what the first layer gives, and with clipping 0.92 or less of that of clipping alone",
        against="OutlierSplit(4, 0) without and with clip='mse'; the worse of both ratios to its "
        "bound, as a share of it",
        at_most=1.0,
        cost="long",
    ),
)
WAYS = ((0, "none"), (0, "mse"), (0.02, "none"), (0.05, "none"), (0.05, "mse"))


def measure_accuracy() -> tuple[float, dict[str, object]]:
    """Accuracy gained; that of all bits, ratios, scales and ways to clip beside it."""
    weights, biases = network()
    found = {"float32": accuracy(weights, biases)}
    for bits in (3, 4, 5):
        for scales in ("tensor", "row"):
            for ratio, clip in WAYS:
                codec = OutlierSplit(bits, ratio, scales=scales, clip=clip)
                layers = [codec.encode(w).decode() for w in weights]
                found[repr(codec)] = accuracy(layers, biases)
    split, plain = (found[repr(OutlierSplit(3, ratio))] for ratio in (0.05, 0))
    return split - plain, {"accuracy": found}


def measure_error() -> tuple[float, dict[str, object]]:
    """The larger share of its bound of two ratios of squared errors."""
    weight, x = network()[0][0], read()[2]
    exact = x @ weight.T
    found = {}
    for scales in ("tensor", "row"):
        for ratio, clip in ((0, "none"), (0, "mse"), (0.05, "none"), (0.05, "mse")):
            codec = OutlierSplit(4, ratio, scales=scales, clip=clip)
            error = x @ codec.encode(weight).decode().T - exact
            found[repr(codec)] = float(np.square(error).sum() / np.square(exact).sum())
    ratios = [
        found[repr(OutlierSplit(4, 0.05, clip=clip))] / found[repr(OutlierSplit(4, 0, clip=clip))]
        for clip in ("none", "mse")
    ]
    return max(ratios[0] / 0.5, ratios[1] / 0.92), {"ratios": ratios, "relative errors": found}


def main() -> int:
    """Measure both."""
    held = [run(e, m) for e, m in zip(EVIDENCE, (measure_accuracy, measure_error), strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
