"""Evidence: number formats are those of ml_dtypes, faster; NF4 on normal weights."""

import ml_dtypes
import numpy as np

from evidence import Evidence, run
from evidence.timing import best
from thrifty.codec import NF4, BlockFloat, FixedPoint, FloatFormat, Groups, LogFormat
from thrifty.codec.floats import NAMED

EVIDENCE = (
    Evidence(
        id="formats-exact",
        says="16.7 million float32 patterns, one of each 257, become the same codes as in "
        "ml_dtypes in all of 9 float formats: no code differs",
        against="astype of ml_dtypes and of NumPy's float16; NaN counts as NaN",
        at_most=0,
    ),
    Evidence(
        id="formats-fp8-encode",
        says="float32 become packed float8_e4m3fn at least 2.5 times as fast as by ml_dtypes",
        against="astype(float8_e4m3fn), one core each",
        at_least=2.5,
    ),
    Evidence(
        id="formats-fp8-decode",
        says="float8_e4m3fn become float32 at least 5 times as fast as by ml_dtypes",
        against="astype(float32), one core each",
        at_least=5.0,
    ),
    Evidence(
        id="formats-groups-decode",
        says="4-bit groups of 64 are decoded to float32 at a quarter or more of the bytes written "
        "a second by a copy in memory",
        against="numpy.copyto of float32, one core",
        at_least=0.25,
    ),
    Evidence(
        id="formats-nf4-error",
        says="normal weights in NF4, 4.13 bits each, have 0.75 or less of the squared error of "
        "symmetric 4-bit groups of 64, 4.25 bits each",
        against="Groups(4, 64, symmetric=True)",
        at_most=0.75,
    ),
)


def normal(n: int = 2**24) -> np.ndarray:
    """Standard normal weights in rows of 4096."""
    return np.random.default_rng(0).standard_normal((n // 4096, 4096), dtype=np.float32)


def measure_exact() -> float:
    """Codes that differ."""
    patterns = (np.arange(2**24, dtype=np.uint64) * 257 % 2**32).astype(np.uint32)
    x = patterns.view(np.float32)
    different = 0
    for name in NAMED:
        form, dtype = FloatFormat.named(name), np.dtype(getattr(ml_dtypes, name, name))
        kept = x if form.specials != "none" else x[~np.isnan(x)]
        with np.errstate(all="ignore"):
            theirs = kept.astype(dtype)
        ours = form.codes(kept)
        same = (ours == theirs.view(ours.dtype)) | np.isnan(kept)
        nan = np.isnan(form.values(ours[np.isnan(kept)])).all()
        different += int((~same).sum()) + (0 if nan else 1)
    return different


def measure_encode() -> float:
    """Their seconds over ours."""
    x, form = normal(2**23), FloatFormat.named("float8_e4m3fn")
    form.encode(x[:1])
    theirs = best(lambda: x.astype(ml_dtypes.float8_e4m3fn), 3)
    return theirs / best(lambda: form.encode(x), 5)


def measure_decode() -> float:
    """Their seconds over ours, into memory that is there."""
    x, form = normal(2**23), FloatFormat.named("float8_e4m3fn")
    small, eighth, out = form.encode(x), x.astype(ml_dtypes.float8_e4m3fn), np.empty_like(x)
    small.decode(out)
    theirs = best(lambda: np.copyto(out, eighth, casting="unsafe"), 3)
    return theirs / best(lambda: small.decode(out), 5)


def measure_groups() -> tuple[float, dict[str, object]]:
    """Copy's seconds over those of decoding; GB of float32 a second of all formats beside it."""
    x = normal(2**23)
    out = np.empty_like(x)
    np.copyto(out, x)
    copy = best(lambda: np.copyto(out, x), 5)
    forms = [FixedPoint(8, 4), FixedPoint(4, 1), FixedPoint(16, 8), LogFormat(8, 3, top=3)]
    forms += [FloatFormat.named(name) for name in NAMED]
    forms += [FloatFormat.named("float8_e4m3fn", rounding="stochastic")]
    forms += [BlockFloat.named("mxfp4"), BlockFloat.named("mxfp8_e4m3")]
    forms += [Groups(8), Groups(4), Groups(3), Groups(2), Groups(4, clip="mse"), NF4()]
    speeds, share = {"copy": x.nbytes / copy / 1e9}, 0.0
    for form in forms:
        small = form.encode(x)
        small.decode(out)
        there = best(lambda form=form: form.encode(x), 2)
        back = best(lambda small=small: small.decode(out), 5)
        speeds[repr(form)] = [round(x.nbytes / took / 1e9, 2) for took in (there, back)]
        share = copy / back if form == Groups(4) else share
    return share, {"GB of float32 a second, encoding and decoding": speeds}


def measure_nf4() -> tuple[float, dict[str, object]]:
    """Squared error over that of groups; bits and squared errors of others beside it."""
    x = normal(2**20)
    forms = [Groups(4, symmetric=True), Groups(4), Groups(4, clip="mse"), NF4(), NF4(double=False)]
    forms += [BlockFloat.named(name) for name in ("mxfp4", "mxfp6_e2m3", "mxfp8_e4m3", "mxint8")]
    found = {}
    for form in forms:
        small = form.encode(x)
        error = np.square(small.decode() - x).mean()
        found[repr(form)] = {"bits": small.nbytes * 8 / x.size, "squared error": float(error)}
    errors = [found[repr(form)]["squared error"] for form in (NF4(), forms[0])]
    return errors[0] / errors[1], {"formats": found}


def main() -> int:
    """Measure all."""
    measures = (measure_exact, measure_encode, measure_decode, measure_groups, measure_nf4)
    held = [run(e, m) for e, m in zip(EVIDENCE, measures, strict=True)]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
