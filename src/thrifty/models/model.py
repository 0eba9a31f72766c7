"""Model: what training makes and a file holds: rows in, answers out, with reasons."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.core import DataError, FormatError, in_range, save
from thrifty.data import Report, Source, open
from thrifty.learn import Shortlist, Wide
from thrifty.models.cut import Cut
from thrifty.models.decompress import stored
from thrifty.models.featurizer import Featurizer
from thrifty.models.judge import baseline, judge, ranked
from thrifty.models.labels import Target
from thrifty.models.lists import asked
from thrifty.models.metrics import Metrics
from thrifty.models.rows import batches
from thrifty.models.shorten import LIMIT
from thrifty.models.workplace import of

__all__ = ["FILE", "Model"]

KIND, VERSION, OLDEST = "wide-model", 2, 2  # the version written, the oldest one read
FILE, PLANES = "model.safetensors", "shortlist/planes"
SCORES_AT_ONCE = 1_000_000
Rows = str | Path | pa.RecordBatch | pa.Table | Mapping[str, Any] | Sequence[Any]
PARTS = {"featurizer": Featurizer, "target": Target, "wide": Wide}


class Model:
    """A trained model.

    Args:
        featurizer: settled.
        target: with its classes.
        wide: the network.
        cut: which labels are answered, for many labels.
        rows: training rows.
        facts: what is known of the run, as JSON can hold it.
        planes: for an index over many classes; see `learn.learned_index`.

    Raises:
        FormatError: the parts do not fit together.
    """

    def __init__(
        self,
        featurizer: Featurizer,
        target: Target,
        wide: Wide,
        *,
        cut: Cut | None = None,
        rows: int = 0,
        facts: Mapping[str, Any] | None = None,
        planes: NDArray[np.float32] | None = None,
    ) -> None:
        sizes = (wide.settings.num_columns, wide.settings.num_outputs, wide.settings.task)
        if sizes != (featurizer.num_rows, target.num_outputs, target.task):
            shown = f"{featurizer.num_rows} rows, {target.num_outputs} outputs, {target.task!r}"
            raise FormatError(f"the network {sizes} does not fit the features and target: {shown}")
        self.featurizer, self.target, self.wide = featurizer, target, wide
        self.cut, self.rows, self.facts = cut or Cut(), rows, dict(facts or {})
        self.planes = planes

    def __repr__(self) -> str:
        return f"Model({self.target.name!r}, task={self.task!r}, outputs={self.target.num_outputs})"

    @property
    def task(self) -> str:
        """What is predicted: "one", "many" or "number"."""
        return self.target.task

    @property
    def nbytes(self) -> int:
        """Bytes of all parts in memory."""
        return self.featurizer.nbytes + self.target.nbytes + self.wide.nbytes

    def save(self, path: str | Path) -> Path:
        """Write the model into a folder, made if need be, or to a file *.safetensors; atomically.

        Raises:
            SaveError: the disk is full or not writable; an older model there is untouched.
        """
        path = _file_of(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        states = {name: getattr(self, name).state() for name in PARTS}
        header = {name: head for name, (head, _) in states.items()}
        header |= {"cut": vars(self.cut), "rows": self.rows, "facts": self.facts}
        arrays = {
            f"{name}/{key}": array
            for name, (_, found) in states.items()
            for key, array in found.items()
        }
        arrays |= {} if self.planes is None else {PLANES: self.planes}
        save(path, kind=KIND, version=VERSION, header=header, arrays=arrays)
        return path

    @classmethod
    def load(cls, path: str | Path) -> "Model":
        """Read what `save` wrote, or what compression made of it.

        Raises:
            FileNotFoundError: nothing is there.
            FormatError: the file is cut, altered, too new or too old for this version, or no model.
        """
        path = _file_of(path)
        header, arrays = stored(path, kind=KIND, version=VERSION, oldest=OLDEST)
        parts: dict[str, Any] = {}
        try:
            for name, kind in PARTS.items():
                parts[name] = kind.from_state(header[name], of(name, arrays))
            rest = {"cut": Cut(**header["cut"]), "rows": header["rows"], "facts": header["facts"]}
            return cls(*parts.values(), **rest, planes=arrays.get(PLANES))
        except (KeyError, TypeError, FormatError) as error:
            raise FormatError(f"{path}: not a whole model: {error}") from error

    def features(self, batch: pa.RecordBatch, report: Report | None = None) -> csr_array:
        """Raw rows as the network reads them."""
        return self.featurizer.weigh(self.featurizer.encode(batch, report))

    def predict(self, rows: Rows, top: int = 5) -> Iterator[dict[str, Any]] | list[dict[str, Any]]:
        """Answer rows.

        Args:
            rows: a dict a row, one dict, an Arrow batch or table; or the path of a file, which is
                read as it is asked for.
            top: how many classes are ranked, at least 1.

        Returns:
            A dict for each row (an iterator of them for a path): "predicted" (a class, a list of
            labels above the cut, or a number) and, but for a number, "top": pairs of a class and
            its probability, best first.
        """
        in_range("top", top, 1, 2**31)
        if isinstance(rows, (str, Path)):
            batches = open(rows).batches()
            return (row for batch in batches for row in self._answers(batch, top))
        return [row for batch in self._batches(rows) for row in self._answers(batch, top)]

    @cached_property
    def shortlist(self) -> Shortlist:
        """The index that finds the best classes without scoring every one.

        Where training ended with learned planes, `facts["shortlist"]` says what share of the exact
        answers it found on held-out rows.
        """
        limit = None if self.planes is None else LIMIT
        return Shortlist(self.wide, planes=self.planes, limit=limit)

    def top_k(
        self, rows: Rows, k: int = 5, *, approximate: bool = False
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Class numbers and scores of the k best classes, both (n, k), best first.

        Args:
            rows: a dict a row, one dict, or an Arrow batch or table.
            k: how many, 1..num_outputs.
            approximate: look them up through the index instead of scoring every class.
        """
        in_range("k", k, 1, self.target.num_outputs)
        answer = self.shortlist.top_k if approximate else self.wide.top_k
        found = [answer(self.features(batch), k) for batch in self._batches(rows)]
        if len(found) == 1:
            return found[0]
        nothing = (np.zeros((0, k)), np.zeros((0, k)))
        ids, scores = (np.concatenate(part) for part in zip(nothing, *found, strict=True))
        return ids.astype(np.int32), scores.astype(np.float32)

    def explain(
        self, row: Mapping[str, Any], classes: Sequence[Any] | int = 1, top: int = 10
    ) -> list[dict[str, Any]]:
        """What moved the answer: features and how much each adds to a score, the largest first.

        Args:
            row: one row.
            classes: which ones to explain, or how many of the best.
            top: features a class.

        Returns:
            A dict a class: "class", "score" and "features", pairs of words and contribution.

        Raises:
            DataError: a class is not known.
        """
        batch = next(self._batches(row))
        features = self.features(batch)
        scores = self.wide.scores(features)[0]
        numbers = self._numbers(classes, scores)
        codes, parts = self.wide.explain(features, numbers)
        names = self.featurizer.names(batch)
        return [
            {
                "class": self.target.name if self.task == "number" else self.target.value_of(n),
                "score": float(scores[n]),
                "features": _largest(codes, parts[:, at], names, top),
            }
            for at, n in enumerate(numbers.tolist())
        ]

    def evaluate(self, paths: Any, *, strict: bool = False, **options: Any) -> dict[str, float]:
        """Quality on files that have the target; see `Metrics`. Rows without it are left out.

        Args:
            paths: as for `data.open`; or a `Source`, whose report says what was left out.
            strict: raise where a row or value cannot be used.
            options: as for `data.open`.

        Raises:
            DataError: the target or a column is missing, or no row can be used.
        """
        source = paths if isinstance(paths, Source) else open(paths, strict=strict, **options)
        metrics = self.metrics()
        names = [name for name in source.schema.names if name in self.columns]
        for batch in source.batches(names):
            labels, kept = self.target.look_up(batch, source.report)
            batch = batch if kept.all() else batch.filter(pa.array(kept))
            if len(batch):
                features = self.features(batch, source.report)
                judge(self, *asked(self.featurizer, self.target, features, labels), metrics)
        if metrics.rows == 0:
            raise DataError(f"no row with a target {self.target.name!r} to evaluate on")
        return metrics.result()

    @property
    def columns(self) -> list[str]:
        """The columns that are read, the target among them."""
        return list(dict.fromkeys([*self.featurizer.schema.names, self.target.name]))

    def metrics(self) -> Metrics:
        """Metrics of this model's task and classes, with nothing added yet."""
        counts = np.zeros(1, np.int64) if self.task == "number" else self.target.counts
        return Metrics(self.task, counts, self.rows)

    def baseline(self, labels: pa.Array) -> dict[str, float]:
        """The metrics of always giving the most frequent classes, or the mean."""
        return baseline(self, labels)

    def scored(self, rows: csr_array) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Probabilities of every class, or standardised numbers, some rows at a time."""
        step = max(8, min(1024, SCORES_AT_ONCE // self.target.num_outputs))
        count = len(rows.indptr) - 1
        for start in range(0, count, step):
            part = slice(start, min(start + step, count))
            some: Any = rows if step >= count else rows[part]
            scores = self.wide.scores(some)
            yield part, scores if self.task == "number" else self.wide.probabilities(scores)

    def _answers(self, batch: pa.RecordBatch, top: int) -> Iterator[dict[str, Any]]:
        for _, scores in self.scored(self.features(batch)):
            if self.task == "number":
                for value in scores[:, 0] * self.target.scale + self.target.mean:
                    yield {"predicted": float(value)}
            else:
                yield from self._classes(scores, top)

    def _classes(self, scores: NDArray[np.float32], top: int) -> Iterator[dict[str, Any]]:
        ids, best = ranked(scores, top)
        value_of = self.target.value_of
        offsets, said = self.cut(scores)
        for i in range(len(ids)):
            named = zip(ids[i].tolist(), best[i].tolist(), strict=True)
            pairs = [(value_of(number), chance) for number, chance in named]
            if self.task == "one":
                yield {"predicted": pairs[0][0], "top": pairs}
            else:
                own = said[offsets[i] : offsets[i + 1]]
                own = own[np.argsort(-scores[i, own], kind="stable")]
                yield {"predicted": [value_of(number) for number in own.tolist()], "top": pairs}

    def _numbers(self, classes: Sequence[Any] | int, scores: NDArray) -> NDArray[np.int32]:
        if isinstance(classes, int):
            return ranked(scores[None], classes)[0][0]
        names = [str(c).lower() if isinstance(c, bool) else str(c) for c in classes]
        numbers = self.target.classes.find(pa.array(names, pa.string()))
        for name, number in zip(names, numbers, strict=True):
            if number < 0:
                raise DataError(f"class {name!r} is not one of the target {self.target.name!r}")
        return numbers

    def _batches(self, rows: Rows) -> Iterator[pa.RecordBatch]:
        return batches(rows, self.featurizer.schema.names)


def _file_of(path: str | Path) -> Path:
    path = Path(path)
    return path if path.suffix == ".safetensors" else path / FILE


def _largest(codes: NDArray, parts: NDArray, names: Mapping[int, str], top: int) -> list[Any]:
    total: dict[int, float] = {}
    for code, part in zip(codes.tolist(), parts.tolist(), strict=True):
        total[code] = total.get(code, 0.0) + part
    best = sorted(total.items(), key=lambda pair: -abs(pair[1]))[:top]
    return [(names.get(code, f"feature {code}"), part) for code, part in best]
