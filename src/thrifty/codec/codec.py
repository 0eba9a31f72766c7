"""Codec: an array to fewer bits and back; what every codec and everything encoded can do."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thrifty.codec._buffers import array_of, dtype_named
from thrifty.core import FormatError, IncompatibleError
from thrifty.core.summary import Summary

__all__ = ["Codec", "Encoded", "RowReader"]

Arrays = dict[str, np.ndarray]
Some = slice | NDArray[np.int64]  # of rows: from one to another, or by their numbers
KINDS: dict[str, type["Codec"]] = {}
MOST_ELEMENTS = 2**48


class Codec:
    """Base of all codecs; a codec is small and frozen: what it was made with, and nothing else.

    A kind of codec gives its `KIND` (the name in files, new for each), what it was made with
    (`spec`, the keywords that make it again), how an array becomes named arrays (`_encode`) and
    how these become the array again (`_decode`, into `out`), how many bytes they will be (`size`)
    and how far off (`bound`).
    What `_decode` is given may come from a forged file: it checks with `thrifty.core.taken`, and
    no stored number is an address unchecked. A codec that can tell rows of a matrix apart says how
    (`_rows`, or `_read_rows` where that takes more than cutting arrays).

    Example:
        >>> class Half(Codec):
        ...     KIND = "half-example"
        ...     def spec(self):
        ...         return {}
        ...     def size(self, x):
        ...         return 2 * np.size(x)
        ...     def bound(self, x):
        ...         return np.maximum(np.abs(x) * 2.0**-11, 2.0**-25)
        ...     def _encode(self, x):
        ...         return {"halves": x.astype(np.float16).ravel()}
        ...     def _decode(self, arrays, out):
        ...         out[...] = arrays["halves"].reshape(out.shape)
        >>> x = np.linspace(-1, 1, 1000, dtype=np.float32)
        >>> small = Half().encode(x)
        >>> small.nbytes == Half().size(x) == 2000
        True
        >>> bool((np.abs(small.decode() - x) <= Half().bound(x)).all())
        True
    """

    KIND: ClassVar[str]
    FIXED_RATE: bool = False  # `size` looks at shape and dtype only: checked on decoding

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "KIND" in vars(cls):
            KINDS[cls.KIND] = cls

    def spec(self) -> dict[str, Any]:
        """The keywords that make this codec again, as JSON can hold them."""
        raise NotImplementedError

    def size(self, x: Any) -> int:
        """Bytes of the encoded arrays of x, exactly, before encoding it.

        Args:
            x: array or tensor. Of a codec of fixed rate, only its shape and dtype are looked at.
        """
        raise NotImplementedError

    def bound(self, x: Any) -> np.ndarray | float:
        """The largest error of every element of x, in x's own unit; 0 if lossless.

        Args:
            x: array or tensor; the answer broadcasts to its shape.
        """
        raise NotImplementedError

    def encode(self, x: Any) -> "Encoded":
        """Encode an array or a tensor; it is not changed.

        Args:
            x: array of any shape, or a torch tensor on the CPU (looked at in place, not copied).

        Raises:
            TypeError: a dtype this codec does not take.
        """
        found = array_of(x)
        arrays = self._encode(np.ascontiguousarray(found).reshape(found.shape))
        return Encoded(self, found.shape, found.dtype.name, arrays)

    def _encode(self, x: np.ndarray) -> Arrays:
        raise NotImplementedError

    def _decode(self, arrays: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        raise NotImplementedError

    def _rows(
        self, arrays: Mapping[str, np.ndarray], shape: tuple[int, int], some: Some
    ) -> Arrays | None:
        """The arrays of some rows of a matrix; None where rows do not stand apart."""
        return None

    def _read_rows(
        self, arrays: Mapping[str, np.ndarray], shape: tuple[int, int], dtype: np.dtype
    ) -> Callable[[Some, np.ndarray], None] | None:
        """What decodes some rows of a matrix into `out`; None where only all of them can be."""
        if self._rows(arrays, shape, slice(0, 0)) is None:
            return None
        return lambda some, out: self._decode(self._rows(arrays, shape, some) or {}, out)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.spec() == self.spec()

    def __hash__(self) -> int:
        raise TypeError(f"{type(self).__name__} is not hashed")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.spec().items())})"


class Encoded(Summary):
    """What a codec made of an array: its arrays, and what gives the first one back.

    Args:
        codec: that made it.
        shape: of the array.
        dtype: name of its dtype, as "float32" or "bfloat16".
        arrays: what the codec keeps, by name.
    """

    KIND = "encoded"

    def __init__(self, codec: Codec, shape: tuple[int, ...], dtype: str, arrays: Arrays) -> None:
        self.codec, self.shape, self.dtype = codec, tuple(shape), dtype
        self._arrays = arrays

    @property
    def size(self) -> int:
        """Elements of the array."""
        return math.prod(self.shape)

    def decode(self, out: Any = None) -> Any:
        """The array again.

        Args:
            out: C-contiguous array or tensor of the same shape and dtype to write to; None makes
                an array.

        Raises:
            IncompatibleError: `out` is of another shape or dtype.
            FormatError: what was encoded is damaged.
        """
        self._check_size()
        if out is None:
            out = np.empty(self.shape, dtype_named(self.dtype))
        target = array_of(out)
        if target.shape != self.shape or target.dtype.name != self.dtype:
            raise IncompatibleError(
                f"out must be {self.dtype} of shape {self.shape}, "
                f"got {target.dtype.name} {target.shape}"
            )
        if not (target.flags.c_contiguous and target.flags.writeable):
            raise IncompatibleError("out must be contiguous and writeable")
        self.codec._decode(self._arrays, target)
        return out

    def rows(self, which: slice | ArrayLike) -> np.ndarray:
        """Some rows of a matrix, without decoding the others where the codec can.

        Args:
            which: a slice of the rows, or (n,) numbers of rows.

        Raises:
            IncompatibleError: it is no matrix.
            IndexError: there is no such row.
            TypeError: numbers of rows that are not whole.
            FormatError: what was encoded is damaged.
        """
        return RowReader(self).read(which)

    def _check_size(self) -> None:
        """Refuse a shape that its bytes cannot be of, before any memory is taken for it."""
        if not self.codec.FIXED_RATE:
            return
        wanted = self.codec.size(np.broadcast_to(np.zeros((), dtype_named(self.dtype)), self.shape))
        if self.nbytes != wanted:
            raise FormatError(f"{self!r} must hold {wanted} bytes, got {self.nbytes}")

    def spec(self) -> dict[str, Any]:
        """The codec, the shape and the dtype."""
        return {
            "codec": self.codec.KIND, "with": self.codec.spec(),
            "shape": list(self.shape), "dtype": self.dtype,
        }  # fmt: skip

    def arrays(self) -> Arrays:
        """What the codec keeps, by name."""
        return dict(self._arrays)

    @classmethod
    def restore(cls, spec: Mapping[str, Any], arrays: Arrays) -> Self:
        """The encoded array of this spec; its codec is found by its name."""
        kind = spec["codec"]
        if kind not in KINDS:
            raise FormatError(f"codec must be one of {', '.join(sorted(KINDS))}, got {kind!r}")
        shape = tuple(int(size) for size in spec["shape"])
        if any(size < 0 for size in shape) or math.prod(shape) > MOST_ELEMENTS:
            raise FormatError(f"shape must be whole sizes, got {spec['shape']}")
        dtype_named(spec["dtype"])
        return cls(KINDS[kind](**spec["with"]), shape, spec["dtype"], arrays)


class RowReader:
    """Rows of an encoded matrix, some at a time.

    Args:
        encoded: a matrix.

    Raises:
        IncompatibleError: it is no matrix.
        FormatError: it is damaged.

    Example:
        >>> from thrifty.codec import Groups
        >>> x = np.random.default_rng(0).standard_normal((100, 64), dtype=np.float32)
        >>> small = Groups(4).encode(x)
        >>> reader = RowReader(small)
        >>> reader.alone, bool((reader.read(slice(10, 20)) == small.decode()[10:20]).all())
        (True, True)
    """

    def __init__(self, encoded: Encoded) -> None:
        if len(encoded.shape) != 2:
            raise IncompatibleError(f"encoded must be a matrix, got {encoded!r}")
        encoded._check_size()
        self._encoded, self._dtype = encoded, dtype_named(encoded.dtype)
        with _cut_is_damage():
            self._read = encoded.codec._read_rows(encoded._arrays, encoded.shape, self._dtype)

    @property
    def alone(self) -> bool:
        """Whether rows are decoded without the others."""
        return self._read is not None

    def read(self, which: slice | ArrayLike) -> np.ndarray:
        """The rows of a slice or of numbers; as `Encoded.rows`."""
        rows, columns = self._encoded.shape
        some = _some(which, rows)
        if self._read is None:
            return self._encoded.decode()[some]
        count = some.stop - some.start if isinstance(some, slice) else len(some)
        out = np.empty((count, columns), self._dtype)
        with _cut_is_damage():
            self._read(some, out)
        return out


@contextmanager
def _cut_is_damage() -> Iterator[None]:
    """Arrays of fewer rows or axes than they must have are damage, not a wrong question."""
    try:
        yield
    except IndexError as error:
        raise FormatError(f"arrays must have all rows: {error}") from error


def _some(which: slice | ArrayLike, rows: int) -> Some:
    """Rows that are there, without steps."""
    if isinstance(which, slice):
        start, stop, step = which.indices(rows)
        return slice(start, max(start, stop)) if step == 1 else np.arange(start, stop, step)
    found = np.asarray(which)
    if found.size and found.dtype.kind not in "iu":
        raise TypeError(f"rows must be whole numbers, got {found.dtype}")
    if found.size and not 0 <= int(found.min()) <= int(found.max()) < rows:
        raise IndexError(f"rows must be in 0..{rows - 1}, got {int(found.min())}..{found.max()}")
    return found.astype(np.int64)
