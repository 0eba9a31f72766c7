"""Run: the steps of one training run, each of which can be taken up again after a kill."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from scipy.sparse import csr_array

from thrifty.core import DataError, FormatError, SaveError, in_range, replacing
from thrifty.data import Mixer, Report, Source, infer, open
from thrifty.learn import History, Wide, refit
from thrifty.learn import train as learn
from thrifty.models.featurizer import Featurizer
from thrifty.models.judge import choose_cut, confusions, judge
from thrifty.models.labels import Target
from thrifty.models.lists import asked, inputs_of, neighbours, own_outputs, pairs_of
from thrifty.models.model import Model
from thrifty.models.plan import Facts, Plan, Reading, plan
from thrifty.models.report import write_html
from thrifty.models.resident import peak, trim, trimmed
from thrifty.models.shorten import shorten
from thrifty.models.spill import Spill, encoded, few_rows, from_bytes, to_bytes
from thrifty.models.workplace import Kept, Workplace, fingerprint, named, of

__all__ = ["Run"]

REPORT, PAGE = "report.json", "report.html"
SAMPLE = 5000
PACKED = 5
DONE = ("reading", "mixing buffer", "weighing", "judging")  # parts that are free after training
Told = Callable[[Any], None]


class Run:
    """One run from files to a saved model.

    Args:
        paths: the files.
        out: folder of the model.
        options: as `train` names them.
        progress: called with a dict of numbers.
        on_plan: called with the plan.
    """

    def __init__(
        self, paths: Any, out: str | Path, options: dict[str, Any], progress: Told, on_plan: Told
    ) -> None:
        self.out, self.options, self.progress, self.on_plan = Path(out), options, progress, on_plan
        self.started = time.monotonic()
        how = {"format": options["format"], "strict": options["strict"]}
        self.source = open(paths, **how)
        self.validation: Source | None = None
        share = options["validation"]
        if isinstance(share, (str, Path)):
            self.validation, self.share = open(share, **how), 0.0
        else:
            self.share = in_range("validation", share, 0.001, 0.5)
        self.reading = Reading.within(options["memory"])
        self.notices: list[str] = []

    def all(self) -> Model:
        """Every step; what `train` does."""
        files = [*self.source.files, *(self.validation.files if self.validation else ())]
        self.place = Workplace(self.out, fingerprint(files, self.options))
        try:
            if not self._found_first():
                self._first_pass()
            self._make_plan()
        except BaseException:
            self.place.remove()
            _remove_empty(self.out)
            raise
        model, history = self._learned()
        self._judged(model, history)
        self._refit(model, history)
        self._shorten(model, history)
        self._write(model)
        self.place.remove()
        return model

    def _first_pass(self) -> None:
        """Read, encode, count, mix and hold out."""
        self.place.clear()
        self.source.report = Report()
        name, options = self.options["target"], self.options
        schema = infer(self.source, rows=SAMPLE, overrides=options["overrides"], keep=[name])
        table = self.source.sample(SAMPLE).combine_chunks()
        if table.num_rows == 0:
            raise DataError(f"{self.source.files[0].name}: no rows to learn from")
        sample = table.to_batches()[0]
        how = {"task": options["task"], "separator": options["separator"]}
        self.target = Target.told(name, schema, sample, **how)
        slots = self.reading.slots
        inputs, complete = inputs_of(schema, self.target)
        self.featurizer = Featurizer(inputs, sample, slots=slots, complete=complete)
        self.mixer = self._new_mixer(sample)
        spill = Spill(
            self.featurizer, self.target, self.mixer,
            share=self.share, most_bytes=self.reading.held_out, seed=options["seed"],
        )  # fmt: skip
        for pair in trimmed(self._encoded(self.source)):
            spill.add(*pair)
        self.held = spill.finish()
        self.skipped = self.source.report.to_dict()
        if self.validation is not None:
            self.held = few_rows(self._encoded(self.validation), self.reading.held_out)
            self.target.check()
        self.again = spill.again and self.validation is None
        self._keep_first()

    def _encoded(self, source: Source) -> Iterator[Any]:
        how = {"threads": self.options["threads"], "progress": self._reading_progress(source)}
        return encoded(source, self.featurizer, self.target, **how)

    def _new_mixer(self, sample: pa.RecordBatch) -> Mixer:
        """A mixer with so many partitions that some fit into memory together."""
        swell = self.featurizer.encode(sample).nbytes / max(1, sample.nbytes)
        packed = any(file.compression for file in self.source.files)
        expected = self.source.nbytes * swell * (PACKED if packed else 1)
        partitions = int(min(1024, max(16, 3 * expected / self.reading.mixing)))
        where, seed = self.place.path("rows"), self.options["seed"]
        return Mixer(where, memory=self.reading.mixing, seed=seed, partitions=partitions)

    def _keep_first(self) -> None:
        head, arrays = self.featurizer.state()
        target, names = self.target.state()
        header = {
            "featurizer": head, "target": target, "again": self.again, "skipped": self.skipped,
        }  # fmt: skip
        both = named("featurizer", arrays) | named("target", names)
        self.place.keep("first", header, both | {"held": to_bytes(self.held)})

    def _found_first(self) -> bool:
        """Take up a first pass that was finished."""
        found = self.place.find("first")
        if found is None:
            return False
        header, arrays = found
        try:
            self.mixer = Mixer.open(self.place.path("rows"))
            own = {name: of(name, arrays) for name in ("featurizer", "target")}
            self.featurizer = Featurizer.from_state(header["featurizer"], own["featurizer"])
            self.target = Target.from_state(header["target"], own["target"])
        except FormatError:
            return False
        self.held, self.again = from_bytes(arrays["held"]), header["again"]
        self.skipped = header["skipped"]
        return True

    def _make_plan(self) -> None:
        """Split the budget and give features their table rows."""
        labels = self.target.counts.sum() if self.target.task != "number" else self.mixer.num_rows
        facts = Facts(
            task=self.target.task,
            rows=self.mixer.num_rows,
            features=self.featurizer.occupied,
            repeated=self.featurizer.repeated,
            entries=self.featurizer.num_entries,
            outputs=self.target.num_outputs,
            labels=int(labels),
            label_bytes=self.target.nbytes,
            complete=self.featurizer.completes,
            pairs=pairs_of(self.mixer.epoch(0)) if self.featurizer.completes else 0,
        )
        options = self.options
        common = {"seed": options["seed"], "threads": options["threads"]}
        self.plan: Plan = plan(options["memory"], facts, **{**common, **options["settings"]})
        self.featurizer.settle(self.plan.settings.num_columns)
        trim()
        self.on_plan(self.plan)

    def _learned(self) -> tuple[Model, History]:
        """Train, from the last checkpoint if there is one."""
        target, rows = self.target, self.mixer.num_rows
        settings = self.plan.settings_for(self.featurizer.num_rows)
        counts = None if target.task == "number" else target.counts
        columns, chunks = self.featurizer.column_counts, (part for part, _ in self._stream(0, 0))
        columns = neighbours(chunks, len(columns)) if settings.complete else columns
        wide = Wide(settings, columns, counts, rows)
        if settings.complete:
            wide.tell_own(own_outputs(self.featurizer, target))
        self.features = self.featurizer.weigh(self.held)
        self.judged = asked(self.featurizer, target, self.features, self.held["labels"])
        history = learn(
            wide,
            self._stream,
            (self.judged[0], target.ragged(self.judged[1])),
            progress=self.progress,
            checkpoint=self._checkpoint,
            resume=self.place.find("checkpoint", into=wide.state()[1]),
            best=Kept(self.place, lambda: wide.state()[1]),
            num_rows=rows,
        )
        return Model(self.featurizer, target, wide, rows=rows), history

    def _refit(self, model: Model, history: History) -> None:
        """Train again with the held-out rows among the others; Ctrl-C takes back what that did."""
        useful = self.options["refit"] and not self.again and self.validation is None
        if not useful or history.best < 0 or history.stopped == "interrupted":
            return
        wide, kept = model.wide, Kept(self.place, lambda: model.wide.state()[1])
        kept.save(*wide.state())
        settings, held = wide.settings, (self.features, self.target.ragged(self.held["labels"]))
        told = self._refit_progress
        try:
            refit(wide, self._stream, held, history, num_rows=self.mixer.num_rows, progress=told)
        except KeyboardInterrupt:
            wide.restore(*kept.load())
        wide.settings = settings

    def _shorten(self, model: Model, history: History) -> None:
        """Where classes are many, learn to find the best ones without scoring all."""
        if model.task == "number" or history.stopped == "interrupted":
            return
        spare = sum(self.plan.parts[name] for name in DONE)
        labels = self.target.ragged(self.held["labels"])
        if found := shorten(model.wide, self.features, labels, spare):
            model.planes, model.facts["shortlist"] = found

    def _refit_progress(self, told: dict[str, Any]) -> None:
        self.progress({**told, "phase": "refit"})

    def _stream(self, epoch: int, start: int) -> Iterator[tuple[csr_array, Any]]:
        chunks = self.mixer.epoch(epoch, chunk_rows=self.plan.chunk_rows, start_chunk=start)
        for batch in trimmed(chunks):
            yield self.featurizer.weigh(batch), self.target.ragged(batch["labels"])

    def _checkpoint(self, header: dict[str, Any], arrays: Mapping[str, Any]) -> None:
        try:
            self.place.keep("checkpoint", header, arrays)
        except SaveError as error:
            self.notices = [f"a checkpoint could not be written: {error.strerror}"]

    def _judged(self, model: Model, history: History) -> None:
        """Measure the model on the held-out rows, while it has not seen them."""
        features, labels = self.judged
        if model.task == "many":
            model.cut = choose_cut(model, features, labels)
        metrics = model.metrics()
        judge(model, features, labels, metrics)
        model.facts = {
            "target": self.target.name,
            "task": model.task,
            "classes": None if model.task == "number" else self.target.num_outputs,
            "rows": self.mixer.num_rows,
            "files": [file.name for file in self.source.files],
            "metrics": metrics.result(),
            "baseline": model.baseline(labels),
            "history": history.to_dict(),
            "confusions": confusions(model, features, labels),
            "schema": self.featurizer.schema.to_dict(),
            "skipped": self.skipped,
            "settings": self.plan.settings.to_dict(),
        }

    def _write(self, model: Model) -> None:
        """Save the model and its report, with what the run took."""
        plan = {**self.plan.to_dict(), "memory": self.plan.budget, "peak": peak()}
        model.wide.compact()
        model.facts |= {
            "model_bytes": model.nbytes,
            "notices": self._notices(),
            "plan": plan,
        }
        model.facts["seconds"] = round(time.monotonic() - self.started, 2)
        model.save(self.out)
        with replacing(self.out / REPORT) as file:
            file.write(json.dumps(model.facts, indent=1, default=str).encode())
        write_html(model.facts, self.out / PAGE)

    def _notices(self) -> list[str]:
        if self.again:
            return [*self.notices, "too few rows to hold some out: quality is on training rows"]
        return self.notices

    def _reading_progress(self, source: Source) -> Callable[[int, int], None]:
        begun = last = time.monotonic()

        def told(nbytes: int, rows: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < 0.5:
                return
            last, share = now, min(1.0, nbytes / max(1, source.nbytes))
            left = (now - begun) * (1 - share) / share if share else None
            speed = rows / (now - begun)
            self.progress(
                {"phase": "reading", "fraction": share, "rows": rows, "rows_per_second": speed,
                 "seconds_left": left}
            )  # fmt: skip

        return told


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
