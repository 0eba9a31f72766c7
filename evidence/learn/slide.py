"""Evidence: at SLIDE's scale, CPU time to equal P@1 against torch, dense and sampled.

135,909 sparse inputs, hidden 128, 670,091 outputs, batches of 256, one thread; held-out P@1 over
every output, on 2,000 rows. Each side has its best learning rate of those tried on a short run.
Where torch is not installed beside, THRIFTY_TORCH_PYTHON names a Python that has it.
"""

from functools import cache
from typing import Any

from threadpoolctl import threadpool_limits

from evidence import Evidence, run
from evidence.learn._curve import best_of, learner, our_curve, seconds_to, torch_curve, torch_python
from evidence.learn._synthetic import AMAZON, THIRTY, Rows, World

ROWS, HELD, NEGATIVES = 400_000, 2_000, 512
EARLY = [2048 * 2**i for i in range(7)]  # rows at which the first points are taken
LATE = [ROWS // 2, ROWS, 2 * ROWS]
DENSE_SECONDS = 150.0
OUR_RATES, ADAM_RATES = (0.05, 0.1, 0.2), (0.01, 0.02, 0.05, 0.1)
TRIED = 9_216  # rows of a dense trial
SHARE = 0.95  # of the peer's best P@1: the quality both are timed to

EVIDENCE = (
    Evidence(
        id="slide-dense",
        says="to 0.95 of the P@1 that dense torch softmax reaches in 150 CPU seconds, at least "
        "100 times less CPU time",
        against="torch, every output, Adam (fused; SparseAdam for the input rows), batch 256, best "
        "of four rates, chosen at 30,000 classes after as many rows as 670,091 are trained on",
        at_least=100.0,
        cost="long",
    ),
    Evidence(
        id="slide-sampled",
        says="to 0.95 of the best P@1 of torch sampled softmax over one epoch of 400,000 rows, at "
        "least 4 times less CPU time",
        against="torch, 512 negatives shared by the batch beside its labels, uniform or corrected "
        "log-uniform, SparseAdam, best of eight on an eighth of the rows",
        at_least=4.0,
        cost="long",
    ),
)


@cache
def data(world: World) -> tuple[Rows, Rows]:
    """Training and held-out rows."""
    return world.rows(ROWS, 0), world.rows(HELD, 1)


@cache
def ours() -> tuple[list, dict[str, Any]]:
    """Our curve with the best rate, and what the rates gave after an eighth of the rows."""
    train, held = data(AMAZON)

    def curve(rate: float, at: list[int]) -> list:
        wide = learner(AMAZON, train[1], learning_rate=rate, num_negatives=NEGATIVES)
        return our_curve(wide, train, held, at)

    tried = {str(rate): curve(rate, [ROWS // 8]) for rate in OUR_RATES}
    best = best_of(tried)
    return curve(float(best), EARLY + LATE), {"our rate": best, "our trials": tried}


def peer(world: World, kind: str, rate: float, at: list[int], seconds: float = 1e9) -> list:
    """A curve of torch."""
    sizes = {"rows": ROWS, "held": HELD, "hidden": 128, "negatives": NEGATIVES}
    return torch_curve(world=world, kind=kind, rate=rate, at=at, seconds=seconds, **sizes)


def compare(theirs: list, beside: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """CPU seconds of a peer over ours, to the same P@1."""
    curve, ours_beside = ours()
    target = SHARE * max(point[2] for point in theirs)
    slow, fast = seconds_to(theirs, target), seconds_to(curve, target)
    found = {"P@1": target, "CPU seconds, torch": slow, "CPU seconds, thrifty": fast}
    found |= {"rows, CPU seconds, P@1 of torch": theirs}
    found |= {"rows, CPU seconds, P@1 of thrifty": curve}
    return slow / fast, {**found, **beside, **ours_beside}


def measure_dense() -> tuple[float, dict[str, Any]]:
    """Every output: the rate is chosen where a step is cheap, the curve is of full size."""
    tried = {str(rate): peer(THIRTY, "dense", rate, [TRIED]) for rate in ADAM_RATES}
    best = best_of(tried)
    theirs = peer(AMAZON, "dense", float(best), EARLY, DENSE_SECONDS)
    beside = {"torch rate": best, "torch trials at 30,000 classes": tried}
    return compare(
        theirs, {**beside, "CPU seconds a dense step": theirs[-1][1] / theirs[-1][0] * 256}
    )


def measure_sampled() -> tuple[float, dict[str, Any]]:
    """A sample: every pair of distribution and rate is tried at full size."""
    tried = {
        f"{kind} {rate}": peer(AMAZON, kind, rate, [ROWS // 8])
        for kind in ("uniform", "log-uniform")
        for rate in ADAM_RATES
    }
    best = best_of(tried)
    kind, rate = best.split()
    theirs = peer(AMAZON, kind, float(rate), [*EARLY, ROWS // 2, ROWS])
    return compare(theirs, {"torch kind and rate": best, "torch trials": tried})


def main() -> int:
    """Measure both; without torch there is nothing to measure against."""
    if not torch_python():
        print("SKIPPED slide-dense, slide-sampled: no torch, set THRIFTY_TORCH_PYTHON")
        return 0
    with threadpool_limits(1):
        measures = (measure_dense, measure_sampled)
        held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
