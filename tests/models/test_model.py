"""Model: answers, reasons and files of a trained model."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError, FormatError, SaveError
from thrifty.core import save as save_container
from thrifty.models import Model, shorten, train
from thrifty.models.metrics import Metrics
from thrifty.models.model import FILE, OLDEST, VERSION

WORDS = {
    "sea": ["ship", "wave", "sail", "harbour", "tide", "anchor"],
    "sky": ["cloud", "wing", "pilot", "storm", "wind", "rain"],
    "land": ["horse", "field", "road", "wheel", "farm", "hill"],
}


def lines(count, seed=0):
    """Rows whose words tell the topic, its labels and a number."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        topic = str(rng.choice(list(WORDS)))
        other = str(rng.choice(list(WORDS)))
        text = " ".join([*rng.choice(WORDS[topic], 5), str(rng.choice(WORDS[other]))])
        size = round(float(len(topic) + rng.normal() / 10), 3)
        rows.append({"text": text, "size": size, "topic": topic, "both": sorted({topic, other})})
    return rows


def write(path, rows, columns):
    """Write some columns of rows as a table."""
    pa.parquet.write_table(pa.Table.from_pylist(rows).select(columns), path)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model for each task, trained on one set of rows."""
    import pyarrow.parquet  # noqa: F401

    folder = tmp_path_factory.mktemp("models")
    found = {}
    for task, target in (("one", "topic"), ("many", "both"), ("number", "size")):
        path = write(folder / f"{task}.parquet", lines(600), ["text", target])
        found[task] = train(path, target, out=folder / task, memory="90 MB", epochs=3, hidden=16)
    return found


FORMATS = sorted((Path(__file__).parent / "formats").glob("wide-model-*.safetensors"))
each = pytest.mark.parametrize("task", ["one", "many", "number"])


def test_it_learned(models):
    """Words tell the topic: better than the baseline by far, in every task."""
    assert models["one"].facts["metrics"]["accuracy"] > 0.9
    assert models["many"].facts["metrics"]["micro_f1"] > 0.9
    number = models["number"].facts
    assert number["metrics"]["rmse"] < 0.7 * number["baseline"]["rmse"]


@each
def test_a_saved_model_answers_the_same(models, task, tmp_path):
    """Saved and loaded, answers, scores and facts are equal to the last bit."""
    model, rows = models[task], lines(20, seed=1)
    model.save(tmp_path / "copy")
    again = Model.load(tmp_path / "copy")
    assert again.predict(rows) == model.predict(rows)
    assert again.facts == model.facts
    assert repr(again) == repr(model)
    assert again.nbytes == model.nbytes
    assert again.cut == model.cut
    assert Model.load(model.save(tmp_path / "one.safetensors")).predict(rows) == model.predict(rows)


@each
def test_however_rows_come_the_answers_are_the_same(models, task, tmp_path):
    """Dicts, one dict, an Arrow batch or table, and a file give the same answers."""
    model, rows = models[task], lines(30, seed=2)
    answers = model.predict(rows)
    table = pa.Table.from_pylist(rows)
    assert model.predict(table) == answers
    assert model.predict(table.combine_chunks().to_batches()[0]) == answers
    path = write(tmp_path / "rows.parquet", rows, ["text"])
    assert list(model.predict(path)) == answers
    one = model.predict(rows[0])[0]["predicted"]
    if task == "number":  # one row is added up in another order than many
        one = pytest.approx(one, rel=1e-5)
    assert answers[0]["predicted"] == one


def test_probabilities_are_in_order(models):
    """Classes of one row sum to 1, best first; the first is the answer."""
    for answer in models["one"].predict(lines(10, seed=3), top=3):
        chances = [p for _, p in answer["top"]]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) == pytest.approx(1, abs=1e-5)
        assert answer["predicted"] == answer["top"][0][0]
    for answer in models["many"].predict(lines(10, seed=3), top=3):
        above = [name for name, p in answer["top"] if p >= models["many"].cut.threshold]
        assert answer["predicted"] == above or len(above) == 0


def test_top_k_agrees_with_predict(models):
    """Numbers and order of the best classes are those of the answers."""
    model, rows = models["one"], lines(10, seed=4)
    ids, scores = model.top_k(rows, 2)
    assert (np.diff(scores, axis=1) <= 0).all()
    names = [[name for name, _ in answer["top"][:2]] for answer in model.predict(rows)]
    assert [[model.target.value_of(n) for n in row] for row in ids.tolist()] == names
    assert np.array_equal(model.top_k(pa.Table.from_pylist(rows), 2)[0], ids)


@each
def test_reasons_are_of_the_answer(models, task):
    """The score is the best class's own; every feature has words, the largest part first."""
    model = models[task]
    row = {"text": "ship wave sail"}
    found = model.explain(row, top=1000)[0]
    assert all(name.startswith("text: ") for name, _ in found["features"])
    sizes = [abs(part) for _, part in found["features"]]
    assert sizes == sorted(sizes, reverse=True)
    score = model.wide.scores(model.features(next(model._batches(row))))[0]
    assert found["score"] in score.tolist()


def test_reasons_name_the_words(models):
    """The words of the topic moved the answer; a class can be asked for by name."""
    found = models["one"].explain({"text": "ship wave rain"}, classes=["sea", "sky"], top=3)
    assert [one["class"] for one in found] == ["sea", "sky"]
    assert dict(found[0]["features"])["text: ship"] > 0
    assert dict(found[1]["features"])["text: rain"] > 0


def test_evaluation_is_what_metrics_say(models, tmp_path):
    """Evaluating a file equals scoring its answers; rows without a target are left out."""
    rows = lines(200, seed=5)
    rows[3]["topic"] = None
    path = write(tmp_path / "rows.parquet", rows, ["topic", "text"])
    found = models["one"].evaluate(path)
    kept = [row for row in rows if row["topic"]]
    right = [
        answer["predicted"] == row["topic"]
        for answer, row in zip(models["one"].predict(kept), kept, strict=True)
    ]
    assert found["rows"] == 199
    assert found["accuracy"] == pytest.approx(np.mean(right))
    assert set(found) >= {"logloss", "p@1", "p@3", "p@5", "ndcg@5", "psp@5", "micro_f1", "macro_f1"}
    assert isinstance(models["one"].metrics(), Metrics)


def test_odd_rows_are_answered(models):
    """Missing, empty, unknown and numeric texts are answered all the same."""
    odd = [{"text": None}, {"text": ""}, {}, {"text": "xylophone"}, {"text": 7}, {"other": 1}]
    assert len(models["one"].predict(odd)) == 6
    assert models["one"].predict([]) == []


def test_what_cannot_be_asked_is_refused(models, tmp_path):
    """Unknown classes, no rows to judge by, missing columns, and a k that is too large."""
    model = models["one"]
    with pytest.raises(DataError, match=r"^class 'fire' is not one of the target 'topic'$"):
        model.explain({"text": "ship"}, classes=["fire"])
    rows = [{**row, "topic": None} for row in lines(3)]
    path = write(tmp_path / "none.parquet", rows, ["topic", "text"])
    with pytest.raises(DataError, match=r"^no row with a target 'topic' to evaluate on$"):
        model.evaluate(path)
    path = write(tmp_path / "lacks.parquet", lines(3), ["topic"])
    with pytest.raises(DataError, match=r"^column 'text' not found; columns: topic$"):
        model.evaluate(path)
    for call in (lambda: model.top_k([], 9), lambda: model.predict([], top=0)):
        with pytest.raises(ValueError, match=r"^(k|top) must be in 1\.\.\d+, got \d$"):
            call()


def test_damaged_files_are_refused(models, tmp_path):
    """A file that is cut or altered anywhere, newer, of another kind, or not there."""
    path = models["one"].save(tmp_path)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in [9, *rng.integers(8, len(data), 12).tolist()]:
        path.write_bytes(data[:at])
        with pytest.raises(FormatError):
            Model.load(path)
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(FormatError):
            Model.load(path)
    save_container(path, kind="wide-model", version=99, header={}, arrays={})
    with pytest.raises(FormatError, match=rf"version 99 is newer than {VERSION}: update"):
        Model.load(path)
    save_container(path, kind="wide-model", version=VERSION, header={}, arrays={})
    with pytest.raises(FormatError, match=r"not a whole model: 'featurizer'$"):
        Model.load(path)
    with pytest.raises(FileNotFoundError):
        Model.load(tmp_path / "nowhere")


def test_parts_of_different_models_do_not_fit(models):
    """A network and features of different sizes are refused."""
    one, many = models["one"], models["number"]
    with pytest.raises(
        FormatError, match=r"^the network \(.*\) does not fit the features and target"
    ):
        Model(one.featurizer, one.target, many.wide)


def test_a_failed_save_leaves_the_old_model(models, tmp_path, monkeypatch):
    """Where the disk is full the older file stands."""
    path = models["one"].save(tmp_path)
    data = path.read_bytes()

    def full(*_args, **_keep):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("thrifty.core.container.write_container", full)
    with pytest.raises(SaveError, match=f"cannot write .*{FILE}: No space left on device$"):
        models["many"].save(tmp_path)
    assert path.read_bytes() == data


def test_a_file_of_each_version_is_kept():
    """Whoever raises VERSION leaves a file of it, made as the first one says."""
    assert [path.stem for path in FORMATS] == [f"wide-model-{n + 1}" for n in range(VERSION)]


@pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.stem)
def test_files_of_every_version_are_read_or_refused(path):
    """Read, they answer as they did when they were written; else they are refused by name."""
    version = int(path.stem.rpartition("-")[2])
    if version < OLDEST:
        message = rf"wide-model format version {version} is older than {OLDEST}: make it anew$"
        with pytest.raises(FormatError, match=message):
            Model.load(path)
        return
    asked = json.loads(path.with_suffix(".json").read_text())
    found = Model.load(path).predict(asked["rows"], top=3)
    for mine, theirs in zip(found, asked["answers"], strict=True):
        assert mine["predicted"] == theirs["predicted"]
        assert [name for name, _ in mine["top"]] == [name for name, _ in theirs["top"]]
        chances = [[chance for _, chance in answer["top"]] for answer in (mine, theirs)]
        np.testing.assert_allclose(*chances, rtol=1e-4)


def test_learned_planes_outlast_the_file(tmp_path, monkeypatch):
    """Where classes are many, training ends with planes; the file keeps them and the recall."""
    monkeypatch.setattr(shorten, "FROM", 3)
    monkeypatch.setattr(shorten, "LEAST", 10)
    path = write(tmp_path / "rows.parquet", lines(600), ["text", "topic"])
    model = train(path, "topic", out=tmp_path / "out", memory="400 MB", epochs=2, hidden=8)
    again = Model.load(tmp_path / "out")
    np.testing.assert_array_equal(again.planes, model.planes)
    assert again.facts["shortlist"] == model.facts["shortlist"]
    assert again.facts["shortlist"]["recall@1"] == 1.0  # of three classes all are looked at
    exact, near = (again.top_k(lines(20), 2, approximate=how)[0] for how in (False, True))
    np.testing.assert_array_equal(exact, near)
