"""Laws of error floors: a factory gives the function of noise and grid that tells the floor.

Each law raises AssertionError if broken.
"""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

__all__ = ["LAWS"]

Floor = Callable[..., float]
checked = settings(deadline=None, max_examples=60, derandomize=True)
SIZES = st.fixed_dictionaries(
    {name: st.floats(1e-3, 1e3) for name in ("l1_noise", "step", "ratio", "l2_noise", "norm")}
)


def more_noise_raises_it(make: Callable[[], Floor]) -> None:
    """A coarser grid or more noise never lowers the floor, and each term counts."""

    @checked
    @given(SIZES, st.floats(1.1, 10))
    def check(sizes: dict[str, float], factor: float) -> None:
        floor = make()
        for name, size in sizes.items():
            assert floor(**(sizes | {name: factor * size})) > floor(**sizes)

    check()


def units_do_not_matter(make: Callable[[], Floor]) -> None:
    """Lengths in another unit give squared distances in that unit."""

    @checked
    @given(SIZES, st.floats(0.1, 10))
    def check(sizes: dict[str, float], unit: float) -> None:
        floor = make()
        scaled = {name: size * (1 if name == "ratio" else unit) for name, size in sizes.items()}
        wanted = floor(**sizes, rate=0.5) * unit**2
        assert abs(floor(**scaled, rate=0.5) - wanted) <= 1e-9 * wanted

    check()


LAWS = {"error floor": (more_noise_raises_it, units_do_not_matter)}
