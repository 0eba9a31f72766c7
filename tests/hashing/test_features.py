"""Features: their laws, the slow formula, scikit-learn, unbiased products, edges, golden codes."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from thrifty.core import record_of
from thrifty.hashing import NUM_CODES, TextFeatures, code_of, cross, hash_column, mix64
from thrifty.hashing._texts import BLOCK
from thrifty.laws.hashing import LAWS

LAW_CASES = [law for name in record_of(TextFeatures).laws for law in LAWS[name]]
ALPHABET = "aB\u00c9\u00e9\u4e2d9_ \t.-\u2019\u2003\u0130\U0001f600"
TEXTS = [
    "The cat, and the Dog; the cat!",
    None,
    "",
    "  x  ",
    "a bc\tdef\ng_h 42 the",
    "na\u00efve CAF\u00c9s don\u2019t \u4e2d\u6587",
    "one",
    "\ufeffthe cat\u00a0sat",
]
OPTIONS = [
    {"words": (1, 1)},
    {"words": (1, 2), "seed": 5},
    {"words": (2, 4), "min_length": 1},
    {"words": (1, 2), "identifiers": True},
    {"words": None, "chars": (3, 5)},
    {"words": (1, 2), "chars": (1, 3), "identifiers": True, "signed": True},
]
every_option = pytest.mark.parametrize("options", OPTIONS, ids=str)


def rows(result):
    """Each row as a dict from code to count."""
    indptr, codes, counts = result
    spans = pairwise(indptr.tolist())
    return [dict(zip(codes[a:b].tolist(), counts[a:b].tolist(), strict=True)) for a, b in spans]


def words_of(text, min_length=2):
    """Words in the slow way, for ASCII: runs of word characters, in lower case."""
    return [w for w in re.findall(r"\w+", text.lower()) if len(w) >= min_length]


def word_grams(words, low, high):
    """Every run of low..high words, joined by spaces."""
    return [
        " ".join(words[i : i + n]) for n in range(low, high + 1) for i in range(len(words) - n + 1)
    ]


@pytest.mark.parametrize("options", OPTIONS[:1] + OPTIONS[-1:], ids=str)
@pytest.mark.parametrize("law", LAW_CASES, ids=lambda law: law.__name__)
def test_law(law, options):
    """The laws the record names hold."""
    law(lambda seed=3: TextFeatures(**{**options, "seed": seed}))


@every_option
@settings(deadline=None, max_examples=60, derandomize=True)
@given(text=st.text(ALPHABET, max_size=30))
def test_names_are_the_codes(options, text):
    """The names of a text have exactly the codes of its row."""
    family = TextFeatures(**options)
    assert {code for code, _ in family.names(text)} == set(family([text])[1].tolist())


@pytest.mark.parametrize("orders", [(1, 1), (1, 2), (2, 3), (1, 4)], ids=str)
@pytest.mark.parametrize("min_length", [1, 2, 4])
@settings(deadline=None, max_examples=40, derandomize=True)
@given(text=st.text("aB9_ .-\n", max_size=40))
def test_words_agree_with_the_formula(orders, min_length, text):
    """Word n-grams and their counts are those of a regular expression and a Counter."""
    family = TextFeatures(orders, min_length=min_length)
    expected = Counter(word_grams(words_of(text, min_length), *orders))
    names = dict(family.names(text))
    counts = {names[code]: count for code, count in rows(family([text]))[0].items()}
    assert counts == expected


def test_a_word_is_hashed_as_a_column_hashes_it():
    """The code of a lone word is that of its lower-case text under the same seed."""
    indptr, codes, counts = TextFeatures((1, 1), seed=8)(["HeLLo", "one two", "\u00c9T\u00c9"])
    expected = code_of(hash_column(["hello", "one", "two", "\u00e9t\u00e9"], 8))
    np.testing.assert_array_equal(codes, expected)
    assert indptr.tolist() == [0, 1, 3, 4]
    assert counts.tolist() == [1, 1, 1, 1]
    assert [a.dtype for a in (indptr, codes, counts)] == [np.int64, np.int32, np.float32]


def test_order_of_words_matters():
    """A pair of words and the pair turned round are two n-grams."""
    family = TextFeatures((2, 2))
    assert len(set(family(["red wine", "wine red"])[1].tolist())) == 2


def test_words_and_chars_do_not_share_codes():
    """The same letters as a word and as a character n-gram are two features."""
    names = TextFeatures((1, 1), (3, 3)).names("the other")
    assert len({code for code, name in names if name == "the"}) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don\u2019t stop\u2014now", ["don", "stop", "now"]),
        (
            "\u00ab\u00c9COLE\u00bb \u0394\u0395\u039b\u03a4\u0391",
            ["\u00e9cole", "\u03b4\u03b5\u03bb\u03c4\u03b1"],
        ),
        (
            "\u041c\u043e\u0441\u043a\u0432\u0410\u3000\u4e2d\u6587\u3002",
            ["\u043c\u043e\u0441\u043a\u0432\u0430", "\u4e2d\u6587"],
        ),
        ("\ufeffbyte order", ["byte", "order"]),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", ["\u0939\u093f\u0928\u094d\u0926\u0940"]),
        ("x\u0301y \u1e9eS \u0130x", ["x\u0301y", "\u1e9es", "\u0130x"]),
        ("\U0001f600\U0001f600 \u4e2d", ["\U0001f600\U0001f600"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_words_beyond_ascii(text, words):
    """Letters of every script make words, punctuation and spaces of every script part them."""
    assert [name for _, name in TextFeatures((1, 1)).names(text)] == words


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("getHttpURL", ["gethttpurl", "get", "http", "url"]),
        ("get_http_url", ["get_http_url", "get", "http", "url"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("__init__", ["__init__", "init"]),
        ("sha256", ["sha256"]),
        ("utf8Decode", ["utf8decode", "utf8", "decode"]),
        ("x_y", ["x_y"]),
        ("open", ["open"]),
        ("\u00c9t\u00e9\u00c0la", ["\u00e9t\u00e9\u00e0la", "\u00e9t\u00e9", "\u00e0la"]),
        ("ALL", ["all"]),
    ],
)
def test_identifiers_are_split(name, parts):
    """A name counts as itself and as its parts; a part has the code of the plain word."""
    family = TextFeatures((1, 1), identifiers=True)
    names = family.names(name)
    assert [text for _, text in names] == parts
    plain = [TextFeatures((1, 1)).names(part)[0][0] for part in parts]
    assert [code for code, _ in names] == plain


def test_longer_grams_are_of_the_parts():
    """Pairs run through the parts of names and the words between them."""
    names = [name for _, name in TextFeatures((2, 2), identifiers=True).names("call getHttp now")]
    assert names == ["call get", "get http", "http now"]


@pytest.mark.parametrize("options", OPTIONS[:2], ids=str)
def test_storage_does_not_matter(options):
    """Plain, large, view, dictionary, chunked and sliced columns give the same rows."""
    family = TextFeatures(**options)
    expected = rows(family(TEXTS))
    plain = pa.array(TEXTS)
    columns = [plain.cast(kind) for kind in (pa.large_string(), pa.string_view())]
    columns += [plain.dictionary_encode(), pa.chunked_array([TEXTS[:2], [], TEXTS[2:]])]
    columns += [pa.array(["cut here", *TEXTS, None]).slice(1, len(TEXTS))]
    assert [rows(family(column)) for column in columns] == [expected] * len(columns)


def test_long_columns_are_cut_into_blocks():
    """A column of several blocks, with a row longer than one, gives the rows one by one."""
    rng = np.random.default_rng(0)
    sizes = [BLOCK // 2, BLOCK + 100, 10, 0, BLOCK // 3, BLOCK // 3, BLOCK // 3, 5]
    texts = ["".join(rng.choice(list("ab cd "), size)) for size in sizes]
    family = TextFeatures((1, 2), (4, 4))
    assert rows(family(texts)) == [rows(family([text]))[0] for text in texts]


def test_count_is_a_sum_and_order_is_of_first_appearance():
    """Repeats add up; codes come in the order in which the text brings them."""
    family = TextFeatures((1, 1))
    indptr, codes, counts = family(["dog cat dog dog bird cat"])
    assert codes.tolist() == [code for code, _ in family.names("dog cat bird")]
    assert counts.tolist() == [3, 2, 1]
    assert indptr.tolist() == [0, 3]


@pytest.mark.peers
@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({"words": (1, 2)}, {"ngram_range": (1, 2)}),
        ({"words": (1, 3), "min_length": 1}, {"ngram_range": (1, 3), "token_pattern": r"\w+"}),
        ({"words": None, "chars": (3, 5)}, {"ngram_range": (3, 5), "analyzer": "char_wb"}),
        ({"words": None, "chars": (1, 2)}, {"ngram_range": (1, 2), "analyzer": "char_wb"}),
    ],
    ids=str,
)
def test_agrees_with_count_vectorizer(options, theirs):
    """Counts by n-gram are those of scikit-learn's CountVectorizer, accents and all."""
    text = pytest.importorskip("sklearn.feature_extraction.text")
    texts = [t for t in TEXTS[:7] if t and "x  " not in t] * 2 + [
        "a1 B2_c  \u00e9l\u00e8ve D",
        "b b bb",
    ]
    vectorizer = text.CountVectorizer(**theirs)
    matrix = vectorizer.fit_transform(texts).tocsr()
    vocabulary = vectorizer.get_feature_names_out()
    family = TextFeatures(**options)
    for i, row in enumerate(rows(family(texts))):
        names = dict(family.names(texts[i]))
        span = slice(matrix.indptr[i], matrix.indptr[i + 1])
        expected = dict(zip(vocabulary[matrix.indices[span]], matrix.data[span], strict=True))
        assert {names[code]: count for code, count in row.items()} == expected


def measure_products(m: int, seeds: int) -> tuple[np.ndarray, float, float]:
    """Inner products of two texts folded to m columns, one a seed; the exact one; the variance."""
    words = [f"word{i}" for i in range(80)]
    texts = [" ".join(words[:60] * 2), " ".join(words[20:] + words[20:30])]
    x = np.array([2.0] * 60 + [0] * 20)
    y = np.array([0.0] * 20 + [2] * 10 + [1] * 50)
    products = []
    for seed in range(seeds):
        indptr, codes, counts = TextFeatures((1, 1), signed=True, seed=seed)(texts)
        folded = sp.csr_array((counts, codes % m, indptr), shape=(2, m)).toarray()
        products.append(folded[0] @ folded[1])
    variance = ((x @ x) * (y @ y) + (x @ y) ** 2 - 2 * (x**2 @ y**2)) / m
    return np.array(products), x @ y, variance


def test_signed_products_are_unbiased():
    """Folded to 64 columns, the mean product is within 4 standard errors and spread as stated."""
    products, exact, variance = measure_products(64, 400)
    assert abs(products.mean() - exact) <= 4 * np.sqrt(variance / 400)
    assert abs(products.var() / variance - 1) <= 4 * np.sqrt(3 / 400)


def test_signs_differ_and_only_signs():
    """Signed rows have the codes of plain ones; about half the counts are negative."""
    text = [" ".join(f"word{i}" for i in range(4000))]
    plain, signed = TextFeatures((1, 1))(text), TextFeatures((1, 1), signed=True)(text)
    np.testing.assert_array_equal(plain[1], signed[1])
    np.testing.assert_array_equal(np.abs(signed[2]), plain[2])
    assert abs(signed[2].mean()) <= 4 / np.sqrt(4000)


def test_codes_cover_their_range_evenly():
    """Codes of 31 bits: the ends are reached and the mean is the middle."""
    assert code_of(np.array([0, 2**32 - 1, 2**64 - 1], np.uint64)).tolist() == [0, 0, NUM_CODES - 1]
    codes = code_of(mix64(np.arange(100_000)))
    assert abs(codes.mean() / NUM_CODES - 0.5) <= 4 * np.sqrt(1 / 12 / 100_000)


def test_cross_is_ordered_seeded_and_broadcast():
    """A pair has one code, its reverse and another seed have others; shapes broadcast."""
    a = np.arange(300, dtype=np.int32)
    table = cross(a[:, None], a[None, :])
    assert table.shape == (300, 300)
    assert table.dtype == np.int32
    assert len(np.unique(table)) >= 90_000 - 4 * 90_000**2 / 2 / NUM_CODES - 4
    assert not (table == table.T)[~np.eye(300, dtype=bool)].any()
    assert not (cross(a, a, seed=1) == np.diag(table)).any()


@pytest.mark.parametrize("column", [[], [None], [""], ["", None], pa.nulls(3), pa.array([""])[:0]])
def test_no_text_gives_no_codes(column):
    """Empty and null texts give empty rows, an empty column none."""
    indptr, codes, counts = TextFeatures((1, 2), (3, 4))(column)
    assert indptr.tolist() == [0] * (len(column) + 1)
    assert codes.size == counts.size == 0


def test_names_of_nothing():
    """A text without words has no names."""
    assert TextFeatures((1, 2), (3, 4)).names("") == []
    assert TextFeatures((1, 2)).names("a, b") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": None}, r"^words must be a pair where chars is None, got None$"),
        ({"words": (0, 2)}, r"^words must be in 1\.\.8, got 0$"),
        ({"words": (1, 9)}, r"^words must be in 1\.\.8, got 9$"),
        ({"words": (3, 2)}, r"^words must be \(shortest, longest\), got \(3, 2\)$"),
        ({"chars": (2, 17)}, r"^chars must be in 1\.\.16, got 17$"),
        ({"min_length": 0}, r"^min_length must be in 1\.\.1000, got 0$"),
        ({"seed": -1}, r"^seed must be in 0\.\.18446744073709551615, got -1$"),
    ],
)
def test_bad_options_are_named(options, message):
    """The message says which argument, which rule, which value."""
    with pytest.raises(ValueError, match=message):
        TextFeatures(**options)


def test_other_columns_are_refused():
    """A column that is not text is named by its type."""
    with pytest.raises(TypeError, match=r"^column must be of text, got int64$"):
        TextFeatures()([1, 2])


def test_repr_is_the_call():
    """The repr is the call that makes the same family, every option named."""
    family = TextFeatures((1, 3), min_length=1, identifiers=True, seed=4)
    assert repr(family) == (
        "TextFeatures(words=(1, 3), chars=None, min_length=1, identifiers=True, "
        "signed=False, seed=4)"
    )


def test_codes_are_stable():
    """Golden: the codes of words, pairs and characters do not move between versions."""
    family = TextFeatures((1, 2), (3, 3), identifiers=True, signed=True, seed=42)
    indptr, codes, counts = family(["A getHttpURL caf\u00e9", "b"])
    assert [indptr.tolist(), codes.tolist(), counts.tolist()] == GOLDEN


GOLDEN = [
    [0, 23, 24],
    [
        261178884,
        369182942,
        1184133398,
        59152788,
        69091114,
        1542293412,
        1286098690,
        583689699,
        712873467,
        177029441,
        1324864816,
        1127402673,
        1130071905,
        1385497655,
        582624719,
        627775214,
        1909026372,
        2109542760,
        2027181354,
        1355457874,
        657428970,
        232163700,
        160859366,
        81415860,
    ],
    [
        1.0,
        1.0,
        1.0,
        -1.0,
        1.0,
        1.0,
        1.0,
        1.0,
        1.0,
        -1.0,
        1.0,
        -1.0,
        1.0,
        1.0,
        1.0,
        -1.0,
        1.0,
        -1.0,
        -1.0,
        1.0,
        1.0,
        1.0,
        -1.0,
        -1.0,
    ],
]
