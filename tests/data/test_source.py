"""Source: any path and format as batches; progress, samples, strictness; memory."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as papq
import pytest
import zstandard

from thrifty.core import DataError
from thrifty.data.source import open as open_source

DATA = Path(os.environ.get("THRIFTY_DATA", Path(__file__).parents[3] / "shared/data"))
ROWS = [{"name": f"n {i}", "x": float(i), "tag": "ab"[i % 2]} for i in range(5000)]
CSV = "name,x,tag\n" + "".join(f"{r['name']},{r['x']},{r['tag']}\n" for r in ROWS)
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS)
SVM = "".join(f"{i % 2} 1:{i} 7:0.5\n" for i in range(5000))
TEXTS = {"x.csv": CSV, "x.jsonl": JSONL, "x.svm": SVM, "x.txt": "plain words\n" * 5000}
PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}


def written(folder, name, pack=""):
    """A file of 5000 rows."""
    path = folder / f"{name}{pack}"
    if name == "x.parquet":
        papq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=1000)
    else:
        path.write_bytes(PACK[pack](TEXTS[name].encode()))
    return path


@pytest.mark.parametrize("pack", PACK)
@pytest.mark.parametrize("name", TEXTS)
def test_every_format_packed_or_not(tmp_path, name, pack):
    """5000 rows in batches of one schema; progress ends at all bytes and all rows."""
    path = written(tmp_path, name, pack)
    source = open_source(path)
    told = []
    batches = list(source.batches(progress=lambda *done: told.append(done)))
    assert {batch.schema for batch in batches} == {source.schema}
    assert max(map(len, batches)) <= 16_384
    assert told[-1] == (source.nbytes, 5000) == (path.stat().st_size, 5000)
    assert told == sorted(told)
    assert source.report.counts == {}
    assert len(source.partitions) == 1


def test_parquet_progress(tmp_path):
    """Bytes done are those of the row groups read."""
    source = open_source(written(tmp_path, "x.parquet"))
    told = []
    assert sum(len(b) for b in source.batches(progress=lambda *done: told.append(done))) == 5000
    assert told[-1][1] == 5000
    assert 0.5 * source.nbytes < told[-1][0] <= source.nbytes


@pytest.mark.parametrize(
    ("text", "format"),
    [
        (CSV, "csv"),
        (JSONL, "jsonl"),
        (SVM, "svmlight"),
        ("some words, no table\nand more words\n", "text"),
        ("1\t2\n3\t4\n", "csv"),
        ("x", "text"),
    ],
)
def test_unknown_endings_are_told_by_content(tmp_path, text, format):
    """A file called .data is what its first lines are."""
    (tmp_path / "x.data").write_text(text)
    assert open_source(tmp_path / "x.data").format == format


def test_parquet_by_content(tmp_path):
    """Parquet is known by its first bytes."""
    written(tmp_path, "x.parquet").rename(tmp_path / "x.bin")
    assert open_source(tmp_path / "x.bin").format == "parquet"


def test_a_folder_of_parts(tmp_path):
    """A folder's files are one source, in order of name; other files are left out and told."""
    for i in (1, 0):
        (tmp_path / f"part{i}.csv").write_text(f"a,b\n{i},x\n")
    (tmp_path / "README.md").write_text("about")
    source = open_source(tmp_path)
    rows = [row for batch in source.batches() for row in batch["a"].to_pylist()]
    assert rows == ["0", "1"]
    assert source.report.counts == {"files of another ending, left out": 1}
    again = [row for batch in source.batches(["a"]) for row in batch["a"].to_pylist()]
    assert (again, source.report.counts) == (rows, {"files of another ending, left out": 1})


def test_a_sample_is_spread_over_a_sorted_file(tmp_path):
    """Of a file sorted by its label every tenth appears in the sample as a tenth, about."""
    text = "label,pad\n" + "".join(f"{i // 20_000},{'x' * 20}\n" for i in range(200_000))
    (tmp_path / "x.csv").write_text(text)
    labels = open_source(tmp_path / "x.csv").sample(1000)["label"].to_pylist()
    assert len(labels) == 1000
    assert {label for label in labels if labels.count(label) > 40} >= set("02356789")
    (tmp_path / "y.csv.gz").write_bytes(gzip.compress(text.encode()))
    packed = open_source(tmp_path / "y.csv.gz").sample(1000, ["label"])
    assert set(packed["label"].to_pylist()) == set("0123456789")


def test_a_truncated_gz_gives_its_rows_first(tmp_path):
    """Rows before the cut arrive whole, the last half row does not; strict raises after them."""
    path = tmp_path / "x.csv.gz"
    packed = gzip.compress(CSV.encode())
    path.write_bytes(packed[: len(packed) // 2])
    source = open_source(path)
    names = [name for batch in source.batches() for name in batch["name"].to_pylist()]
    assert names == [row["name"] for row in ROWS[: len(names)]]
    assert 1000 < len(names) < 5000
    assert source.report.counts == {"damaged files": 1}
    with pytest.raises(DataError, match=r"^damaged files: .*x\.csv\.gz, byte \d+ of \d+: the file"):
        list(open_source(path, strict=True).batches())


def test_formats_do_not_mix(tmp_path):
    """A folder of two formats is refused, unless one is named."""
    written(tmp_path, "x.csv")
    written(tmp_path, "x.jsonl")
    message = r"^files of different formats: .*x\.csv \(csv\), .*x\.jsonl \(jsonl\); name one"
    with pytest.raises(DataError, match=message):
        open_source(tmp_path)
    assert open_source(tmp_path, format="text").format == "text"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            {"format": "xls"},
            r"^format must be one of csv, jsonl, parquet, svmlight, text, got 'xls",
        ),
        ({"sep": ","}, r"^option of format 'csv' must be one of delimiter, .*, got 'sep'$"),
    ],
)
def test_refused(tmp_path, how, message):
    """The message says what was wrong and what would do."""
    with pytest.raises(ValueError, match=message):
        open_source(written(tmp_path, "x.csv"), **how)


def test_a_missing_column_is_named_with_its_neighbours(tmp_path):
    """The error comes at the call, before any row."""
    source = open_source(written(tmp_path, "x.csv"))
    with pytest.raises(DataError, match=r"^column 'nmae' not found; near: name$"):
        source.batches(["nmae"])
    with pytest.raises(DataError, match=r"^column 'z' not found; columns: name, x, tag$"):
        source.sample(10, ["z"])


# VmHWM and not ru_maxrss, which a child takes over from the process that started it
MEMORY = """
import sys, pathlib
from thrifty.data.source import open
def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])
def read(path):
    return sum(len(batch) for batch in open(path).batches())
read(sys.argv[1])
base = peak()
rows = read(sys.argv[2])
print(peak() - base, rows)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc on this system")
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.svm", "x.txt"])
def test_memory_does_not_grow_with_the_file(tmp_path, name):
    """60 MB and more are read within 30 MB over the base of a small file of the same format."""
    line = {
        "x.csv": '1,"some, text of the row",2.5\n',
        "x.jsonl": '{"a": 1, "text": "some text of the row"}\n',
        "x.svm": "1 2:0.5 7:0.25 19:1 25:2.5\n",
        "x.txt": "some text of the row\n",
    }[name]
    (tmp_path / f"small{name}").write_text("a,b,c\n" * (name == "x.csv") + line * 10)
    block = line * (1_000_000 // len(line))
    with (tmp_path / f"large{name}").open("w") as file:
        file.write("a,b,c\n" * (name == "x.csv"))
        for _ in range(60):
            file.write(block)
    paths = [str(tmp_path / f"{size}{name}") for size in ("small", "large")]
    done = subprocess.run([sys.executable, "-c", MEMORY, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    peak, rows = map(int, done.stdout.split())
    assert rows == 60 * (1_000_000 // len(line))
    assert peak < 30_000_000


@pytest.mark.parametrize(
    ("path", "rows", "columns"),
    [
        ("table_uci/adult-train.csv.gz", 32_561, 15),
        ("table_uci/california_housing.csv.gz", 20_640, 10),
        ("text_newsgroups20/train.jsonl.gz", 11_314, 7),
        ("rec_movielens_small/ratings.csv.gz", 100_836, 4),
        ("sparse_svmlight/a8a.svm.gz", 22_696, 3),
    ],
)
def test_public_data(path, rows, columns):
    """Known files have the rows their manifest says, none skipped."""
    if not (DATA / path).exists():
        pytest.skip(f"{path} is not here")
    source = open_source(DATA / path)
    assert sum(len(batch) for batch in source.batches()) == rows
    assert len(source.schema) == columns
    assert source.report.counts == {}
