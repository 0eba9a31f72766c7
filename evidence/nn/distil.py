"""Evidence: a student does better by a teacher's answers than by the labels alone."""

import warnings

import numpy as np
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from torch import nn

from evidence import Evidence, run
from evidence.nn._mnist import accuracy, cnn, mlp, mnist, train
from thrifty.nn import distil, teacher_logits

EVIDENCE = (
    Evidence(
        id="distil-cubic",
        says="of x ~ N(0, 10**2) with P(y = 1) = 0.5 + 0.4 sin x, a cubic fitted to the logits of "
        "a teacher that knows the sine has less test loss than the cubic fitted to the labels, at "
        "every one of 8 sizes from 10 to 45 examples (mean of 15 runs each)",
        against="cubic logistic regression on the labels, scikit-learn, C = 1",
        at_least=8,
    ),
    Evidence(
        id="distil-mnist",
        says="784-32-10 learns MNIST from 1,000 labels and a convolutional teacher's 16 bytes for "
        "each of 10,000 rows without one at least 1 point better than from the labels",
        against="the same student on the 1,000 labels, the same number of steps",
        at_least=1,
        cost="long",
    ),
)
SIZES, RUNS = range(10, 50, 5), 15


def drawn(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels of the demonstration; both labels occur."""
    while True:
        x = 10 * rng.standard_normal(n)
        y = (rng.random(n) < 0.5 + 0.4 * np.sin(x)).astype(int)
        if 0 < y.sum() < n:
            return x, y


def cubic(x: np.ndarray) -> np.ndarray:
    """x, its square and its cube, of size one."""
    return np.stack([x / 10, (x / 10) ** 2, (x / 10) ** 3], axis=1)


def one_run(n: int, seed: int) -> tuple[float, float, float]:
    """Test losses of student, distilled student and teacher."""
    rng = np.random.default_rng([n, seed])
    (x, y), (tx, ty) = drawn(rng, n), drawn(rng, 5000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        student = LogisticRegression(max_iter=1000).fit(cubic(x), y)
        teacher = LogisticRegression(max_iter=1000).fit(np.sin(x)[:, None], y)
    said = teacher.decision_function(np.sin(x)[:, None])
    logits = LinearRegression().fit(cubic(x), said).predict(cubic(tx))
    found = (
        student.predict_proba(cubic(tx))[:, 1],
        1 / (1 + np.exp(-logits.clip(-30, 30))),
        teacher.predict_proba(np.sin(tx)[:, None])[:, 1],
    )
    return tuple(log_loss(ty, np.stack([1 - p, p], axis=1)) for p in found)


def measure_cubic() -> tuple[float, dict]:
    """At how many sizes the distilled cubic has less loss, and all losses."""
    rows = {n: np.mean([one_run(n, seed) for seed in range(RUNS)], axis=0) for n in SIZES}
    better = sum(distilled < student for student, distilled, _ in rows.values())
    names = ("student", "distilled", "teacher")
    return better, {"test loss": {n: dict(zip(names, row, strict=True)) for n, row in rows.items()}}


def measure_mnist() -> tuple[float, dict]:
    """Points of accuracy by distillation, mean of 3 students."""
    (x, y), test = mnist()
    x, y, labels = x[:11_000], y[:11_000].clone(), 1000
    torch.manual_seed(0)
    teacher = train(cnn(8), (x[:labels], y[:labels]), 30)
    said = teacher_logits(teacher, x, k=4)
    y[labels:] = -1
    found: dict = {"teacher": accuracy(teacher, test), "bytes a row": said.nbytes / len(x)}
    students: dict[str, list[float]] = {"labels": [], "distilled": []}
    for seed in range(3):
        for way, kept in students.items():
            torch.manual_seed(seed)
            student: nn.Module = mlp(32)
            if way == "labels":
                train(student, (x[:labels], y[:labels]), 110, seed=seed)
            else:
                distil(student, said, x, y, epochs=10, batch=128, temperature=2.0, seed=seed)
            kept.append(accuracy(student, test))
    gain = np.mean(students["distilled"]) - np.mean(students["labels"])
    return float(gain), found | students


def main() -> int:
    """Measure both on one thread."""
    torch.set_num_threads(1)
    measures = (measure_cubic, measure_mnist)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
