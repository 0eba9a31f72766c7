"""README: its commands are ones the program takes, and its Python is Python."""

import ast
import re
import shlex
from pathlib import Path

import pytest

import thrifty
from thrifty.cli.app import make_app

TEXT = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def blocks(kind):
    """The code blocks of one kind."""
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)


def commands():
    """Every call of the program in the shell blocks, without what is piped into it."""
    lines = "".join(blocks("sh")).replace("\\\n", " ").replace("|\n", "| ").splitlines()
    return [line.partition("bin/thrifty ")[2] for line in lines if "bin/thrifty " in line]


@pytest.mark.parametrize("command", commands(), ids=lambda text: text.split()[0])
def test_commands_are_understood(command):
    """A verb or flag that is renamed must be renamed here."""
    make_app().parse_args(shlex.split(command))


def test_the_search_found_the_commands():
    """An empty search would pass in silence."""
    verbs = ["train", "evaluate", "predict", "profile", "profile", "dedup", "phrases"]
    verbs += ["index", "search", "search", "serve"]
    verbs += ["inspect", "compress", "evaluate", "decompress", "compress"]
    assert [text.split()[0] for text in commands()] == verbs


def test_python_imports_what_is_there():
    """The Python blocks parse, and every name they import from thrifty can be imported."""
    found = []
    for block in blocks("python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("thrifty."):
                room = getattr(thrifty, node.module.removeprefix("thrifty."))
                found += [getattr(room, alias.name) for alias in node.names]
    assert len(found) == 9


def test_links_lead_somewhere():
    """Every file the README links to is there."""
    root = Path(__file__).resolve().parents[2]
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert len(links) >= 4
    assert [link for link in links if not (root / link).exists()] == []


def test_no_place_is_left_open():
    """The picture is that of a real run."""
    assert "@DEMO@" not in TEXT
    assert "told by name, docstring and body" in TEXT
