"""Compress shrink: whole models with fewer hidden units, taught or not, folders and modules."""

import json
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from thrifty.core import DataError, IncompatibleError  # noqa: E402
from thrifty.models import compress, decompress  # noqa: E402
from thrifty.models._compress_facts import told  # noqa: E402
from thrifty.nn import Teacher, load_compressed  # noqa: E402

WORDLIST = [
    "the",
    "ship",
    "sailed",
    "over",
    "a",
    "calm",
    "sea",
    "while",
    "clouds",
    "and",
    "wind",
    "came",
    "from",
    "far",
    "away",
]
LINES = [" ".join(WORDLIST[i % 7 : 5 + i % 9] + WORDLIST[i % 5 : i % 11]) for i in range(200)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZES |= {"vocab_size": 64, "intermediate_size": 96}


@pytest.fixture(autouse=True)
def one_thread():
    """Small matrices are slower on many."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def net(seed=0):
    """A convolution with a norm, a hidden layer, ten classes."""
    torch.manual_seed(seed)
    made = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 64),
        nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    with torch.no_grad():
        made[6].weight *= 30  # so that answers differ, and all classes are among them
        made[6].bias -= made.eval()(batches(1)[0][0]).mean(0)
    return made


def batches(count=8):
    """Images of noise and classes."""
    rng = torch.Generator().manual_seed(1)
    return [
        (torch.randn(64, 1, 8, 8, generator=rng), torch.randint(0, 10, (64,), generator=rng))
        for _ in range(count)
    ]


def tokens(path):
    """A tokenizer of whole words, and texts, in a folder."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = {word: n for n, word in enumerate([*SPECIAL, *WORDLIST])}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    names = {f"{n.strip('[]').lower()}_token": n for n in SPECIAL}
    told = transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)
    told.save_pretrained(path)
    (path.parent / "texts.txt").write_text("\n".join(LINES))
    return transformers


@pytest.fixture
def bert(tmp_path):
    """A small encoder of sentences, its units such that half are copies."""
    transformers = tokens(tmp_path / "bert")
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(**SIZES)).eval()
    with torch.no_grad():
        for block in model.encoder.layer:
            inner = block.intermediate.dense
            inner.weight *= 8
            inner.weight[48:], inner.bias[48:] = inner.weight[:48], inner.bias[:48]
    model.save_pretrained(tmp_path / "bert")
    return tmp_path / "bert"


def files(folder):
    """All files of a folder and their bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# modules


@pytest.mark.parametrize("distil", [None, 2])
def test_a_module_becomes_smaller(distil, tmp_path):
    """Half of all units; what was given stays; a whole module is cut as small when it is loaded."""
    model, given = net(), batches()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    how = {"calibrate": given, "shrink": 0.5, "distil": distil}
    facts = compress(model, to="lossless", out=tmp_path / "small", **how)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [(row["layer"], row["before"], row["after"]) for row in facts["shrunk"]] == [
        ("0", 8, 4), ("4", 64, 32),
    ]  # fmt: skip
    assert facts["bytes_before"] == sum(value.nbytes for value in before.values())
    assert facts["bytes_after"] < 0.5 * facts["bytes_before"]
    back = load_compressed(tmp_path / "small", into=net(5))
    assert (back[0].out_channels, back[1].num_features, back[4].in_features) == (4, 4, 4 * 36)
    same = [(back(x).argmax(1) == model(x).argmax(1)).double().mean() for x, _ in given[1::2]]
    assert float(sum(same) / 4) == pytest.approx(facts["agreement"])
    assert facts["quality_before"]["loss"] == pytest.approx(
        sum(nn.functional.cross_entropy(model(x), y).item() for x, y in given[1::2]) / 4
    )
    assert (facts["distilled"] is None) == (distil is None)
    assert load_compressed(tmp_path / "small", into=back) is back


def test_what_was_distilled_is_nearer(tmp_path):
    """On the batches held out too; the loss that is watched falls; it is told in words."""
    how = {"calibrate": batches(16), "to": "int8", "out": tmp_path / "small", "shrink": 0.3}
    plain, taught = compress(net(), **how), compress(net(), distil=8, **how)
    assert taught["agreement"] > plain["agreement"]
    losses, kept = taught["distilled"]["losses"], taught["distilled"]["kept"]
    assert losses[kept] == min(losses) < losses[0]
    lines = told(taught)
    assert any(line.startswith("shrunk    72 hidden units -> 21 in 2 layers") for line in lines)
    assert any(line.startswith(f"distilled {losses[0]:.4g} -> ") for line in lines)
    json.dumps(taught)


def test_batches_that_are_held_out_are_never_asked(tmp_path):
    """Their targets and inputs change nothing of what is made."""
    one, two = batches(), batches()
    for place in range(1, 8, 2):
        two[place] = (torch.full((64, 1, 8, 8), 3.0), two[place][1])
    for given, name in ((one, "one"), (two, "two")):
        how = {"calibrate": given, "shrink": 0.5, "distil": 1}
        compress(net(), to="lossless", out=tmp_path / name, **how)
    a, b = (load_compressed(tmp_path / name, into=net()).state_dict() for name in ("one", "two"))
    assert all(torch.equal(value, b[name]) for name, value in a.items())


def test_pruned_weights_stay_at_zero_while_the_others_learn(tmp_path):
    """2:4 with training: the same share of zeros, and nearer to the model than without."""
    how = {"calibrate": batches(16), "to": "2:4"}
    plain = compress(net(), out=tmp_path / "plain", **how)
    taught = compress(net(), out=tmp_path / "taught", distil=6, **how)
    assert taught["bytes_after"] == plain["bytes_after"]
    assert taught["agreement"] > plain["agreement"]
    weight = load_compressed(tmp_path / "taught", into=net())[4].weight
    assert ((weight.reshape(-1, 4) != 0).sum(1) <= 2).all()


def test_a_student_learns(tmp_path):
    """It is compressed in the place of the model, and is itself not touched."""
    torch.manual_seed(1)
    student = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    before = student[1].weight.detach().clone()
    how = {"calibrate": batches(40), "student": student, "distil": 20}
    facts = compress(net(), to="lossless", out=tmp_path / "small", **how)
    assert torch.equal(student[1].weight, before)
    back = load_compressed(tmp_path / "small", into=student)
    assert not torch.equal(back[1].weight, before)
    assert facts["agreement"] > 0.3  # of ten classes; 0.012 is the standard error of chance
    assert facts["bytes_before"] == sum(value.nbytes for value in net().state_dict().values())


def test_numbers_that_are_not_finite_are_told_as_none(tmp_path):
    """A model of NaN in a layer that is not shrunk: JSON can hold what is said of it."""
    model = net()
    with torch.no_grad():
        model[6].bias[0] = math.nan
    facts = compress(model, to="int8", out=tmp_path / "x", calibrate=batches(4), shrink=0.5,
                     distil=1)  # fmt: skip
    assert facts["distilled"] == {"epochs": 1, "kept": 0, "losses": [None, None]}
    assert any(line.startswith("distilled nan -> nan") for line in told(facts))
    json.dumps(facts["distilled"], allow_nan=False)


def test_a_student_of_a_committee(tmp_path):
    """It learns from teachers that are asked in the middle, and is judged beside the model."""
    model, given = net(), [(x, net()(x).argmax(1)) for x, _ in batches(20)]
    torch.manual_seed(1)
    student = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    how = {"student": student, "distil": 60, "calibrate": given, "to": "int8"}
    facts = compress(model, out=tmp_path / "x", teachers=[Teacher(model, model[5:], (64,))], **how)
    losses = facts["distilled"]["losses"]
    assert (facts["distilled"]["epochs"], facts["distilled"]["kept"]) == (60, 60)
    assert f"distilled {losses[0]:.4g} -> {losses[1]:.4g}: epoch 60 of 60 is kept" in told(facts)
    assert losses[1] < 0.9 * losses[0]
    assert facts["quality_before"]["accuracy"] == 1
    assert facts["quality_after"]["accuracy"] == pytest.approx(facts["agreement"])


# folders of transformers


def test_an_encoder_loses_its_copies(bert, tmp_path):
    """Half of the units are copies: embeddings stay, the config knows, transformers opens it."""
    import transformers

    before = files(bert)
    how = {"calibrate": tmp_path / "texts.txt", "shrink": 0.5}
    facts = compress(bert, to="lossless", out=tmp_path / "small", **how)
    assert files(bert) == before
    assert [row["after"] for row in facts["shrunk"]] == [48, 48]
    assert facts["quality_after"]["cosine"] > 0.9999
    config = json.loads((tmp_path / "small" / "config.json").read_text())
    assert config["intermediate_size"] == 48
    decompress(tmp_path / "small", tmp_path / "plain")
    names = {"config.json", "tokenizer.json", "model.safetensors"}
    assert names <= {p.name for p in (tmp_path / "plain").iterdir()}
    ids = torch.arange(5, 17)[None]
    models = [transformers.BertModel.from_pretrained(p) for p in (bert, tmp_path / "plain")]
    models.append(load_compressed(tmp_path / "small"))
    models.append(load_compressed(tmp_path / "small", into=transformers.BertModel.from_pretrained(
        bert)))  # fmt: skip
    assert models[3].config.intermediate_size == 48
    with torch.no_grad():
        first, *others = [model.eval()(ids)[0] for model in models]
    assert all(torch.allclose(other, first, atol=1e-3) for other in others)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bert", "plain", "small", "texts.txt"]


@pytest.mark.parametrize("kind", ["Llama", "GPT2"])
def test_a_language_model_is_shrunk_and_taught(kind, tmp_path):
    """Gates and what they multiply go together; weights of (inputs, outputs) too; bfloat16."""
    transformers = tokens(tmp_path / "model")
    torch.manual_seed(0)
    if kind == "Llama":
        config = transformers.LlamaConfig(**SIZES, num_key_value_heads=1, bos_token_id=2)
        model = transformers.LlamaForCausalLM(config).to(torch.bfloat16)
    else:
        config = transformers.GPT2Config(vocab_size=64, n_embd=32, n_layer=2, n_head=2)
        model = transformers.GPT2LMHeadModel(config)
    model.save_pretrained(tmp_path / "model")
    how = {"calibrate": tmp_path / "texts.txt", "shrink": 0.5, "distil": 1}
    facts = compress(tmp_path / "model", to="int8", out=tmp_path / "small", **how)
    width = {"Llama": 96, "GPT2": 128}[kind]
    assert [(row["before"], row["after"]) for row in facts["shrunk"]] == [(width, width // 2)] * 2
    ratio = facts["quality_after"]["perplexity"] / facts["quality_before"]["perplexity"]
    assert 0.5 < ratio < 1.1
    decompress(tmp_path / "small", tmp_path / "plain")
    again = type(model).from_pretrained(tmp_path / "plain")
    assert all(value.isfinite().all() for value in again.state_dict().values())
    assert again.dtype == model.dtype


def test_a_stopped_run_goes_on_from_its_smaller_model(bert, tmp_path):
    """Ctrl-C while it learns starts again cleanly; while it writes the smaller model stands."""
    how = {"calibrate": tmp_path / "texts.txt", "shrink": 0.5, "distil": 1, "to": "int8"}
    phases = []

    def stop(at):
        def tell(state):
            phases.append(state["phase"])
            if state["phase"] == at:
                raise KeyboardInterrupt

        return tell

    for at in ("distilling", "writing"):
        with pytest.raises(KeyboardInterrupt):
            compress(bert, out=tmp_path / "small", progress=stop(at), **how)
        assert not (tmp_path / "small").exists()
    stage = tmp_path / ".small.shrunk" / "model.safetensors"
    kept = stage.stat().st_mtime_ns
    phases.clear()
    facts = compress(bert, out=tmp_path / "small", progress=stop(None), **how)
    assert not {"shrinking", "distilling"} & set(phases)
    assert kept
    assert len(facts["shrunk"]) == 2
    assert facts["distilled"]["epochs"] == 1
    assert not stage.exists()
    with pytest.raises(KeyboardInterrupt):
        compress(bert, out=tmp_path / "small", progress=stop("writing"), **how)
    phases.clear()
    compress(bert, out=tmp_path / "small", progress=stop(None), **{**how, "shrink": 0.6})
    assert {"shrinking", "distilling"} <= set(phases)


def test_a_student_of_a_folder(bert, tmp_path):
    """One of transformers that reads the same tokens."""
    import transformers

    torch.manual_seed(3)
    small = transformers.BertModel(transformers.BertConfig(**{**SIZES, "num_hidden_layers": 1}))
    how = {"calibrate": tmp_path / "texts.txt", "student": small, "distil": 3}
    facts = compress(bert, to="int8", out=tmp_path / "small", **how)
    assert load_compressed(tmp_path / "small").config.num_hidden_layers == 1
    losses = facts["distilled"]["losses"]
    assert losses[-1] < 0.9 * losses[0]
    with pytest.raises(TypeError, match=r"^student must be a module of transformers, as the model"):
        compress(bert, to="int8", out=tmp_path / "no", **{**how, "student": _Pooled(small)})


class _Pooled(nn.Module):
    """A module that answers as one of transformers does and is none."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, **batch):
        return self.body(**batch)


# refusals


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ({"shrink": 0.5, "calibrate": None}, ValueError,
         r"^calibrate must be given where shrink is, got None$"),
        ({"distil": 2, "to": "2:4", "calibrate": None}, ValueError,
         r"^calibrate must be given where distil is, got None$"),
        ({"shrink": 0.0}, ValueError, r"^shrink must be above 0 and below 1, got 0.0$"),
        ({"shrink": 1.5}, ValueError, r"^shrink must be above 0 and below 1, got 1.5$"),
        ({"shrink": math.nan}, ValueError, r"^shrink must be above 0 and below 1, got nan$"),
        ({"shrink": "half"}, TypeError, r"^shrink must be a number, got str$"),
        ({"distil": 2}, ValueError,
         r"^distil must come with shrink, student or a setting that prunes such as to='2:4', got"),
        ({"shrink": 0.5, "distil": 0}, ValueError, r"^distil must be in 1\.\.1000000, got 0$"),
        ({"shrink": 0.5, "distil": 1.5}, TypeError,
         r"^distil must be a whole number in 1\.\.1000000, got 1.5$"),
        ({"student": net()}, ValueError,
         r"^student must come with distil, and without shrink$"),
        ({"student": net(), "distil": 1, "shrink": 0.5}, ValueError,
         r"^student must come with distil, and without shrink$"),
        ({"teachers": [1], "shrink": 0.5}, ValueError,
         r"^teachers must come with student, which learns from them$"),
        ({"student": 3, "distil": 1}, TypeError, r"^student must be a torch module, got int$"),
        ({"student": nn.Sequential(nn.Flatten(), nn.Linear(64, 9)), "distil": 1},
         IncompatibleError, r"^student must answer as the model does: scores \(64, 10\), got sco"),
    ],
)  # fmt: skip
def test_refusals(how, kind, message, tmp_path):
    """What goes with what, and numbers out of range; nothing is left."""
    with pytest.raises(kind, match=message):
        compress(net(), out=tmp_path / "x", **{"to": "int8", "calibrate": batches(2), **how})
    assert list(tmp_path.iterdir()) == []


def test_models_without_hidden_units(tmp_path):
    """One layer, a file of tensors, a model of train, a transformer without a known width."""
    from thrifty.core import save

    given = [torch.randn(8, 4)] * 2
    with pytest.raises(DataError, match=r"^model has no hidden layer that can be shrunk$"):
        compress(nn.Linear(4, 2), to="int8", out=tmp_path / "x", calibrate=given, shrink=0.5)
    x = np.zeros((64, 64), np.float32)
    how = {"to": "int8", "out": tmp_path / "x", "calibrate": tmp_path / "t.txt", "shrink": 0.5}
    (tmp_path / "t.txt").write_text("a\n")
    save(tmp_path / "ours.safetensors", kind="wide-model", version=1, header={}, arrays={"x": x})
    with pytest.raises(DataError, match=r"^a model of train has no hidden layer of units that"):
        compress(tmp_path / "ours.safetensors", **how)
    save(tmp_path / "y.safetensors", kind="tensors", version=1, header={}, arrays={"x": x})
    with pytest.raises(DataError, match=r"cannot be shrunk: no config.json names its class$"):
        compress(tmp_path / "y.safetensors", **{**how, "to": "lossless"})
    names = {"ours.safetensors", "t.txt", "y.safetensors"}
    assert {p.name for p in tmp_path.iterdir()} == names
