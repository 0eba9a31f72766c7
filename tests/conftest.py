"""Set-up of all tests: the same examples on every run, and a kernel cache for each worker.

Numba's cache on disk is not safe for two processes that compile at once (the index is read and
written without a lock), and it does not notice a changed helper in another file. So each worker of
pytest-xdist has a folder of its own, and a change of any kernel's file starts a new one.
"""

import hashlib
import os
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]


def kernel_cache(worker: str) -> Path:
    """The cache folder of one worker, named after the text of all files that compile kernels."""
    texts = [path.read_bytes() for path in sorted((ROOT / "src").rglob("*.py"))]
    kernels = [text for text in texts if b"numba" in text]
    checked = os.environ.get("NUMBA_BOUNDSCHECK", "0").encode()
    digest = hashlib.sha256(b"".join([checked, *kernels])).hexdigest()[:16]
    base = Path(os.environ.get("NUMBA_CACHE_DIR") or ROOT / "build" / "numba")
    return base / digest / worker


if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["NUMBA_CACHE_DIR"] = str(kernel_cache(worker))

settings.register_profile("thrifty", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("thrifty")
