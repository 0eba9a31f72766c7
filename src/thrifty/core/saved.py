"""Saved: what moves as bytes and files, in one container that knows its kind and version."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

from thrifty.core.container import Arrays, dump, load, read_container, save
from thrifty.core.errors import FormatError

__all__ = ["Saved"]

Reader = Callable[..., tuple[dict[str, Any], Any]]


class Saved:
    """Base of everything that is written and read as one container.

    A kind gives its `KIND`, what it is (`_contents`, a header that JSON can hold and arrays by
    name) and how to come back from these, which may be lies (`_restored`).

    Example:
        >>> class Note(Saved):
        ...     KIND = "note-example"
        ...     def __init__(self, text):
        ...         self.text = text
        ...     def _contents(self):
        ...         return {"text": self.text}, {}
        ...     @classmethod
        ...     def _restored(cls, header, arrays):
        ...         return cls(header["text"])
        >>> Note.from_bytes(Note("hello").to_bytes()).text
        'hello'
        >>> Note.from_bytes(dump(kind="other", version=1, header={}, arrays={}))
        Traceback (most recent call last):
        thrifty.core.errors.FormatError: this file holds 'other', expected 'note-example'
    """

    KIND: ClassVar[str]
    VERSION: ClassVar[int] = 1

    def _contents(self) -> tuple[dict[str, Any], Arrays]:
        """A header and arrays, which need not be copies."""
        raise NotImplementedError

    @classmethod
    def _restored(cls, header: dict[str, Any], arrays: Any) -> Self:
        """Inverse of `_contents`; a FormatError where they do not belong together."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """One safetensors file as bytes; the same on every machine."""
        return dump(**self._parts())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Inverse of `to_bytes`.

        Raises:
            FormatError: the bytes are cut, altered, of another kind or of a newer version.
        """
        return cls._restored(*read_container(io.BytesIO(data), **cls._expected()))

    def save(self, path: str | Path) -> None:
        """Write a file, whole or not at all.

        Raises:
            SaveError: the disk is full or not writable.
        """
        save(path, **self._parts())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Inverse of `save`.

        Raises:
            FormatError: the file is cut, altered, of another kind or of a newer version.
        """
        return cls._of_file(path, load)

    @classmethod
    def _of_file(cls, path: str | Path, reader: Reader) -> Self:
        """What a reader of containers finds in a file."""
        found = reader(path, **cls._expected())
        try:
            return cls._restored(*found)
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from error

    @classmethod
    def _expected(cls) -> dict[str, Any]:
        return {"kind": cls.KIND, "version": cls.VERSION}

    def _parts(self) -> dict[str, Any]:
        header, arrays = self._contents()
        return {**self._expected(), "header": header, "arrays": arrays}
