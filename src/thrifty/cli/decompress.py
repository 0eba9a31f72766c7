"""Decompress: a compressed model as plain safetensors again."""

from pathlib import Path

from thrifty.cli.flags import Json, answer, answer_json
from thrifty.cli.progress import Progress
from thrifty.core import format_bytes

__all__ = ["decompress"]


def decompress(folder: Path, /, *, out: Path, as_json: Json = False) -> None:
    """Write the tensors of a compressed model as plain safetensors, which other programs open.

    Args:
        folder: Of compress.
        out: File *.safetensors; or a folder, which gets config and tokenizer too, for transformers.
        as_json: Write one JSON object to stdout.
    """
    from thrifty.models.decompress import decompress as decompressed

    with Progress() as shown:
        facts = decompressed(folder, out, progress=shown)
    if as_json:
        answer_json(facts)
        return
    answer(
        f"{facts['tensors']:,} tensors, {format_bytes(facts['bytes'])}\nmodel     {facts['out']}"
    )
