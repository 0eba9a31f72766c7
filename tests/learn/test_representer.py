"""Representer sketch: its laws, the student and its slopes, the counters beside RACE, edges."""

import numpy as np
import pytest

from thrifty.core import BudgetError, FormatError, IncompatibleError, container, record_of
from thrifty.hashing import PStable
from thrifty.laws import LAWS
from thrifty.learn import RepresenterSketch
from thrifty.learn._cells import refitted, sketched
from thrifty.learn._few_bits import coded
from thrifty.learn._kernel_student import Student, _slopes, mixed, trained
from thrifty.sketch import RACE
from thrifty.sketch._lsh import cells_of

RECORD = record_of(RepresenterSketch)
LAW_CASES = [law for name in RECORD.laws for law in LAWS[name]]
SMALL = {"dim": 3, "tables": 60, "anchors": 64, "rows": 2000, "epochs": 4}


def rows(n=600, seed=0):
    """Rows of four columns."""
    return np.random.default_rng(seed).standard_normal((n, 4)).astype(np.float32)


def teacher(x):
    """A smooth function."""
    return np.tanh(x[:, 0] - x[:, 1])


# laws


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda predict, x: RepresenterSketch.from_predictor(predict, x, seed=1, **SMALL))


# the student


def test_the_kernel_is_the_chance_of_one_code():
    """The student's kernel is that of the hash family, for one hash and for three."""
    x, anchors = rows(50), rows(20, seed=1)
    student = Student(np.eye(4, dtype=np.float32), anchors, np.ones((20, 1), np.float32))
    far = np.linalg.norm(x[:, None] - anchors[None], axis=2)
    for hashes in (1, 3):
        wanted = PStable(4, hashes, 1).collision(far)
        np.testing.assert_allclose(student.kernel(x, hashes), wanted, atol=2e-5)


@pytest.mark.parametrize("hashes", [1, 2])
def test_slopes_are_those_of_differences(hashes):
    """Each gradient agrees with central differences of the loss, within 1 %."""
    rng = np.random.default_rng(5)
    parts = [rng.standard_normal(shape) / 2 for shape in ((4, 3), (6, 3), (6, 2))]
    x, y = rng.standard_normal((30, 4)), rng.standard_normal((30, 2))

    def loss(parts):
        student = Student(*parts)
        return ((student.kernel(x, hashes) @ student.weights - y) ** 2).sum() / 60

    found = _slopes(Student(*parts), x, y, hashes)
    for part, slope in zip(parts, found, strict=True):
        for place in [(0, 0), (2, 1), (3, 0)]:
            kept = part[place]
            losses = []
            for step in (1e-4, -1e-4):
                part[place] = kept + step
                losses.append(loss(parts))
            part[place] = kept
            assert slope[place] == pytest.approx((losses[0] - losses[1]) / 2e-4, rel=0.01, abs=1e-6)


def test_training_lowers_the_error():
    """Trained, the student misses less than half of what it misses at the start."""
    x = rows(2000)
    y = teacher(x)[:, None]
    how = {"shape": (32, 2), "hashes": 1, "rate": 0.01, "ridge": 1e-3}
    missed = []
    for epochs in (0, 8):
        student = trained(x, y, epochs=epochs, rng=np.random.default_rng(0), **how)
        missed.append(np.mean((student.kernel(x, 1) @ student.weights - y) ** 2))
    assert missed[1] < missed[0] / 2


def test_mixtures_lie_between_rows():
    """Rows come first; mixtures stay within the reach of the columns."""
    x = rows(10)
    found = mixed(x, 500, np.random.default_rng(0))
    assert found.shape == (500, 4)
    assert (found[:10] == x).all()
    assert (found.max(axis=0) <= x.max(axis=0)).all()


# the counters


def test_counters_are_those_of_race():
    """With whole weights, table for table, what a RACE sketch of the same family answers."""
    family, points = PStable(4, 2, 40, seed=3), rows(50)
    weights = np.random.default_rng(1).integers(-9, 10, (50, 1))
    race = RACE(family, 16).add(points, weights[:, 0])
    counters = sketched(cells_of(family, points, 16), weights.astype(np.float32), 16)
    queries = rows(20, seed=2)
    cells = cells_of(family, queries, 16)
    found = counters[np.arange(40), cells, 0]
    np.testing.assert_allclose(found, race.each_table(queries), atol=1e-4)


def test_refitted_counters_are_those_of_least_squares():
    """With few cells, the exact solution of the same ridge, the one that was best."""
    rng = np.random.default_rng(0)
    cells, y = rng.integers(0, 3, (400, 5)), rng.standard_normal((400, 2)).astype(np.float32)
    start = rng.standard_normal((5, 3, 2))
    found = refitted(start, cells, y, np.random.default_rng(1)).reshape(15, 2)
    z = np.zeros((400, 15))
    for table in range(5):
        z[np.arange(400), 3 * table + cells[:, table]] = 1 / 5
    gaps = []
    for ridge in (0.03, 0.1, 0.3, 1.0, 3.0, 10.0):
        hold = ridge * 400 / 15 / 25
        rest = y - z @ start.reshape(15, 2)
        step = np.linalg.solve(z.T @ z + hold * np.eye(15), z.T @ rest)
        gaps.append(np.abs(found - start.reshape(15, 2) - step).max())
    assert min(gaps) < 1e-6


def test_refitting_helps():
    """Counters fitted to the answers miss less than those of the student's weights alone."""
    x, new = rows(1500), rows(500, seed=8)
    missed = [
        np.mean((made.predict(new)[:, 0] - teacher(new)) ** 2)
        for made in (
            RepresenterSketch.from_predictor(teacher, x, refit=refit, **SMALL)
            for refit in (True, False)
        )
    ]
    assert missed[0] < missed[1] < np.var(teacher(new))


def test_multiplications_are_counted():
    """Projection and hashes."""
    made = RepresenterSketch.from_predictor(teacher, rows(), hashes=2, **SMALL)
    assert made.multiplications == 4 * 3 + 3 * 2 * 60
    assert made.nbytes == 2 * 4 * 3 + 4 * 3 + 60 * 16 * 1 + 4


# refusals


@pytest.mark.parametrize("bits", [2, 4, 5])
def test_counters_of_few_bits(bits):
    """Less bytes by as many, errors below a step, the same from a file, and lies refused."""
    whole, few = (
        RepresenterSketch.from_predictor(teacher, rows(), **SMALL, bits=b) for b in (8, bits)
    )
    held, room = few.arrays(), few.counters.size
    assert held["counters"].nbytes == -(-room // len(few.counters) * bits // 8) * len(few.counters)
    assert np.abs(few.counters).max() <= 2 ** (bits - 1) - 1
    queries = rows(9)
    spread = np.abs(few.predict(queries) - whole.predict(queries)).mean(axis=0)
    assert (spread < 2 * few.scales / np.sqrt(len(few.counters))).all()
    twin = RepresenterSketch.from_bytes(few.to_bytes())
    assert (twin.predict(queries) == few.predict(queries)).all()
    for name, bad in (("middles", np.zeros(9, "f4")), ("counters", held["counters"][:, :-1])):
        changed = {**held, name: np.ascontiguousarray(bad)}
        data = container.dump(kind=few.KIND, version=1, header=few.spec(), arrays=changed)
        with pytest.raises(FormatError):
            RepresenterSketch.from_bytes(data)


def test_coded_counters_keep_the_mean_over_tables():
    """What a table adds to all its cells is moved to the middle; the rest is off by half a step."""
    rng = np.random.default_rng(0)
    counters = rng.uniform(-1, 1, (30, 4, 2)) + rng.standard_normal((30, 1, 1)) * 9
    codes, steps, middles = coded(counters, 6)
    cells = rng.integers(0, 4, (50, 30))
    exact, near = (
        np.stack([held[np.arange(30), row].mean(axis=0) for row in cells])
        for held in (counters, codes * steps.astype(float) + middles)
    )
    assert np.abs(exact - near).max() < steps.max()


def test_within_takes_the_tables_that_fit():
    """The most tables, and below one the smallest is named."""
    how = {"rows": 800, "epochs": 1, "anchors": 16}
    made = RepresenterSketch.within(1000, teacher, rows(), dim=3, width=8, **how)
    assert made.nbytes <= 1000 < made.nbytes + 8
    small = RepresenterSketch.within(1000, teacher, rows(), dim=3, width=8, bits=4, **how)
    assert small.nbytes <= 1000 < small.nbytes + 4
    with pytest.raises(BudgetError, match=r"^budget must be at least 48 B for a representer sketc"):
        RepresenterSketch.within(47, teacher, rows(), dim=3, width=8, **how)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dim": 5}, r"dim must be in 1\.\.4, got 5"),
        ({"width": 1}, r"width must be in 2\.\.65536, got 1"),
        ({"tables": 0}, r"tables must be in 1\.\.65536, got 0"),
        ({"hashes": 65}, r"hashes must be in 1\.\.64, got 65"),
        ({"anchors": 0}, r"anchors must be in 1\.\.65536, got 0"),
        ({"rate": 2.0}, r"rate must be in 0\.\.1, got 2\.0"),
        ({"ridge": -1.0}, r"ridge must be in 0\.\.1, got -1\.0"),
        ({"epochs": -1}, r"epochs must be in 0\.\.10000, got -1"),
        ({"bits": 1}, r"bits must be in 2\.\.8, got 1"),
        ({"seed": -1}, rf"seed must be in 0\.\.{2**63}, got -1"),
    ],
)
def test_arguments_that_cannot_be(given, message):
    """Each refusal says which argument, which rule and which value."""
    with pytest.raises(ValueError, match=rf"^{message}$"):
        RepresenterSketch.from_predictor(teacher, rows(), **{"epochs": 0, "rows": 600, **given})


def test_rows_and_answers_that_cannot_be():
    """NaN among rows or answers, or answers of another number, are refused."""
    bad = rows()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"^x must be two finite rows or more, got \(600, 4\)$"):
        RepresenterSketch.from_predictor(teacher, bad)
    for predict in (lambda x: teacher(x)[1:], lambda x: teacher(x) * np.nan):
        with pytest.raises(ValueError, match=r"^predict must give 2000 finite rows, got \("):
            RepresenterSketch.from_predictor(predict, rows(), **SMALL)
    made = RepresenterSketch.from_predictor(teacher, rows(), **SMALL)
    with pytest.raises(IncompatibleError, match=r"^rows of shape \(2, 3\) must be \(n, 4\)$"):
        made.predict(np.zeros((2, 3)))


def test_lies_are_refused():
    """Arrays that do not fit each other, and a spec that cannot be."""
    made = RepresenterSketch.from_predictor(teacher, rows(), **SMALL)
    lies = [
        (made.spec(), {"shift": np.zeros(2, np.float32)}),
        (made.spec(), {"counters": np.zeros((60, 1, 1), np.int8)}),
        ({**made.spec(), "groups": 61}, {}),
        ({**made.spec(), "hashes": 0}, {}),
    ]
    for spec, changed in lies:
        held = {**made.arrays(), **changed}
        data = container.dump(kind=made.KIND, version=1, header=spec, arrays=held)
        with pytest.raises(FormatError):
            RepresenterSketch.from_bytes(data)
