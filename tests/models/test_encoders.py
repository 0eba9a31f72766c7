"""Encoders: folders of models through libraries that stand in for the heavy ones."""

import json
import sys
import types

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError, FormatError
from thrifty.models.encoder import WordEncoder
from thrifty.models.encoders import ENCODER, FolderEncoder, opened_encoder


class Sentence:
    """Stands for a SentenceTransformer: counts of letters a and b."""

    def __init__(self, path, device):
        self.path = path

    def get_sentence_embedding_dimension(self):
        """Width."""
        return 2

    def encode(self, texts, show_progress_bar):
        """Counts, not of length 1; no text is empty."""
        assert all(texts)
        assert len(texts) <= 32
        return np.array([[text.count("a"), text.count("b")] for text in texts], np.float32)


@pytest.fixture
def folder(tmp_path):
    """A folder that looks like a model."""
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_sentence_transformers(folder, monkeypatch):
    """Batches of texts, length 1, and 0 where there is no text."""
    stand_in = types.SimpleNamespace(SentenceTransformer=Sentence)
    monkeypatch.setitem(sys.modules, "sentence_transformers", stand_in)
    encoder = FolderEncoder(folder)
    assert encoder.dim == 2
    found = encoder.encode(pa.array(["aab", None, "b", " "] * 20))
    wanted = [[2 / 5**0.5, 1 / 5**0.5], [0, 0], [0, 1], [0, 0]] * 20
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert found.dtype == np.float32
    again = opened_encoder(folder, {"kind": "folder", "path": str(folder)})
    assert isinstance(again, FolderEncoder)


def test_without_any_library(folder, monkeypatch):
    """The message says what to install."""
    for name in ("sentence_transformers", "torch", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=r"needs: pip install sentence-transformers$"):
        FolderEncoder(folder)


@pytest.mark.parametrize(
    ("told", "name"),
    [({}, "mean"), ({"pooling_mode_cls_token": True}, "cls"), (None, "mean")],
)
def test_pooling(folder, told, name):
    """As the folder says; mean where it says nothing."""
    from thrifty.models.encoders import _pooling

    if told is not None:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(told))
    assert _pooling(folder) == name


def test_longest(folder):
    """As the folder says, but 512 at most; 512 where it says nothing."""
    from thrifty.models.encoders import _longest

    assert _longest(folder) == 512
    for told, wanted in (
        ({"max_seq_length": 256}, 256),
        ({}, 512),
        ({"max_seq_length": 9999}, 512),
    ):
        (folder / "sentence_bert_config.json").write_text(json.dumps(told))
        assert _longest(folder) == wanted


def test_texts_keep_their_order(folder, monkeypatch):
    """Texts are read by their length, and every vector stands where its text does."""
    stand_in = types.SimpleNamespace(SentenceTransformer=Sentence)
    monkeypatch.setitem(sys.modules, "sentence_transformers", stand_in)
    sizes = np.random.default_rng(0).permutation(100)
    found = FolderEncoder(folder).encode(["a" * int(size) + "b" for size in sizes])
    np.testing.assert_allclose(found[:, 0], sizes / np.hypot(sizes, 1), atol=1e-6)


def test_transformers_alone(tmp_path):
    """Where transformers is installed, a small model of its own is pooled by the mean."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from thrifty.models.encoders import _plain_loaded

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "laser"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(vocab_size=6, intermediate_size=8, **shape)
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(tmp_path)
    encode, dim = _plain_loaded(tmp_path)
    together = encode(["red laser", "red"])
    assert together.shape == (2, dim)
    np.testing.assert_allclose(encode(["red"])[0], together[1], atol=1e-5)


def test_the_encoder_of_an_index(tmp_path):
    """The built-in one lies in the folder; none is none."""
    texts = ["red laser", "blue cat", "red cat"]
    made = WordEncoder(8).fit([texts])
    made.save(tmp_path / ENCODER)
    found = opened_encoder(tmp_path, {"kind": "builtin"})
    assert (found.encode(texts) == made.encode(texts)).all()
    assert opened_encoder(tmp_path, None) is None
    (tmp_path / ENCODER).unlink()
    with pytest.raises(FormatError, match=r"encoder.safetensors: cannot be read: No such file"):
        opened_encoder(tmp_path, {"kind": "builtin"})


def test_no_model(tmp_path):
    """A folder without a model, and one that is gone."""
    message = rf"^encoder must be builtin or the folder of a model, got {tmp_path}$"
    with pytest.raises(DataError, match=message):
        FolderEncoder(tmp_path)
    with pytest.raises(DataError):
        opened_encoder(tmp_path, {"kind": "folder", "path": str(tmp_path / "gone")})
