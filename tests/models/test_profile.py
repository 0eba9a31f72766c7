"""Profile: the job on files and tables, in parts, strict or not, and what is refused."""

import gzip

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import BudgetError, DataError
from thrifty.models.profile import profile


@pytest.fixture
def path(tmp_path):
    """A CSV file with a column of each trouble."""
    rng = np.random.default_rng(1)
    lines = ["id,city,amount,constant"]
    for i in range(3_000):
        amount = "old" if i % 100 == 7 else f"{rng.normal():.3f}"
        lines.append(f"{i},{rng.choice(['Rome', 'Oslo'])},{amount},x")
    lines[500] = "broken"
    file = tmp_path / "a.csv"
    file.write_text("\n".join(lines))
    return file


def test_a_file_is_profiled_and_skips_are_counted(path):
    """Constants and row numbers are profiled too; what cannot be read is counted."""
    found = profile(path, threads=1)
    assert found.rows == 2_999
    assert {name: column.kind for name, column in found.columns.items()} == {
        "id": "category", "city": "category", "amount": "number", "constant": "category",
    }  # fmt: skip
    assert found.columns["amount"].counts["unreadable"] == 30
    assert found.columns["constant"].distinct.count() == 1


def test_threads_do_not_matter(path):
    """One thread and three give the same bytes, also of a packed file."""
    packed = path.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    one = profile(path, threads=1).to_bytes()
    assert profile(path, threads=3).to_bytes() == one
    assert profile(packed, threads=1).rows == 2_999


def test_frames_are_profiled():
    """An Arrow table, or anything that exports one."""

    class Frame:
        def __init__(self, table):
            self.table = table

        def __arrow_c_stream__(self, requested_schema=None):
            return self.table.__arrow_c_stream__(requested_schema)

    table = pa.table({"a": [1.5, 2.5, None], "b": ["x", "y", "x"]})
    assert profile(Frame(table), threads=1) == profile(table, threads=1)
    assert profile(table.slice(0, 0), threads=1).rows == 0


def test_progress_is_told(path):
    """The last word is that all is done."""
    told = []
    profile(path, threads=1, progress=told.append)
    assert told[-1]["fraction"] == 1.0
    assert told[-1]["phase"] == "profiling"


def test_refusals(path, tmp_path):
    """Strict, a small budget, a column that is not there, a file that is not there."""
    with pytest.raises(DataError, match=r"broken|number of fields"):
        profile(path, strict=True)
    lines = [line for line in path.read_text().splitlines() if line != "broken"]
    whole = tmp_path / "whole.csv"
    whole.write_text("\n".join(lines))
    told = r"^30 values of column 'amount' are no number; without --strict they count as missing$"
    with pytest.raises(DataError, match=told):
        profile(whole, strict=True)
    with pytest.raises(BudgetError, match=r"^memory must be at least .* got 1000$"):
        profile(path, memory=1000)
    with pytest.raises(DataError, match=r"^column 'cty' not found; near: city$"):
        profile(path, by="cty")
    with pytest.raises(ValueError, match=r"^threads must be in 1\.\.1024, got -1$"):
        profile(path, threads=-1)
    with pytest.raises(DataError):
        profile(tmp_path / "none.csv")
