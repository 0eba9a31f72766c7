"""Compressors: every setting makes a codec, and what is left alone is told why."""

import json

import ml_dtypes
import numpy as np
import pytest

from thrifty.codec import Codec, ExponentCodec, Sparse
from thrifty.codec.tensorfile import TensorFile
from thrifty.codec.tensorwriter import TensorWriter
from thrifty.models import compress, train
from thrifty.models._compress_pieces import Inputs, encoded
from thrifty.models._compress_survey import header_bytes, options, way
from thrifty.models.compressors import (
    LONG,
    SETTINGS,
    along,
    choices,
    compressible,
    lossless_codec,
    setting,
)

RNG = np.random.default_rng(4)
X = RNG.normal(size=(64, 128))


@pytest.mark.parametrize("name", [*SETTINGS, "2:4", "1:8"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_every_setting_compresses(name, dtype):
    """Each makes less of weights of every usual dtype, in the size it foretells."""
    codec = setting(name).make()
    x = X.astype(dtype)
    assert isinstance(codec, Codec)
    made = codec.encode(x)
    assert made.nbytes == codec.size(x) < x.nbytes
    assert made.decode().dtype == x.dtype


def test_fewer_bits_lose_more():
    """int8 to int2, lean4 to lean2, ocs8 to ocs3: smaller, and further off."""
    ints, leans = ("int8", "int6", "int5", "int4", "int3", "int2"), ("lean4", "lean3", "lean2")
    for names in (ints, leans, ("ocs8", "ocs6", "ocs5", "ocs4", "ocs3")):
        made = [setting(name).make().encode(X) for name in names]
        errors = [float(((one.decode() - X) ** 2).sum()) for one in made]
        assert [one.nbytes for one in made] == sorted((o.nbytes for o in made), reverse=True)
        assert errors == sorted(errors)


def test_split_channels_err_less():
    """A matrix with a few large channels: less error than steps of rows that split none."""
    x = X.copy()
    x[:, [3, 70]] *= 8
    split = setting("ocs4").make()
    plain = type(split)(**{**split.spec(), "ratio": 0.0})
    errors = [float(((codec.encode(x).decode() - x) ** 2).sum()) for codec in (split, plain)]
    assert errors[0] < 0.85 * errors[1]


@pytest.mark.parametrize(("name", "left"), [("sparse50", 64), ("sparse90", 13), ("sparse99", 1)])
@pytest.mark.parametrize("known", [False, True])
def test_the_largest_of_each_row_stay(name, left, known):
    """As a sort of each row by size, or by size times the norm of the input, finds them."""
    gram = np.diag(RNG.exponential(size=128)).astype(np.float32)
    back = encoded(X, setting(name), Inputs(gram) if known else None).decode()
    scores = np.abs(X) * (np.sqrt(np.diag(gram)) if known else 1)
    kept = np.zeros(X.shape, bool)
    np.put_along_axis(kept, np.argsort(-scores, axis=1)[:, :left], True, axis=1)
    assert np.array_equal(back, np.where(kept, X, 0))


def test_known_inputs_choose_of_neighbours():
    """N of m by size times the norm of the input."""
    gram = np.diag(np.tile([9.0, 1, 1, 1], 32)).astype(np.float32)
    back = encoded(X, setting("1:4"), Inputs(gram)).decode().reshape(64, 32, 4)
    groups = X.reshape(64, 32, 4)
    first = (np.abs(groups) * [3, 1, 1, 1]).argmax(2) == 0
    assert np.array_equal(back[..., 0] != 0, first)


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
def test_pruned_weights_take_the_least_bytes(dtype):
    """Of a list of what is left and codes of all."""
    for name in ("sparse5", "sparse50", "sparse95"):
        made = encoded(X.astype(dtype), setting(name))
        back = made.decode()
        assert made.nbytes == min(Sparse().size(back), ExponentCodec().size(back))


def test_a_long_array_is_one_row(tmp_path):
    """Settings of rows give way to whole numbers of as many bits; a short one is left alone."""
    long, short = (RNG.normal(size=n).astype(np.float32) for n in (LONG, LONG - 1))
    with TensorWriter(tmp_path / "x.safetensors") as writer:
        writer.add("long", long)
        writer.add("short", short)
    for name, taken in (("lean4", "int4"), ("ocs3", "int3"), ("nf4", "nf4"), ("sparse50",) * 2):
        facts = compress(tmp_path / "x.safetensors", to=name, out=tmp_path / "small")
        found = {row["name"]: row for row in facts["layers"]}
        note = [f"one axis: {taken} in the place of {name}"] if taken != name else []
        assert (found["long"]["setting"], found["long"]["notes"]) == (taken, note)
        assert found["long"]["error"] < 0.08
        assert found["short"]["exact"]
        assert along(name, (3, 3)) == name


def test_sizes_are_told_before(tmp_path):
    """Also of pruned weights: what the survey says of a tensor is what its pieces take."""
    x = np.where(RNG.random((96, 200)) < 0.3, 0, RNG.normal(size=(96, 200))).astype(np.float32)
    with TensorWriter(tmp_path / "x.safetensors") as writer:
        writer.add("x", x)
    source, names = TensorFile(tmp_path / "x.safetensors"), ("sparse50", "sparse80", "ocs4", "2:4")
    for option in options(source, "x", names, None)[1:]:
        made = encoded(x, setting(option.setting))
        headers = header_bytes("x", source.tensors["x"], len(made.arrays()))
        assert option.nbytes == made.nbytes + headers
        assert way(source, "x", option.setting).setting == option.setting
    assert way(source, "x", "sparse1").reason == "sparse1 is not smaller"


def test_sizes_of_weights_the_other_way_round(tmp_path):
    """A weight (in, out) is surveyed by rows of its transpose, as it will be encoded."""
    gram = np.eye(64, dtype=np.float32)
    with TensorWriter(tmp_path / "x.safetensors") as writer:
        writer.add("x", X[:, :96].astype(np.float32))
    source, inputs = TensorFile(tmp_path / "x.safetensors"), Inputs(gram, turned=True)
    found = {each.setting: each for each in options(source, "x", ("lean3", "2:4", "int8"), inputs)}
    for name in ("lean3", "2:4", "int8"):
        made = encoded(source.read("x"), setting(name), inputs)
        headers = header_bytes("x", source.tensors["x"], len(made.arrays()))
        assert found[name].nbytes == made.nbytes + headers
        error = ((made.decode() - source.read("x")) ** 2).sum() / (source.read("x") ** 2).sum()
        assert found[name].loss == pytest.approx(error, rel=0.3)


@pytest.mark.parametrize(("classes", "metric"), [(2, "auc"), (500, "r@5")])
def test_a_wide_model_answers_as_well_at_8_bits(classes, metric, tmp_path):
    """Its linear weights are a large part of it: at int8 its AUC stays, by .001; a row or two."""
    texts = RNG.integers(500, 30_000, (3000, 28))
    texts[:, :3] = RNG.integers(0, 500, (3000, 3))
    target = texts[:, 0] % classes if classes > 2 else texts[:, :3].min(1) % 2
    for name, part in (("train", slice(2500)), ("test", slice(2500, None))):
        rows = zip(texts[part].tolist(), target[part].tolist(), strict=True)
        lines = ({"text": " ".join(f"w{w}" for w in t), "target": f"c{y}"} for t, y in rows)
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    train(tmp_path / "train.jsonl", "target", out=tmp_path / "m", memory="90 MB", epochs=1)
    facts = compress(
        tmp_path / "m", to="int8", calibrate=tmp_path / "test.jsonl", out=tmp_path / "s"
    )
    found = {row["name"] for row in facts["layers"] if row["setting"] == "int8"}
    linear = {2: "wide/linear.table", 500: "wide/linear.weights"}[classes]
    assert found == {"wide/hidden.table", linear, *(["wide/hidden.output"] * (classes > 2))}
    before, after = facts["quality_before"][metric], facts["quality_after"][metric]
    assert before > {"auc": 0.6, "r@5": 0.2}[metric]
    assert abs(after - before) < {"auc": 1e-3, "r@5": 2.5 / 500}[metric]


def test_what_is_left_alone():
    """Reasons, and no lossless codec for what is no float."""
    assert compressible(None, (64, 64)) == "a dtype not known here"
    assert compressible(np.dtype(np.int64), (64, 64)) == "no floating-point numbers"
    assert compressible(np.dtype(np.float32), (63, 65)) == "small"
    assert lossless_codec(np.dtype(np.int8)) is None
    assert lossless_codec(None) is None


def test_choices_are_settings():
    """A budget chooses from settings there are; the dear ones where inputs are known."""
    assert set(choices(True)) | set(choices(False)) <= set(SETTINGS)
    assert not any(setting(name).inputs for name in choices(False))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("int9", r"^setting must be one of lossless, .*, 2:4, sparse50, got 'int9'$"),
        ("sparse0", r"^setting must be one of lossless, .*, 2:4, sparse50, got 'sparse0'$"),
        ("4:2", r"^setting must be a pattern such as 2:4, got '4:2'$"),
    ],
)
def test_refusals(name, message):
    """A setting that is none."""
    with pytest.raises(ValueError, match=message):
        setting(name)
