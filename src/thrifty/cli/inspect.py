"""Inspect: what is in the tensors of a model, and what lossless codes would save."""

from pathlib import Path

from thrifty.cli.flags import Json, answer, answer_json
from thrifty.cli.progress import Progress

__all__ = ["inspect"]


def inspect(model: Path, /, *, as_json: Json = False) -> None:
    """Show entropy, outliers and what lossless coding would save, tensor by tensor.

    Args:
        model: A safetensors file, a folder of transformers, or a model of train.
        as_json: Write one JSON object to stdout.
    """
    from thrifty.models.inspection import inspect as inspected
    from thrifty.models.inspection import told

    with Progress() as shown:
        facts = inspected(model, progress=shown)
    if as_json:
        answer_json(facts)
        return
    for line in told(facts):
        answer(line)
