"""Whole texts: a model of transformers, whole in memory, and the texts that it learns from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from thrifty.nn.answers import IGNORED
from thrifty.nn.skeleton import architecture_of
from thrifty.nn.texts import task_of, text_batches

__all__ = ["learned_texts", "whole_model"]

MOST = 64  # batches that are learned from


def whole_model(folder: Path, architecture: str, lines: list[str]) -> tuple[Any, list[Any]]:
    """The model of a folder in float32, and batches to learn from.

    Args:
        folder: with a config, weights and a tokenizer.
        architecture: class of transformers.
        lines: of text.

    Raises:
        DataError: the architecture is not known to transformers, or there are too few lines.
    """
    batches = learned_texts(folder, lines, task_of(architecture))
    kind, _ = architecture_of(folder)
    with _silent():
        module = kind.from_pretrained(str(folder), local_files_only=True, dtype=torch.float32)
    return module.eval(), batches


@contextmanager
def _silent() -> Iterator[None]:
    """No progress bar of transformers' own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def learned_texts(
    folder: Path, lines: list[str], task: str, *, most: int = MOST
) -> list[dict[str, Tensor]]:
    """Batches of texts, none of which a judge of the same lines measures quality on.

    A judge takes a few batches from all over the lines and measures on every second one; here
    all other rows of texts may be learned from. Where the judge has one batch alone, it is both.

    Args:
        folder, lines, task: see `nn.texts.text_batches`.
        most: batches at most.
    """
    few = text_batches(folder, lines, task)
    judged = {row for batch in few[1::2] for row in _rows(batch, task)}
    found = []
    for batch in text_batches(folder, lines, task, most=2 * most):
        stays = torch.tensor([row not in judged for row in _rows(batch, task)])
        if bool(stays.any()):
            found.append({name: value[stays] for name, value in batch.items()})
    return found[:most] or few[0::2]


def _rows(batch: dict[str, Tensor], task: str) -> list[tuple[int, ...]]:
    """The tokens of each row, those too that are hidden from the model."""
    ids = batch["input_ids"]
    if task == "masked":
        ids = torch.where(batch["labels"] != IGNORED, batch["labels"], ids)
    mask = batch["attention_mask"] > 0
    return [tuple(row[seen].tolist()) for row, seen in zip(ids, mask, strict=True)]
