"""Evidence: DWTA codes collide as often as the order of Gaussian coordinates says."""

from evidence import Evidence, run
from thrifty.hashing import DWTA
from thrifty.laws.lsh import measure_collisions

EVIDENCE = (
    Evidence(
        id="dwta-collisions",
        says="over correlations from -0.9 to 0.99 the share of equal codes of two 8-place bins is "
        "within 4 standard errors of the kernel, the worst of 8; 1000 pairs, 400 tables, width 512",
        against="the bivariate normal integral of P(same largest of 8), squared",
        at_most=4.0,
    ),
)


def measure_kernel() -> float:
    """Largest distance from the kernel in standard errors."""
    family = DWTA(512, 400, 2, 8, seed=1)
    worst = 0.0
    for rho in (-0.9, -0.5, 0.0, 0.3, 0.6, 0.8, 0.95, 0.99):
        rate, error = measure_collisions(family, rho, pairs=1000, seed=2)
        worst = max(worst, abs(rate - float(family.collision(rho))) / error)
    return worst


def main() -> int:
    """Measure all."""
    return int(not run(EVIDENCE[0], measure_kernel))


if __name__ == "__main__":
    raise SystemExit(main())
