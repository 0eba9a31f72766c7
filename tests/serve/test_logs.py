"""Logs: one line of JSON an event, whatever is in it."""

import io
import json
import logging

import pytest

from thrifty.serve.logs import LOGGER, OTHERS, log, log_to


@pytest.fixture
def stream():
    """Where events go, for one test."""
    loggers = [logging.getLogger(name) for name in (LOGGER.name, *OTHERS)]
    before = [(one.handlers, one.propagate, one.level) for one in loggers]
    yield io.StringIO()
    for one, (handlers, propagate, level) in zip(loggers, before, strict=True):
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


def test_an_event_is_one_line(stream):
    """Line ends and quotes of clients stay inside their text."""
    log_to(stream=stream)
    log("request", path='/a\n{"level": "forged"}', status=200)
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert told["path"] == '/a\n{"level": "forged"}'
    assert (told["event"], told["level"], told["status"]) == ("request", "info", 200)


def test_an_error_brings_its_traceback(stream):
    """In the log, where it belongs."""
    log_to(stream=stream)
    log("failed", level=logging.ERROR, error=KeyError("x"))
    assert "KeyError: 'x'" in json.loads(stream.getvalue())["traceback"]


def test_quiet_tells_only_what_went_wrong(stream):
    """No line for a request, one for a failure."""
    log_to(quiet=True, stream=stream)
    log("request")
    log("failed", level=logging.ERROR)
    logging.getLogger("uvicorn.error").info("started")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["failed"]
