"""Exponent tensors: what the kernel decodes, run by Triton's interpreter, and what the CPU does."""

import importlib

import numpy as np
import pytest
import torch

from thrifty.codec import Encoded, ExponentCodec
from thrifty.core import IncompatibleError
from thrifty.nn import ExponentTensor, _triton_exponents

KINDS = [torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2]


def weights(size, dtype, seed=0):
    """Numbers as of a trained layer, and bits of zeros, denormals, infinities and NaN."""
    made = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    found = (made * (60 if dtype.itemsize == 1 else 0.02)).to(dtype)
    bits = found.view(torch.uint8 if dtype.itemsize == 1 else torch.int16)
    odd = [0, 1, 3, 0x7C, 0x7D, 0x7F, 0x80, 0x81, 0xFC, 0xFF]
    odd = odd if dtype.itemsize == 1 else [*odd, *(256 * v - 65536 * (v > 127) for v in odd)]
    bits[5 : 5 + len(odd)] = torch.tensor(odd).to(bits.dtype)
    return found


def same(one, two):
    """Whether all bits are the same."""
    return torch.equal(one.view(torch.uint8), two.view(torch.uint8))


@pytest.fixture
def interpreted(monkeypatch):
    """The kernel as Triton's interpreter runs it, on the CPU."""
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    importlib.reload(_triton_exponents)
    yield
    monkeypatch.undo()
    importlib.reload(_triton_exponents)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("dtype", "size"), [(kind, 403) for kind in KINDS] + [(torch.bfloat16, 2 * 2048 + 99)], ids=str
)
def test_the_kernel_returns_every_bit(interpreted, dtype, size):
    """One short stream of each dtype, and three of bfloat16."""
    x = weights(size, dtype)
    coded = ExponentTensor(ExponentCodec().encode(x))
    parts, out = coded.parts("cpu"), torch.zeros_like(x)
    assert parts is not None
    coded.run(parts, out)
    assert same(out, x)


@pytest.mark.peers
def test_the_kernel_stays_inside(interpreted):
    """Bits that are lies give numbers, from inside the arrays."""
    x = weights(160, torch.bfloat16)
    coded = ExponentTensor(ExponentCodec().encode(x))
    words, *others = coded.parts("cpu")
    words.copy_(torch.from_numpy(np.random.default_rng(0).integers(-(2**31), 2**31, words.shape)))
    out = torch.zeros_like(x)
    coded.run((words, *others), out)
    assert same(out.view(torch.int16) & 0x7F, x.view(torch.int16) & 0x7F)


@pytest.mark.parametrize("dtype", [*KINDS, torch.float32], ids=str)
def test_the_cpu_returns_every_bit(dtype):
    """Without a GPU the tensor is decoded by the codec, of any shape."""
    x = weights(70_000, dtype).reshape(7, 10_000) if dtype != torch.float32 else torch.randn(5, 7)
    coded = ExponentTensor(ExponentCodec().encode(x))
    out = torch.empty_like(x)
    assert coded.decode(out) is out
    assert same(out, x)
    assert same(coded.decode(), x)


def test_what_has_no_codes_has_no_kernel():
    """Random bits are stored as they are, and float32 has more than two planes."""
    noise = torch.from_numpy(np.random.default_rng(0).integers(-(2**15), 2**15, 5000, np.int16))
    coded = ExponentTensor(ExponentCodec().encode(noise.view(torch.bfloat16)))
    assert coded.parts("cpu") is None
    assert same(coded.decode(), noise.view(torch.bfloat16))
    assert ExponentTensor(ExponentCodec().encode(torch.randn(70_000))).parts("cpu") is None


def test_what_does_not_fit_is_refused(monkeypatch):
    """Another shape, another codec, and no Triton."""
    coded = ExponentTensor(ExponentCodec().encode(weights(5000, torch.bfloat16)))
    message = (
        r"^out must be torch\.bfloat16 of shape \(5000,\) on cpu, got torch\.float16 \(3,\) on"
    )
    with pytest.raises(IncompatibleError, match=message):
        coded.decode(torch.empty(3, dtype=torch.float16))
    with pytest.raises(IncompatibleError, match=r"^encoded must be of ExponentCodec, got <object"):
        ExponentTensor(Encoded(object(), (3,), "bfloat16", {}))
    monkeypatch.setattr(_triton_exponents, "triton", None)
    with pytest.raises(IncompatibleError, match=r"^decoding on a GPU needs Triton: pip install"):
        coded.run(coded.parts("cpu"), torch.empty(5000, dtype=torch.bfloat16))
