"""Pages: only the files of the package, with rules that let nothing in from outside."""

import re
from importlib.resources import files

import pytest

STATIC = files("thrifty.serve") / "static"


def test_every_file_is_served_as_what_it_is(client):
    """Each file's bytes, and a kind that browsers take without guessing."""
    kinds = {
        "css": "text/css",
        "html": "text/html",
        "js": "text/javascript",
        "svg": "image/svg+xml",
    }
    for file in STATIC.iterdir():
        status, headers, body = client.ask("GET", f"/static/{file.name}")
        assert (status, body) == (200, file.read_bytes())
        assert headers["content-type"] == f"{kinds[file.name.rpartition('.')[2]]}; charset=utf-8"
        assert headers["x-content-type-options"] == "nosniff"


def test_the_page_is_at_the_root(client):
    """With rules for browsers: scripts and styles of this server and nothing else."""
    status, headers, body = client.ask("GET", "/")
    assert (status, body) == (200, (STATIC / "index.html").read_bytes())
    rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in rules["style-src"]
    assert rules["frame-ancestors"] == "'none'"


def test_nothing_comes_from_outside():
    """No file of the page names another host, nor writes markup from texts."""
    for file in STATIC.iterdir():
        text = file.read_text()
        hosts = set(re.findall(r"(?:https?:|[\"'(])//[a-z0-9.-]+\.[a-z]{2,}[^\s\"']*", text))
        assert hosts <= {"http://www.w3.org/2000/svg"}, file.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/nothing.js",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/static/index.html%00.js",
        "//etc/passwd",
    ],
)
def test_no_other_file_can_be_had(client, path):
    """Whatever the path looks like, it is a 404."""
    assert client.problem("GET", path)["status"] == 404
