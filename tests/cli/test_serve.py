"""Serve: the words of the command reach the server, and every refusal is one line."""

import builtins
import http.client
import json
import signal
import subprocess
import sys

import pytest

from thrifty.cli import main


def said(capsys):
    """The one line on stderr."""
    return capsys.readouterr().err


def test_a_model_is_served_until_a_signal(model):
    """It says where it listens; stderr holds JSON lines; SIGTERM ends it with status 0."""
    words = [sys.executable, "-c", "import sys; from thrifty.cli import main; sys.exit(main())"]
    words += ["serve", f"zoo={model}", "--port", "0", "--max-k", "3"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, **pipes) as started:
        line = started.stdout.readline()
        assert line.startswith("http://127.0.0.1:")
        assert line.endswith(" serves zoo (model); Ctrl-C ends it\n")
        port = int(line.partition(" ")[0].rpartition(":")[2])
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        body = json.dumps({"rows": [{"says": "purr"}], "top": 4})
        headers = {"content-type": "application/json"}
        asked.request("POST", "/v1/models/zoo/predict", body, headers)
        assert json.loads(asked.getresponse().read())["detail"] == "top must be in 1..3, got 4"
        asked.close()
        started.send_signal(signal.SIGTERM)
        out, err = started.communicate(timeout=20)
    assert (started.returncode, out) == (0, "")
    assert json.loads(err)["path"] == "/v1/models/zoo/predict"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "thrifty: give at least one index or model to serve\n"),
        (["nothing-here"], "thrifty: nothing-here: No such file or directory\n"),
        (["x", "--max-k", "0"], "thrifty: k must be in 1..10000, got 0\n"),
        (["x", "--seconds", "0"], "thrifty: seconds must be in 0.01..3600, got 0.0\n"),
        (["x", "--max-body", "10"], "thrifty: body must be in 1024..2147483648, got 10\n"),
        (["x", "--token-file", "none"], "thrifty: none: No such file or directory\n"),
    ],
)
def test_refusals(words, says, tmp_path, monkeypatch, capsys):
    """Each is one line on stderr and status 2."""
    monkeypatch.chdir(tmp_path)
    assert main(["serve", *words]) == 2
    assert said(capsys) == says


def test_a_folder_of_something_else(tmp_path, capsys):
    """It is neither an index nor a model."""
    assert main(["serve", str(tmp_path)]) == 2
    assert said(capsys) == f"thrifty: {tmp_path} is neither an index nor a model\n"


def test_without_the_libraries(monkeypatch, capsys):
    """It says what to install."""
    kept = builtins.__import__

    def fail(name, *rest):
        if name == "thrifty.serve":
            raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")
        return kept(name, *rest)

    monkeypatch.setattr(builtins, "__import__", fail)
    assert main(["serve", "x"]) == 2
    assert said(capsys) == (
        "thrifty: serving needs more libraries: pip install 'thrifty[serve]' (fastapi is missing)\n"
    )
