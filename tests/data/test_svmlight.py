"""Svmlight: equal to scikit-learn bit by bit, in any chunks; its refusals; bad rows counted."""

import bz2
import gzip
import io
import os
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_svmlight_file

from thrifty.core import DataError
from thrifty.data import _svmlight_kernel, svmlight
from thrifty.data.report import Report
from thrifty.data.svmlight import iter_svmlight, read_svmlight, svmlight_traits

DATA = Path(os.environ.get("THRIFTY_DATA", Path(__file__).parents[3] / "shared/data"))
GOOD = b"1 1:0.5 3:2 # first\n\n# alone\n-1 2:1e-3\t7:-4.25\r\n+1\n0.5 4:nan 5:inf 9:0"
RANKED = b"2 qid:7 1:0.5\n1 3:1\n0 qid:-8 2:1 # x:y"
MANY = b"3,1,2 1:1 2:2\n4:5 6:7\n-0.5,2 # nothing\n9 1:1"

SPECIAL = ("inf", "-inf", "nan", "-NaN", "+Infinity", "0", "-0", "00", "1_0", ".5", "5.", "1_2.5_0")
numbers = st.one_of(
    st.integers(0, 9).map(str),
    st.floats().map(repr),
    st.floats(-1e3, 1e3).map(lambda x: f"{x:.6g}"),
    st.floats().map(lambda x: f"{x:+.17e}"),
    st.integers(-(10**25), 10**25).map(str),
    st.tuples(st.integers(0, 10**30), st.integers(0, 10**30), st.integers(-400, 400)).map(
        lambda t: "{}.{:030d}E{:+d}".format(*t)
    ),
    st.sampled_from(SPECIAL),
)
indices = st.sets(st.integers(0, 40) | st.integers(0, 2**31 - 1), max_size=6).map(sorted)
blanks = st.sampled_from([" ", " ", "  ", "\t", " \x0b", "\x0c ", "\r"])
ends = st.sampled_from(["\n", "\n", "\r\n", " \n", "# 1:2 qid:3\n", " #\n", "\n\n", "\n#\n"])


@st.composite
def texts(draw, multilabel=False):
    """A valid file as bytes."""
    return "".join(draw(st.lists(rows(multilabel), max_size=8))).encode()


@st.composite
def rows(draw, multilabel):
    """A valid row with its line end."""
    labels = draw(st.lists(numbers, min_size=0 if multilabel else 1, max_size=3))
    wanted = draw(indices)
    tokens = [",".join(labels if multilabel else labels[:1])] if labels else []
    if not tokens and not wanted:
        return draw(ends)
    tokens += [f"qid:{draw(st.integers(-(2**63), 2**63 - 1))}"] if draw(st.booleans()) else []
    tokens += [f"{draw(st.sampled_from(['', '+', '0']))}{i}:{draw(numbers)}" for i in wanted]
    gaps = [draw(blanks) for _ in tokens]
    return "".join(t + g for t, g in zip(tokens, gaps, strict=True)) + draw(ends)


def bits(x):
    """The bits of floats, since nan is not equal to nan."""
    return np.asarray(x, dtype=np.float64).view(np.uint64).tolist()


def parts(rows, labels, *queries):
    """Everything a reader returns, in a form that can be compared."""
    kind = rows.data.dtype.name.replace("float", "uint")
    flat = [bits(list(row)) for row in labels] if isinstance(labels, list) else bits(labels)
    matrix = (rows.shape, rows.indptr.tolist(), rows.indices.tolist())
    return matrix, kind, rows.data.view(kind).tolist(), flat, [q.tolist() for q in queries]


def ours(text, **options):
    """What read_svmlight returns or None for a refusal."""
    try:
        return parts(*read_svmlight([text], **options))
    except DataError:
        return None


def peer(text, **options):
    """What scikit-learn returns or None for a refusal."""
    try:
        return parts(*load_svmlight_file(io.BytesIO(text), **options))
    except (ValueError, OverflowError):
        return None


def table(source, **options):
    """All batches of a stream, joined."""
    batches = list(iter_svmlight(source, **options))
    return pa.Table.from_batches(batches).combine_chunks() if batches else None


@settings(max_examples=150, deadline=None)
@given(texts(), st.sampled_from([True, False, "auto"]), st.booleans())
def test_valid_files_equal_the_peer(text, zero_based, query_id):
    """Every generated file gives scikit-learn's matrix, labels and query ids, bit by bit."""
    options = {"zero_based": zero_based, "query_id": query_id}
    assert ours(text, **options) == peer(text, **options)
    assert zero_based is False or ours(text, **options) is not None


@settings(max_examples=80, deadline=None)
@given(texts(multilabel=True))
def test_valid_multilabel_files_equal_the_peer(text):
    """Rows of several labels, or of none, equal scikit-learn's."""
    found = ours(text, multilabel=True, query_id=True)
    assert found is not None
    assert found == peer(text, multilabel=True, query_id=True)


@pytest.mark.parametrize("text", [b"", b"\n", b"# x", b"1", b"1\n2", GOOD, RANKED])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_edges_equal_the_peer(text, dtype):
    """Empty files, empty rows, comments and both widths of value equal scikit-learn's."""
    assert ours(text, dtype=dtype) == peer(text, dtype=dtype)


@pytest.mark.parametrize(
    "alphabet", [b"0123456789", b"12.:,-+eE #\n\r\tqidnaf_", bytes(range(1, 256))]
)
@pytest.mark.parametrize("multilabel", [False, True])
def test_damaged_files_are_judged_as_the_peer_does(alphabet, multilabel):
    """Files with a few bytes exchanged are refused exactly when scikit-learn refuses them."""
    rng = random.Random(5)
    judged = []
    for _ in range(400):
        text = bytearray(MANY if multilabel else GOOD + b"\n" + RANKED)
        for _ in range(rng.randrange(1, 5)):
            text[rng.randrange(len(text))] = rng.choice(alphabet)
        options = {"multilabel": multilabel, "query_id": rng.random() < 0.5}
        expected = peer(bytes(text), **options)
        assert ours(bytes(text), **options) == expected, bytes(text)
        judged.append(expected is None)
    assert 0 < sum(judged) < len(judged)


def test_every_byte_at_every_place_of_short_features():
    """Features that are read from one word stop being short, or valid, where the peer says so."""
    for row in (b"1 7:1 1234:5 99999:0 123456:1\n", b"1 7:1 60:2\n1 5:3\n"):
        for place in range(2, len(row)):
            for byte in b"\x01\t\n\r #+,-./012789:;?@EI_enq\x7f\xb0\xba\xff":
                text = row[:place] + bytes([byte]) + row[place + 1 :]
                assert ours(text) == peer(text), text


def test_random_bytes_never_crash():
    """Bytes of any kind, zero among them, are read or refused with a DataError."""
    rng = random.Random(6)
    alphabets = (bytes(range(256)), b"0123456789.:,-+eE #\n\r\t\0qidnaf_", b"1:\n", b", \n")
    for trial in range(400):
        text = bytes(rng.choices(alphabets[trial % 4], k=rng.randrange(300)))
        for multilabel in (False, True):
            ours(text, multilabel=multilabel)
            table([text], multilabel=multilabel, query_id=True, report=Report(), nbytes=64)


@pytest.mark.parametrize("name", ["a8a.svm.gz", "w8a.svm.gz"])
@pytest.mark.parametrize("threads", [1, 2])
def test_real_files_equal_the_peer(name, threads):
    """Published files, packed as they are, equal scikit-learn's."""
    path = DATA / "sparse_svmlight" / name
    if not path.exists():
        pytest.skip(f"{path} is absent")
    found = read_svmlight(path, threads=threads)
    expected = load_svmlight_file(path)
    for mine, other in ((found[0].indptr, expected[0].indptr), (found[1], expected[1])):
        np.testing.assert_array_equal(mine, other)
    np.testing.assert_array_equal(found[0].indices, expected[0].indices)
    np.testing.assert_array_equal(found[0].data, expected[0].data)
    assert found[0].shape == expected[0].shape
    assert found[0].indices.dtype == np.int32


@pytest.mark.parametrize("nbytes", [1, 2, 3, 7, 20, 64])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_cut_into_blocks_does_not_matter(nbytes, threads, monkeypatch):
    """Blocks of a few bytes give the rows of one block, in memory and as a stream."""
    text = RANKED + b"\n" + GOOD
    whole = parts(*read_svmlight([text]))
    stream = table([text], query_id=True)
    monkeypatch.setattr(svmlight, "NBYTES_READ", nbytes)
    assert parts(*read_svmlight(io.BytesIO(text), threads=threads)) == whole
    chunks = [text[k : k + 5] for k in range(0, len(text), 5)]
    again = table(chunks, query_id=True, nbytes=nbytes, threads=threads)
    assert again.drop("values").equals(stream.drop("values"))
    assert str(again["values"]) == str(stream["values"])


def test_a_stream_has_the_rows_of_the_matrix():
    """Batches of a stream hold the same numbers as the matrix; zero_based moves the indices."""
    rng = np.random.default_rng(3)
    text = b"".join(
        b"%d 1:%r 5:%.3f\n" % (k, x, x) for k, x in enumerate(rng.random(40_000).tolist())
    )
    rows, labels = read_svmlight([text], zero_based=False)
    batches = list(iter_svmlight([text], zero_based=False, dtype=np.float64))
    found = pa.Table.from_batches(batches).combine_chunks()
    assert max(batch.num_rows for batch in batches) <= 16_384
    np.testing.assert_array_equal(found["label"].to_numpy(), labels)
    for name, expected in (("indices", rows.indices), ("values", rows.data)):
        np.testing.assert_array_equal(found[name].chunk(0).flatten().to_numpy(), expected)


def test_the_columns_of_a_stream():
    """Types are as documented; labels keep their order; a row without qid has a null."""
    [batch] = iter_svmlight([MANY], multilabel=True)
    assert batch.schema.field("label").type == pa.list_(pa.float64())
    assert batch["label"].to_pylist() == [[3, 1, 2], [], [-0.5, 2], [9]]
    [batch] = iter_svmlight([RANKED], query_id=True)
    assert [str(t) for t in batch.schema.types] == [
        "double", "int64", "list<item: int32>", "list<item: float>",
    ]  # fmt: skip
    assert batch["qid"].to_pylist() == [7, None, -8]


def test_packed_files(tmp_path):
    """Gzip, bzip2 and zstandard files are unpacked by their names."""
    whole = parts(*read_svmlight([GOOD]))
    packers = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstandard.compress, "txt": bytes}
    for suffix, pack in packers.items():
        (tmp_path / f"a.{suffix}").write_bytes(pack(GOOD))
        assert parts(*read_svmlight(tmp_path / f"a.{suffix}")) == whole
        assert parts(*read_svmlight(str(tmp_path / f"a.{suffix}"))) == whole


@pytest.mark.parametrize("suffix", ["gz", "bz2", "zst"])
def test_packed_bytes_that_break_off(suffix, tmp_path):
    """A cut packed file is refused by name; with a report its whole lines are kept."""
    packers = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstandard.compress}
    text = b"".join(b"%d 1:%r\n" % (k, k / 7) for k in range(60_000))
    packed = packers[suffix](text)
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(packed[: len(packed) * 3 // 4])
    with pytest.raises(DataError, match=rf"^damaged files: {path}: .+$"):
        read_svmlight(path)
    report = Report()
    _, labels = read_svmlight(path, report=report)
    assert report.counts == {"damaged files": 1}
    np.testing.assert_array_equal(labels, np.arange(len(labels)))


def test_a_source_that_was_cut_loses_its_last_line():
    """A source that says it was cut gives no row from half a line."""

    class Cut(list):
        cut = True

    assert read_svmlight(Cut([b"1 2:3\n2 4:5"]))[1].tolist() == [1.0]


REFUSED = {
    b"1 3:1 2:1": "index must be above 3, the one before it, got 2",
    b"1 3:1 3:1": "index must be above 3, the one before it, got 3",
    b"1 -1:1": r"index must be in 0\.\.2147483647, got -1",
    b"1 2147483648:1": r"index must be in 0\.\.2147483647, got 2147483648",
    b"1 99999999999999999999999:1": r"index must be in 0\.\.2147483647, got 9{23}",
    b"1 1.5:1": r"index must be an integer, got '1\.5'",
    b"1 :1": "index must be an integer, got ''",
    b"1 7": "feature must be written index:value, got '7'",
    b"1 7#:": "feature must be written index:value, got '7'",
    b"1 qid 2:1": "feature must be written index:value, got 'qid'",
    b"1 qid:1.5 2:1": r"qid must be an integer of 64 bits, got '1\.5'",
    b"1 qid:9223372036854775808": "qid must be an integer of 64 bits, got '9223372036854775808'",
    b"1 2:": "value must be a number, got ''",
    b"1 2:1:3": "value must be a number, got '1:3'",
    b"1 2:1e": "value must be a number, got '1e'",
    b"one 2:1": "label must be a number, got 'one'",
    b"1,2 2:1": "label must be a number, got '1,2'",
    b"1 2:\0\xff": r"value must be a number, got '\\x00\\\\xff'",
    b"1 2:" + b"x" * 99: r"value must be a number, got 'x{40}\.\.\.'",
}


@pytest.mark.parametrize("row", REFUSED)
def test_bad_rows_are_refused_with_line_rule_and_value(row):
    """The whole message: where, which rule, what was found."""
    message = rf"^svmlight, line 3: {REFUSED[row]}$"
    with pytest.raises(DataError, match=message):
        read_svmlight([b"1 1:1\n\n" + row + b"\n1 x:y"], query_id=True)
    with pytest.raises(DataError, match=message):
        list(iter_svmlight([b"1 1:1\n\n" + row + b"\n1 x:y"], query_id=True, nbytes=1))


def test_other_refusals(tmp_path):
    """One-based files without 0, labels of a list, endless lines: each names its place."""
    with pytest.raises(DataError, match=r"line 1: index must be in 1\.\.2147483647, got 0$"):
        read_svmlight([b"1 0:1"], zero_based=False)
    with pytest.raises(DataError, match=r"^svmlight, line 1: label must be a number, got 'x'$"):
        read_svmlight([b"1,x,2 1:1"], multilabel=True)
    (tmp_path / "a.svm").write_bytes(b"1 a:1")
    with pytest.raises(DataError, match=rf"^{tmp_path}/a\.svm, line 1: index must be an integer"):
        read_svmlight(tmp_path / "a.svm")
    with pytest.raises(DataError, match=r"^my file, line 1: index must be an integer, got 'a'$"):
        list(iter_svmlight([b"1 a:1"], name="my file"))
    zeros = iter([b"1 1:1\n", *[b"0" * (1 << 20)] * 70])
    message = r"^svmlight, byte 6: line must be shorter than 67108865 bytes$"
    with pytest.raises(DataError, match=message):
        list(iter_svmlight(zeros))


def test_arguments_are_checked():
    """Each argument out of its range is named with its rule."""
    cases = {
        r"^num_features must be at least 8, the largest index plus one, got 7$": {
            "num_features": 7
        },
        r"^num_features must be in 1\.\.2147483648, got 0$": {"num_features": 0},
        r"^zero_based must be one of True, False, auto, got 'no'$": {"zero_based": "no"},
        r"^threads must be in 1\.\.1024, got 0$": {"threads": 0},
        r"^dtype must be one of float32, float64, got 'int32'$": {"dtype": np.int32},
    }
    for message, options in cases.items():
        with pytest.raises(ValueError, match=message):
            read_svmlight([b"1 0:1 7:1"], **options)
    with pytest.raises(ValueError, match=r"^zero_based must be True or False for a stream"):
        iter_svmlight([b""], zero_based="auto")
    with pytest.raises(ValueError, match=r"^nbytes must be in 1\.\.67108864, got 0$"):
        iter_svmlight([b""], nbytes=0)
    assert read_svmlight([b"1 0:1 7:1"], num_features=8)[0].shape == (1, 8)


@pytest.mark.parametrize("nbytes", [1, 40, 1 << 20])
def test_bad_rows_are_counted_and_left_out(nbytes):
    """With a report the good rows stay, bad ones are counted, the first three are told."""
    bad = list(REFUSED)
    lines = [line for k, row in enumerate(bad) for line in (b"%d qid:3 5:%d" % (k, k), row)]
    report = Report()
    found = table([b"\n".join(lines)], query_id=True, report=report, nbytes=nbytes)
    assert report.counts == {"bad svmlight rows": len(bad)}
    examples = report.examples["bad svmlight rows"]
    assert [text[:17] for text in examples] == [f"svmlight, line {k}:" for k in (2, 4, 6)]
    assert found.to_pydict() == {
        "label": list(range(len(bad))),
        "qid": [3] * len(bad),
        "indices": [[5]] * len(bad),
        "values": [[k] for k in range(len(bad))],
    }


def test_a_strict_report_refuses():
    """A strict report raises as no report does."""
    with pytest.raises(DataError, match=r"^svmlight, line 1: index must be an integer, got 'a'$"):
        read_svmlight([b"1 a:1"], report=Report(strict=True))


def test_bad_labels_take_their_labels_along():
    """A row of several labels that is left out leaves none of them."""
    report = Report()
    [batch] = iter_svmlight(
        [b"1,2 1:1\n3,x 2:2\n4,5 3:3\n6 1:1 1:1"], multilabel=True, report=report
    )
    assert batch["label"].to_pylist() == [[1, 2], [4, 5]]
    assert batch["indices"].to_pylist() == [[1], [3]]
    assert report.counts == {"bad svmlight rows": 2}


def test_many_tokens_that_only_python_can_read():
    """A row with more such tokens than there is room for at first is read all the same."""
    text = b"1 " + b" ".join(b"%d:1_%d" % (k, k) for k in range(1_000)) + b"\n2 1:1_0"
    rows, labels = read_svmlight([text])
    assert rows.data.tolist() == [float(f"1{k}") for k in range(1_000)] + [10.0]
    assert labels.tolist() == [1.0, 2.0]


def test_the_largest_index_fits():
    """Index 2**31 - 1 is read; the width is then 2**31 and the index type wider."""
    rows, _ = read_svmlight([b"1 0:1 2147483647:1"])
    assert rows.shape == (1, 2**31)
    assert rows.indices.tolist() == [0, _svmlight_kernel.LARGEST]


def test_traits_of_a_file():
    """The first lines tell whether there are several labels, or query ids."""
    assert svmlight_traits(GOOD) == {"multilabel": False, "query_id": False}
    assert svmlight_traits(b"# 1,2\n" + RANKED) == {"multilabel": False, "query_id": True}
    assert svmlight_traits(b"1\n3:4 qid:5") == {"multilabel": True, "query_id": False}
    assert svmlight_traits(b"") == {"multilabel": False, "query_id": False}
