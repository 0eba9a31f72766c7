"""Evidence: p-stable codes collide as often as the distance says."""

from evidence import Evidence, run
from thrifty.hashing import PStable
from thrifty.laws.distances import measure_collisions

EVIDENCE = (
    Evidence(
        id="pstable-collisions",
        says="over distances from 0.05 to 8 widths the share of equal codes is within 4 standard "
        "errors of the closed form, the worst of 16; 1, 2 and 4 hashes, 1000 pairs, 400 tables",
        against="(1 - 2 * Phi(-w / c) - 2 * c / (sqrt(2 * pi) * w) * (1 - exp(-w**2 / (2 * "
        "c**2))))**hashes",
        at_most=4.0,
    ),
)


def measure_kernel() -> float:
    """Largest distance from the closed form in standard errors."""
    worst = 0.0
    for hashes, distances in (
        (1, (0.05, 0.2, 0.5, 1.0, 2.0, 8.0)),
        (2, (0.05, 0.2, 0.5, 1.0, 2.0)),
        (4, (0.05, 0.1, 0.2, 0.5, 1.0)),
    ):
        family = PStable(32, hashes, 400, width=5.0, seed=1)
        for distance in distances:
            rate, error = measure_collisions(family, 5 * distance, pairs=1000, seed=2)
            worst = max(worst, abs(rate - float(family.collision(5 * distance))) / error)
    return worst


def main() -> int:
    """Measure it."""
    return int(not run(EVIDENCE[0], measure_kernel))


if __name__ == "__main__":
    raise SystemExit(main())
