"""Changelog: join the fragments of changelog.d into one section of text, and print it.

A fragment is `changelog.d/<slug>.<added|changed|fixed|removed>.md`: one sentence that a user
understands; "changed" says what the user must do.
"""

from pathlib import Path

from tools.tree import ROOT

__all__ = ["KINDS", "section"]

KINDS = ("added", "changed", "fixed", "removed")


def section(folder: Path) -> str:
    """The fragments by kind, as Markdown.

    Raises:
        ValueError: a file of the folder is not named as a fragment.
    """
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for path in sorted(folder.glob("[!.]*")):
        slug, _, kind = path.name.removesuffix(".md").rpartition(".")
        if not slug or kind not in KINDS or path.suffix != ".md":
            raise ValueError(f"fragment must be <slug>.<{'|'.join(KINDS)}>.md, got {path.name!r}")
        found[kind].append("- " + " ".join(path.read_text().split()))
    parts = [
        f"### {kind.capitalize()}\n\n" + "\n".join(found[kind]) for kind in KINDS if found[kind]
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(section(ROOT / "changelog.d"), end="")
