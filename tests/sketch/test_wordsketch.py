"""WordSketch: its laws, its sums against counted windows, angles, edges, golden bytes."""

import hashlib
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import strategies as st

from thrifty.core import BudgetError, FormatError, IncompatibleError, dump, record_of
from thrifty.hashing import hash_column
from thrifty.hashing.pooledsimhash import project
from thrifty.laws import LAWS
from thrifty.sketch import WordSketch

LAW_CASES = [law for name in record_of(WordSketch).laws for law in LAWS[name]]
TEXTS = st.none() | st.text("ab c.", max_size=30)


class Words(WordSketch):
    """Of three words."""

    @classmethod
    def within(cls, budget):
        """Within a budget."""
        return super().within(budget, ["a", "b", "cab"])


@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law):
    """The laws the record names hold."""
    law(lambda: Words(["a", "b", "cab"], bits=16, window=2, seed=1), TEXTS)


def counted(texts, window):
    """How often each word stands within the window of each other."""
    pairs = Counter()
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        for i, word in enumerate(words):
            for j in range(max(0, i - window), min(len(words), i + window + 1)):
                if j != i:
                    pairs[word, words[j]] += 1
    return pairs


@pytest.mark.parametrize("window", [1, 3, 40])
def test_sums_are_those_of_counted_windows(window):
    """Each sum is that of the numbers of all words counted around it; so is the total."""
    rng = np.random.default_rng(window)
    texts = [" ".join(f"w{n}" for n in rng.integers(0, 9, size)) for size in (0, 1, 2, 30, 100)]
    words = [f"w{i}" for i in range(9)]
    sketch = WordSketch(words[:7], bits=8, window=window, seed=5).add(texts)
    numbers = np.empty((9, 8), np.int16)
    for row, word in zip(numbers, hash_column(words), strict=True):
        project(word, sketch._pool, sketch._keys[1], row)
    pairs = counted(texts, window)
    counts = np.array([[pairs[word, other] for other in words] for word in words])
    np.testing.assert_array_equal(sketch.arrays()["sums"], (counts @ numbers.astype(int))[:7])
    np.testing.assert_array_equal(sketch.arrays()["total"], (counts @ numbers.astype(int)).sum(0))
    exact = Counter(" ".join(texts).split())
    assert sketch.count(words[:7]).tolist() == [exact[word] for word in words[:7]]


def test_angles_have_the_error_of_the_record():
    """Over 40 seeds angles are within 4 standard errors of the exact ones on average."""
    rng = np.random.default_rng(3)
    texts = [" ".join(f"w{n}" for n in rng.zipf(1.5, 60) % 30) for _ in range(50)]
    words = [f"w{i}" for i in range(6)]
    pairs = counted(texts, 2)
    rows = np.array([[pairs[word, f"w{i}"] for i in range(30)] for word in words], float)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    exact = np.arccos(np.clip(rows[1:] @ rows[0], -1, 1))
    found = []
    for seed in range(40):
        sketch = WordSketch(words, bits=256, window=2, seed=seed).add(texts)
        found.append(np.arccos(sketch.similarity("w0", words[1:])))
    errors = np.array(found) - exact
    assert (np.abs(errors.mean(axis=0)) <= 4 * errors.std(axis=0, ddof=1) / np.sqrt(40)).all()
    assert np.sqrt((errors**2).mean()) <= np.pi / (2 * np.sqrt(256))


def test_nearest_keep_the_same_company():
    """Words used alike are nearest; words that never came are not among them."""
    texts = [f"the {pet} eats its food at home" for pet in ("cat", "dog")] * 5
    texts += [f"a red {car} drives down the long road" for car in ("bus", "van")] * 5
    sketch = WordSketch(["cat", "dog", "bus", "van", "gone"], bits=512, window=3).add(texts)
    assert sketch.nearest("cat", 1)[0][0] == "dog"
    assert sketch.nearest("van", 1)[0][0] == "bus"
    assert "gone" not in dict(sketch.nearest("cat", 9))
    assert sketch.signatures().shape == (5, 64)


def test_what_was_added_can_be_taken_out():
    """Strangers cannot be taken out."""
    sketch = WordSketch(["a"], bits=8)
    with pytest.raises(IncompatibleError, match=r"^cannot subtract WordSketch\(1 words, bits=8"):
        sketch.subtract(WordSketch(["b"], bits=8))


def test_refusals():
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=r"^bits must be in 8\.\.4096, got 0$"):
        WordSketch(["a"], bits=0)
    with pytest.raises(ValueError, match=r"^bits must be a multiple of 8, got 12$"):
        WordSketch(["a"], bits=12)
    with pytest.raises(ValueError, match=r"^window must be in 1\.\.100, got 0$"):
        WordSketch(["a"], window=0)
    with pytest.raises(ValueError, match=r"^words of vocabulary must be in 1\.\.16777216, got 0$"):
        WordSketch([])
    with pytest.raises(ValueError, match=r"^vocabulary must be distinct words, got some twice$"):
        WordSketch(["a", "b", "a"])
    for word in ("two words", "Upper", "", "semi;"):
        with pytest.raises(ValueError, match=r"^vocabulary must be words in lower case, got '"):
            WordSketch([word])
    with pytest.raises(ValueError, match=r"^words must be of the vocabulary, got 'z'$"):
        WordSketch(["a"]).similarity("a", ["z"])
    with pytest.raises(TypeError, match=r"^column must be of text, got int64$"):
        WordSketch(["a"]).add([1])


def test_lying_bytes_are_refused():
    """Sums of another shape than the vocabulary are a FormatError."""
    sketch = WordSketch(["a", "b"], bits=8)
    for change in ({"vocabulary": ["a"]}, {"bits": 16}, {"vocabulary": 7}):
        header = {**sketch.spec(), **change}
        data = dump(kind="word-sketch", version=1, header=header, arrays=sketch.arrays())
        with pytest.raises(FormatError):
            WordSketch.from_bytes(data)


def test_bytes_are_stable():
    """Golden: the bytes of a fixed text do not move between versions."""
    data = WordSketch(["a", "b"], bits=8, seed=1).add(["a b c d a", "b b"]).to_bytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "70ceb320bed761d9"


def test_a_budget_is_used():
    """The longest signatures that fit; below 8 bits a word it is refused."""
    words = [f"w{i}" for i in range(99)]
    sketch = WordSketch.within("1 MB", words)
    assert sketch.bits == 8 * ((1_000_000 - 800) // 6400)
    assert sketch.nbytes <= 1_000_000 < sketch.nbytes + 6400
    with pytest.raises(BudgetError, match=r"^budget must be at least 7.2 kB for 99 words, got 9$"):
        WordSketch.within(9, words)
