"""Atomic: a file is written beside the one it replaces, so that a crash leaves one of the two."""

import errno
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from thrifty.core.errors import SaveError

__all__ = ["alive", "replacing"]


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file beside `path`; on success it replaces `path`, on any failure `path` is untouched.

    What a killed process left beside `path` is removed first.

    Raises:
        SaveError: the disk is full or not writable; the message names path and reason.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    _sweep(path)
    try:
        with open(beside, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        if error.filename not in (None, str(beside)):
            raise  # another file's trouble, met while writing this one
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise SaveError(error.errno or errno.EIO, f"cannot write {path}: {reason}") from error
    finally:
        with suppress(OSError):
            beside.unlink()


def _sweep(path: Path) -> None:
    """Remove the parts of dead processes of this machine; a live writer keeps its own."""
    part = re.compile(rf"\.{re.escape(path.name)}\.(\d+)\.\d+\.part")
    with suppress(OSError):
        for entry in os.scandir(path.parent):
            match = part.fullmatch(entry.name)
            if match and not alive(int(match[1])):
                os.unlink(entry.path)


def alive(pid: int) -> bool:
    """Whether a process of this machine still runs; True where that cannot be told.

    Example:
        >>> alive(os.getpid()), alive(2**40)
        (True, False)
    """
    if os.name != "posix":
        return True  # elsewhere os.kill would end the process that is asked about
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
