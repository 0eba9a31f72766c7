"""Python source: what is found, what a row holds, and files that cannot be read."""

import ast
import sysconfig
from pathlib import Path

import pytest

from thrifty.data.pysource import PythonFile, functions_in, installed_files, read_functions

TEXT = '''
import os

def outer(path, mode="r"):
    """Open a file."""
    def inner():
        return "hidden in 'text'"
    return inner(os.open(path))  # comment words

if os.name == "nt":
    async def waits(): await soon("""long
    text""") + caf\u00e9

class Shape(Base, metaclass=Meta):
    """A shape."""
    sides: int = COUNT
    def area(self):
        return self.width * r"raw" * f'{fstring}'
    class Part:
        pass
'''


def written(folder, files):
    """Write files by relative path; returns the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


# exact


def test_functions_and_classes_of_a_text():
    """Each definition is one row, also under `if` and in classes, but not inside functions."""
    rows = functions_in(TEXT, "shapes")
    assert [(row["kind"], row["name"]) for row in rows] == [
        ("function", "outer"),
        ("function", "waits"),
        ("class", "Shape"),
        ("function", "Shape.area"),
        ("class", "Shape.Part"),
    ]
    assert [row["doc"] for row in rows] == ["Open a file.", "", "A shape.", "", ""]
    assert {row["module"] for row in rows} == {"shapes"}


def test_body_is_the_names_and_nothing_else():
    """Names inside stand once each; texts, comments, keywords, self and the own name do not."""
    bodies = {row["name"]: row["body"] for row in functions_in(TEXT, "shapes")}
    assert bodies["outer"] == "path mode inner os open"
    assert bodies["waits"] == "soon caf\u00e9"
    assert bodies["Shape"] == "Base sides int COUNT area Part"
    assert bodies["Shape.area"] == "width"
    assert bodies["Shape.Part"] == ""


def test_agrees_with_ast_on_the_standard_library():
    """On a real file the rows are the definitions that `ast` finds outside functions."""
    path = Path(sysconfig.get_paths()["stdlib"]) / "json" / "decoder.py"
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.ClassDef)
    expected = {node.name for node in tree.body if isinstance(node, kinds)}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    expected |= {f"{c.name}.{node.name}" for c in classes for node in c.body if type(node) in kinds}
    assert "JSONDecoder.raw_decode" in expected
    assert {row["name"] for row in functions_in(path.read_text(), "json.decoder")} == expected


def test_long_texts_are_cut():
    """A docstring keeps 2,000 characters and a body 300 names, so one row cannot fill memory."""
    body = "; ".join(f"name{i}" for i in range(1000))
    (row,) = functions_in(f'def f():\n "{"x" * 9000}"\n {body}', "long")
    assert len(row["doc"]) == 2000
    assert len(row["body"].split()) == 300


def test_files_are_found_by_their_import_name(tmp_path):
    """Modules and packages are named as an import names them; tests and copies are left out."""
    written(
        tmp_path,
        dict.fromkeys(
            [
                "top.py", "pack/__init__.py", "pack/part.py", "pack/deep/more.py", "not-a-name.py",
                "notes.txt", "tests/x.py", "pack/test/x.py", "pack/_vendor/x.py", "test_x.py",
                "site-packages/x.py", "__init__.py",
            ],
            "",
        ),
    )  # fmt: skip
    names = [file.module for file in installed_files([tmp_path])]
    assert names == ["pack", "pack.deep.more", "pack.part", "top"]


def test_the_first_root_counts(tmp_path):
    """Where two roots have a module, the import path's first is the one."""
    first = written(tmp_path / "a", {"same.py": ""})
    second = written(tmp_path / "b", {"same.py": "", "other.py": ""})
    found = dict(installed_files([first, second, first]))
    assert found == {"same": first / "same.py", "other": second / "other.py"}


@pytest.mark.parametrize("processes", [1, 2])
def test_reading_does_not_depend_on_the_processes(tmp_path, processes):
    """One process or two give the same rows in the same order."""
    written(tmp_path, {f"m{i:03}.py": f"def f{i}(): pass" for i in range(70)})
    files = installed_files([tmp_path])
    pieces = list(read_functions(files, processes=processes))
    assert [row["name"] for rows in pieces for row in rows] == [f"f{i}" for i in range(70)]
    assert len(pieces) > 2


# edges and refusals


def test_unreadable_files_give_no_row(tmp_path):
    """A file of another encoding, of broken syntax, or gone, is stepped over."""
    files = {
        "good.py": "def f(): pass", "latin.py": b"def f(): '\xe9'", "broken.py": "def f(:",
        "null.py": "def f(): '\0'",
    }  # fmt: skip
    written(tmp_path, files)
    found = [*installed_files([tmp_path]), PythonFile("gone", tmp_path / "gone.py")]
    (rows,) = read_functions(found, processes=1)
    assert [row["module"] for row in rows] == ["good"]


def test_no_files_no_rows(tmp_path):
    """An empty or missing folder is no error."""
    assert installed_files([tmp_path, tmp_path / "missing"]) == []
    assert list(read_functions([], processes=1)) == []


def test_broken_text_is_refused():
    """A single text that is not Python is an error of the caller."""
    with pytest.raises(SyntaxError, match=r"^'\(' was never closed"):
        functions_in("def f(", "x")


def test_invalid_escapes_do_not_warn():
    """What a later Python refuses in other people's files is not our warning to give."""
    assert functions_in("def f(): '\\d'", "x")[0]["name"] == "f"


def test_processes_out_of_range():
    """The number of processes is checked before any starts."""
    with pytest.raises(ValueError, match=r"^processes must be in 1\.\.64, got 0$"):
        list(read_functions([], processes=0))
