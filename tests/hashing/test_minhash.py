"""MinHash: its laws, its codes against the plain definition, its bias, a peer, its edges."""

import re

import numpy as np
import pyarrow as pa
import pytest

from thrifty.core import IncompatibleError, record_of
from thrifty.hashing import MinHash, TextFeatures, code_of, mix64
from thrifty.hashing.minhash import EMPTY
from thrifty.laws import LAWS

LAW_CASES = [law for name in record_of(MinHash).laws for law in LAWS[name]]


@pytest.mark.parametrize("shingles", [{"words": 1}, {"words": None, "chars": 3}], ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, shingles):
    """The laws the record names hold, with shingles of words and of characters."""
    law(lambda seed=0: MinHash(16, seed=seed, **shingles))


def plain(family, items):
    """The definition: each bin's least permuted item, or that of the first full bin in order."""
    places = mix64(np.array(items, np.uint64), family.seed).tolist()
    least = {}
    for place in places:
        b = ((place >> 32) * family.tables) >> 32
        least[b] = min(place, least.get(b, place))
    codes = []
    for b in range(family.tables):
        pick = b if b in least else next(x for x in family._order[b].tolist() if x in least)
        codes.append(min(least[pick] & 0xFFFFFFFF, int(EMPTY) - 1))
    return codes


@pytest.mark.parametrize("size", [1, 2, 7, 30, 1000])
def test_agrees_with_the_definition(size):
    """Codes are those of the plain definition, whether few bins are full or many."""
    items = np.random.default_rng(size).integers(0, 2**63, size)
    for tables in (1, 16, 100):
        family = MinHash(tables, seed=3)
        assert family.of_sets([0, size], items)[0].tolist() == plain(family, items.tolist())


@pytest.mark.parametrize("jaccard", [0.0, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("size", [10, 40, 2000])
def test_similarity_is_unbiased(jaccard, size):
    """Over 300 seeds the mean similarity is within 4 standard errors of Jaccard's."""
    shared = round(2 * size * jaccard / (1 + jaccard))
    exact = shared / (2 * size - shared)
    items = np.concatenate([np.arange(size), np.arange(size - shared, 2 * size - shared)])
    found = []
    for seed in range(300):
        family = MinHash(64, seed=seed)
        codes = family.of_sets([0, size, 2 * size], items)
        found.append(float(family.similarity(codes[0], codes[1])))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - exact) <= 4 * error


def test_standard_error_is_the_formula():
    """For sets much larger than tables the spread over seeds is at most that of the record."""
    items = np.concatenate([np.arange(3000), np.arange(1000, 4000)])
    found = []
    for seed in range(400):
        family = MinHash(64, seed=seed)
        found.append(float(family.similarity(*family.of_sets([0, 3000, 6000], items))))
    formula = np.sqrt(0.5 * 0.5 / 64)
    assert np.std(found, ddof=1) <= formula * (1 + 4 / np.sqrt(2 * 400))


def test_few_codes_are_shared_by_chance():
    """Two different items never share a code because of the bins they fell into."""
    family = MinHash(32)
    codes = family.of_sets(np.arange(501), np.arange(500))
    assert np.unique(codes[:, 0]).size == 500
    assert (codes == codes[:, :1]).all()


def test_texts_are_their_shingles():
    """Codes of a text are those of the set of its shingles, whatever their order and number."""
    texts = ["the cat sat on the mat", "The cat, SAT on... the mat!", "a b", "", None, "x " * 50]
    family = MinHash(40, words=3, chars=4)
    codes = family(pa.array(texts))
    np.testing.assert_array_equal(codes, family.of_sets(*family.shingles(texts)))
    assert (codes[3:5] == EMPTY).all()
    assert family.similarity(codes[3], codes[4]) == 1


def test_words_are_those_of_features():
    """Long texts of any ASCII, with wide characters between, have the words that are counted."""
    rng = np.random.default_rng(6)
    wide = ["\u00e9", "\u4e2d", "\u2003", "\U0001f600"]
    alphabet = [chr(code) for code in range(128)] * 2 + ["a", "B"] * 60 + wide
    texts = ["".join(rng.choice(alphabet, n)) for n in (*range(60, 140), 5_000)]
    indptr, hashes = MinHash(words=1).shingles(texts)
    ends, codes, _ = TextFeatures((1, 1), min_length=1)(texts)
    for i in range(len(texts)):
        ours = code_of(hashes[indptr[i] : indptr[i + 1]]).tolist()
        assert sorted(ours) == sorted(codes[ends[i] : ends[i + 1]].tolist())
        words = re.findall(r"[^\W_]", texts[i])
        assert bool(words) <= bool(ours)


def test_shingles_are_counted():
    """A text of seven words has five triples; two words are one shingle; repeats count once."""
    words = MinHash(words=3).shingles(["a b c d e f g", "a b", "a b c a b c a b c", "", "a"])
    assert np.diff(words[0]).tolist() == [5, 1, 3, 0, 1]
    chars = MinHash(words=None, chars=3).shingles(["cats", "a"])
    assert np.diff(chars[0]).tolist() == [4, 1]


def test_exact_jaccard_of_texts():
    """The similarity of texts is within 5 standard errors of the overlap of their words."""
    rng = np.random.default_rng(5)
    texts = [" ".join(map(str, rng.integers(0, 400, 600))) for _ in range(20)]
    sets = [set(text.split()) for text in texts]
    family = MinHash(1024, words=1)
    codes = family(texts)
    for i in range(1, 20):
        exact = len(sets[0] & sets[i]) / len(sets[0] | sets[i])
        error = np.sqrt(exact * (1 - exact) / 300)
        assert abs(family.similarity(codes[0], codes[i]) - exact) <= 5 * error


def test_negative_items_are_their_twos_complement():
    """Signed and unsigned integers of the same bits are the same items."""
    signed = np.array([-1, -(2**63), 5])
    family = MinHash(8)
    np.testing.assert_array_equal(
        family.of_sets([0, 3], signed), family.of_sets([0, 3], signed.view(np.uint64))
    )


def test_collision_is_the_similarity():
    """The collision probability is Jaccard's similarity, kept in 0..1."""
    assert MinHash(4).collision([-0.1, 0.25, 2]).tolist() == [0, 0.25, 1]


def test_nbytes_is_the_orders():
    """The bytes are those of the formula in the record."""
    assert MinHash(64).nbytes == 4 * 64**2


def test_empty_column():
    """No rows give no codes."""
    assert MinHash(8)([]).shape == (0, 8)
    assert MinHash(8).of_sets([0], []).shape == (0, 8)


@pytest.mark.peers
def test_agrees_with_datasketch():
    """Similarities are as far from the exact ones as datasketch's are, within 4 standard errors."""
    peer = pytest.importorskip("datasketch")
    rng = np.random.default_rng(8)
    ours, theirs = [], []
    family = MinHash(128, words=1)
    for _ in range(60):
        cut = int(rng.integers(100, 900))
        words = [f"w{i}" for i in rng.permutation(5000)[: 1000 + cut]]
        texts = [" ".join(words[:1000]), " ".join(words[cut:])]
        exact = (1000 - cut) / (1000 + cut)
        ours.append(float(family.similarity(*family(texts))) - exact)
        sets = [[word.encode() for word in re.findall(r"\w+", text)] for text in texts]
        a, b = peer.MinHash.bulk(sets, num_perm=128)
        theirs.append(a.jaccard(b) - exact)
    a, b = np.mean(np.square(ours)), np.mean(np.square(theirs))
    assert abs(a - b) <= 4 * np.sqrt(2 / 60) * max(a, b) * np.sqrt(2)


def test_refusals():
    """Each bad argument is named with its rule and value."""
    with pytest.raises(ValueError, match=r"^tables must be in 1\.\.1024, got 0$"):
        MinHash(0)
    with pytest.raises(ValueError, match=r"^words must be in 1\.\.8, got 9$"):
        MinHash(words=9)
    with pytest.raises(ValueError, match=r"^chars must be in 1\.\.16, got 17$"):
        MinHash(chars=17)
    with pytest.raises(ValueError, match=r"^words must be a number where chars is None, got None$"):
        MinHash(words=None)
    with pytest.raises(ValueError, match=r"^seed must be in 0\.\.18446744073709551615, got -1$"):
        MinHash(seed=-1)
    with pytest.raises(ValueError, match=r"^items must be integers, got float64$"):
        MinHash().of_sets([0, 1], [0.5])
    for cuts in ([0, 2], [0, 2, 1], [1, 1], [], [[0, 1]]):
        with pytest.raises(ValueError, match=r"^indptr must rise from 0 to 1, got \["):
            MinHash().of_sets(cuts, [7])


def test_what_does_not_fit_is_refused():
    """Columns of numbers and codes of another width are refused."""
    with pytest.raises(TypeError, match=r"^column must be of text, got int64$"):
        MinHash()([1, 2])
    says = r"^codes of shape \(3,\) do not fit MinHash\(8, words=3, chars=None, seed=0\)$"
    with pytest.raises(IncompatibleError, match=says):
        MinHash(8).similarity(np.zeros(8), np.zeros(3))


def test_codes_are_stable():
    """Golden: the codes of a text do not move between versions."""
    codes = MinHash(4, seed=1)(["the quick brown fox jumps over the lazy dog"])
    assert codes.tolist() == [[521114598, 976166680, 2806509220, 3300016957]]
