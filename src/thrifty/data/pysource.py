"""Python source: functions and classes of the Python files on this machine, as rows."""

import ast
import gc
import keyword
import re
import sysconfig
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from thrifty.core import in_range

__all__ = ["FILES_AT_ONCE", "PythonFile", "functions_in", "installed_files", "read_functions"]

Row = dict[str, str]
SKIPPED = {
    "__pycache__", "_distutils_hack", "_vendor", "dist-packages", "idle_test", "site-packages",
    "test", "testing", "tests",
}  # fmt: skip
# Comments and texts are stepped over; what group 1 holds is a name.
PREFIX = "[bfruBFRU]{0,2}"
TOKEN = re.compile(
    r"#[^\n]*"
    rf'|{PREFIX}"""(?:[^"\\]|\\.|"(?!""))*"""'
    rf"|{PREFIX}'''(?:[^'\\]|\\.|'(?!''))*'''"
    rf'|{PREFIX}"(?:[^"\\\n]|\\.)*"'
    rf"|{PREFIX}'(?:[^'\\\n]|\\.)*'"
    r"|([^\W\d]\w*)",
    re.DOTALL,
)
COMMON = frozenset([*keyword.kwlist, *keyword.softkwlist, "cls", "self"])
MOST_WORDS = 300
MOST_CHARS = 2000
FILES_AT_ONCE = 32


class PythonFile(NamedTuple):
    """A source file and the dotted name by which its module is imported."""

    module: str
    path: Path


def installed_files(roots: Iterable[str | Path] | None = None) -> list[PythonFile]:
    """Find the Python files of the standard library and the installed packages.

    Tests, copies of other packages (folders named _vendor) and files that cannot be imported by
    name are left out.

    Args:
        roots: folders that stand on the import path; None is those of this interpreter.

    Returns:
        One entry a module, sorted by its name; where two roots have it, the first root counts.

    Example:
        >>> names = [file.module for file in installed_files()]
        >>> {"json", "json.decoder", "socket"} <= set(names), names == sorted(set(names))
        (True, True)
    """
    if roots is None:
        paths = sysconfig.get_paths()
        roots = [paths["stdlib"], paths["purelib"], paths["platlib"]]
    found: dict[str, PythonFile] = {}
    for root in dict.fromkeys(Path(root) for root in roots):
        for file in _below(root, ()):
            found.setdefault(file.module, file)
    return sorted(found.values())


def functions_in(source: str, module: str) -> list[Row]:
    """List the functions and classes of one source text, those inside functions left out.

    Args:
        source: the text of the file.
        module: its dotted name.

    Returns:
        A row each: kind ("function" or "class"), name (with its class, Class.method), doc (the
        docstring's first 2,000 characters), body (names used inside, each once; of a class its
        bases and the names of its parts), module.

    Raises:
        SyntaxError: the text is not Python of this version.

    Example:
        >>> text = "def area(r):" + chr(10) + "  'Of a disc.'; return pi * r"
        >>> functions_in(text, "shapes") == [{"kind": "function", "name": "area",
        ...     "doc": "Of a disc.", "body": "r pi", "module": "shapes"}]
        True
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes that a later version will refuse
        tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    return [_row(node, name, lines, module) for node, name in _definitions(tree, "")]


def read_functions(files: Sequence[PythonFile], *, processes: int = 2) -> Iterator[list[Row]]:
    """Read the functions and classes of many files, a few files at a time.

    A file that is not UTF-8, or not Python of this version, gives no row.

    Args:
        files: what to read.
        processes: how many work at it, 1..64; 1 is this process alone.

    Yields:
        The rows of the next files, in order, whatever the number of processes.

    Raises:
        ValueError: processes outside 1..64.
    """
    in_range("processes", processes, 1, 64)
    pieces = [files[start : start + FILES_AT_ONCE] for start in range(0, len(files), FILES_AT_ONCE)]
    if processes == 1:
        yield from map(_read, pieces)
        return
    # Trees are freed by counting references; looking for cycles among them costs a third.
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=gc.disable) as pool:
        yield from pool.map(_read, pieces)


def _below(folder: Path, names: tuple[str, ...]) -> Iterator[PythonFile]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        name = path.stem if path.suffix == ".py" else path.name
        if not name.isidentifier() or name in SKIPPED or name.startswith("test_"):
            continue
        if path.suffix == ".py":
            inside = names if name == "__init__" else (*names, name)
            yield from [PythonFile(".".join(inside), path)] * bool(inside)
        elif path.is_dir() and not path.is_symlink():
            yield from _below(path, (*names, name))


def _read(files: Sequence[PythonFile]) -> list[Row]:
    rows = []
    for module, path in files:
        try:
            rows += functions_in(path.read_text(encoding="utf-8"), module)
        except (OSError, RecursionError, SyntaxError, ValueError):
            continue
    return rows


def _definitions(node: Any, inside: str) -> Iterator[tuple[Any, str]]:
    """Functions and classes, also under `if` and `try` and in classes, not in functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child, inside + child.name
        if isinstance(child, ast.ClassDef):
            yield from _definitions(child, f"{inside}{child.name}.")
        elif isinstance(child, (ast.If, ast.Try, ast.With)):
            yield from _definitions(child, inside)


def _row(node: Any, name: str, lines: list[str], module: str) -> Row:
    is_class = isinstance(node, ast.ClassDef)
    words = _parts(node) if is_class else _names("".join(lines[node.lineno - 1 : node.end_lineno]))
    known = COMMON | {node.name}
    kept = [word for word in dict.fromkeys(words) if word not in known][:MOST_WORDS]
    return {
        "kind": "class" if is_class else "function",
        "name": name,
        "doc": (ast.get_docstring(node) or "")[:MOST_CHARS],
        "body": " ".join(kept),
        "module": module,
    }


def _parts(node: ast.ClassDef) -> Iterator[str]:
    for base in node.bases:
        yield from _names(ast.unparse(base))
    for child in node.body:
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child.name
        elif isinstance(child, (ast.Assign, ast.AnnAssign)):
            yield from _names(ast.unparse(child))


def _names(code: str) -> Iterator[str]:
    return filter(None, TOKEN.findall(code))
