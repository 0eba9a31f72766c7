"""Compress facts: what a compression made of each tensor and of all, as JSON can hold it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thrifty.codec.compressed import CompressedTensors
from thrifty.models._compress_job import Job
from thrifty.models._compress_survey import KEPT, Way

__all__ = ["facts_of", "told"]


def facts_of(
    source: Any, job: Job, ways: Mapping[str, Way], folder: Path, budget: int | None
) -> dict[str, Any]:
    """What was made.

    Args:
        source: of the tensors.
        job: that wrote them.
        ways: how each was compressed.
        folder: where they are now.
        budget: bytes allowed, or None.
    """
    made = CompressedTensors(folder)
    layers = [_layer(made, job, name, ways[name]) for name in job.names]
    weights = sum(row["weights"] for row in layers)
    pressed = job.pressed.values()
    moved = sum(source.tensors[one.name].nbytes for one in pressed if one.decode_seconds)
    return {
        "bytes_before": source.nbytes,
        "bytes_after": made.nbytes,
        "bits_per_weight": 8 * sum(row["bytes_after"] for row in layers) / max(1, weights),
        "budget": budget,
        "weights": weights,
        "model_runs": job.runs,
        "layers": layers,
        "left": [{"name": n, "reason": ways[n].reason} for n in job.names if ways[n].reason],
        "shared": job.aliases,
        "encode_mb_per_second": _speed(moved, sum(one.encode_seconds for one in pressed)),
        "decode_mb_per_second": _speed(moved, sum(one.decode_seconds for one in pressed)),
    }


def _layer(made: CompressedTensors, job: Job, name: str, how: Way) -> dict[str, Any]:
    info, size, told = job.source.tensors[name], made.stored(name), job.pressed.get(name)
    return {
        "name": name,
        "shape": list(info.shape),
        "dtype": info.code,
        "setting": how.setting,
        "weights": info.size,
        "bytes_before": info.nbytes,
        "bytes_after": size,
        "bits_per_weight": 8 * size / max(1, info.size),
        "error": 0.0 if how.setting == KEPT else told.relative if told else None,
        "exact": how.setting == KEPT or (told.exact if told else None),
        "notes": sorted(set(told.notes)) if told else [],
    }


def _speed(nbytes: int, seconds: float) -> float | None:
    return nbytes / 1e6 / seconds if seconds else None


def told(facts: Mapping[str, Any], most: int = 20) -> list[str]:
    """Lines for people.

    Args:
        facts: of a compression.
        most: layers to show, the largest.

    Example:
        >>> row = {"name": "x", "setting": "int8", "bits_per_weight": 8.25, "bytes_after": 66}
        >>> row |= {"bytes_before": 256, "error": 1e-5, "notes": []}
        >>> facts = {"bytes_before": 300, "bytes_after": 100, "bits_per_weight": 8.25}
        >>> facts |= {"layers": [row], "left": [], "shared": {}, "seconds": 1.0, "out": "small"}
        >>> facts |= dict.fromkeys(["quality_before", "quality_after", "agreement"])
        >>> told(facts)[-2]
        '300 B -> 100 B (33.3%), 8.25 bits a weight, 1.0 s'
    """
    from thrifty.core import format_bytes

    rows = sorted(facts["layers"], key=lambda row: -row["bytes_before"])
    lines = [_line(row) for row in rows[:most]]
    if len(rows) > most:
        rest = sum(row["bytes_after"] for row in rows[most:])
        lines.append(f"... and {len(rows) - most} smaller tensors: {format_bytes(rest)}")
    reasons: dict[str, int] = {}
    for row in facts["left"]:
        reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
    lines += [f"{count} tensors left as they are: {why}" for why, count in reasons.items()]
    if facts["shared"]:
        lines.append(f"{len(facts['shared'])} tensors are the same as another: kept once")
    lines += [*_smaller(facts), *_quality(facts)]
    share = facts["bytes_after"] / max(1, facts["bytes_before"])
    lines.append(
        f"{format_bytes(facts['bytes_before'])} -> {format_bytes(facts['bytes_after'])} "
        f"({share:.1%}), {facts['bits_per_weight']:.2f} bits a weight, {facts['seconds']:.1f} s"
    )
    return [*lines, f"model     {facts['out']}"]


def _line(row: Mapping[str, Any]) -> str:
    error = "  exact" if row["error"] == 0 else f"  error {row['error'] or math.nan:.1e}"
    note = f"  ({'; '.join(row['notes'])})" if row["notes"] else ""
    return f"{row['setting']:<9} {row['bits_per_weight']:6.2f} bits  {row['name']}{error}{note}"


def _smaller(facts: Mapping[str, Any]) -> list[str]:
    """What was made of the model before its tensors were encoded.

    Example:
        >>> rows = [{"layer": "0", "before": 8, "after": 4, "error": 0.125}]
        >>> _smaller({"shrunk": rows, "distilled": {"epochs": 2, "kept": 1, "losses": [3, 1, 2]}})
        ['shrunk    8 hidden units -> 4 in 1 layers, error at most 0.12', 'distilled 3 -> 1: \
epoch 1 of 2 is kept']
    """
    lines, rows, taught = [], facts.get("shrunk") or [], facts.get("distilled")
    if rows:
        before, after = (sum(row[name] for row in rows) for name in ("before", "after"))
        worst = max(row["error"] for row in rows)
        units = f"{before} hidden units -> {after} in {len(rows)} layers"
        lines.append(f"shrunk    {units}, error at most {worst:.2g}")
    if taught:
        losses = [math.nan if loss is None else loss for loss in taught["losses"]]
        first, best = losses[0], losses[min(taught["kept"], len(losses) - 1)]
        kept = f"epoch {taught['kept']} of {taught['epochs']} is kept"
        lines.append(f"distilled {first:.4g} -> {best:.4g}: {kept}")
    return lines


def _quality(facts: Mapping[str, Any]) -> list[str]:
    before, after = facts["quality_before"], facts["quality_after"]
    if not before or not after:
        return []
    lines = [f"{name:<9} {value:.4g} -> {after[name]:.4g}" for name, value in before.items()]
    if facts["agreement"] is not None:
        lines.append(f"agreement {facts['agreement']:.1%} of the answers are the same")
    seconds = facts.get("answer_seconds") or {}
    told = ", ".join(f"{took:.3g} s {name}" for name, took in seconds.items())
    return [*lines, f"answers   {told}"] if told else lines
