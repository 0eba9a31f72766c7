"""Kinds: columns of everyday tables are told for what they are."""

import random

import pyarrow as pa
import pytest

from thrifty.data.kinds import KINDS, kind_of

R = random.Random(7)
N = 400
WORDS = ["the", "cat", "sat", "on", "a", "warm", "mat", "and", "saw", "small", "birds", "fly"]
SENTENCES = [" ".join(R.choices(WORDS, k=R.randint(4, 12))) for _ in range(N)]
CASES = [
    ("review", SENTENCES, "text"),
    ("title", [f"{R.choice(WORDS)} {R.choice(WORDS)} {i}" for i in range(N)], "text"),
    ("surname", ["".join(R.choices("abcdefghij", k=7)) for _ in range(N)], "text"),
    ("country", R.choices(["France", "New Zealand", "Costa Rica"], k=N), "category"),
    ("city, state", R.choices(["Paris, TX", "Rome, NY", "Troy, MI"], k=N), "category"),
    ("flag", R.choices([True, False], k=N), "category"),
    ("yes", R.choices(["yes", "no", None], k=N), "category"),
    ("zip", [f"0{R.randint(1000, 9999)}" for _ in range(N)], "category"),
    ("user_id", [str(R.randint(1, 50)) for _ in range(N)], "category"),
    ("movieId", [float(R.randint(1, 50)) for _ in range(N)], "category"),
    ("age", [str(R.randint(18, 90)) for _ in range(N)], "number"),
    ("price", [f" {R.random():.3f} " for _ in range(N)], "number"),
    ("sparse", ["1.5" if i % 20 else "NA" for i in range(N)] + ["2"], "number"),
    ("dirty", ["word" if i % 50 == 0 else str(i % 7) for i in range(N)], "number"),
    ("amount", [R.randint(0, 10**9) for _ in range(N)], "number"),
    ("day", [f"2020-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(N)], "date"),
    ("when", [f"{1 + i % 28}/{1 + i % 12}/2019" for i in range(N)], "date"),
    ("compact", [f"2019{1 + i % 12:02}{1 + i % 28:02}" for i in range(N)], "date"),
    ("timestamp", [str(1_500_000_000 + R.randint(0, 10**8)) for _ in range(N)], "date"),
    ("created_at", [1_500_000_000_000.0 + R.randint(0, 10**10) for _ in range(N)], "date"),
    ("genres", ["|".join(R.sample(WORDS, R.randint(1, 3))) for _ in range(N)], "list"),
    ("tags", [",".join(R.sample(WORDS, R.randint(1, 4))) for _ in range(N)], "list"),
    ("topics", [";".join(R.sample(WORDS, R.randint(1, 4))) for _ in range(N)], "list"),
    ("labels", [str(R.sample(range(9), 2)) for _ in range(N)], "list"),
    ("lists", [["a"], []] * (N // 2), "list"),
    ("row", [str(i) for i in range(N)], "ignore"),
    ("uuid", [f"{R.getrandbits(64):016x}" for _ in range(N)], "ignore"),
    ("order_id", [str(x) for x in R.sample(range(10**6), N)], "ignore"),
    ("constant", ["same"] * N, "ignore"),
    ("nothing", [None] * N, "ignore"),
    ("blank", ["", " "] * N, "ignore"),
]


@pytest.mark.parametrize(("name", "values", "kind"), CASES, ids=[case[0] for case in CASES])
def test_everyday_columns(name, values, kind):
    """The kind is what a person would say."""
    array = pa.array(values, pa.string() if values[0] is None else None)
    found = kind_of(name, array)
    assert found.kind == kind, found.reason
    assert found.kind in KINDS
    assert found.reason


@pytest.mark.parametrize(("name", "values", "kind"), CASES, ids=[case[0] for case in CASES])
def test_a_target_is_never_ignored(name, values, kind):
    """Kept columns are never ignored, and texts are classes."""
    array = pa.array(values, pa.string() if values[0] is None else None)
    assert kind_of(name, array, keep=True).kind not in ("ignore", "text")


def test_details():
    """Separators and formats come with the kind."""
    array = {name: pa.array(values) for name, values, _ in CASES}
    assert kind_of("g", array["genres"]).separator == "|"
    assert kind_of("l", array["labels"]).separator == "json"
    assert kind_of("w", array["when"]).format == "%d/%m/%Y"
    assert kind_of("timestamp", array["timestamp"]).format == "seconds"
    assert kind_of("created_at", array["created_at"]).format == "milliseconds"
