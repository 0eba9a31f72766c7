"""Profile job: files or saved profiles in; joined, compared, kept; facts for people out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from thrifty.core import FormatError, IncompatibleError, parse_bytes, replacing
from thrifty.data import open
from thrifty.models.phrases import phrases
from thrifty.models.profile import profile
from thrifty.models.profile_compare import changes
from thrifty.models.profile_facts import facts_of
from thrifty.models.profile_page import profile_page
from thrifty.models.profile_state import TableProfile

__all__ = ["told", "write_page"]

Facts = Mapping[str, Any]
SURE, PHRASES = 0.05, 20


def told(
    files: Sequence[str],
    *,
    merge: bool = False,
    compare: str | None = None,
    save: Path | None = None,
    progress: Callable[[Facts], None] | None = None,
    **asked: Any,
) -> dict[str, Any]:
    """Profile files, or join saved profiles; compare with others; keep the result.

    Args:
        files: to profile; or saved profiles, if merge.
        merge: join saved profiles instead of reading rows.
        compare: files or a saved profile that stand for what was before.
        save: where to keep the profile.
        progress: as for `models.profile`.
        asked: more arguments of `models.profile`.

    Returns:
        As `facts_of`, with title, memory, skipped, and changes if there is something to compare;
        where rows are at hand, with the phrases by which texts differ.

    Raises:
        ValueError: no file is named.
        FormatError: a saved profile is damaged.
        IncompatibleError: profiles do not fit together.
    """  # fmt: skip
    if not files:
        raise ValueError("files must name at least one file, got none")
    if merge:
        found, skipped = _merged(files), None
    else:
        found, skipped = _read(files, progress, asked)
    if save is not None:
        found.save(save)
    facts = facts_of(found) | {"title": _title(files), "memory": parse_bytes(asked["memory"])}
    if skipped is not None:
        facts["skipped"] = skipped
    if compare is not None:
        before = _saved(compare)
        facts["changes"] = _compared(found, before or _before(found, compare, progress, asked))
        if not merge and before is None:
            facts["changes"]["phrases"] = _phrases(found, files, compare, asked["memory"])
    return facts


def write_page(facts: Facts, path: str | Path) -> Path:
    """Write the HTML page, whole or not at all; returns its path.

    Raises:
        SaveError: the file cannot be written.
    """
    with replacing(path) as file:
        file.write(profile_page(facts).encode())
    return Path(path)


def _read(
    files: Sequence[str], progress: Any, asked: dict[str, Any]
) -> tuple[TableProfile, dict[str, Any]]:
    source = open(list(files), strict=asked["strict"])
    found = profile(source, progress=progress, **asked)
    return found, source.report.to_dict()


def _merged(paths: Sequence[str]) -> TableProfile:
    found = TableProfile.load(paths[0])
    for path in paths[1:]:
        other = TableProfile.load(path)
        try:
            found.absorb(other)
        except IncompatibleError as error:
            what = "columns, kinds (--types), --memory, --seed and what was asked must agree"
            raise IncompatibleError(f"cannot merge {paths[0]} with {path}: {what}") from error
    return found


def _saved(path: str) -> TableProfile | None:
    """The profile in a file; None if it is a file of rows."""
    try:
        return TableProfile.load(path)
    except FormatError as error:
        if path.endswith(".profile"):
            raise
        del error
    except OSError:
        pass
    return None


def _before(found: TableProfile, other: str, progress: Any, asked: dict[str, Any]) -> TableProfile:
    """The profile of the file to compare with, its columns read as the other's are."""
    plain = {**asked, "by": None, "distinct": None, "time": None, "window": None}
    plain["types"] = asked["types"] or _types_of(found)
    return _read([other], progress, plain)[0]


def _compared(found: TableProfile, before: TableProfile) -> dict[str, Any]:
    listed = changes(before, found)
    sure = [change for change in listed if not change.p > SURE]
    rows = f"{before.rows:,} rows before, {found.rows:,} after"
    sentence = f"{rows}; {len({c.column for c in sure})} of {len(found.columns)} columns differ."
    return {"sentence": sentence, "found": [change._asdict() for change in sure]}


def _phrases(
    found: TableProfile, files: Sequence[str], other: str, memory: int | str
) -> dict[str, Any]:
    """Of each text column the phrases that tell it from what it was, in a second pass."""
    texts = [name for name, column in found.columns.items() if column.kind == "text"]
    told = {}
    for name in texts:
        sides = ([list(files)], [other])
        columns = [(batch[name] for batch in open(*side).batches([name])) for side in sides]
        rows = phrases(*columns, memory=memory).rows
        told[name] = [row._asdict() for row in rows if row.p_value < SURE / max(1, len(rows))]
    return {name: rows[:PHRASES] for name, rows in told.items() if rows}


def _types_of(found: TableProfile) -> dict[str, str]:
    """The same kinds for both sides, so that they can be compared."""
    details = {c.name: c.separator or c.format for c in found.schema.columns}
    return {
        column.name: column.kind + (f":{details[column.name]}" if details[column.name] else "")
        for column in found.schema.columns
        if column.kind != "sparse"
    }


def _title(files: Sequence[str]) -> str:
    names = [Path(name).name or name for name in files]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
