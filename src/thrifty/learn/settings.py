"""Settings: what a wide network is made of, and the exact bytes that takes."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from thrifty.core import in_range, one_of

__all__ = ["SELECTORS", "STORAGE", "TASKS", "Settings", "pair_bytes"]

TASKS = ("one", "many", "number")
LINEAR = ("dense", "sparse", "none")
STORAGE = {"float32": 4, "bfloat16": 2}
SELECTORS = ("none", "uniform", "log-frequency", "lsh-hidden", "lsh-label", "lss")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A wide network in numbers; everything that decides its size and its training.

    Args:
        task: "one" class a row, "many" labels a row, or a "number".
        num_columns: rows of the feature tables, 1..2**31-1.
        num_outputs: classes; 1 for a number.
        hidden: width of the hidden layer, 0..4096; 0 leaves the linear path alone.
        linear: the path beside the hidden layer: "dense" weights column x output, "sparse" ones
            for the pairs that occur together, or "none".
        slots: pairs the sparse linear path can hold.
        storage: numbers of the hidden table and the output rows: "float32" or "bfloat16".
        negatives: "none" computes every output; else who chooses the outputs of a tile.
        num_negatives: outputs drawn a tile besides its own labels.
        tile: examples trained together, 1..65536.
        threads: threads that train at once, without locks (Hogwild); 1 is deterministic.
        epochs: most passes over the rows. patience: passes without gain before stopping.
        learning_rate: of the hidden path; None chooses it by a short probe.
        linear_rate: of the linear path; None takes the default of its loss.
        loss: "auto", or "softmax" | "sigmoid" | "squared" for the hidden path.
        dropout: share of hidden units silenced in training, 0..0.9.
        input_dropout: share of a row's features the hidden path does not see in training, 0..0.9.
        complete: rows are lists to be completed: the labels of a row are its own features, and
            none of them is answered again; needs the sparse linear path.
        seed: of the first weights and every draw.

    Raises:
        ValueError: a field is outside its range.
    """

    task: str
    num_columns: int
    num_outputs: int
    hidden: int = 128
    linear: str = "dense"
    slots: int = 0
    storage: str = "float32"
    negatives: str = "none"
    num_negatives: int = 512
    tile: int = 64
    threads: int = 1
    epochs: int = 10
    patience: int = 2
    learning_rate: float | None = None
    linear_rate: float | None = None
    loss: str = "auto"
    dropout: float = 0.0
    input_dropout: float = 0.0
    complete: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("task", self.task, TASKS)
        one_of("linear", self.linear, LINEAR)
        one_of("storage", self.storage, tuple(STORAGE))
        one_of("negatives", self.negatives, SELECTORS)
        one_of("loss", self.loss, ("auto", "softmax", "sigmoid", "squared"))
        in_range("num_columns", self.num_columns, 1, 2**31 - 1)
        in_range("num_outputs", self.num_outputs, 1, 2**31 - 1)
        in_range("hidden", self.hidden, 0, 4096)
        in_range("tile", self.tile, 1, 65536)
        in_range("threads", self.threads, 1, 1024)
        in_range("epochs", self.epochs, 1, 10**6)
        in_range("dropout", self.dropout, 0.0, 0.9)
        in_range("input_dropout", self.input_dropout, 0.0, 0.9)
        if self.complete and self.linear != "sparse":
            raise ValueError(f"linear must be 'sparse' to complete lists, got {self.linear!r}")
        if self.hidden == 0 and self.linear == "none":
            raise ValueError("hidden must be at least 1 where linear is 'none', got 0")

    def memory(self) -> dict[str, int]:
        """Bytes by part; their sum is what a `Wide` of these settings holds while it trains."""
        unit, rows, outputs = STORAGE[self.storage], self.num_columns, self.num_outputs
        width = self.hidden
        dense = 4 * rows * outputs if self.linear == "dense" else 0
        sparse = pair_bytes(outputs) * self.slots + 8 * (rows + 1) if self.linear == "sparse" else 0
        sparse += 4 * rows * self.complete
        linear_state = 4 * rows + 8 * outputs if self.linear != "none" else 0
        hidden_state = 4 * rows + 12 * outputs + 8 * width if width else 0
        return {
            "hidden table": unit * rows * width,
            "output rows": unit * outputs * width,
            "linear path": dense + sparse,
            "optimizer state": linear_state + hidden_state,
            "scratch": self.threads * self._scratch(),
        }

    def _scratch(self) -> int:
        active = self.num_outputs
        if self.negatives != "none":
            active = min(active, self.num_negatives + 8 * self.tile)
        rows = 4 * active * (2 * self.hidden + 3 * self.tile)
        return rows + 16 * self.num_outputs * (self.linear == "sparse") + 2**21

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Settings":
        """Inverse of `to_dict`; unknown fields are ignored, so that older readers stay useful."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def pair_bytes(outputs: int) -> int:
    """Bytes of a label, counted from 1, and its bfloat16 weight.

    Example:
        >>> pair_bytes(65_535), pair_bytes(65_536)
        (4, 6)
    """
    return 4 if outputs < 2**16 else 6
