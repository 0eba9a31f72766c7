"""A small table and a model of it, trained once for all tests of the command line."""

import json
import random

import pytest

from thrifty.cli import main

WORDS = {"cat": "purr meow whiskers", "dog": "bark wag fetch", "owl": "hoot night feather"}


def rows(number, seed):
    """Rows whose text tells the kind of animal."""
    draw = random.Random(seed)
    for _ in range(number):
        kind = draw.choice(sorted(WORDS))
        words = [draw.choice(WORDS[kind].split()) for _ in range(4)]
        yield {"says": f"it will {' '.join(words)}", "age": draw.randint(1, 9), "kind": kind}


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """A file of JSON lines."""
    path = tmp_path_factory.mktemp("rows") / "animals.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(300, 1)))
    return path


@pytest.fixture(scope="session")
def model(table, tmp_path_factory):
    """A folder with a model of that file."""
    out = tmp_path_factory.mktemp("model") / "animals"
    words = ["--target", "kind", "--out", str(out), "--memory", "120MB", "--epochs", "2"]
    assert main(["train", str(table), *words, "--threads", "1", "--json"]) == 0
    return out
