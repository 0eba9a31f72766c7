"""SvmRows: svmlight files as a source: label, qid where there is one, indices and values."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from thrifty.core import DataError
from thrifty.data.files import File, Part
from thrifty.data.report import Report
from thrifty.data.svmlight import iter_svmlight, svmlight_traits
from thrifty.data.textrows import TextRows

__all__ = ["SvmRows"]

NBYTES = 1 << 19


class SvmRows(TextRows):
    """Read svmlight text; rows that break its rules are skipped and counted.

    Args:
        files: what to read.
        zero_based: whether indices stay as written (True) or become one less (False).
        multilabel: whether rows have labels joined by commas; None tells from a sample.
        query_id: whether rows have a qid; None tells from a sample.
    """

    def __init__(
        self,
        files: Sequence[File],
        *,
        zero_based: bool = True,
        multilabel: bool | None = None,
        query_id: bool | None = None,
    ) -> None:
        super().__init__(files)
        heads = [next(filter(None, self.stream(p)), b"") for p in self.sample_parts()]
        if not any(head.strip() for head in heads):
            raise DataError(f"{files[0].name}: the file has no rows")
        found = [svmlight_traits(head[:NBYTES]) for head in heads]
        several = any(traits["multilabel"] for traits in found)
        asked = any(traits["query_id"] for traits in found)
        self._how = {
            "zero_based": zero_based,
            "multilabel": several if multilabel is None else multilabel,
            "query_id": asked if query_id is None else query_id,
        }
        label = pa.list_(pa.float64()) if self._how["multilabel"] else pa.float64()
        qid = [("qid", pa.int64())] if self._how["query_id"] else []
        numbers = [("indices", pa.list_(pa.int32())), ("values", pa.list_(pa.float32()))]
        self.schema = pa.schema([("label", label), *qid, *numbers])

    def read(
        self, part: Part, columns: Sequence[str], report: Report, moved: Callable[[int], None]
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a part, only the named columns."""
        stream = self.stream(part, report, moved)
        how = {"name": part.file.name, "nbytes": NBYTES, **self._how}
        for batch in iter_svmlight(stream, report=report, **how):
            yield batch.select(list(columns))
