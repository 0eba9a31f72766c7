"""Spill: every row goes to one side, the same one each time, and the sides stay in bounds."""

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError, SaveError
from thrifty.data import Column, Mixer, Schema, open
from thrifty.models import spill as module
from thrifty.models.featurizer import Featurizer
from thrifty.models.labels import Target
from thrifty.models.spill import Spill, encoded, few_rows, from_bytes, to_bytes


@pytest.fixture
def source(tmp_path):
    """A file of 3000 rows, every tenth without a target."""
    lines = [f"{i % 97},{'' if i % 10 == 9 else 'ab'[i % 2]}" for i in range(3000)]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["x,y", *lines]) + "\n")
    return open(path)


def parts():
    """A featurizer and a target for those rows."""
    sample = pa.RecordBatch.from_pydict({"x": ["1", "2"]})
    featurizer = Featurizer(Schema((Column("x", "number"),)), sample, slots=1 << 16)
    return featurizer, Target(Column("y", "category"), "one")


def spilled(source, folder, share=0.1, most_bytes=10**6, threads=1):
    """The pass over a source."""
    featurizer, target = parts()
    mixer = Mixer(folder, memory="1 MB", partitions=4)
    one = Spill(featurizer, target, mixer, share=share, most_bytes=most_bytes)
    for pair in encoded(source, featurizer, target, threads=threads):
        one.add(*pair)
    return one, one.finish()


@pytest.mark.parametrize("threads", [1, 2])
def test_every_row_is_trained_on_or_held_out(source, tmp_path, threads):
    """Rows with a target are on one side; a tenth is held out, within five standard errors."""
    one, held = spilled(source, tmp_path / "mix", threads=threads)
    assert one.rows + len(held) == 2700
    assert abs(len(held) - 270) < 5 * np.sqrt(2700 * 0.1 * 0.9)
    assert one.mixer.num_rows == one.featurizer.num_observed == one.target.counts.sum() == one.rows
    assert source.report.counts == {"rows without a target, left out": 300}


def test_the_choice_is_the_same_each_time(source, tmp_path):
    """Threads and batches do not change which rows are held out."""
    _, first = spilled(source, tmp_path / "a")
    _, second = spilled(source, tmp_path / "b", threads=2)
    assert first.equals(second)


def test_held_out_rows_stay_in_bounds(source, tmp_path):
    """Where there is too little room fewer are held out, and the others are trained on."""
    _, all_of_them = spilled(source, tmp_path / "a")
    one, held = spilled(source, tmp_path / "b", most_bytes=all_of_them.nbytes // 3)
    assert 20 <= len(held) < len(all_of_them) / 2
    assert one.rows + len(held) == 2700
    assert one.target.counts.sum() == one.rows


def test_with_few_rows_training_rows_judge(tmp_path):
    """Below twenty held-out rows, all are trained on and judge too."""
    path = tmp_path / "few.csv"
    path.write_text("x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(30)))
    one, held = spilled(open(path), tmp_path / "mix")
    assert (one.rows, len(held), one.again) == (30, 30, True)


def test_rows_return_from_bytes(source, tmp_path):
    """Held-out rows kept as bytes are the same rows."""
    _, held = spilled(source, tmp_path / "mix")
    assert from_bytes(to_bytes(held)).equals(held)


def test_another_file_judges_by_its_first_rows(source):
    """As many rows as there is room for, and at least a batch."""
    featurizer, target = parts()
    assert len(few_rows(encoded(source, featurizer, target), 1)) == 2700
    with pytest.raises(DataError, match=r"^no row with a target in the validation file$"):
        few_rows(iter(()), 10)


def test_nothing_to_learn_from_is_refused(tmp_path):
    """No row with a target, or one class only, is an error."""
    path = tmp_path / "none.csv"
    path.write_text("x,y\n" + "1,\n" * 40)
    with pytest.raises(DataError, match=r"^no row with a target 'y' to learn from$"):
        spilled(open(path), tmp_path / "a")
    path.write_text("x,y\n" + "1,a\n" * 40)
    with pytest.raises(DataError, match=r"^target 'y' has only one class, 'a'$"):
        spilled(open(path), tmp_path / "b")


def test_a_strict_source_refuses(source):
    """With strict, the first row without a target ends it."""
    featurizer, target = parts()
    strict = open(source.files[0].name, strict=True)
    with pytest.raises(DataError, match=r"^rows without a target, left out: y is missing$"):
        list(encoded(strict, featurizer, target))


def test_a_full_disk_is_told(source, tmp_path, monkeypatch):
    """What the mixer cannot write reaches the caller as a SaveError."""

    def full(self, batch):
        raise SaveError(28, "cannot write rows: No space left on device")

    monkeypatch.setattr(module.Mixer, "add", full)
    with pytest.raises(SaveError, match="No space left on device"):
        spilled(source, tmp_path / "mix")
