"""Static function: keys to values in nearly the entropy of the values, without the keys."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thrifty.codec._book import Book, counted
from thrifty.codec._reader import Reader
from thrifty.codec._shape import Shape, entropy_of, shape_of
from thrifty.codec._sieve import Sieve
from thrifty.codec._signatures import Signed, fingerprints, signatures_of, signed
from thrifty.codec._single import rank_of_one
from thrifty.codec._windows import LONGEST, Windows
from thrifty.core import (
    BudgetError,
    DataError,
    FormatError,
    IncompatibleError,
    MappedSummary,
    in_range,
    method,
    whole,
)
from thrifty.core.budget import format_bytes, parse_bytes
from thrifty.hashing.keys import seed_key

__all__ = ["StaticFunction"]

MOST_CHECK, ATTEMPTS = 24, 64
CODES, SIEVE, MARKS = 0x636F6465, 0x73696576, 0x6D61726B


@method(
    source="Genuzio, Ottaviano and Vigna 2016, Fast scalable construction of (minimal perfect "
    "hash) functions, doi:10.1007/978-3-319-38851-9_23; CARAMEL, Coleman et al. 2023, "
    "arXiv:2305.16545",
    memory="1.11 bits a bit of the canonical Huffman code of the values, and the distinct values",
    time="three loads a key; building, some 0.4 microseconds a bit of the codewords",
    error="none for keys it was made of; of others an arbitrary value, or found out with "
    "probability 1 - 2**-check",
    exact="dict(zip(keys, values))",
    laws=("static-function",),
    evidence=("staticfunction",),
)
class StaticFunction(MappedSummary):
    """Look values up by key, in nearly the entropy of the values; keys are not kept.

    Each key has three places by its hash; the exclusive or of the bits from there on is the
    codeword of its value, for which equations are solved in groups of some thousand. Where one
    value is frequent, fingerprints of the keys of all others keep most of its keys out.

    Args:
        keys: (n,) column of any Arrow type, n at least 1; none twice unless with the same value.
            A null is a key; a key is its value, in whatever width or kind of list it is held.
        values: (n,) column of numbers, bools, text or bytes, without nulls.
        check: bits a key by which strangers are found out, 0..24; 0 for none.
        seed: of all hashes.
        threads: that solve; None for as many as there are cores.

    Raises:
        TypeError: keys of no Arrow type, or values of another type.
        DataError: a key twice with two values, a null value, or no rows.
        IncompatibleError: keys and values of different number.
        ValueError: check, seed or threads is out of range.

    Example:
        >>> keys = [f"word {i}" for i in range(20_000)]
        >>> values = np.random.default_rng(0).binomial(8, 0.2, 20_000)
        >>> small = StaticFunction(keys, values)
        >>> bool((small.get(keys) == values).all()), bool(small["word 7"] == values[7])
        (True, True)
        >>> small.nbytes == StaticFunction.size(values)
        True
        >>> bool(8 * small.nbytes / 20_000 < 1.25 * small.entropy)
        True
    """

    KIND = "static-function"

    def __init__(
        self, keys: Any, values: Any, *, check: int = 0, seed: int = 0, threads: int | None = None
    ) -> None:
        whole("check", check, 0, MOST_CHECK)
        if threads is not None:
            whole("threads", threads, 1, 1024)
        numbers, distinct, _ = counted(values)
        marked = signed(signatures_of(keys, seed), numbers, keys, distinct)
        self._build(marked, distinct, check, seed, threads)

    def _build(
        self, marked: Signed, distinct: Any, check: int, seed: int, threads: int | None
    ) -> None:
        counts = np.bincount(marked.numbers, minlength=len(distinct))
        shape = shape_of(distinct, counts, check)
        self.length, self.entropy = len(marked.numbers), entropy_of(counts)
        self.check, self.seed, self.sieve = check, seed, shape.sieve
        self._use(shape.book, int(shape.ranks[counts.argmax()]))
        for attempt in range(ATTEMPTS):
            self.attempt = attempt
            if self._solve(marked, shape, counts, threads):
                return
        raise RuntimeError(f"no solution in {ATTEMPTS} attempts: report this with the keys")

    def _use(self, book: Book, top: int) -> None:
        self._book, self._top = book, top
        self._codes: Windows | None = None
        self._sieve: Sieve | None = None

    def _key(self, domain: int) -> np.uint64:
        return seed_key(self.seed, (self.attempt << 32) + domain)

    def _solve(
        self, marked: Signed, shape: Shape, counts: NDArray[np.int64], threads: int | None
    ) -> bool:
        """Solve for the sieve and for the codewords of what passes it."""
        rows, ranks = marked.signatures, shape.ranks[marked.numbers]
        if shape.sieve:
            rare = marked.numbers != counts.argmax()
            keys = self._key(SIEVE), self._key(MARKS)
            self._sieve = Sieve.solved(rows[:, rare], shape.sieve, keys, threads)
            if self._sieve is None:
                return False
            rare |= self._sieve.passes(rows)
            rows, ranks = np.ascontiguousarray(rows[:, rare]), ranks[rare]
        if not shape.equations:
            return True
        codes, lengths = shape.book.codes(ranks)
        if self.check:
            marks = fingerprints(rows, self._key(MARKS), self.check)
            codes = codes << np.uint64(self.check) | marks
            lengths += np.uint8(self.check)
        room, key = (shape.equations, shape.longest), self._key(CODES)
        self._codes = Windows.solved(rows, codes, lengths, key=key, room=room, threads=threads)
        return self._codes is not None

    @classmethod
    def size(cls, values: Any, *, check: int = 0) -> int:
        """Bytes of the function of such values under distinct keys, exactly, without the keys.

        Raises:
            TypeError: values of another type.
            DataError: a null value, or no rows.
            ValueError: check is out of range.
        """
        whole("check", check, 0, MOST_CHECK)
        _, distinct, counts = counted(values)
        if not len(distinct):
            raise DataError("keys must be at least 1, got none")
        return shape_of(distinct, counts, check).nbytes

    @classmethod
    def within(cls, budget: int | str, keys: Any, values: Any, *, seed: int = 0) -> Self:
        """The one with the most bits of `check` that fits the budget.

        Args:
            budget: bytes.
            keys, values, seed: as of the class.

        Raises:
            BudgetError: the budget is below that without a check.
            TypeError: as of the class.
            DataError: as of the class.
            IncompatibleError: as of the class.
        """
        nbytes = parse_bytes(budget, "budget")
        smallest = cls.size(values)
        if nbytes < smallest:
            what = f"{format_bytes(smallest, up=True)} for these values"
            raise BudgetError(f"budget must be at least {what}, got {budget!r}", smallest)
        fits = (c for c in range(MOST_CHECK, 0, -1) if cls.size(values, check=c) <= nbytes)
        return cls(keys, values, check=next(fits, 0), seed=seed)

    def get(self, keys: Any, default: Any = None) -> Any:
        """The value of every key.

        Args:
            keys: column; see the class.
            default: value for keys that are found to be strangers; needs `check`. None for an
                arbitrary value.

        Returns:
            (n,) NumPy array of the type of the values, or Arrow array for text and bytes.

        Raises:
            TypeError: keys of no Arrow type.
            IncompatibleError: a default, but no check.
        """
        ranks, known = self._reader.ranks(signatures_of(keys, self.seed))
        values = self._book.values(ranks)
        if default is None:
            return values
        self._needs_check()
        if isinstance(values, np.ndarray):
            return np.where(known, values, np.asarray(default, values.dtype))
        return pc.if_else(pa.array(known), values, pa.scalar(default, values.type))

    def contains(self, keys: Any) -> NDArray[np.bool_]:
        """Whether each key is one it was made of: False is certain, True wrong by 2**-check.

        Raises:
            TypeError: keys of no Arrow type.
            IncompatibleError: it was made without a check.
        """
        self._needs_check()
        return self._reader.ranks(signatures_of(keys, self.seed))[1]

    def __getitem__(self, key: Any) -> Any:
        """The value of one key, as a number, a str or bytes.

        Raises:
            KeyError: it is found to be a stranger.
        """
        rank = self._rank_of(key)
        if rank < 0:
            raise KeyError(key)
        return self._value_of(rank)

    def __len__(self) -> int:
        """Distinct keys it was made of."""
        return self.length

    def _needs_check(self) -> None:
        if not self.check:
            raise IncompatibleError(f"{self!r} must have a check to know strangers, got check=0")

    @functools.cached_property
    def _reader(self) -> Reader:
        how = (self._top, self.check, self._key(MARKS))
        return Reader(self._book.steps(), *how, self._codes, self._sieve)

    @functools.cached_property
    def _rank_of(self) -> Callable[[Any], int]:
        return rank_of_one(self._reader, self.seed)

    @functools.cached_property
    def _value_of(self) -> Callable[[int], Any]:
        return self._book.one_by_one()

    def __getstate__(self) -> dict[str, Any]:
        """All but what looks up one key, which holds addresses."""
        return {k: v for k, v in vars(self).items() if k not in ("_rank_of", "_value_of")}

    def spec(self) -> dict[str, Any]:
        """What it takes beside the arrays."""
        names = ("length", "check", "seed", "sieve", "attempt", "entropy")
        own = {name: getattr(self, name) for name in names}
        return {**own, "top": self._top, "book": self._book.spec()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Bits and the starts of their groups, and the distinct values."""
        held = self._book.arrays()
        if self._codes is not None:
            held |= self._codes.arrays("code-")
        return held if self._sieve is None else held | self._sieve.windows.arrays("sieve-")

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The function of a spec and arrays, once nothing in them leads astray."""
        made, book = cls.__new__(cls), Book.read(spec["book"], arrays)
        made.length = whole("length", spec["length"], 1, 2**48)
        made.entropy = in_range("entropy", spec["entropy"], 0.0, 64.0)
        made.check = whole("check", spec["check"], 0, MOST_CHECK)
        made.seed = whole("seed", spec["seed"], 0, 2**64 - 1)
        made.sieve = whole("sieve", spec["sieve"], 0, LONGEST)
        made.attempt = whole("attempt", spec["attempt"], 0, ATTEMPTS)
        made._use(book, whole("top", spec["top"], 0, book.symbols_held - 1))
        if longest := book.longest + made.check:
            made._codes = Windows.read(arrays, "code-", longest, made._key(CODES))
        if made.sieve:
            keys = made._key(SIEVE), made._key(MARKS)
            made._sieve = Sieve.read(arrays, made.sieve, keys)
            if made._codes is None:
                raise FormatError("sieve must have codewords behind it, got none")
        return made

    def __repr__(self) -> str:
        told = f"keys={self.length}, check={self.check}, seed={self.seed}, sieve={self.sieve}"
        return f"{type(self).__name__}({told})"
