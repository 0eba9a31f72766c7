"""Items: next-item recommenders that learn from a matrix of users by items."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from evidence.datasets import Split

__all__ = ["ALSPeer", "BPRPeer", "EASEPeer", "ItemKNNPeer", "PopularPeer"]

DEPTH = 10


class _ItemsPeer:
    """Users by items, weighted; answers are the ten best items a user has not had.

    Args:
        weighting: "ones", "log" (1 + log weight) or "raw".
        arguments: arguments of the model.
    """

    def __init__(self, weighting: str = "ones", **arguments: Any) -> None:
        self.weighting = weighting
        self.arguments = arguments

    def fit(self, split: Split) -> None:
        """Learn from the train interactions."""
        self.users: dict[str, int] = {}
        items: dict[str, int] = {}
        users = [self.users.setdefault(row["user"], len(self.users)) for row in split.train]
        columns = [items.setdefault(row["item"], len(items)) for row in split.train]
        weights = np.array([row["weight"] for row in split.train], dtype=np.float32)
        weigh = {"ones": np.ones_like, "log": lambda w: 1 + np.log(w), "raw": np.asarray}
        values = weigh[self.weighting](weights)
        shape = (len(self.users), len(items))
        self.x = sp.csr_matrix((values, (users, columns)), shape=shape)
        self.items = np.array(list(items))
        self.learn()

    def predict(self, split: Split) -> np.ndarray:
        """The ten best new items of each valid user."""
        users = np.array([self.users[row["user"]] for row in split.valid])
        return self.items[self.rank(users)]

    def rank(self, users: np.ndarray) -> np.ndarray:
        """Item columns (n, 10) by the scores, what the user had left out."""
        scores = np.array(self.scores(users), dtype=np.float32)
        rows, columns = self.x[users].nonzero()
        scores[rows, columns] = -np.inf
        return np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]


class _ImplicitPeer(_ItemsPeer):
    """A model of the implicit library on one thread."""

    def rank(self, users: np.ndarray) -> np.ndarray:
        """Item columns (n, 10) from the library's own search."""
        ids, _ = self.model.recommend(users, self.x[users], N=DEPTH)
        return ids

    def nbytes(self) -> int:
        """Bytes of the saved model."""
        path = Path(tempfile.mkdtemp(prefix="peer-")) / "model.npz"
        self.model.save(str(path))
        return path.stat().st_size


class ALSPeer(_ImplicitPeer):
    """Alternating least squares (Hu, Koren and Volinsky 2008)."""

    def learn(self) -> None:
        """Fit factors."""
        from implicit.als import AlternatingLeastSquares

        self.model = AlternatingLeastSquares(num_threads=1, random_state=0, **self.arguments)
        self.model.fit(self.x, show_progress=False)


class BPRPeer(_ImplicitPeer):
    """Bayesian personalised ranking (Rendle et al. 2009)."""

    def learn(self) -> None:
        """Fit factors."""
        from implicit.bpr import BayesianPersonalizedRanking

        self.model = BayesianPersonalizedRanking(num_threads=1, random_state=0, **self.arguments)
        self.model.fit(self.x, show_progress=False)


class ItemKNNPeer(_ImplicitPeer):
    """Nearest items by cosine, TF-IDF or BM25 weights."""

    def learn(self) -> None:
        """Fit the neighbours."""
        from implicit import nearest_neighbours

        arguments = dict(self.arguments)
        kind = arguments.pop("kind")
        self.model = getattr(nearest_neighbours, kind)(num_threads=1, **arguments)
        self.model.fit(self.x, show_progress=False)


class EASEPeer(_ItemsPeer):
    """EASE: a closed-form item-item model (Steck 2019)."""

    def learn(self) -> None:
        """Invert the regularised Gram matrix."""
        gram = (self.x.T @ self.x).toarray()
        gram[np.diag_indices_from(gram)] += self.arguments["l2"]
        inverse = np.linalg.inv(gram)
        self.weights = inverse / -np.diag(inverse)
        np.fill_diagonal(self.weights, 0)

    def scores(self, users: np.ndarray) -> np.ndarray:
        """Scores of all items."""
        return self.x[users] @ self.weights

    def nbytes(self) -> int:
        """Bytes of the weights."""
        return self.weights.nbytes


class PopularPeer(_ItemsPeer):
    """Items by how many users had them: the floor of every recommender."""

    def learn(self) -> None:
        """Count."""
        self.counts = np.asarray((self.x > 0).sum(axis=0), dtype=np.float32).ravel()

    def scores(self, users: np.ndarray) -> np.ndarray:
        """The same scores for everyone."""
        return np.broadcast_to(self.counts, (len(users), len(self.counts)))

    def nbytes(self) -> int:
        """Bytes of the counts."""
        return self.counts.nbytes
