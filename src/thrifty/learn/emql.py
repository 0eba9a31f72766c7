"""EmQL: questions about triples by embedded sets: a centroid finds and a sketch checks."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, hstack

from thrifty.core import IncompatibleError, method, whole
from thrifty.core.kernels import njit
from thrifty.hashing import hash_column
from thrifty.index import FlatIndex
from thrifty.learn.triples import Triples
from thrifty.sketch._counters import TURNS, place_of

__all__ = ["EmQL", "EntitySet"]

Ids = NDArray[np.int64]
Rows = NDArray[np.float32]
FOUND = 0.5  # weight from which an entity counts as a member
SWEEPS = 40  # of the subspace iteration
ROUNDS = 6  # searches for members, each for what the ones before have left of the centroid


class EntitySet(NamedTuple):
    """A weighted set of entities in fixed memory.

    Args:
        centroid: (dim,) float32, the weighted sum of its members' vectors.
        sketch: (rows, width) float32, their weights in a count-min sketch.
    """

    centroid: Rows
    sketch: Rows


@njit(nogil=True, cache=True, error_model="numpy")
def _places(words, width, out):
    """The counter of each word in each row."""
    for i in range(words.size):
        for row in range(out.shape[1]):
            out[i, row] = np.int64(place_of(words[i], TURNS[row], width))


@method(
    source="Sun, Arnold, Bedrax-Weiss, Pereira and Cohen 2020, arXiv:2004.03658",
    memory="4 * rows * width + 4 * dim bytes a set; 8 * dim an entity, 8 * dim a triple, "
    "8 * rows an entity for its counters",
    time="a search among entities for members; one among triples and k sums for a hop",
    error="an entity that is not in a set of n is taken for one with chance about "
    "(n / width)**rows; members that are never among the k nearest are missed",
    exact="NQL",
    laws=("entity sets",),
    evidence=("emql",),
)
class EmQL:
    """Ask for sets that are held as a centroid and a count-min sketch, whatever their size.

    Members are looked for among the vectors nearest the centroid and kept if the sketch knows
    them; then nearest what is left of the centroid without these. A relation is followed by
    looking for triples near the centroid and the relation, whose subjects the sketch knows. Half
    of a vector is learned from what an entity is linked to, so that `complete` can answer what
    no triple says; half is random, to tell alike ones apart.

    Args:
        triples: what is known.
        dim: numbers of a vector, even, 4..4096.
        rows: of the sketch, 1..32.
        width: counters a row, 16..2**20.
        k: entities or triples looked for at most, 1..2**20.
        seed: of the random halves and of the sketch's hash, 0..2**64 - 1.

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> kin = Triples(["ann", "bob", "bob"], ["parent"] * 3, ["bob", "eve", "joe"])
        >>> emql = EmQL(kin)
        >>> emql.members(emql.follow(emql.follow(emql.of(["ann"]), "parent"), "parent"))
        ['eve', 'joe']
    """

    def __init__(
        self,
        triples: Triples,
        *,
        dim: int = 128,
        rows: int = 8,
        width: int = 2000,
        k: int = 1000,
        seed: int = 0,
    ) -> None:
        self.triples = triples
        self.dim = 2 * (whole("dim", dim, 4, 4096) // 2)
        self.rows, self.width = whole("rows", rows, 1, 32), whole("width", width, 16, 2**20)
        self.k, self.seed = whole("k", k, 1, 2**20), whole("seed", seed, 0, 2**64 - 1)
        self.vectors_ = self._embedded(np.random.default_rng(self.seed))
        words = hash_column(triples.entities, self.seed)
        self._places = np.empty((words.size, self.rows), np.int64)
        _places(words, np.uint64(self.width), self._places)
        self._entities = FlatIndex(self.dim, metric="inner").add(self.vectors_)
        kinds = np.eye(len(triples.relations), dtype=np.float32)[triples.relation]
        keys = np.concatenate([self.vectors_[triples.subject], kinds], axis=1)
        self._facts = FlatIndex(keys.shape[1], metric="inner").add(keys)
        self._maps: dict[int, Rows] = {}

    def of(self, names: Iterable[str]) -> EntitySet:
        """The set of these entities.

        Raises:
            ValueError: a name that is not known.
        """
        ids = np.unique(self.triples.entity_ids(names))
        return self._encoded(ids, np.ones(ids.size, np.float32))

    def weights(self, x: EntitySet, ids: ArrayLike) -> Rows:
        """What the sketch holds of these entities: never too little but for subtraction."""
        rows = np.arange(self.rows)
        return x.sketch[rows, self._places[np.asarray(ids, dtype=np.int64)]].min(axis=1)

    def members(self, x: EntitySet) -> list[str]:
        """The names of what is found in a set, in order."""
        ids, _ = self.found(self._fitting(x))
        return self.triples.entities[np.sort(ids)].tolist()

    def found(self, x: EntitySet) -> tuple[Ids, Rows]:
        """Entities near the centroid that the sketch knows, and their weights there."""
        ids = self._pursued(x, lambda rest: self._near(rest, self.k), lambda near: near)
        return ids, self.weights(x, ids)

    def nearest(self, x: EntitySet, k: int) -> Ids:
        """The k entities nearest the centroid, whatever the sketch holds.

        Raises:
            ValueError: k out of range.
        """
        return self._near(self._fitting(x).centroid, whole("k", k, 1, 2**20))

    def union(self, x: EntitySet, y: EntitySet) -> EntitySet:
        """What is in either: centroids and counters are added."""
        return EntitySet(x.centroid + y.centroid, x.sketch + y.sketch)

    def intersection(self, x: EntitySet, y: EntitySet) -> EntitySet:
        """What is in both: counters are multiplied."""
        return EntitySet(x.centroid + y.centroid, x.sketch * y.sketch)

    def difference(self, x: EntitySet, y: EntitySet) -> EntitySet:
        """What is in x and not in y.

        Members of x are looked for and weighed by what y's sketch lacks. Multiplying by
        1 - counter instead would lose whoever shares a counter with y in any row.
        """
        ids, weights = self.found(x)
        left = weights * np.clip(1 - self.weights(y, ids), 0, 1)
        return self._encoded(ids[left > 0], left[left > 0])

    def follow(self, x: EntitySet, relation: str) -> EntitySet:
        """Objects of a relation whose subjects are in the set, each with the largest weight.

        Raises:
            ValueError: a relation that is not known.
        """
        kind = int(self.triples.relation_ids([relation])[0])
        facts = self._pursued(
            self._fitting(x),
            lambda rest: self._facts_near(rest, kind, self.k),
            lambda near: self.triples.subject[near],
        )
        weights = np.minimum(self.weights(x, self.triples.subject[facts]), 1)
        return self._objects(facts, weights)

    def follow_blindly(self, x: EntitySet, relation: str, k: int) -> EntitySet:
        """Objects of the k triples of a relation that are nearest, without a look at the sketch.

        Raises:
            ValueError: a relation that is not known, or k out of range.
        """
        kind = int(self.triples.relation_ids([relation])[0])
        facts = self._facts_near(self._fitting(x).centroid, kind, whole("k", k, 1, 2**20))
        return self._objects(facts, np.ones(facts.size, np.float32))

    def complete(self, x: EntitySet, relation: str, k: int = 10) -> list[str]:
        """The k likeliest objects, nearest first, whether or not a triple says so.

        The centroid is moved by a linear map, of ridge regression from the vectors of the
        relation's subjects to those of its objects.

        Raises:
            ValueError: a relation that is not known, or k out of range.
        """
        kind = int(self.triples.relation_ids([relation])[0])
        if kind not in self._maps:
            self._maps[kind] = self._map(kind)
        moved = self._fitting(x).centroid @ self._maps[kind]
        return self.triples.entities[self._near(moved, whole("k", k, 1, 2**20))].tolist()

    @property
    def nbytes(self) -> int:
        """Bytes of vectors, indexes, counters' places and triples."""
        indexes = self._entities.nbytes + self._facts.nbytes
        maps = sum(array.nbytes for array in self._maps.values())
        return self.vectors_.nbytes + indexes + self._places.nbytes + self.triples.nbytes + maps

    def _near(self, centroid: Rows, k: int) -> Ids:
        return self._entities.search(centroid[None], min(k, len(self._entities))).ids[0]

    def _facts_near(self, centroid: Rows, kind: int, k: int) -> Ids:
        """Triples of a relation near a centroid of subjects."""
        asked = np.zeros(self.dim + len(self.triples.relations), np.float32)
        asked[: self.dim] = centroid
        asked[self.dim + kind] = 4 * np.sqrt((centroid**2).sum()) + 1
        facts = self._facts.search(asked[None], min(k, len(self._facts))).ids[0]
        return facts[self.triples.relation[facts] == kind]

    def _pursued(
        self, x: EntitySet, near: Callable[[Any], Ids], entity: Callable[[Ids], Ids]
    ) -> Ids:
        """What is near the centroid and known to the sketch, then near what is left of it."""
        rest: NDArray[Any] = x.centroid
        found = np.empty(0, np.int64)
        for _ in range(ROUNDS):
            some = near(rest)
            some = np.setdiff1d(some[self.weights(x, entity(some)) >= FOUND], found)
            if not some.size:
                break
            found = np.concatenate([found, some])
            members = np.unique(entity(found))
            rest = x.centroid - self.weights(x, members) @ self.vectors_[members]
        return found

    def _objects(self, facts: Ids, weights: Rows) -> EntitySet:
        ids, places = np.unique(self.triples.object[facts], return_inverse=True)
        most = np.zeros(ids.size, np.float32)
        np.maximum.at(most, places, weights)
        return self._encoded(ids, most)

    def _map(self, kind: int) -> Rows:
        mine = self.triples.relation == kind
        x = self.vectors_[self.triples.subject[mine]].astype(np.float64)
        y = self.vectors_[self.triples.object[mine]].astype(np.float64)
        spread = x.T @ x + np.eye(self.dim) * max(1.0, 0.01 * len(x))
        return np.linalg.solve(spread, x.T @ y).astype(np.float32)

    def _embedded(self, rng: np.random.Generator) -> Rows:
        """Vectors of length 1: what links say, and what tells alike entities apart."""
        half, size = self.dim // 2, len(self.triples.entities)
        learned = _singular(self.triples, half, rng)
        drawn = rng.standard_normal((size, half))
        drawn /= np.sqrt((drawn**2).sum(axis=1, keepdims=True))
        vectors = np.concatenate([learned, drawn], axis=1)
        return (vectors / np.sqrt((vectors**2).sum(axis=1, keepdims=True))).astype(np.float32)

    def _encoded(self, ids: Ids, weights: Rows) -> EntitySet:
        sketch = np.zeros((self.rows, self.width), np.float32)
        np.add.at(sketch, (np.arange(self.rows), self._places[ids]), weights[:, None])
        return EntitySet(weights @ self.vectors_[ids], sketch)

    def _fitting(self, x: EntitySet) -> EntitySet:
        shapes = x.centroid.shape, x.sketch.shape
        if shapes != ((self.dim,), (self.rows, self.width)):
            raise IncompatibleError(f"a set of shapes {shapes} does not fit {self.dim} numbers")
        return x


def _singular(triples: Triples, dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Of each entity, the largest singular directions of its links by relation, of length 1."""
    size, kinds = len(triples.entities), len(triples.relations)
    weight = np.ones(len(triples))
    shape = (size, kinds * size)
    out = csr_array((weight, (triples.subject, triples.relation * size + triples.object)), shape)
    back = csr_array((weight, (triples.object, triples.relation * size + triples.subject)), shape)
    links = hstack([out, back]).tocsc()
    often = np.asarray(links.sum(axis=0)).ravel()
    links = links[:, often > 0] / np.sqrt(often[often > 0])
    count = min(dim, min(links.shape) - 1)
    found = np.zeros((size, dim))
    if count > 0:
        basis = rng.standard_normal((size, min(count + 8, size)))
        for _ in range(SWEEPS):
            basis = np.linalg.qr(links @ (links.T @ basis))[0]
        left = links.T @ basis
        squares, turned = np.linalg.eigh(left.T @ left)
        large = slice(-count, None)
        found[:, :count] = basis @ (turned[:, large] * np.sqrt(np.maximum(squares[large], 0)))
    lengths = np.sqrt((found**2).sum(axis=1, keepdims=True))
    return found / np.where(lengths > 0, lengths, 1)
