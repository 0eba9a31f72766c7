"""Encoders: the one of an index, and those of sentence-transformers folders on disk."""

import json
import threading
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thrifty.core import DataError, FormatError
from thrifty.models.encoder import WordEncoder
from thrifty.models.search_vectors import Encoder

__all__ = ["ENCODER", "FolderEncoder", "opened_encoder"]

ENCODER = "encoder.safetensors"
BATCH, LONGEST = 32, 512
POOLINGS = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}


class FolderEncoder:
    """A model of sentence-transformers, or of transformers, in a folder on disk.

    Nothing is downloaded. The library sentence-transformers is used where it is installed, else
    transformers with the pooling that the folder names (mean where it names none).

    Args:
        folder: with config.json and weights.

    Raises:
        DataError: no such folder, or not a model.
        ModuleNotFoundError: neither library is installed.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / "config.json").is_file():
            known = self.folder / "modules.json"
            if not known.is_file():
                raise DataError(f"encoder must be builtin or the folder of a model, got {folder}")
        self._encode, self.dim = _loaded(self.folder)
        self._lock = threading.Lock()

    def encode(self, texts: Any) -> NDArray[np.float32]:
        """Vectors of texts, (n, dim) float32 of length 1; 0 where there is no text."""
        column = texts if isinstance(texts, (list, tuple)) else pa.array(texts).to_pylist()
        made = np.zeros((len(column), self.dim), np.float32)
        said = [i for i, text in enumerate(column) if text and text.strip()]
        said.sort(
            key=lambda i: len(column[i])
        )  # what is read at once is made as long as the longest
        with self._lock:
            for low in range(0, len(said), BATCH):
                rows = said[low : low + BATCH]
                made[rows] = self._encode([column[i] for i in rows])
        norms = np.linalg.norm(made, axis=1, keepdims=True)
        return (made / np.where(norms > 0, norms, 1)).astype(np.float32)


def opened_encoder(path: Path, told: Mapping[str, Any] | None) -> Encoder | None:
    """The encoder that an index was made with.

    Args:
        path: of the index.
        told: what its settings say; None where it has none.

    Raises:
        FormatError: the built-in encoder's file is damaged or not there.
        DataError: the folder of a model is not there any more.
    """
    if not told:
        return None
    if told.get("kind") == "folder":
        return FolderEncoder(told["path"])
    try:
        return WordEncoder.load(path / ENCODER)
    except OSError as error:
        raise FormatError(f"{path / ENCODER}: cannot be read: {error.strerror}") from error


def _loaded(folder: Path) -> tuple[Any, int]:
    """A function from a list of texts to an array, and its width."""
    try:
        library = import_module("sentence_transformers")
    except ModuleNotFoundError:
        return _plain_loaded(folder)
    model = library.SentenceTransformer(str(folder), device="cpu")
    width = int(model.get_sentence_embedding_dimension())
    return lambda texts: model.encode(texts, show_progress_bar=False), width


def _plain_loaded(folder: Path) -> tuple[Any, int]:
    try:
        torch, library = import_module("torch"), import_module("transformers")
    except ModuleNotFoundError as error:
        message = "an encoder in a folder needs: pip install sentence-transformers"
        raise ModuleNotFoundError(message, name=error.name) from error
    words = library.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    model = library.AutoModel.from_pretrained(str(folder), local_files_only=True).eval()
    pooling, longest = _pooling(folder), _longest(folder)

    def encode(texts: list[str]) -> NDArray[np.float32]:
        read = words(
            texts, padding=True, truncation=True, max_length=longest, return_tensors="pt"
        )  # fmt: skip
        with torch.no_grad():
            states = model(**read).last_hidden_state
        if pooling == "cls":
            return states[:, 0].numpy()
        mask = read["attention_mask"][:, :, None].to(states.dtype)
        return ((states * mask).sum(1) / mask.sum(1).clamp(min=1)).numpy()

    return encode, int(model.config.hidden_size)


def _pooling(folder: Path) -> str:
    """How states of words become one vector, as the folder says."""
    path = folder / "1_Pooling" / "config.json"
    told = json.loads(path.read_text()) if path.is_file() else {}
    return next((name for key, name in POOLINGS.items() if told.get(key)), "mean")


def _longest(folder: Path) -> int:
    """Pieces of a text that are read: as the folder says, else 512."""
    path = folder / "sentence_bert_config.json"
    told = json.loads(path.read_text()) if path.is_file() else {}
    return min(int(told.get("max_seq_length") or LONGEST), LONGEST)
