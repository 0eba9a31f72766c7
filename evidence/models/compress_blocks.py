"""Compress by blocks: a language model larger than its memory, calibrated on texts."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from evidence import Evidence, measured
from evidence.models.compress import minilm
from thrifty.codec.tensorwriter import TensorWriter

EVIDENCE = (
    Evidence(
        id="compress-blocks",
        says="`thrifty compress --to 2:4 --calibrate TEXTS --memory 1GB` of a generated language "
        "model of 4.2 GB (Llama's form, 38 blocks, bfloat16), with quality before and after, takes "
        "at most 1.5 GB of memory",
        against="maximum resident set size of the process as the kernel counts it (wait4), in GB",
        at_most=1.5,
        cost="long",
    ),
)
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
    "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 38,
    "num_attention_heads": 16, "num_key_value_heads": 16, "vocab_size": 30_522,
    "max_position_embeddings": 512, "tie_word_embeddings": False,
}  # fmt: skip
LINE = "words of a story that nobody has told before the sea was calm and the wind came up again"


def write(folder: Path) -> int:
    """A model of random weights with the tokenizer of all-MiniLM; returns its bytes."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        if (minilm() / name).exists():
            (folder / name).write_bytes((minilm() / name).read_bytes())
    rng = np.random.default_rng(0)
    wide, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    noise = rng.normal(0, 0.02, wide * inner + 999).astype(ml_dtypes.bfloat16)
    ends = {"model.embed_tokens.weight": (CONFIG["vocab_size"], wide), "model.norm.weight": (wide,)}
    ends |= {"lm_head.weight": (CONFIG["vocab_size"], wide)}
    own = {f"self_attn.{name}_proj": (wide, wide) for name in "qkvo"}
    own |= {"mlp.gate_proj": (inner, wide), "mlp.up_proj": (inner, wide)}
    own |= {"mlp.down_proj": (wide, inner), "input_layernorm": (wide,)}
    own |= {"post_attention_layernorm": (wide,)}
    with TensorWriter(folder / "model.safetensors", room=1 << 16) as writer:
        for place, (name, shape) in enumerate(ends.items()):
            writer.add(name, _numbers(noise, shape, 5 + place))
        for layer in range(CONFIG["num_hidden_layers"]):
            for place, (name, shape) in enumerate(own.items()):
                x = _numbers(noise, shape, (layer * len(own) + place) * 26 % 997)
                writer.add(f"model.layers.{layer}.{name}.weight", x)
    return (folder / "model.safetensors").stat().st_size


def _numbers(noise: np.ndarray, shape: tuple[int, ...], turn: int) -> np.ndarray:
    if len(shape) == 1:
        return np.ones(shape, noise.dtype)
    return np.resize(np.roll(noise, turn), shape)


def memory() -> tuple[float, dict[str, Any]]:
    """Peak memory of the command, in GB."""
    with tempfile.TemporaryDirectory() as place:
        folder, texts, out = (Path(place) / name for name in ("model", "texts.txt", "small"))
        nbytes = write(folder)
        texts.write_text("\n".join([LINE] * 110))
        code = "import sys; from thrifty.cli import main; sys.exit(main())"
        words = [sys.executable, "-c", code, "compress", str(folder), "--to", "2:4", "--memory"]
        words += ["1GB", "--calibrate", str(texts), "--out", str(out), "--json"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
            said = child.stdout.read() if child.stdout else ""
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"compress ended with status {child.returncode}")
    facts = json.loads(said)
    names = ("bytes_before", "bytes_after", "bits_per_weight", "seconds", "quality_before")
    found = {name: facts[name] for name in (*names, "quality_after", "agreement")}
    cpu = {"cpu seconds": usage.ru_utime + usage.ru_stime, "bytes": nbytes}
    return usage.ru_maxrss * 1024 / 1e9, {**found, **cpu}


def main() -> int:
    """Measure everything here."""
    return int(not measured(EVIDENCE[0], memory))


if __name__ == "__main__":
    raise SystemExit(main())
