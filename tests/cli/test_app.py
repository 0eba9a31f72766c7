"""App: the verbs and flags stay what they are, and failures are one line."""

import inspect
import os
import subprocess
import sys

import pytest

import thrifty
from thrifty.cli import main
from thrifty.cli.app import make_app
from thrifty.core import DataError

FROZEN = {
    "train": [
        "FILES", "--target", "--out", "--memory", "--task", "--separator", "--types",
        "--validation", "--epochs", "--time-limit", "--threads", "--seed", "--strict", "--json",
    ],
    "evaluate": [
        "MODEL", "FILES", "--queries", "--qrels", "--filter", "--expand", "--fusion", "--learn",
        "--strict", "--json",
    ],
    "predict": ["MODEL", "FILE", "--top", "--explain", "--json"],
    "profile": [
        "FILES", "--memory", "--types", "--by", "--distinct", "--time", "--window", "--compare",
        "--save", "--merge", "--out", "--threads", "--seed", "--strict", "--json",
    ],
    "dedup": [
        "FILES", "--out", "--text", "--match", "--threshold", "--memory", "--words", "--chars",
        "--codes", "--seed", "--exact", "--strict", "--json",
    ],
    "phrases": [
        "FOREGROUND", "--against", "--text", "--memory", "--min-count", "--top", "--out", "--seed",
        "--strict", "--json",
    ],
    "rank": [
        "FILES", "--source", "--target", "--personal", "--out", "--top", "--damping",
        "--undirected", "--strict", "--json",
    ],
    "index": [
        "FILES", "--out", "--text", "--title", "--id", "--vectors", "--encoder", "--chunk",
        "--overlap", "--memory", "--language", "--add", "--remove", "--strict", "--json",
    ],
    "search": [
        "INDEX", "QUESTION", "--k", "--filter", "--explain", "--queries", "--run", "--expand",
        "--fusion", "--json",
    ],
    "serve": [
        "PATHS", "--host", "--port", "--token-file", "--max-k", "--max-body", "--threads",
        "--waiting", "--seconds", "--quiet",
    ],
    "compress": [
        "MODEL", "--to", "--budget", "--calibrate", "--shrink", "--distil", "--memory", "--out",
        "--json",
    ],
    "decompress": ["FOLDER", "--out", "--json"],
    "inspect": ["MODEL", "--json"],
    "methods": ["--json"],
    "demo": ["--out"],
}  # fmt: skip


def flags(verb):
    """Every word a verb understands, as its help shows it; positional ones in capitals."""
    found = []
    for argument in make_app()[verb].assemble_argument_collection():
        names = argument.names or (argument.name,)
        keyword = argument.field_info.kind is argument.field_info.KEYWORD_ONLY
        found += names if keyword else [argument.field_info.name.upper()]
    return found


def run(*words, **options):
    """The program in a process of its own."""
    code = "import sys; from thrifty.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, text=True, stderr=subprocess.PIPE, check=False, **options)


# the frozen surface


def test_verbs_are_frozen():
    """No verb comes or goes without this list, which scripts of users rely on."""
    assert sorted(name for name in make_app() if not name.startswith("-")) == sorted(FROZEN)


@pytest.mark.parametrize("verb", FROZEN)
def test_flags_are_frozen(verb):
    """No flag of a verb comes, goes or is renamed without this list."""
    assert sorted(flags(verb)) == sorted(FROZEN[verb])


@pytest.mark.parametrize("verb", FROZEN)
def test_every_flag_is_explained(verb, capsys):
    """The help of a verb says what it does and what each flag means."""
    assert main([verb, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in FROZEN[verb])
    function = make_app()[verb].default_command
    for name in inspect.signature(function).parameters:
        assert f"\n        {name}: " in inspect.getsource(function)


def test_version(capsys):
    """The program says its version."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == thrifty.__version__


def test_nothing_heavy_for_help():
    """Asking for help loads neither kernels nor tables."""
    code = (
        "import sys; from thrifty.cli import main; main(['--help']);"
        "sys.exit(bool({'numba', 'pyarrow', 'scipy', 'sklearn'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0


# failures


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "gone", "x.csv"],
         "thrifty: gone/model.safetensors: No such file or directory"),
        (["predict", "gone", "x.csv", "--top", "0"], "thrifty: --top must be in 1..2147483648"),
        (["fly"], 'thrifty: Unknown command "fly"'),
        (["train", "x.csv"], 'thrifty: Command "train" parameter --target requires an argument.'),
        (["train", "x.csv", "--targt", "y"], "thrifty: Unknown option: --targt."),
        (["train", "gone.csv", "--target", "y", "--out", "o", "--memory", "lots"],
         'thrifty: --memory must be a size such as "512 MB" or "1 GiB", got \'lots\''),
        (["train", "gone.csv", "--target", "y", "--out", "o", "--threads", "0"],
         "thrifty: --threads must be in 1..1024, got 0"),
        (["train", "gone.csv", "--target", "y", "--out", "o", "--epochs", "0"],
         "thrifty: --epochs must be in 1..1000000, got 0"),
        (["train", "gone.csv", "--target", "y", "--out", "o", "--time-limit", "0"],
         "thrifty: --time-limit must be above 0, got 0.0"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line(words, message, capsys):
    """A refusal is exit status 2, one line on stderr, nothing on stdout, no traceback."""
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert shown.err.startswith(message)


def test_a_traceback_on_demand(monkeypatch):
    """With THRIFTY_TRACEBACK the error itself comes through, for reports of bugs."""
    monkeypatch.setenv("THRIFTY_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        main(["evaluate", "gone", "x.csv"])


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "thrifty: interrupted\n"),
        (DataError("two\n  lines"), 2, "thrifty: two lines\n"),
    ],
)
def test_errors_of_a_verb(error, status, line, monkeypatch, capsys):
    """Ctrl-C is exit status 130; a message of many lines becomes one."""

    def fail(**kwargs):
        raise error

    monkeypatch.setattr("thrifty.cli.methods.records", fail)
    assert main(["methods"]) == status
    assert capsys.readouterr().err == line


def test_a_bug_is_not_hidden(monkeypatch):
    """An error that is nobody's input comes through with its traceback."""

    def fail():
        raise RuntimeError("a bug")

    monkeypatch.setattr("thrifty.cli.methods.records", fail)
    with pytest.raises(RuntimeError, match=r"^a bug$"):
        main(["methods"])


def test_a_closed_pipe_is_silent():
    """Where nobody reads the output the program ends, and says nothing."""
    reading, writing = os.pipe()
    os.close(reading)
    done = run("methods", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
