"""A fake index, a small model, and servers of them that run for a file of tests."""

import json
import random

import pytest

from tests.serve.fakes import write_index
from tests.serve.running import running
from thrifty.models import train

WORDS = {"cat": "purr meow whiskers", "dog": "bark wag fetch", "owl": "hoot night feather"}


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    """A folder with a fake index."""
    return write_index(tmp_path_factory.mktemp("indexes") / "wings")


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A folder with a model that tells animals by what they say."""
    draw = random.Random(1)
    folder = tmp_path_factory.mktemp("models")
    lines = []
    for _ in range(300):
        kind = draw.choice(sorted(WORDS))
        says = " ".join(draw.choice(WORDS[kind].split()) for _ in range(4))
        lines.append(json.dumps({"says": says, "age": draw.randint(1, 9), "kind": kind}) + "\n")
    (folder / "rows.jsonl").write_text("".join(lines))
    train([folder / "rows.jsonl"], "kind", out=folder / "animals", memory="120MB", epochs=2)
    return folder / "animals"


@pytest.fixture(scope="module")
def client(index, model):
    """A client of a server of both."""
    with running(index, model) as client:
        yield client
