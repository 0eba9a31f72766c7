"""Evidence: codes from a pool collide as those of planes that are stored."""

from evidence import Evidence, run
from thrifty.hashing import PooledSimHash
from thrifty.laws.lsh import measure_collisions

EVIDENCE = (
    Evidence(
        id="pooledsimhash-collisions",
        says="over cosines from -0.9 to 0.99 the share of equal 4-bit codes is within 4 standard "
        "errors of (1 - angle / pi)**4, the worst of 8; 1000 pairs, 400 tables, width 128: each "
        "number of the pool serves three entries",
        against="(1 - angle / pi)**bits",
        at_most=4.0,
    ),
)


def measure_kernel() -> float:
    """Largest distance from the kernel in standard errors."""
    family = PooledSimHash(128, 4, 400, seed=1)
    worst = 0.0
    for cosine in (-0.9, -0.5, 0.0, 0.3, 0.6, 0.8, 0.95, 0.99):
        rate, error = measure_collisions(family, cosine, pairs=1000, seed=2)
        worst = max(worst, abs(rate - float(family.collision(cosine))) / error)
    return worst


def main() -> int:
    """Measure it."""
    return int(not run(EVIDENCE[0], measure_kernel))


if __name__ == "__main__":
    raise SystemExit(main())
