"""House rules that no linter knows, found by walking the folders; each fails closed."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import thrifty
from evidence import RESULTS
from thrifty.laws import LAWS
from tools.tree import (
    ROOT,
    evidence_files,
    evidence_of,
    methods_of,
    module_of,
    room_files,
    rooms,
    sentences_of,
)

FILES = room_files()
EVIDENCE = evidence_files()
CODE = sorted(
    path for folder in ("src", "evidence", "tools") for path in ROOT.glob(f"{folder}/**/*.py")
)
OURS = [path for path in CODE if ROOT / "evidence" / "peers" not in path.parents]
HEAVY = {"cyclopts", "numba", "numpy", "pyarrow", "rich", "scipy", "sklearn", "torch"}
BANNED_CALLS = {"hash", "eval", "exec"}
BANNED_IMPORTS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
MAX_FILE, MAX_BODY = 300, 40


def name_of(path):
    """What a failing rule shows: the path from the project's root."""
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else str(path)


def each(paths):
    """Run a rule once for each path."""
    return pytest.mark.parametrize("path", paths, ids=name_of)


def tree_of(path):
    """The syntax tree of a file."""
    return ast.parse(path.read_text())


def files_for(path):
    """The test files of a file of a room: tests/<room>/test_<stem>*.py."""
    room = path.relative_to(ROOT / "src" / "thrifty").parts[0]
    return sorted((ROOT / "tests" / room).glob(f"test_{path.stem}*.py"))


def raised_in(tree):
    """Names of the errors in the `Raises:` sections of all docstrings of a file."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            lines = iter((ast.get_docstring(node) or "").splitlines())
            section = any(line == "Raises:" for line in lines)
            for line in lines if section else ():
                if line and not line.startswith(" "):
                    break
                if line[4:5].strip() and ":" in line:
                    names.add(line.strip().partition(":")[0])
    return names


def expected_in(tree):
    """Names a test file mentions, if it expects an error at all; strings of a table count too."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return names if "raises" in names else set()


def body_lines(function):
    """Lines of a function's body, its docstring not counted."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def loads(code):
    """Which heavy libraries a fresh interpreter holds after running the code."""
    probe = f"{code}; import sys; print(*{HEAVY!r} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


# the search itself


def test_the_search_found_something():
    """An empty search is a broken search, not a pass."""
    assert {"core", "laws"} < set(rooms())
    assert {"container.py", "registry.py"} <= {path.name for path in FILES}
    assert any(list(methods_of(path)) for path in FILES)
    assert EVIDENCE
    assert LAWS
    assert len(CODE) > len(FILES)


def test_every_folder_of_the_package_is_a_room():
    """A folder without `__init__.py` would escape every rule; rooms have no rooms inside."""
    package = ROOT / "src" / "thrifty"
    folders = {path.parent.name for path in package.glob("*/**/*.py")}
    assert folders == set(rooms()) == set(thrifty.__all__)
    assert all(path.parent.parent == package for path in FILES)


# each file


@each(FILES)
def test_a_file_is_one_method_or_a_part(path):
    """A file exports at most one object with a record; a record names real laws and evidence."""
    methods = list(methods_of(path))
    assert len(methods) <= 1, [name for name, _, _ in methods]
    for _, _, record in methods:
        assert record.laws, "the record names no law"
        assert record.evidence, "the record names no evidence"
        assert set(record.laws) <= set(LAWS)
        missing = [file for file in evidence_of(path, record) if file not in EVIDENCE]
        assert not missing, [name_of(file) for file in missing]


@each([path for path in FILES if not path.name.startswith("_")])
def test_a_file_has_its_test(path):
    """tests/<room>/test_<stem>*.py exists; a helper file (_name.py) is tested through its users."""
    assert files_for(path), f"no test of {name_of(path)}"


@each([path for path in FILES if not path.name.startswith("_")])
def test_every_documented_error_is_expected_by_a_test(path):
    """What a docstring says under Raises is named in a test of that file that expects errors."""
    expected = {name for test in files_for(path) for name in expected_in(tree_of(test))}
    assert raised_in(tree_of(path)) <= expected


@each(FILES)
def test_all_names_what_is_there(path):
    """`__all__` exists, without repeats, and every name in it can be imported."""
    module = module_of(path)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@each(CODE)
def test_a_file_is_short(path):
    """At most 300 lines a file and 40 lines a body: beyond that there are two things in one."""
    text = path.read_text()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    long = {node.name: n for node in functions if (n := body_lines(node)) > MAX_BODY}
    assert text.count("\n") <= MAX_FILE
    assert long == {}


@each(OURS)
def test_nothing_unsafe_or_unrepeatable(path):
    """No hash() (differs between runs), no eval or exec, no pickle; peers keep their own ways."""
    nodes = list(ast.walk(tree_of(path)))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    imports = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    imports |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    assert names & BANNED_CALLS == set()
    assert {name.partition(".")[0] for name in imports} & BANNED_IMPORTS == set()


@each(CODE)
def test_code_is_ascii(path):
    """Formulas are written as 1.04 / sqrt(2**p), so that any editor shows them."""
    assert path.read_text().isascii()


# each room


@pytest.mark.parametrize("room", rooms())
def test_a_room_only_gathers(room):
    """A room's `__init__` is a docstring, imports and `__all__`, which is exact.

    What brings a heavy library with it may be imported on first use, in a `__getattr__`.
    """
    tree = tree_of(ROOT / "src" / "thrifty" / room / "__init__.py")
    assert ast.get_docstring(tree)
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    others = [node for node in tree.body[1:] if node not in imports]
    gathered = {a.asname or a.name for node in imports for a in node.names}
    lazy = [node for node in others if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in lazy] in ([], ["__getattr__"])
    named = [node for node in others if node not in lazy]
    assert [ast.unparse(node.targets[0]) for node in named] == ["__all__"]
    assert set(ast.literal_eval(named[0].value)) == gathered


# evidence


@each(EVIDENCE)
def test_evidence_says_and_measures(path):
    """A file of evidence has sentences in EVIDENCE and a main that measures them."""
    assert sentences_of(path)
    assert callable(module_of(path).main)


def test_every_sentence_is_measured_and_nothing_else():
    """Ids are unique; results/ holds one outcome for each and none that nobody claims."""
    ids = [sentence.id for path in EVIDENCE for sentence in sentences_of(path)]
    assert len(set(ids)) == len(ids)
    assert {path.stem for path in RESULTS.glob("*.json")} == set(ids)


@each(EVIDENCE)
def test_results_are_of_these_very_sentences(path):
    """An outcome whose sentence, bound or cost is not the code's is stale: measure again."""
    for sentence in sentences_of(path):
        row = json.loads((RESULTS / f"{sentence.id}.json").read_text())
        assert {key: row[key] for key in vars(sentence)} == vars(sentence)
        assert row["holds"] == sentence.holds(row["value"])
        assert {"seconds", "cpu", "cores", "python", "libraries", "date"} <= set(row["context"])


# the weight of an import


def test_import_is_light():
    """`import thrifty` loads none of the heavy libraries."""
    assert loads("import thrifty") == set()


def test_the_probe_of_imports_can_fail():
    """The test above would notice: the same probe finds numpy where it is loaded."""
    assert loads("import thrifty, numpy") == {"numpy"}
    assert "numpy" in loads("import thrifty; thrifty.core")


def test_the_learners_core_does_without_scikit_learn():
    """Only the estimators load it."""
    assert "sklearn" not in loads("from thrifty.learn import Wide, train")
    assert "sklearn" in loads("from thrifty.learn import WideClassifier")


def test_rooms_load_on_first_use():
    """Every room is an attribute of the package; another name is an AttributeError."""
    assert all(getattr(thrifty, room).__name__ == f"thrifty.{room}" for room in rooms())
    assert set(rooms()) <= set(dir(thrifty))
    with pytest.raises(AttributeError, match=r"^module 'thrifty' has no attribute 'attic'$"):
        thrifty.attic  # noqa: B018
