"""Forged files of every kind: what no summary wrote is refused, or read as one that answers."""

import io
import json

import numpy as np
import pytest

from evidence.sketch._examples import examples
from evidence.sketch._forger import Forger
from evidence.sketch._fuzzing import kinds, try_inputs
from thrifty.core import FormatError, Summary, dump, taken
from thrifty.core.container import read_container

KINDS = kinds()


def test_the_search_found_something():
    """An empty search is a broken search, not a pass."""
    assert {"bloom", "count-min", "hyperloglog", "windows"} <= set(KINDS)
    assert len(KINDS) >= 20


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_forged_files_are_refused_or_answer(kind):
    """Cut, altered, spliced, resealed and lying files, 120 of each kind, always the same."""
    found = try_inputs(kind, 120, seed=1)
    assert found["failures"] == []
    assert found["refused"] > 40
    assert found["slowest"] < 30


class Trusting(Summary):
    """Broken: it believes what it reads."""

    KIND = "test-trusting"

    def __init__(self, size=4):
        self.size = size
        self.counts = np.zeros(size, np.int64)

    def spec(self):
        """Its size."""
        return {"size": self.size}

    def arrays(self):
        """Its counts."""
        return {"counts": self.counts}

    @classmethod
    def restore(cls, spec, arrays):
        """No check of the size."""
        made = cls()
        made.size = spec["size"]
        made.counts = taken(arrays, "counts", np.int64, (None,))
        return made

    def add(self, keys):
        """Count integers."""
        np.add.at(self.counts, np.asarray(keys, np.int64) % self.size, 1)
        return self

    def count(self):
        """The last count."""
        return int(self.counts[self.size - 1])

    def _absorb(self, other):
        self.counts += other.counts


def test_the_fuzzer_notices():
    """A summary that believes its spec fails within a hundred inputs."""
    found = try_inputs(Trusting, 100, seed=1)
    assert found["failed"] > 0
    assert any("IndexError" in failure for failure in found["failures"])


def test_lies_are_well_sealed():
    """What `lying` makes passes every checksum of the container."""
    forger = Forger([Trusting().add([1, 2])], seed=3)
    for _ in range(200):
        read_container(io.BytesIO(forger.lying()), kind=Trusting.KIND, version=1)


def test_resealed_tables_pass_their_checksum():
    """The table of arrays lies, its checksum does not: what refuses it looks at the entries."""
    forger, checksums = Forger([Trusting().add([1, 2])], seed=3), 0
    for _ in range(200):
        try:
            read_container(io.BytesIO(forger.resealed()), kind=Trusting.KIND, version=1)
        except FormatError as error:
            checksums += "checksum of the header" in str(error)
    assert checksums == 0


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_headers_are_refused(depth):
    """A header nested beyond reason is no reason to fall over."""
    data = dump(kind="bloom", version=1, header={"lines": 1, "seed": 0}, arrays={})
    size = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + size])
    deep = "[" * depth + "]" * depth
    table["__metadata__"]["thrifty"] = f'{{"format": "bloom", "version": 1, "header": {deep}}}'
    text = json.dumps(table).encode()
    with pytest.raises(FormatError):
        KINDS["bloom"].from_bytes(len(text).to_bytes(8, "little") + text)


def test_a_kind_without_an_example_is_named():
    """Whoever adds a kind that no one can make is told where to say how."""

    class Shy(Trusting):
        KIND = "test-shy"

        def add(self, keys):
            raise TypeError("nothing suits")

    with pytest.raises(LookupError, match=r"^no example of Shy: give it a maker$"):
        examples(Shy)
