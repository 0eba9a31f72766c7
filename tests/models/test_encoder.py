"""Encoder: laws, the full decomposition as exact answer, samples, files, refusals."""

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import DataError, FormatError
from thrifty.laws import LAWS
from thrifty.models import _counts
from thrifty.models.encoder import WordEncoder
from thrifty.text.analyzer import Analyzer

GROUPS = ("purr meow whiskers fur paw tail", "wheel brake engine road bus driver")


def corpus(number=400, seed=0):
    """Texts of a few words of one of two groups, and which."""
    draw = np.random.default_rng(seed)
    kinds = draw.integers(0, 2, number)
    return [" ".join(draw.choice(GROUPS[kind].split(), 3)) for kind in kinds], kinds


def small(**options):
    """An encoder of texts on animals and buses."""
    texts = ["a red bus stops", "the cat sleeps", "a cat on a bus", "red cats", "it stops"]
    return WordEncoder(16, **options).fit([texts, pa.array([None, "cats sleep"])])


@pytest.mark.parametrize("law", LAWS["encoders"], ids=lambda law: law.__name__)
@pytest.mark.parametrize("passes", [0, 2])
def test_laws(law, passes):
    """The laws of encoders."""
    law(lambda: small(passes=passes))


@pytest.mark.parametrize("passes", [0, 3])
def test_words_used_alike_are_near(passes):
    """Two words that never meet in a query are near if they share documents' words."""
    texts, _ = corpus()
    encoder = WordEncoder(8 if passes else 128, passes=passes).fit([texts])
    made = encoder.encode(["purr", "whiskers", "brake"])
    assert made[0] @ made[1] > 0.3
    assert made[0] @ made[2] < 0


def test_passes_find_the_directions_of_the_full_decomposition():
    """With enough passes the space of the words is that of a singular value decomposition."""
    texts, _ = corpus(300, 1)
    found = WordEncoder(8, passes=12, seed=3).fit([texts])
    counts = _counts.counted([found._reader.read(texts)], len(found))
    rows = found._weighted(counts).toarray()
    frame = np.linalg.svd(rows, full_matrices=False)[2][:8].T
    own = np.linalg.qr(found._vectors.astype(np.float64))[0]
    cosines = np.linalg.svd(frame[:, :4].T @ own)[1]
    assert cosines.min() > 0.99


def test_weights_are_the_formula():
    """Squared idf over the root of the length, as plain loops have it."""
    found = small()
    texts = ["red red bus", "a cat", "nothing known"]
    counts = _counts.counted([found._reader.read(texts)], len(found))
    made = found._weighted(counts).toarray()
    dense = counts.toarray() * found._idf.astype(np.float64) ** 2
    norms = np.linalg.norm(dense, axis=1, keepdims=True)
    np.testing.assert_allclose(made, dense / np.sqrt(np.where(norms > 0, norms, 1)), rtol=1e-5)


def test_what_is_shared_is_taken_off():
    """The mean of the vectors before they are scaled is near 0, so cosines are of both signs."""
    texts, kinds = corpus()
    made = WordEncoder(8).fit([texts]).encode(texts)
    same = made @ made[kinds == 0].mean(axis=0)
    assert same[kinds == 0].min() > 0 > same[kinds == 1].max()


def test_a_sample_of_a_long_corpus():
    """Beyond the tokens every other document is left out, evenly, in whatever batches."""
    texts = [f"word{i} word{i + 1} common" for i in range(64)]
    pieces = [texts[:10], texts[10:11], texts[11:]]
    words: dict[str, int] = {}
    kept = list(_counts.read(Analyzer(), pieces, words, 60))
    names = list(words)
    rows = [
        " ".join(names[i] for i in ids[offsets[n] : offsets[n + 1]])
        for offsets, ids in kept
        for n in range(offsets.size - 1)
    ]
    assert rows == [texts[i] for i in range(0, 64, 4)]
    found = WordEncoder(8).fit(pieces, tokens=60)
    assert found.encode(["word0"]).any()
    assert not found.encode(["word2"]).any()


def test_chinese_and_japanese_are_read_as_they_were_learned():
    """A part of a run of characters says something: texts and what is asked are cut alike."""
    texts = ["\u65e5\u672c\u8a9e\u306e\u672c", "\u5b57\u5178", "red cats"] * 4
    encoder = WordEncoder(8, passes=0).fit([texts])
    found = WordEncoder.from_bytes(encoder.to_bytes()).encode(["\u672c\u8a9e", "\u8a9e\u5b57"])
    assert np.linalg.norm(found, axis=1).round(3).tolist() == [1.0, 0.0]


def test_the_most_frequent_words_are_held():
    """A small vocabulary keeps what is in most documents."""
    texts = [f"common often{i % 2} rare{i}" for i in range(40)]
    found = WordEncoder(8, vocabulary=16).fit([texts])
    assert len(found) == 16
    assert {"common", "often0", "often1"} <= set(found._words)


def test_seeds_differ():
    """Another seed, other vectors."""
    texts, _ = corpus(50)
    one, two = (WordEncoder(8, seed=seed).fit([texts]).encode(texts) for seed in (0, 1))
    assert not np.allclose(one, two)


def test_damage_is_refused():
    """Arrays that do not fit each other."""
    made = small()
    arrays = made.arrays() | {"idf": made._idf[1:]}
    with pytest.raises(FormatError, match=r"^array 'idf' must be float32 of shape"):
        WordEncoder.restore(made.spec(), arrays)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 7}, "dim must be in 8..1024, got 7"),
        ({"passes": 21}, "passes must be in 0..20, got 21"),
        ({"vocabulary": 1}, "vocabulary must be in 16..4194304, got 1"),
    ],
)
def test_arguments_out_of_range(options, message):
    """Each argument by name."""
    with pytest.raises(ValueError, match=rf"^{message}$"):
        WordEncoder(**options)


def test_nothing_to_learn_from():
    """No words, and bytes that are no text."""
    with pytest.raises(DataError, match=r"^texts must have words to learn from, got none$"):
        WordEncoder(8).fit([["", "the a"]])
    parts = [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    broken = pa.Array.from_buffers(pa.string(), 1, parts)
    with pytest.raises(DataError):
        small().encode(broken)
