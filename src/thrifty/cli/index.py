"""Index: documents of files, to be searched; added to and taken from."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from thrifty.cli.flags import Json, answer, answer_json, notice
from thrifty.cli.progress import Progress
from thrifty.core import format_bytes, parse_bytes

__all__ = ["index"]

Switch = Annotated[bool, Parameter(negative=())]


def index(
    *files: str,
    out: Path,
    text: str | None = None,
    title: str | None = None,
    id: str | None = None,
    vectors: str | None = None,
    encoder: str | None = None,
    chunk: int | None = None,
    overlap: int = 50,
    memory: str = "2GB",
    language: str = "english",
    add: Switch = False,
    remove: str | None = None,
    strict: Switch = False,
    as_json: Json = False,
) -> None:
    """Index documents, so that they can be searched.

    Args:
        files: CSV, JSON lines, Parquet or text: files, globs or folders, also packed.
        out: The folder of the index; it appears when it is whole.
        text: Columns to search, with commas between; the likeliest one if not given.
        title: The column of titles, searched as well; "title" if there is one.
        id: The column of ids; a usual name if there is one, else rows are numbered.
        vectors: A column of vectors that come with the rows.
        encoder: For search by meaning: builtin learns word vectors from the files; else the folder
            of a sentence-transformers model.
        chunk: Cut documents into passages of so many words, 200 to 400 for prompts.
        overlap: Words that a passage shares with the one before.
        memory: Budget of what grows with the documents while they are read.
        language: Of stemming and stop words.
        add: Add to the index; a document whose id is there takes its place.
        remove: Ids to take out, with commas between, or @FILE with one a line.
        strict: Stop at the first row that cannot be used.
        as_json: Write one JSON object to stdout.
    """
    from thrifty import models

    parse_bytes(memory, "--memory")
    _check(files, add=add, remove=remove)
    given: dict[str, Any] = {
        "text": text,
        "title": title,
        "id": id,
        "vectors": vectors,
        "encoder": encoder,
    }
    given |= {"chunk": chunk} | ({} if overlap == 50 else {"overlap": overlap})
    given |= {} if language == "english" else {"language": language}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    facts: dict[str, Any] = {}
    if remove is not None:
        facts |= models.remove_documents(out, _ids(remove))
    if files:
        common: dict[str, Any] = {"memory": memory, "strict": strict}
        with Progress() as shown:
            if add:
                _refuse(options)
                facts |= models.add_documents(out, list(files), progress=shown, **common)
            else:
                facts |= models.index_documents(
                    list(files), out, progress=shown, **common, **options
                )  # fmt: skip
    if as_json:
        answer_json(facts)
        return
    for line in told(facts):
        answer(line)
    for line in left_out(facts):
        notice(line)


def told(facts: dict[str, Any]) -> list[str]:
    """Lines for people.

    Example:
        >>> facts = {"documents": 1400, "bytes": 2_200_000, "out": "idx", "seconds": 0.5}
        >>> told(facts | {"added": 1400, "replaced": 0, "fields": ["title", "text"]})[0]
        '1,400 documents added in 0.5 s: title, text'
        >>> told(facts | {"removed": 3})[0]
        '3 documents removed'
    """
    lines = []
    if facts.get("removed"):
        lines.append(f"{facts['removed']:,} documents removed")
    if "added" in facts:
        replaced = f", {facts['replaced']:,} of them replaced" if facts["replaced"] else ""
        fields = ", ".join(facts["fields"])
        how = f"{facts['seconds']:.1f} s"
        lines.append(f"{facts['added']:,} documents added in {how}{replaced}: {fields}")
    size = format_bytes(facts["bytes"])
    return [*lines, f"index     {facts['out']}: {facts['documents']:,} documents in {size}"]


def left_out(facts: dict[str, Any]) -> list[str]:
    """What was left out, and examples."""
    lines = []
    for kind, found in facts.get("left_out", {}).items():
        lines.append(f"{kind}: {found['count']:,}")
        lines += [f"  {example}" for example in found["examples"]]
    return lines


def _check(files: tuple[str, ...], *, add: bool, remove: str | None) -> None:
    if add and not files:
        raise ValueError("--add must have files to add")
    if not files and remove is None:
        raise ValueError("files must be given, or --remove")
    if remove is not None and files and not add:
        raise ValueError("--remove must be alone or with --add, got files for a new index")


def _refuse(options: dict[str, Any]) -> None:
    """An index keeps what it was made with."""
    if options:
        names = ", ".join(f"--{name}" for name in options)
        raise ValueError(f"{names} must be as the index was made: leave out with --add")


def _ids(text: str) -> list[str]:
    words = Path(text[1:]).read_text().split("\n") if text.startswith("@") else text.split(",")
    ids = [word.strip() for word in words if word.strip()]
    if not ids:
        raise ValueError(f"--remove must name an id, got {text!r}")
    return ids
