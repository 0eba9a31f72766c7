"""Logs: one JSON object a line: what was asked, how it ended, how long it took."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

__all__ = ["JsonLines", "log", "log_to"]

LOGGER = logging.getLogger("thrifty.serve")
OTHERS = ("uvicorn", "uvicorn.error", "asyncio")


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON in ASCII, so that no text in it can forge a line.

    Example:
        >>> record = logging.makeLogRecord({"msg": "a\\nb", "levelname": "INFO", "created": 0})
        >>> JsonLines().format(record)
        '{"time": "1970-01-01T00:00:00.000+00:00", "level": "info", "event": "a\\\\nb"}'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {"time": time, "level": record.levelname.lower(), "event": record.getMessage()}
        told |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            told["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps(told, default=str)


def log(
    event: str, *, level: int = logging.INFO, error: BaseException | None = None, **fields: Any
):
    """Write one event with its fields; an error adds its traceback.

    Args:
        event: what happened, in a word or two.
        level: of `logging`.
        error: what caused it.
        fields: what belongs to it.
    """
    LOGGER.log(level, event, extra={"fields": fields}, exc_info=error)


def log_to(quiet: bool = False, stream: TextIO | None = None) -> None:
    """Send the events of this room, and the warnings of the libraries under it, to a stream.

    Args:
        quiet: leave out what went well.
        stream: None is stderr.
    """
    handler: logging.Handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    for name in (LOGGER.name, *OTHERS):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        ours = name == LOGGER.name and not quiet
        logger.setLevel(logging.INFO if ours else logging.WARNING)
