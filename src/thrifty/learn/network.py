"""Network: a wide model, the weighted sum of a hidden and a linear path that learn side by side.

Each path has its own loss, so neither hides the other's gradient; how much each counts, and how
scores become probabilities, is fitted on held-out rows.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.core import FormatError
from thrifty.learn.blocks import Blocks
from thrifty.learn.completion import bar
from thrifty.learn.hidden_path import BLOCK, HiddenPath
from thrifty.learn.linear_path import DenseLinear, SparseLinear
from thrifty.learn.selectors import make_selector
from thrifty.learn.settings import Settings
from thrifty.learn.tile import Labels, Scratch, Tile, cut
from thrifty.learn.top import top_more

__all__ = ["Wide"]

LOSS_OF = {"one": "softmax", "many": "sigmoid", "number": "squared"}
SCORES_AT_ONCE = 1_000_000


class Wide:
    """A wide network: sparse rows in, a score for each output.

    Args:
        settings: sizes, task, rates.
        column_counts: (num_columns,) rows that hold each column, for the sparse linear path.
        class_counts: (num_outputs,) rows of each class, for frequency-based negatives.
        rows: number of training rows, with class_counts; gives labels a row.
        fresh: draw first weights; False leaves them to `restore`.
    """

    def __init__(
        self,
        settings: Settings,
        column_counts: NDArray | None = None,
        class_counts: NDArray | None = None,
        rows: int | None = None,
        *,
        fresh: bool = True,
    ) -> None:
        self.settings = settings
        loss = LOSS_OF[settings.task] if settings.loss == "auto" else settings.loss
        labels_a_row = 1.0 if class_counts is None or not rows else class_counts.sum() / rows
        self.hidden = HiddenPath(settings, loss, fresh=fresh) if settings.hidden else None
        self.linear: DenseLinear | SparseLinear | None = None
        if settings.linear == "dense":
            self.linear = DenseLinear(settings)
        elif settings.linear == "sparse":
            self.linear = SparseLinear(settings, column_counts, labels_a_row)
        if self.hidden is not None and settings.negatives != "none":
            sizes = settings.num_outputs, settings.hidden
            self.hidden.selector = make_selector(
                settings.negatives, *sizes, counts=class_counts, seed=settings.seed
            )
        there = np.array([self.hidden is not None, self.linear is not None])
        self.mix = there / there.sum()  # sums to 1, so that a number is not counted twice
        self.slope, self.shift = 1.0, 0.0
        self.scratch = Scratch()

    def __repr__(self) -> str:
        s = self.settings
        return (
            f"Wide({s.task}, {s.num_columns} columns, hidden {s.hidden}, {s.num_outputs} outputs)"
        )

    @property
    def nbytes(self) -> int:
        """Bytes of every array: parameters and optimizer state."""
        return sum(array.nbytes for array in self._arrays().values())

    def reset(self, *, dense: bool = False) -> None:
        """Draw the first weights anew; mix and calibration stay.

        Args:
            dense: compute every output from now on.
        """
        if self.hidden is not None:
            self.hidden.selector = None if dense else self.hidden.selector
            self.hidden.reset(self.hidden.loss)
        if self.linear is not None:
            self.linear.reset()

    def tell_own(self, own: NDArray[np.int32]) -> None:
        """Where lists are completed: the output that each column is, (num_columns,), -1: none."""
        assert isinstance(self.linear, SparseLinear)
        self.linear.own[:] = own

    def compact(self) -> None:
        """Drop what only further training would fill; scores stay."""
        if isinstance(self.linear, SparseLinear):
            self.linear.compact()

    def parts(self, tile: Tile) -> list[NDArray[np.float32]]:
        """Scores of the hidden and of the linear path, each (b, outputs); absent paths left out."""
        found = [] if self.hidden is None else [self.hidden.scores(tile, self.scratch)]
        found = found if self.linear is None else [*found, self.linear.scores(tile)]
        return self._barred(found, tile)

    def _barred(self, found: list[NDArray[np.float32]], tile: Tile, start: int = 0) -> Any:
        """The scores, where lists are completed without what the rows have."""
        if isinstance(self.linear, SparseLinear):
            for scores in found:
                bar(scores, tile, self.linear.own, start)
        return found

    def combine(self, parts: list[NDArray[np.float32]], mix: NDArray) -> NDArray[np.float32]:
        """Weighted sum of path scores; overwrites the first."""
        weights = [
            w for w, path in zip(mix, (self.hidden, self.linear), strict=True) if path is not None
        ]
        total = parts[0]
        total *= np.float32(weights[0])
        for part, weight in zip(parts[1:], weights[1:], strict=True):
            total += np.float32(weight) * part
        return total

    def tiles(self, rows: csr_array, labels: Labels | None = None, *, whole: bool = True):
        """Cut rows so small that the scores of a tile stay within a few megabytes.

        Args:
            rows, labels: to cut.
            whole: whether a tile's scores are held all at once, or block by block.
        """
        at_once = self.settings.num_outputs if whole else self._block()
        return cut(rows, labels, max(8, min(256, SCORES_AT_ONCE // at_once)))

    def _block(self) -> int:
        """How many outputs a block has."""
        outputs = self.settings.num_outputs
        return outputs if isinstance(self.linear, DenseLinear) else min(BLOCK, outputs)

    def blocks(self, tile: Tile) -> Iterator[tuple[int, list[NDArray[np.float32]]]]:
        """The scores that `parts` gives, a few thousand outputs at a time, and the first of these.

        Many rows then share each read of the output rows, though all scores would not fit.
        """
        outputs, size = self.settings.num_outputs, self._block()
        if size == outputs:
            yield 0, self.parts(tile)
            return
        cutters: list[Callable[[int], NDArray[np.float32]]] = []
        if self.hidden is not None:
            cutters.append(partial(self.hidden.block, self.hidden.activate(tile, self.scratch)[0]))
        if isinstance(self.linear, SparseLinear):
            cutters.append(Blocks(self.linear, tile).block)
        for start in range(0, outputs, size):
            yield start, self._barred([block(start) for block in cutters], tile, start)

    def scores(self, rows: csr_array) -> NDArray[np.float32]:
        """Scores (n, outputs) of every output: logits, or a number."""
        out = np.empty((rows.shape[0], self.settings.num_outputs), np.float32)
        start = 0
        for tile in self.tiles(rows):
            out[start : start + tile.num_rows] = self.combine(self.parts(tile), self.mix)
            start += tile.num_rows
        return out

    def top_k(self, rows: csr_array, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The k outputs of largest score, best first: ids (n, k) and scores (n, k)."""
        k = min(k, self.settings.num_outputs)
        ids = np.empty((rows.shape[0], k), np.int32)
        best = np.empty((rows.shape[0], k), np.float32)
        start = 0
        for tile in self.tiles(rows, whole=False):
            part = slice(start, start + tile.num_rows)
            for first, parts in self.blocks(tile):
                top_more(self.combine(parts, self.mix), first, ids[part], best[part])
            start += tile.num_rows
        return ids, best

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores as probabilities: softmax for one class, one logistic each for many labels.

        Args:
            scores: (n, outputs), of all outputs where the task is "one".
        """
        logits = scores * np.float32(self.slope) + np.float32(self.shift)
        if self.settings.task == "many":
            return np.float32(1.0) / (np.float32(1.0) + np.exp(-np.clip(logits, -30, 30)))
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        return logits / logits.sum(axis=1, keepdims=True)

    def explain(
        self, row: csr_array, outputs: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """What each feature of one row adds to some outputs' scores.

        The hidden path is exact for the units this row switches on: their ReLU is linear there.

        Returns:
            codes (nnz,) and contributions (nnz, len(outputs)); they and the biases sum to scores.
        """
        tile = next(self.tiles(row))
        outputs = np.asarray(outputs, np.int32)
        total = np.zeros((tile.codes.size, outputs.size), np.float32)
        if self.hidden is not None:
            on = self.hidden.activate(tile, self.scratch)[0][0] > 0.0
            total += self.mix[0] * self.hidden.through(tile.codes, on, outputs)
        if self.linear is not None:
            total += self.mix[1] * self.linear.weights_of(tile.codes, outputs)
        return tile.codes, total * tile.values[:, None]

    def _arrays(self) -> dict[str, NDArray[Any]]:
        paths = {"hidden": self.hidden, "linear": self.linear}
        return {
            f"{name}.{part}": array
            for name, path in paths.items()
            if path is not None
            for part, array in path.arrays().items()
        }

    def state(self, *, training: bool = True) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """A JSON-able header and every array; `from_state` is the inverse.

        Args:
            training: with the optimizer's sums, so that training can go on; without them the
                model answers the same and is smaller.
        """
        arrays = self._arrays()
        if not training:
            arrays = {name: a for name, a in arrays.items() if not name.endswith("squares")}
        loss = self.hidden.loss if self.hidden is not None else "auto"
        settings = replace(self.settings, loss=loss)
        fitted = {"mix": self.mix.tolist(), "slope": self.slope, "shift": self.shift}
        return {"settings": settings.to_dict(), **fitted, "starts": self._starts()}, arrays

    def _starts(self) -> dict[str, float]:
        """What the probe chose for each path, besides the hidden path's rate."""
        starts = {}
        if self.hidden is not None:
            starts["hidden_square"] = self.hidden.first_square
        if self.linear is not None:
            starts |= {"linear_square": self.linear.first_square, "linear_rate": self.linear.rate}
        return starts

    def restore(self, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take over a state of the same settings, in place.

        Raises:
            FormatError: an array is missing or of another shape, or the header is damaged.
        """
        for name, mine in self._arrays().items():
            path, _, part = name.partition(".")
            found = arrays.get(name)
            if found is None and part.endswith("squares"):
                continue
            if found is None or found.dtype != mine.dtype:
                raise FormatError(f"array {name!r} is missing or of another kind")
            if found.shape != mine.shape and part not in ("pairs", "weights"):
                raise FormatError(f"array {name!r} must be {mine.shape}, got {found.shape}")
            setattr(getattr(self, path), part, found)
        if isinstance(self.linear, SparseLinear):
            self.linear.check()
        try:
            self.mix = np.asarray(header["mix"], np.float64).reshape(2)
            self.slope, self.shift = float(header["slope"]), float(header["shift"])
            loss = header["settings"]["loss"]  # the probe may have chosen it
            starts = {name: float(header["starts"][name]) for name in self._starts()}
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"network header is damaged: {error}") from error
        if self.linear is not None:
            self.linear.first_square = starts["linear_square"]
            self.linear.rate = starts["linear_rate"]
        if self.hidden is not None:
            self.hidden.first_square = starts["hidden_square"]
            self.hidden.loss = loss
            self.hidden.refresh()

    @classmethod
    def from_state(cls, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> "Wide":
        """Inverse of `state`.

        Raises:
            FormatError: header and arrays do not belong together.
        """
        try:
            settings = Settings.from_dict(header["settings"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"network header is damaged: {error}") from error
        wide = cls(settings, fresh=False)
        wide.restore(header, arrays)
        return wide
