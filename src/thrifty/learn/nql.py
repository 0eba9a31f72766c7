"""NQL: questions about known triples as products of weighted sets, and relations from answers."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from thrifty.core import IncompatibleError, in_range, method, whole
from thrifty.learn.triples import Triples

__all__ = ["NQL"]

Floats = NDArray[np.float64]
TINY = 1e-9
BETAS = 0.9, 0.99


@method(
    source="Cohen, Siegler and Hofer 2019, arXiv:1905.06209; the reified knowledge base: Cohen, "
    "Sun, Hofer and Siegler 2020, arXiv:2002.06115",
    memory="24 bytes a triple, and 8 * (entities + triples) a set while it is followed",
    time="O(triples) a set and hop; of one relation, its triples",
    error="exact: what is entailed, and nothing else",
    exact="a walk over the triples",
    laws=("entity sets",),
    evidence=("nql",),
)
class NQL:
    """Ask for sets of entities: follow relations, unite, intersect, filter; learn what to follow.

    A set is a row of weights, 0 for what is not in it. To follow a relation, each triple takes
    the weight of its subject times that of its relation and gives it to its object. All of this
    can be differentiated, so `fit` finds the relations of each hop from questions with answers.

    Args:
        triples: what is known.
        hops: that are followed in `predict`, 1..10.
        max_iter: passes over the questions, 1..100_000.
        n_init: beginnings, of which the one of the least loss is kept, 1..1000.
        learning_rate: of Adam, 1e-6..10.
        seed: of what weights begin as, 0..2**64 - 1.

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> kin = Triples(["ann", "bob", "bob"], ["parent"] * 3, ["bob", "eve", "joe"])
        >>> nql = NQL(kin)
        >>> nql.members(nql.follow(nql.follow(nql.sets([["ann"]]), "parent"), "parent"))
        [['eve', 'joe']]
    """

    def __init__(
        self,
        triples: Triples,
        *,
        hops: int = 1,
        max_iter: int = 200,
        n_init: int = 3,
        learning_rate: float = 0.1,
        seed: int = 0,
    ) -> None:
        self.triples = triples
        self.hops = whole("hops", hops, 1, 10)
        self.max_iter = whole("max_iter", max_iter, 1, 100_000)
        self.n_init = whole("n_init", n_init, 1, 1000)
        self.learning_rate = in_range("learning_rate", learning_rate, 1e-6, 10)
        self.seed = whole("seed", seed, 0, 2**64 - 1)
        count, size = len(triples), len(triples.entities)
        ones, rows = np.ones(count), np.arange(count)
        self._onto = csr_array((ones, (triples.object, rows)), shape=(size, count))
        self._from = csr_array((ones, (triples.subject, rows)), shape=(size, count))
        shape = (len(triples.relations), count)
        self._kind = csr_array((ones, (triples.relation, rows)), shape=shape)

    def sets(self, groups: Sequence[Sequence[str]]) -> Floats:
        """The sets of groups of names, (m, entities).

        Raises:
            ValueError: a name that is not known.
        """
        x = np.zeros((len(groups), len(self.triples.entities)))
        for row, names in zip(x, groups, strict=True):
            row[self.triples.entity_ids(names)] = 1
        return x

    def members(self, x: ArrayLike) -> list[list[str]]:
        """The names in each set, in order."""
        return [self.triples.entities[row > 0].tolist() for row in self._fitting("x", x)]

    def follow(self, x: ArrayLike, relations: str | ArrayLike) -> Floats:
        """Objects of relations whose subjects are in the sets, weighted by how they are reached.

        Args:
            x: (m, entities). relations: a name, or weights (relations,) or (m, relations).

        Raises:
            IncompatibleError: sets or weights of another width.
            ValueError: a relation that is not known.
        """
        given = self._fitting("x", x)
        if isinstance(relations, str):
            mine = self.triples.relation == self.triples.relation_ids([relations])[0]
            passed = np.where(mine, given[:, self.triples.subject], 0)
            return (self._onto @ passed.T).T
        weights = np.asarray(relations, dtype=np.float64)
        if weights.shape not in ((len(self.triples.relations),), (len(given), self._kind.shape[0])):
            shapes = f"{weights.shape} do not fit {self._kind.shape[0]} relations"
            raise IncompatibleError(f"relations of shape {shapes}")
        weights = np.broadcast_to(weights, (len(given), self._kind.shape[0]))
        return self._hop(given, weights)

    def union(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """What is in either."""
        return self._fitting("x", x) + self._fitting("y", y)

    def intersection(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """What is in both."""
        return self._fitting("x", x) * self._fitting("y", y)

    def difference(self, x: ArrayLike, y: ArrayLike) -> Floats:
        """What is in x and not in y."""
        return self._fitting("x", x) * np.maximum(1 - self._fitting("y", y), 0)

    def filter(self, x: ArrayLike, relation: str, y: ArrayLike) -> Floats:
        """What of x has this relation to something in y.

        Raises:
            ValueError: a relation that is not known.
        """
        given, kept = self._fitting("x", x), self._fitting("y", y)
        mine = self.triples.relation == self.triples.relation_ids([relation])[0]
        passed = np.where(mine, kept[:, self.triples.object], 0)
        return given * (self._from @ passed.T).T

    def fit(self, questions: ArrayLike, starts: ArrayLike, answers: ArrayLike) -> Self:
        """Learn which relations a question asks for, from where it starts and what answers it.

        Args:
            questions: (n, features). starts, answers: (n, entities) sets, as of `sets`.

        Raises:
            IncompatibleError: they do not fit each other.
            ValueError: a question without a start or an answer.
        """
        asked, x, y = (
            self._asked(questions),
            self._fitting("starts", starts),
            self._fitting("answers", answers),
        )
        if not len(asked) == len(x) == len(y):
            raise IncompatibleError(
                f"{len(asked)} questions, {len(x)} starts and {len(y)} answers do not fit"
            )
        for name, column in (("starts", x), ("answers", y)):
            empty = np.flatnonzero(column.sum(axis=1) <= 0)
            if empty.size:
                raise ValueError(f"{name} must not be empty, got question {empty[0]}")
        shape = (self.hops, asked.shape[1], len(self.triples.relations))
        rng, shares = np.random.default_rng(self.seed), y / y.sum(axis=1, keepdims=True)
        tries = []
        for _ in range(self.n_init):
            self.coef_ = rng.normal(size=shape)
            tries.append((self._train(asked, x, shares), self.coef_))
        self.losses_, self.coef_ = min(tries, key=lambda found: found[0][-1])
        return self

    def predict(self, questions: ArrayLike, starts: ArrayLike) -> Floats:
        """What answers each question, as sets whose weights are shares.

        Raises:
            IncompatibleError: they do not fit what was learned.
        """
        asked, x = self._asked(questions), self._fitting("starts", starts)
        if asked.shape[1] != self.coef_.shape[1] or len(asked) != len(x):
            shapes = f"{asked.shape} and starts of shape {x.shape} do not fit {self.coef_.shape}"
            raise IncompatibleError(f"questions of shape {shapes}")
        for weights in self._relations(asked):
            x = self._hop(x, weights)
        return x / np.maximum(x.sum(axis=1, keepdims=True), TINY)

    def loss_gradient(self, asked: Floats, x: Floats, y: Floats) -> tuple[float, Floats]:
        """Mean cross entropy of the shares y with what is reached, and its gradient by `coef_`."""
        hops, reached = self._relations(asked), [x]
        for weights in hops:
            reached.append(self._hop(reached[-1], weights))
        last = reached[-1] + TINY
        total = last.sum(axis=1, keepdims=True)
        loss = -float((y * np.log(last / total)).sum()) / len(x)
        slope, gradient = (1 / total - y / last) / len(x), np.empty_like(self.coef_)
        for hop in range(self.hops - 1, -1, -1):
            at_objects = slope[:, self.triples.object]
            passed = at_objects * reached[hop][:, self.triples.subject]
            by_weight = (self._kind @ passed.T).T
            weights = hops[hop]
            centred = by_weight - (by_weight * weights).sum(axis=1, keepdims=True)
            gradient[hop] = asked.T @ (weights * centred)
            slope = (self._from @ (at_objects * weights[:, self.triples.relation]).T).T
        return loss, gradient

    def _train(self, asked: Floats, x: Floats, y: Floats) -> list[float]:
        """Adam on all questions at once; the loss of each pass."""
        first, second, losses = 0.0, 0.0, []
        for turn in range(1, self.max_iter + 1):
            loss, gradient = self.loss_gradient(asked, x, y)
            losses.append(loss)
            first = BETAS[0] * first + (1 - BETAS[0]) * gradient
            second = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
            size = np.sqrt(second / (1 - BETAS[1] ** turn)) + 1e-8
            self.coef_ -= self.learning_rate * first / (1 - BETAS[0] ** turn) / size
        return losses

    def _relations(self, asked: Floats) -> list[Floats]:
        """Weights of relations, (n, relations) for each hop."""
        logits = asked @ self.coef_
        grown = np.exp(logits - logits.max(axis=2, keepdims=True))
        return list(grown / grown.sum(axis=2, keepdims=True))

    def _hop(self, x: Floats, weights: Floats) -> Floats:
        passed = x[:, self.triples.subject] * weights[:, self.triples.relation]
        return (self._onto @ passed.T).T

    def _fitting(self, name: str, x: ArrayLike) -> Floats:
        given = np.asarray(x, dtype=np.float64)
        if given.ndim != 2 or given.shape[1] != len(self.triples.entities):
            size = len(self.triples.entities)
            raise IncompatibleError(f"{name} of shape {given.shape} does not fit {size} entities")
        return given

    def _asked(self, questions: ArrayLike) -> Floats:
        given = np.asarray(questions, dtype=np.float64)
        if given.ndim != 2:
            raise IncompatibleError(f"questions of shape {given.shape} do not fit (n, features)")
        return given
