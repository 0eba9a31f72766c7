"""Run: its steps are tested through `train`; here is what they decide on their own."""

import pyarrow as pa
import pytest

from thrifty.core import DataError
from thrifty.models.run import Run

OPTIONS = {
    "target": "y", "memory": 90_000_000, "task": "auto", "separator": None, "overrides": None,
    "validation": 0.1, "seed": 0, "strict": False, "format": None, "refit": True, "threads": 1,
    "settings": {},
}  # fmt: skip


def silent(_):
    """Say nothing."""


def test_the_mixer_has_more_partitions_for_more_bytes(tmp_path):
    """A large file is scattered over more partitions than a small one, within bounds."""
    found = []
    for rows in (100, 400_000):
        path = tmp_path / f"{rows}.csv"
        path.write_text("x,y\n" + "1.5,a\n2.5,b\n" * rows)
        run = Run(path, tmp_path / "out", OPTIONS, silent, silent)
        run.place = type("Place", (), {"path": lambda self, name: tmp_path / name})()
        sample = pa.RecordBatch.from_pydict({"x": [1.5, 2.5]})
        run.featurizer = type("Stub", (), {"encode": lambda self, batch: batch})()
        mixer = run._new_mixer(sample)
        found.append(mixer.partitions)
        mixer.finish()
    assert found[0] == 16
    assert 16 <= found[1] <= 1024


def test_no_file_is_refused(tmp_path):
    """What is not there cannot be opened."""
    with pytest.raises(DataError):
        Run(tmp_path / "nowhere.csv", tmp_path / "out", OPTIONS, silent, silent)
