"""Tree: rooms, files, methods and evidence, found by looking into the folders."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from thrifty.core import Method, record_of

__all__ = [
    "ROOT",
    "evidence_files",
    "evidence_of",
    "methods_of",
    "module_of",
    "room_files",
    "rooms",
    "sentences_of",
]

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "thrifty"


def rooms() -> list[str]:
    """The names of the rooms: the folders of the package that are packages themselves."""
    return sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def room_files() -> list[Path]:
    """Every file of every room except its `__init__.py`."""
    found = [path for room in rooms() for path in (PACKAGE / room).rglob("*.py")]
    return sorted(path for path in found if path.name != "__init__.py")


def evidence_files() -> list[Path]:
    """Every file of evidence: `evidence/<room>/<name>.py`, parts (`_name.py`) left out."""
    found = [path for room in rooms() for path in (ROOT / "evidence" / room).glob("[!_]*.py")]
    return sorted(found)


def module_of(path: Path) -> ModuleType:
    """Import the module of a file of the package, of the evidence or of the tools."""
    inside = path.relative_to(ROOT).with_suffix("")
    return importlib.import_module(".".join(inside.parts).removeprefix("src."))


def methods_of(path: Path) -> Iterator[tuple[str, Any, Method]]:
    """Name, object and record of each public object of a file that carries a record."""
    module = module_of(path)
    for name in module.__all__:
        thing = getattr(module, name, None)
        record = record_of(thing)
        if record is not None and thing.__module__ == module.__name__:
            yield name, thing, record


def evidence_of(path: Path, record: Method) -> list[Path]:
    """The files a record names as evidence: "name" in its own room, "room/name" in another."""
    room = path.relative_to(PACKAGE).parts[0]
    places = [name if "/" in name else f"{room}/{name}" for name in record.evidence]
    return [ROOT / "evidence" / f"{place}.py" for place in places]


def sentences_of(path: Path) -> tuple[Any, ...]:
    """The `EVIDENCE` of a file."""
    return module_of(path).EVIDENCE
