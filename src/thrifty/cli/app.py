"""App: the command line, its verbs, and what a failure looks like there."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from thrifty import __version__
from thrifty.core import ThriftyError

__all__ = ["main", "make_app"]

BROKEN_PIPE, INTERRUPTED, REFUSED = 141, 130, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    What the user gave and thrifty cannot use is one line on stderr, without a traceback (with
    one where the environment variable THRIFTY_TRACEBACK is set).

    Args:
        arguments: words after the program's name; None takes those of this process.

    Returns:
        The exit status: 0; 2 refused; 130 interrupted; 141 nobody reads the output.

    Example:
        >>> main(["--version"]) == 0
        0.1.0
        True
    """
    from cyclopts import CycloptsError

    try:
        status = make_app()(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _failed("interrupted", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else the interpreter says so at its end
        return BROKEN_PIPE
    except (CycloptsError, ThriftyError, OSError, ValueError) as error:
        if os.environ.get("THRIFTY_TRACEBACK"):
            raise
        return _failed(_said(error), REFUSED)
    return status or 0


def make_app() -> Any:
    """The verbs and their flags, as a `cyclopts.App`."""
    from cyclopts import App

    from thrifty.cli.compress import compress
    from thrifty.cli.decompress import decompress
    from thrifty.cli.dedup import dedup
    from thrifty.cli.demo import demo
    from thrifty.cli.evaluate import evaluate
    from thrifty.cli.index import index
    from thrifty.cli.inspect import inspect
    from thrifty.cli.methods import methods
    from thrifty.cli.phrases import phrases
    from thrifty.cli.predict import predict
    from thrifty.cli.profile import profile
    from thrifty.cli.rank import rank
    from thrifty.cli.search import search
    from thrifty.cli.serve import serve
    from thrifty.cli.train import train

    app = App(
        name="thrifty",
        help="Machine learning that fits: name a memory budget, get a model, know what it cost.",
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    found = (train, evaluate, predict, index, search, serve, profile, dedup, phrases, rank)
    for verb in (*found, compress, decompress, inspect, methods, demo):
        app.command(verb)
    return app


def _said(error: Exception) -> str:
    """The message, without the number that the system gives an error."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _failed(text: str, status: int) -> int:
    print(f"thrifty: {' '.join(text.split())}", file=sys.stderr)  # noqa: T201
    return status
