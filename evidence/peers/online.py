"""Online: fastText and vowpalwabbit, which learn from lines of text."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from evidence.datasets import Split
from evidence.peers.features import texts, tokens

__all__ = ["FastTextPeer", "VowpalWabbitPeer"]


def _labels(row: dict[str, Any], split: Split) -> list[str]:
    return [row[split.target]] if split.task == "multiclass" else row[split.target]


class _LinePeer:
    """A learner of lines: label ids, then lower-case words and signs of all columns."""

    def __init__(self, columns: list[str], shuffle: bool = True) -> None:
        self.columns = columns
        self.shuffle = shuffle
        self.folder = Path(tempfile.mkdtemp(prefix="peer-"))

    def write(self, split: Split) -> Path:
        """The train rows as a file, shuffled by a fixed seed; learns the label ids."""
        lines = [tokens(text) for text in texts(split.train, self.columns)]
        self.names: list[str] = []
        ids: dict[str, int] = {}
        for place, row in enumerate(split.train):
            noted = [ids.setdefault(name, len(ids)) for name in _labels(row, split)]
            lines[place] = self.line(noted, lines[place])
        self.names = list(ids)
        order = np.random.default_rng(0).permutation(len(lines))
        chosen = (lines[place] for place in order) if self.shuffle else lines
        path = self.folder / "train.txt"
        path.write_text("\n".join(chosen) + "\n", encoding="utf-8")
        return path

    def depth(self, split: Split) -> int:
        """How many labels to ask for."""
        if split.task == "multiclass":
            return 1
        return 20 if len(self.names) < 1000 else 5


class FastTextPeer(_LinePeer):
    """fastText train_supervised on one thread."""

    def __init__(self, columns: list[str], **arguments: Any) -> None:
        super().__init__(columns)
        self.arguments = {"wordNgrams": 2, "minCount": 1, "thread": 1, "verbose": 0} | arguments

    @staticmethod
    def line(noted: list[int], text: str) -> str:
        """A line in fastText's format."""
        return " ".join(f"__label__{label}" for label in noted) + " " + text

    def fit(self, split: Split) -> None:
        """Write the file and train on it."""
        import fasttext

        self.model = fasttext.train_supervised(str(self.write(split)), **self.arguments)

    def predict(self, split: Split) -> Any:
        """Classes, or the best labels and their probabilities.

        Line by line, for the list form of 0.9.2 gives every label the first one's probability.
        """
        k = self.depth(split)
        lines = [tokens(text) for text in texts(split.valid, self.columns)]
        found = [self.model.f.predict(f"{line}\n", k, 0.0, "strict") for line in lines]
        names = [[self.names[int(label[9:])] for _, label in row] for row in found]
        if split.task == "multiclass":
            return [row[0] for row in names]
        scores = np.full((len(names), max(map(len, names))), -1.0)
        for row, pairs in zip(scores, found, strict=True):
            row[: len(pairs)] = [chance for chance, _ in pairs]
        return names, scores

    def nbytes(self) -> int:
        """Bytes of the saved model."""
        path = self.folder / "model.bin"
        self.model.save_model(str(path))
        return path.stat().st_size


class VowpalWabbitPeer(_LinePeer):
    """vowpalwabbit by its command line.

    Args:
        columns: text columns.
        mode: "oaa" (one label), "multilabel_oaa" or "plt".
        options: further options as one string.
    """

    RING = ("--ring_size", "8192")  # at the default of 256, rows past the 256th get wrong scores
    CHANCES = ("--loss_function", "logistic", "--probabilities")

    def __init__(self, columns: list[str], mode: str, options: str) -> None:
        super().__init__(columns)
        self.mode = mode
        self.options = options.split()

    def line(self, noted: list[int], text: str) -> str:
        """A line in vowpalwabbit's format; classes of oaa count from 1."""
        text = text.replace(":", "COLON").replace("|", "BAR")
        first = 1 if self.mode == "oaa" else 0
        return ",".join(str(label + first) for label in noted) + " | " + text

    def fit(self, split: Split) -> None:
        """Write the file and train with a cache."""
        data = self.write(split)
        mode = [f"--{self.mode}", str(len(self.names))]
        cache = ["-c", "-k", "--cache_file", str(self.folder / "cache")]
        final = ["-f", str(self.folder / "model.vw")]
        self.run(["-d", str(data), *mode, *self.options, *cache, *final])

    def predict(self, split: Split) -> Any:
        """Classes, or the best labels and their scores."""
        data, answers = self.folder / "valid.txt", self.folder / "answers.txt"
        lines = [self.line([], tokens(text)) for text in texts(split.valid, self.columns)]
        data.write_text("\n".join(lines) + "\n", encoding="utf-8")
        base = ["-t", "-d", str(data), "-i", str(self.folder / "model.vw"), *self.RING]
        if self.mode == "oaa":
            self.run([*base, "-p", str(answers)])
            return [self.names[int(float(line)) - 1] for line in answers.read_text().splitlines()]
        depth = str(self.depth(split))
        if self.mode == "plt":
            self.run([*base, *self.CHANCES, "--top_k", depth, "-p", str(answers)])
        else:
            self.run([*base, *self.CHANCES, "-p", str(answers)])
        return self._ranking(answers, int(depth))

    def nbytes(self) -> int:
        """Bytes of the saved model."""
        return os.path.getsize(self.folder / "model.vw")

    def _ranking(self, answers: Path, k: int) -> tuple[list[list[str]], np.ndarray]:
        """Labels and scores from lines of label:score."""
        names, scores = [], []
        lines = answers.read_text().splitlines()
        for line in (line for line in lines if ":" in line):
            pairs = [pair.split(":") for pair in line.replace(",", " ").split()]
            best = sorted(((float(score), int(label)) for label, score in pairs), reverse=True)[:k]
            names.append([self.names[label] for _, label in best])
            scores.append([score for score, _ in best] + [-1e9] * (k - len(best)))
        return names, np.array(scores)

    @staticmethod
    def run(arguments: list[str]) -> None:
        """Vowpalwabbit in a process of its own."""
        command = [sys.executable, "-m", "vowpalwabbit", "--quiet", *arguments]
        subprocess.run(command, check=True, capture_output=True)
