"""Bits needed: how fine a grid training needs for a wanted error, whatever the dimension.

One step of descent by a gradient g at rate a, rounded by chance to a grid of gaps D + z * abs(w),
adds at most a * sum(gap_i * abs(g_i)) <= a * (D * |g|_1 + z * |w|_2 * |g|_2) of squared distance:
not the dimension counts, but how much gradient there is in all.
"""

import math

from thrifty.codec.fixed import FixedPoint
from thrifty.codec.floats import FloatFormat
from thrifty.core import in_range, method, one_of

__all__ = ["error_floor", "required_bits", "required_format"]

FORMATS = ("fixed", "float")


@method(
    source="Li and De Sa 2019 (Dimension-free bounds for low-precision SGD), NeurIPS 2019",
    memory="0",
    time="O(1)",
    error="an upper bound, for curvature from below and rounding by chance",
    exact="the squared distance that training in the format stays at",
    laws=("error floor",),
    evidence=("bitsneeded",),
)
def error_floor(
    *, l1_noise: float, step: float = 0.0, ratio: float = 0.0, l2_noise: float = 0.0,
    norm: float = 0.0, curvature: float = 1.0, rate: float = 0.0,
) -> float:  # fmt: skip
    """The expected squared distance from the optimum that low-precision descent ends below.

    The solution e of (2 * curvature - rate * curvature**2) * e = rate * l2_noise**2 +
    step * l1_noise + ratio * norm * l2_noise.

    Args:
        l1_noise: largest expected L1 norm of a stochastic gradient near the optimum.
        step: the even part of the grid's gaps: of fixed point all of it, of floats the smallest.
        ratio: the part of the gaps per size of a number: 2**-mantissa of floats.
        l2_noise: root of the expected squared L2 norm of a stochastic gradient there.
        norm: L2 norm of the weights.
        curvature: strong convexity, > 0.
        rate: learning rate, at most 1 / curvature.

    Raises:
        TypeError: an argument is no number.
        ValueError: an argument is negative, or the curvature not positive.

    Example:
        >>> error_floor(l1_noise=1.0, step=2**-8) == 2**-9  # of ten weights or of a million
        True
    """
    for name, value in {
        "l1_noise": l1_noise, "step": step, "ratio": ratio, "l2_noise": l2_noise, "norm": norm,
    }.items():  # fmt: skip
        in_range(name, value, 0, math.inf)
    in_range("curvature", curvature, 1e-300, math.inf)
    in_range("rate", rate, 0, 1 / curvature)
    noise = rate * l2_noise**2 + step * l1_noise + ratio * norm * l2_noise
    return noise / (2 * curvature - rate * curvature**2)


def required_format(
    target_error: float, l1_noise: float, largest: float, format: str = "fixed", *,
    l2_noise: float | None = None, norm: float | None = None, curvature: float = 1.0,
) -> FixedPoint | FloatFormat:  # fmt: skip
    """The format of fewest bits whose rounding keeps the squared distance below a target.

    Args:
        target_error: expected squared distance from the optimum, > 0.
        l1_noise: largest expected L1 norm of a stochastic gradient near the optimum, > 0.
        largest: of the weights in size, > 0.
        format: "fixed", whose bits grow with log(largest / step), or "float", whose bits of the
            exponent grow with the log of that and whose mantissa is of `norm` and `l2_noise`.
        l2_noise: of "float": root of the expected squared L2 norm; None for l1_noise, above it.
        norm: of "float": L2 norm of the weights; None for `largest`, of one weight.
        curvature: strong convexity.

    Returns:
        The format, which rounds by chance; half of a float's target goes to either part of its
        gaps.

    Raises:
        TypeError: an argument is no number.
        ValueError: one is not positive, or no format of 32 bits does.

    Example:
        >>> required_format(1e-4, l1_noise=1.0, largest=4.0)
        FixedPoint(word=17, fraction=13, symmetric=False, rounding='stochastic', seed=0)
        >>> required_format(1e-4, 1.0, 4.0, "float", l2_noise=0.1, norm=1.0).bits
        15
    """
    one_of("format", format, FORMATS)
    wanted = {"target_error": target_error, "l1_noise": l1_noise, "largest": largest}
    for name, value in wanted.items():
        in_range(name, value, 1e-30, 1e30)
    room = 2 * curvature * target_error
    if format == "fixed":
        fraction = -math.floor(math.log2(room / l1_noise))
        word = 1 + max(math.ceil(math.log2(largest * 2.0**fraction + 1)), 1)
        if word > 32:
            raise ValueError(f"target_error must be reached in 32 bits, got {word} for fixed point")
        return FixedPoint(word, fraction, rounding="stochastic")
    l2_noise, norm = (l1_noise if l2_noise is None else l2_noise, largest if norm is None else norm)
    mantissa = max(math.ceil(math.log2(max(norm * l2_noise / (room / 2), 1))), 1)
    smallest = math.floor(math.log2(room / 2 / l1_noise))  # of the gaps, 2**(emin - mantissa)
    for exponent in range(1, 9):
        least = 2 - 2 ** (exponent - 1)
        if mantissa <= 22 and least - mantissa <= smallest:
            found = FloatFormat(exponent, mantissa, specials="none", rounding="stochastic")
            if found.largest >= largest:
                return found
    raise ValueError(f"target_error must be reached in 31 bits, got {target_error!r} for floats")


def required_bits(
    target_error: float, l1_noise: float, largest: float, format: str = "fixed", *,
    l2_noise: float | None = None, norm: float | None = None, curvature: float = 1.0,
) -> int:  # fmt: skip
    """Bits a number of `required_format`, with its arguments.

    Example:
        >>> [required_bits(error, 1.0, 4.0) for error in (1e-2, 1e-4, 1e-6)]
        [10, 17, 23]
        >>> [required_bits(1e-4, 1.0, most, "float", norm=1.0) for most in (4, 4e4, 4e9)]
        [17, 20, 21]
    """
    found = required_format(
        target_error, l1_noise, largest, format,
        l2_noise=l2_noise, norm=norm, curvature=curvature,
    )  # fmt: skip
    return found.bits
