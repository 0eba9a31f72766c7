"""Kernels: Numba's `njit`, with a cache on disk that processes share and no machine lacks.

Numba keeps an index of the compiled versions of a function and numbers their files by it. Two
processes that compile at once read the same index and take the same number, so that from then on
one version's code answers for another's types. Nor does that cache notice a changed helper in
another file, and where no folder can be written the decorator raises. Here every version has files
of its own, named by all that it depends on; whatever is wrong with a file, the function is compiled
anew; and where no folder can be written nothing is kept.

The room's `__init__` leaves this file out, so that errors and budgets load without Numba.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache as once
from functools import partial
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

import thrifty

__all__ = ["njit"]

MARKS = (b"njit", b"@kernel", b"llvmlite")  # of sources that compile, or that are compiled


def njit(
    function: Callable | None = None, *, cache: bool = False, counted: bool = True, **options: Any
) -> Any:
    """`numba.njit`, but for how `cache=True` keeps what was compiled.

    Args:
        function: to compile; None where only options are given.
        cache: keep compiled versions on disk, for other processes.
        counted: count references to arrays. False for functions called for every row or token,
            where the counting (some 5 ns a call and array) takes longer than they do; they may
            allocate nothing, which the compiler checks, and what they call should be alike.
        options: as of `numba.njit`.

    Example:
        >>> @njit(nogil=True, error_model="numpy")
        ... def half(x):
        ...     return x / 2
        >>> half(3)
        1.5
    """
    if function is None:
        return partial(njit, cache=cache, counted=counted, **options)
    uncounted = {} if counted else {"_nrt": False}
    made = numba.njit(**options, **uncounted)(function)  # noqa: TID251
    if cache:
        with suppress(RuntimeError, OSError):  # no folder can be written, or the file is not there
            made._cache = _Cache(function)
    return made


class _Cache(FunctionCache):
    """The cache of one function; it never raises."""

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        depends = repr((self._impl.locator.get_source_stamp(), _helpers()))
        self._cache_file = _Versions(self._cache_path, self._impl.filename_base, _short(depends))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled version, or None where it has to be compiled."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # cut, altered, gone, unreadable: compiling mends it
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled version if that is possible."""
        with suppress(OSError):  # the disk is full, the folder is gone
            super().save_overload(sig, data)


class _Versions:
    """What is kept of one function, each version in an index and a data file of its own.

    Args:
        folder: of all files. base: how their names begin. stamp: of the sources.
    """

    def __init__(self, folder: str, base: str, stamp: str) -> None:
        self.folder, self.base, self.stamp = folder, base, stamp

    def load(self, key: Any) -> Any:
        """What was kept under the key, or None."""
        return self._file(key).load(key)

    def save(self, key: Any, data: Any) -> None:
        """Keep it, and remove what was compiled from other sources."""
        file = self._file(key)
        file.flush()  # numba reads the index before it writes one, and it may be damaged
        file.save(key, data)
        for path in Path(self.folder).glob(f"{self.base}.*-*.nb[ic]"):
            if not path.name.startswith(f"{self.base}.{self.stamp}-"):
                path.unlink(missing_ok=True)

    def flush(self) -> None:
        """Remove all."""
        for path in Path(self.folder).glob(f"{self.base}.*-*.nb[ic]"):
            path.unlink(missing_ok=True)

    def _file(self, key: Any) -> IndexDataCacheFile:
        named = repr((key, numba.config.BOUNDSCHECK))
        return IndexDataCacheFile(
            self.folder, f"{self.base}.{self.stamp}-{_short(named)}", self.stamp
        )


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@once
def _helpers() -> str:
    """A digest of every source of the package that compiles something; any may be inlined."""
    root = Path(str(thrifty.__file__)).parent
    texts = [path.read_bytes() for path in sorted(root.rglob("*.py"))]
    kernels = [text for text in texts if any(mark in text for mark in MARKS)]
    return hashlib.sha256(b"\0".join([numba.__version__.encode(), *kernels])).hexdigest()
