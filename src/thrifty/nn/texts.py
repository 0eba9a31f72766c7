"""Texts: lines of text as batches that a model of transformers is asked with."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from thrifty.core import DataError
from thrifty.nn.answers import IGNORED

__all__ = ["task_of", "text_batches"]

WORDS, ROWS, MASKED, SEED = 128, 8, 0.15, 0
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model",
              "sentencepiece.bpe.model", "tokenizer_config.json")  # fmt: skip


def task_of(architecture: str) -> str:
    """What a class of transformers does: causal, masked, or embedding for all others.

    Example:
        >>> task_of("GPT2LMHeadModel"), task_of("BertForMaskedLM"), task_of("BertModel")
        ('causal', 'masked', 'embedding')
    """
    if architecture.endswith(("ForCausalLM", "LMHeadModel")):
        return "causal"
    return "masked" if architecture.endswith("ForMaskedLM") else "embedding"


def text_batches(
    folder: Path, lines: list[str], task: str, *, most: int = 16
) -> list[dict[str, torch.Tensor]]:
    """Batches of token ids, with labels where the task has some.

    Args:
        folder: of the model, with its tokenizer.
        lines: of text.
        task: as of `task_of`. Causal texts are joined and cut into rows of 128 tokens; of masked
            ones 15 of 100 tokens are hidden, drawn with a fixed seed.
        most: batches of 8 rows, spread over all of the lines.

    Raises:
        DataError: the folder has no tokenizer, or the lines are too few.
    """
    from transformers import AutoTokenizer

    if not any((folder / name).exists() for name in TOKENIZERS):
        raise DataError(f"{folder} has no tokenizer to read texts with, such as tokenizer.json")
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} has no tokenizer that can be read: {error}") from error
    if task == "causal":
        rows = _joined(tokenizer, lines)
    else:
        rows = list(tokenizer(lines, truncation=True, max_length=WORDS)["input_ids"])
    rows = _spread(rows, most * ROWS)
    if not rows:
        raise DataError(f"calibration must have at least {WORDS + 1} tokens for a language model")
    made = [_batch(tokenizer, rows[low : low + ROWS], task) for low in range(0, len(rows), ROWS)]
    return [_hidden(tokenizer, one, number) if task == "masked" else one
            for number, one in enumerate(made)]  # fmt: skip


def _joined(tokenizer: Any, lines: list[str]) -> list[list[int]]:
    ids = [n for text in tokenizer([f"{x}\n" for x in lines])["input_ids"] for n in text]
    return [ids[low : low + WORDS] for low in range(0, len(ids) - WORDS + 1, WORDS)]


def _spread(rows: list[list[int]], most: int) -> list[list[int]]:
    step = max(1, len(rows) / most)
    return [rows[int(place * step)] for place in range(min(most, len(rows)))]


def _batch(tokenizer: Any, rows: list[list[int]], task: str) -> dict[str, torch.Tensor]:
    longest = max(map(len, rows))
    blank = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    ids = torch.full((len(rows), longest), int(blank))
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)], mask[place, : len(row)] = torch.tensor(row), 1
    made = {"input_ids": ids, "attention_mask": mask}
    if task == "causal":
        following = torch.full_like(ids, IGNORED)
        following[:, :-1] = torch.where(mask[:, 1:] > 0, ids[:, 1:], IGNORED)
        made["labels"] = following
    return made


def _hidden(tokenizer: Any, batch: dict[str, torch.Tensor], number: int) -> dict[str, torch.Tensor]:
    ids, mask = batch["input_ids"], batch["attention_mask"]
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids or [-1]))
    drawn = np.random.default_rng([SEED, number]).random(tuple(ids.shape)) < MASKED
    chosen = torch.from_numpy(drawn) & (mask > 0) & ~special
    if tokenizer.mask_token_id is None:
        raise DataError("the tokenizer of a masked language model must have a mask token")
    labels = torch.where(chosen, ids, IGNORED)
    return {"input_ids": torch.where(chosen, int(tokenizer.mask_token_id), ids),
            "attention_mask": mask, "labels": labels}  # fmt: skip
