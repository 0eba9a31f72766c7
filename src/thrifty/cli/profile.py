"""Profile: what is in files of any size, column by column, in one pass and fixed memory."""

import time as clocks
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from thrifty.cli.flags import Json, answer, answer_json, console, notice
from thrifty.cli.progress import Progress

__all__ = ["profile"]


def profile(
    *files: str,
    memory: str = "64 MB",
    types: str | None = None,
    by: str | None = None,
    distinct: str | None = None,
    time: str | None = None,
    window: str | None = None,
    compare: str | None = None,
    save: Path | None = None,
    merge: Annotated[bool, Parameter(negative=())] = False,
    out: Path | None = None,
    threads: int | None = None,
    seed: int = 0,
    strict: Annotated[bool, Parameter(negative=())] = False,
    as_json: Json = False,
) -> None:
    """Profile files: types, missing, distinct and frequent values, quantiles, twins, correlations.

    Args:
        files: CSV, JSON lines, Parquet, svmlight or text; or saved profiles.
        memory: For the state of the profile, whatever the size of the files.
        types: Kinds of columns that are known, as age=number,tags=list:|
        by: A column to group by.
        distinct: A column whose distinct values are counted in each group and window.
        time: A column of dates, for --window.
        window: Length of a sliding window, as 28d or 12h.
        compare: Other files, or a saved profile: what changed from these to the first.
        save: File to keep the profile in; profiles merge.
        merge: The files are saved profiles; join them into one.
        out: HTML page to write.
        threads: Threads to use; all cores if not given.
        seed: Of the sketches.
        strict: Stop at the first row or value that cannot be used.
        as_json: Write one JSON object to stdout.
    """
    from thrifty.cli.train import cores
    from thrifty.models.profile_job import told, write_page
    from thrifty.models.profile_terminal import tables

    start = clocks.monotonic()
    asked: dict[str, Any] = {
        "memory": memory, "types": types, "by": by, "distinct": distinct,
        "time": time, "window": window, "threads": threads or cores(), "seed": seed,
        "strict": strict,
    }  # fmt: skip
    with Progress() as shown:
        facts = told(list(files), merge=merge, compare=compare, save=save, progress=shown, **asked)
    facts["seconds"] = clocks.monotonic() - start
    for kind, found in facts.get("skipped", {}).items():
        notice(f"{kind}: {found['count']:,} (such as {'; '.join(found['examples'])})")
    if out is not None:
        notice(f"page    {write_page(facts, out)}")
    if as_json:
        answer_json(facts)
    else:
        answer(tables(facts, console().width))
