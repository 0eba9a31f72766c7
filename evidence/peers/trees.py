"""Trees: libpecos XR-Linear and napkinXC, which search labels through a tree."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from evidence.datasets import Split
from evidence.peers.features import Tfidf, label_matrix

__all__ = ["NapkinBRPeer", "NapkinPLTPeer", "XRLinearPeer"]


class XRLinearPeer:
    """XR-Linear: PIFA label embeddings, hierarchical k-means, a linear ranker a layer.

    Args:
        blocks: TF-IDF blocks.
        beam: beam of the search.
        post: how scores of the layers are joined.
        index: arguments of Indexer.gen (nr_splits, max_leaf_size).
        train: arguments of XLinearModel.train (threshold, Cp, Cn, negative_sampling_scheme).
        trees: models with other k-means seeds, their scores averaged.
    """

    def __init__(
        self,
        blocks: list[dict[str, Any]],
        beam: int = 10,
        post: str = "l3-hinge",
        index: dict[str, Any] | None = None,
        train: dict[str, Any] | None = None,
        trees: int = 1,
    ) -> None:
        self.features = Tfidf(blocks)
        self.search = {"beam_size": beam, "post_processor": post, "threads": 1}
        self.index = index or {}
        self.train = train or {}
        self.trees = trees

    def fit(self, split: Split) -> None:
        """Learn words, label trees and rankers."""
        from pecos.xmc import Indexer, LabelEmbeddingFactory
        from pecos.xmc.xlinear.model import XLinearModel

        x = self.features.fit(split)
        y, self.names = label_matrix(split)
        labels = LabelEmbeddingFactory.create(y, x, method="pifa")
        self.models = []
        for seed in range(self.trees):
            chain = Indexer.gen(labels, seed=seed, threads=1, **self.index)
            self.models.append(XLinearModel.train(x, y.tocsc(), C=chain, threads=1, **self.train))

    def predict(self, split: Split) -> tuple[list[list[str]], np.ndarray]:
        """The 5 best labels of the valid rows."""
        x = self.features.transform(split)
        deep = 5 if self.trees == 1 else 20
        found = [model.predict(x, only_topk=deep, **self.search) for model in self.models]
        return _ranking(sum(found[1:], start=found[0]).tocsr(), self.names, 5)

    def nbytes(self) -> int:
        """Bytes of the words and of the saved models."""
        sizes = []
        for model in self.models:
            folder = Path(tempfile.mkdtemp(prefix="peer-"))
            model.save(str(folder))
            sizes.append(_folder_bytes(folder))
            shutil.rmtree(folder)
        return self.features.nbytes() + sum(sizes)


class _NapkinPeer:
    """A napkinXC model on TF-IDF blocks."""

    kind: str

    def __init__(self, blocks: list[dict[str, Any]], **arguments: Any) -> None:
        self.features = Tfidf(blocks)
        self.arguments = {"threads": 1, "seed": 0} | arguments

    def fit(self, split: Split) -> None:
        """Learn words and one classifier a node; napkinXC keeps the model on disk."""
        from napkinxc import models

        x = self.features.fit(split)
        y, self.names = label_matrix(split)
        self.folder = Path(tempfile.mkdtemp(prefix="peer-"))
        self.model = getattr(models, self.kind)(str(self.folder), **self.arguments)
        self.model.fit(x, [row.tolist() for row in np.split(y.indices, y.indptr[1:-1])])

    def predict(self, split: Split) -> tuple[list[list[str]], np.ndarray]:
        """The 5 best labels of the valid rows."""
        found = self.model.predict_proba(self.features.transform(split), top_k=5)
        names = [[self.names[label] for label, _ in row] for row in found]
        scores = [[chance for _, chance in row] + [0.0] * (5 - len(row)) for row in found]
        return names, np.array(scores)

    def nbytes(self) -> int:
        """Bytes of the words and of the model's folder."""
        size = self.features.nbytes() + _folder_bytes(self.folder)
        shutil.rmtree(self.folder)
        return size


class NapkinPLTPeer(_NapkinPeer):
    """Probabilistic label tree."""

    kind = "PLT"


class NapkinBRPeer(_NapkinPeer):
    """One classifier a label."""

    kind = "BR"


def _ranking(scores: sp.csr_matrix, names: list[str], k: int) -> tuple[list[list[str]], np.ndarray]:
    """The k best stored entries of each row."""
    labels: list[list[str]] = []
    best = np.zeros((scores.shape[0], k))
    for row in range(scores.shape[0]):
        part = slice(scores.indptr[row], scores.indptr[row + 1])
        order = np.argsort(-scores.data[part], kind="stable")[:k]
        labels.append([names[label] for label in scores.indices[part][order]])
        best[row, : len(order)] = scores.data[part][order]
    return labels, best


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
