"""Svmlight: sparse rows from svmlight or libsvm text, bit for bit as scikit-learn reads them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import csr_array

from thrifty.core import DataError
from thrifty.core.checks import in_range, one_of
from thrifty.data._svmlight_block import Block, Traits, parse_block
from thrifty.data._svmlight_columns import Columns
from thrifty.data._svmlight_lines import Bytes, line_blocks, name_of, opened, plain_nbytes
from thrifty.data.report import Report
from thrifty.data.rows import sliced

__all__ = ["iter_svmlight", "read_svmlight", "svmlight_traits"]

NBYTES_READ = 1 << 20
NBYTES_STREAMED = 1 << 21
LONGEST_READ = 1 << 30
LONGEST_STREAMED = 1 << 26
KIND = "bad svmlight rows"
Labels = NDArray[np.float64] | list[tuple[float, ...]]


def svmlight_traits(head: bytes) -> dict[str, bool]:
    """Guess from the first lines whether rows have several labels, or a qid.

    Args:
        head: the first bytes of a file; the last line may be cut.

    Returns:
        Two arguments of `iter_svmlight`: multilabel and query_id.

    Example:
        >>> svmlight_traits(b"2 qid:7 1:0.5")
        {'multilabel': False, 'query_id': True}
        >>> svmlight_traits(b"2,5 1:0.5")
        {'multilabel': True, 'query_id': False}
    """
    lines = [line.partition(b"#")[0].split() for line in head.split(b"\n")]
    rows = [line for line in lines if line]
    second = [row[b":" not in row[0] :][:1] for row in rows]
    return {
        "multilabel": any(b"," in row[0] or b":" in row[0] for row in rows),
        "query_id": any(token.startswith(b"qid:") for tokens in second for token in tokens),
    }


def read_svmlight(
    source: Bytes,
    *,
    num_features: int | None = None,
    zero_based: bool | Literal["auto"] = "auto",
    multilabel: bool = False,
    query_id: bool = False,
    dtype: DTypeLike = np.float64,
    threads: int = 1,
    report: Report | None = None,
) -> tuple[csr_array, Labels] | tuple[csr_array, Labels, NDArray[np.int64]]:
    r"""Read an svmlight file into memory, as svm2csr does, with nothing left out of the format.

    The text is cut at newlines and parsed block by block; beyond the rows (12 bytes a number, 16
    a row) there are never more than (threads + 2) blocks of 1 MiB.

    Args:
        source: a path (.gz, .bz2 and .zst are unpacked), binary file or iterable of bytes.
        num_features: columns of the result; the largest index plus one if None.
        zero_based: whether the least index is 0; "auto": it is 1 if index 0 is never used.
        multilabel: rows have labels joined by commas, or none.
        query_id: return the numbers after `qid:` as well.
        dtype: float64 or float32, of the values.
        threads: how many threads parse, at least 1.
        report: where bad rows are counted and left out; None or strict: they are refused.

    Returns:
        The rows, (n, num_features) with int32 indices where they fit; the labels, (n,) float64 or
        a list of sorted tuples; and, if asked, the query ids, int64, of the rows that have one.

    Raises:
        DataError: a row breaks a rule (the message has the line), or packed bytes break off.
        ValueError: an argument is out of range, or num_features too small for the file.

    Example:
        >>> rows, labels = read_svmlight([b"1 2:0.5 7:2 # a comment\n-1 7:1e-3\n"])
        >>> rows.toarray()[:, [1, 6]].tolist(), labels.tolist()
        ([[0.5, 2.0], [0.0, 0.001]], [1.0, -1.0])
    """
    if num_features is not None:
        in_range("num_features", num_features, 1, 2**31)
    traits = _traits(zero_based, multilabel, query_id, report)
    columns = Columns(_float(dtype), traits, plain_nbytes(source))
    name = name_of(source)
    for block in _blocks(source, name, traits, threads, report, NBYTES_READ, LONGEST_READ):
        columns.add(block)
    rows = columns.matrix(num_features, zero_based)
    return (rows, columns.labels(), columns.queries()) if query_id else (rows, columns.labels())


def iter_svmlight(
    source: Bytes,
    *,
    zero_based: bool = True,
    multilabel: bool = False,
    query_id: bool = False,
    dtype: DTypeLike = np.float32,
    threads: int = 1,
    report: Report | None = None,
    name: str | None = None,
    nbytes: int = NBYTES_STREAMED,
) -> Iterator[pa.RecordBatch]:
    """Read an svmlight file a few thousand rows at a time, in bounded memory.

    Memory is (threads + 2) blocks of `nbytes` of text and their rows, or the longest line if that
    is more; a line of more than 64 MiB is refused.

    Args:
        source: a path (.gz, .bz2 and .zst are unpacked), binary file or iterable of bytes.
        zero_based: whether indices stay as written (True) or become one less (False).
        multilabel: rows have labels joined by commas, or none.
        query_id: add the column of query ids.
        dtype: float32 or float64, of the values.
        threads: how many threads parse, at least 1.
        report: where bad rows are counted and left out; None or strict: they are refused.
        name: what errors call the source; its path or its own name if None.
        nbytes: about how much text is parsed at once, at least 1.

    Yields:
        Batches of at most 16,384 rows with columns label: float64 (or list<float64>, as written),
        qid: int64 (if asked; null where a row has none), indices: list<int32>, values:
        list<float32 or float64>.

    Raises:
        DataError: a row breaks a rule (the message has the line), or packed bytes break off.
        ValueError: an argument is out of range.

    Example:
        >>> [batch] = iter_svmlight([b"1 qid:4 2:0.5 7:2"], query_id=True)
        >>> batch.to_pylist()
        [{'label': 1.0, 'qid': 4, 'indices': [2, 7], 'values': [0.5, 2.0]}]
    """
    in_range("nbytes", nbytes, 1, LONGEST_STREAMED)
    if zero_based == "auto":
        raise ValueError("zero_based must be True or False for a stream, got 'auto'")
    traits = _traits(zero_based, multilabel, query_id, report)
    name = name_of(source) if name is None else name
    blocks = _blocks(source, name, traits, threads, report, nbytes, LONGEST_STREAMED)
    return _batches(blocks, traits, _float(dtype))


def _traits(
    zero_based: bool | str, multilabel: bool, query_id: bool, report: Report | None
) -> Traits:
    one_of("zero_based", str(zero_based), ("True", "False", "auto"))
    return Traits(
        first=int(zero_based is False),
        multilabel=bool(multilabel),
        query_id=bool(query_id),
        strict=report is None or report.strict,
    )


def _float(dtype: DTypeLike) -> np.dtype:
    return np.dtype(one_of("dtype", np.dtype(dtype).name, ("float32", "float64")))


def _blocks(
    source: Bytes,
    name: str,
    traits: Traits,
    threads: int,
    report: Report | None,
    nbytes: int,
    longest: int,
) -> Iterator[Block]:
    """Check threads, then give the parsed blocks of the source; nothing is opened before."""
    in_range("threads", threads, 1, 1024)
    report = Report(strict=True) if report is None else report
    cut = partial(line_blocks, name=name, report=report, nbytes=nbytes, longest=longest)
    parsed = partial(_parsed, parse=partial(parse_block, traits=traits), threads=threads)
    return _reported(source, cut, parsed, f"{name}, line ", report)


def _reported(
    source: Bytes,
    cut: Callable[[Any], Iterator[tuple[NDArray[np.uint8], int]]],
    parsed: Callable[[Iterator[tuple[NDArray[np.uint8], int]]], Iterator[Block]],
    where: str,
    report: Report,
) -> Iterator[Block]:
    """Cut and parse the opened source, and report what was wrong."""
    line = 1
    with opened(source) as file:
        for block in parsed(cut(file)):
            if block.bad:
                _tell(block, where, line, report)
            line += block.lines
            yield block


def _tell(block: Block, where: str, line: int, report: Report) -> None:
    """Raise the first bad row if the report is strict, else count them all."""
    says = [f"{where}{line + at}: {what}" for at, what in block.bad]
    if report.strict:
        raise DataError(says[0])
    for text in says[:-1]:
        report.add(KIND, text)
    report.add(KIND, says[-1], block.num_bad - len(says) + 1)


def _parsed(
    texts: Iterable[tuple[NDArray[np.uint8], int]],
    parse: Callable[[NDArray[np.uint8], int], Block],
    threads: int,
) -> Iterator[Block]:
    """The parsed blocks in order; with threads, a few are read and parsed ahead."""
    if threads == 1:
        yield from (parse(text, size) for text, size in texts)
        return
    ahead: deque[Future[Block]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for text, size in texts:
            ahead.append(pool.submit(parse, text, size))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _values(block: Block, dtype: np.dtype) -> NDArray:
    with np.errstate(over="ignore"):
        return block.values.astype(dtype, copy=False)


def _batches(blocks: Iterator[Block], traits: Traits, dtype: np.dtype) -> Iterator[pa.RecordBatch]:
    for block in blocks:
        columns = {"label": pa.array(block.labels)}
        if traits.multilabel:
            columns["label"] = _lists(block.label_ends, block.labels)
        if traits.query_id:
            columns["qid"] = pa.array(block.queries, mask=~block.has_query)
        columns["indices"] = _lists(block.row_ends, block.indices - traits.first)
        columns["values"] = _lists(block.row_ends, _values(block, dtype))
        yield from sliced(pa.RecordBatch.from_pydict(columns))


def _lists(ends: NDArray[np.int32], items: NDArray) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(items))
