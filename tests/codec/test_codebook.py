"""CodebookCodec: its laws, words against a slow formula, weights, stages and what is refused."""

import hashlib

import numpy as np
import pytest

from thrifty.codec import CodebookCodec, Encoded
from thrifty.core import FormatError, IncompatibleError, record_of
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(CodebookCodec).laws for law in LAWS[name]]
MADE = [
    {"bits": 4, "dim": 2}, {"bits": 3, "dim": 1}, {"bits": 2, "dim": 4, "shared": False},
    {"bits": 8, "dim": 3, "stages": 2}, {"bits": 1, "dim": 1, "stages": 3, "shared": False},
]  # fmt: skip


@pytest.mark.parametrize("made", MADE, ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, made):
    """The laws the record names hold."""
    law(lambda: CodebookCodec(**made))


@pytest.mark.parametrize("shared", [True, False])
def test_every_part_is_its_nearest_word(shared):
    """Codes and words as the docstring lays them out give what decode gives, the nearest."""
    x = np.random.default_rng(0).standard_normal((300, 10)).astype(np.float32)
    small = CodebookCodec(4, 4, shared=shared).encode(x)
    arrays = small.arrays()
    words = np.broadcast_to(arrays["words"][0].astype(np.float32) * arrays["unit"], (3, 16, 4))
    loose = np.unpackbits(arrays["codes"][0], axis=1, count=12, bitorder="little")
    codes = loose.reshape(300, 3, 4) @ (1 << np.arange(4))
    made = words[np.arange(3), codes].reshape(300, 12)
    np.testing.assert_allclose(small.decode(), made[:, :10], rtol=1e-6)
    parts = np.pad(x, ((0, 0), (0, 2))).reshape(300, 3, 1, 4)
    gaps = ((parts - words) ** 2).sum(axis=3)
    np.testing.assert_allclose(
        np.take_along_axis(gaps, codes[:, :, None], 2)[:, :, 0], gaps.min(axis=2), atol=1e-5
    )


def test_words_of_parts_of_one_number_are_the_best():
    """Three values in 2 bits come back but for float16's rounding, whatever the seed."""
    x = np.random.default_rng(1).choice([-3.0, 0.1, 0.2, 7], (40, 6)).astype(np.float32)
    for seed in range(3):
        np.testing.assert_allclose(CodebookCodec(2, 1, seed=seed).encode(x).decode(), x, atol=4e-3)


def test_stages_leave_less_each_time():
    """The error falls with each stage by much."""
    x = np.random.default_rng(2).standard_normal((400, 12)).astype(np.float32)
    errors = [
        ((CodebookCodec(6, 3, stages=n).encode(x).decode() - x) ** 2).mean() for n in (1, 2, 3)
    ]
    assert errors[1] < errors[0] / 4
    assert errors[2] < errors[1] / 4


def test_weights_move_words_to_what_costs_much():
    """Columns of which an error costs 100 times as much err less than without weights."""
    x = np.random.default_rng(3).standard_normal((2000, 8)).astype(np.float32)
    weights = np.where(np.arange(8) % 2, 100.0, 1.0)
    plain, weighted = (CodebookCodec(4, 2).encode(x, w).decode() - x for w in (None, weights))
    assert (weighted[:, 1::2] ** 2).mean() < 0.3 * (plain[:, 1::2] ** 2).mean()
    same = CodebookCodec(4, 2).encode(x, np.full(x.shape, 3.0))
    assert same == CodebookCodec(4, 2).encode(x)


@pytest.mark.peers
def test_faiss_learns_words_no_better():
    """The product quantiser of faiss, 8 places of 16 words: our error is at most 3 % above its."""
    faiss = pytest.importorskip("faiss")
    rng = np.random.default_rng(4)
    x = (rng.standard_normal((4000, 16)) @ rng.standard_normal((16, 16))).astype(np.float32)
    peer = faiss.ProductQuantizer(16, 8, 4)
    peer.train(x)
    theirs = ((peer.decode(peer.compute_codes(x)) - x) ** 2).mean()
    ours = ((CodebookCodec(4, 2, shared=False).encode(x).decode() - x) ** 2).mean()
    assert ours < 1.03 * theirs


def test_arguments_out_of_range_are_refused():
    """Each by name; integers, what is not finite and weights that do not fit too."""
    with pytest.raises(ValueError, match=r"^bits must be in 1\.\.8, got 9$"):
        CodebookCodec(9)
    with pytest.raises(ValueError, match=r"^stages must be in 1\.\.8, got 0$"):
        CodebookCodec(stages=0)
    with pytest.raises(TypeError, match=r"^x must be of floats, got int64$"):
        CodebookCodec().encode(np.arange(4))
    with pytest.raises(ValueError, match=r"^x must be finite, got nan$"):
        CodebookCodec().encode(np.array([np.nan]))
    with pytest.raises(IncompatibleError, match=r"^weights of shape \(3,\) do not fit \(2, 4\)$"):
        CodebookCodec().encode(np.ones((2, 4)), np.ones(3))
    with pytest.raises(ValueError, match=r"^weights must be finite and at least 0, got others$"):
        CodebookCodec().encode(np.ones(2), [1.0, -1.0])


def test_a_unit_that_is_none_is_refused():
    """A scale of everything that is not finite."""
    made = CodebookCodec(2, 2).encode(np.ones((2, 2), np.float32))
    arrays = made.arrays() | {"unit": np.array([np.inf])}
    with pytest.raises(FormatError, match=r"^unit must be above 0 and finite, got inf$"):
        Encoded(made.codec, made.shape, made.dtype, arrays).decode()


def test_bytes_stay_as_they_are():
    """Files that were written are read for good."""
    x = (np.arange(30, dtype=np.float32).reshape(5, 6) ** 2) / 64
    data = CodebookCodec(2, 1, stages=2).encode(x).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "533694a9ded67378"
