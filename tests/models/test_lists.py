"""Lists: a file of lists alone is completed; better than by what is frequent, and never twice."""

import json

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from thrifty.data import Column, Schema
from thrifty.models import Model, train
from thrifty.models.featurizer import Featurizer
from thrifty.models.labels import Target
from thrifty.models.lists import asked, inputs_of, neighbours, own_outputs, pairs_of

TASTES, EACH, LISTS = 8, 12, 400
FAST = {"memory": "90 MB", "hidden": 16, "epochs": 4}


def baskets(count=LISTS, seed=0):
    """Lists of six items of one taste out of eight, with a number of their own."""
    rng = np.random.default_rng(seed)
    tastes = rng.integers(TASTES, size=count)
    items = [rng.choice(EACH, 6, replace=False) for _ in range(count)]
    return [
        {"user": 7000 + 13 * n, "items": [f"i{taste}_{item}" for item in chosen]}
        for n, (taste, chosen) in enumerate(zip(tastes.tolist(), items, strict=True))
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of lists, and the file it learned from."""
    folder = tmp_path_factory.mktemp("lists")
    path = folder / "lists.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in baskets()))
    return train(path, "items", out=folder / "out", **FAST), path


def test_new_items_are_of_the_same_taste_and_not_those_of_the_list(trained):
    """Three of three answers for every new list; random ones would be right one time in eight."""
    model = Model.load(trained[1].parent / "out")
    rows = baskets(50, seed=9)
    for row, found in zip(
        rows, model.predict([{"items": r["items"]} for r in rows], 3), strict=False
    ):
        names = [name for name, _ in found["top"]]
        taste = row["items"][0].split("_")[0]
        assert [name.split("_")[0] for name in names] == [taste] * 3
        assert not set(names) & set(row["items"])


def test_held_out_quality_is_of_items_left_out(trained):
    """One of the other items of the taste is right: near 1/7 for new lists, never near 1/96."""
    model = trained[0]
    assert model.facts["metrics"]["rows"] == pytest.approx(6 * LISTS / 10, rel=0.5)
    assert 0.08 < model.facts["metrics"]["p@1"] < 0.25
    said = model.evaluate(trained[1])
    assert said["rows"] == 6 * LISTS
    assert said["p@1"] > 0.08  # these lists it has seen


def test_the_plan_completes_and_says_so(trained):
    """Settings of completion, and no empty slot in what is saved."""
    model = trained[0]
    assert model.wide.settings.complete
    assert model.featurizer.completes
    assert (model.wide.linear.pairs >= 0).all()
    assert model.columns == ["items"]
    assert model.explain(baskets(1, seed=4)[0])[0]["features"][0][0].startswith("items has i")


def test_labels_beside_other_columns_are_not_completed():
    """A text is read, as ever; a class is no list."""
    schema = Schema((Column("say", "text"), Column("tags", "list")))
    inputs, complete = inputs_of(schema, Target(schema["tags"], "many"))
    assert (inputs.names, complete) == (["say"], False)
    alone = Schema((Column("kind", "category"),))
    assert inputs_of(alone, Target(alone["kind"], "one")) == (Schema(()), False)


def settled():
    """A featurizer and a target that know three items, one of them in no training row."""
    batch = pa.RecordBatch.from_pydict({"items": [["a", "b"], ["b", "a", "a"]]})
    schema = Schema((Column("items", "list"),))
    featurizer, target = Featurizer(schema, batch, complete=True), Target(schema["items"], "many")
    encoded = featurizer.encode(batch)
    featurizer.observe(encoded)
    featurizer.settle(100)
    target.learn(pa.RecordBatch.from_pydict({"items": [["b", "new", "a"]]}))
    return featurizer, target, encoded, batch


def test_own_outputs_name_the_class_of_each_row():
    """Each row of the table is the item whose feature it is."""
    featurizer, target, encoded, batch = settled()
    own = own_outputs(featurizer, target)
    names = [target.value_of(number) for number in own]
    assert sorted(names) == ["a", "b"]
    assert [names[row] for row in featurizer.rows_of(pa.array(["a", "b"]))] == ["a", "b"]
    assert featurizer.rows_of(pa.array(["new"])).tolist() == [-1]
    rows = featurizer.weigh(encoded)
    assert rows.data == pytest.approx(np.full(4, np.sqrt(0.5)))
    labels, _ = target.look_up(batch)
    found, ids = asked(featurizer, target, rows, labels)
    assert found.data == pytest.approx(np.ones(4))
    assert len(ids) == 4
    assert all(own[c] != i for c, (i,) in zip(found.indices, ids.to_pylist(), strict=True))


def test_neighbours_and_pairs_agree():
    """Both count every ordered pair of every list."""
    sizes = [3, 1, 0, 5]
    lists = [list(range(size)) for size in sizes]
    batch = pa.RecordBatch.from_pydict({"labels": pa.array(lists, pa.list_(pa.int32()))})
    indices = np.array([i for one in lists for i in one], np.int32)
    rows = csr_array((np.ones(9, np.float32), indices, np.cumsum([0, *sizes])), shape=(4, 5))
    assert pairs_of([batch, batch]) == 2 * 26
    assert neighbours([rows, rows], 5).sum() == 2 * 26
