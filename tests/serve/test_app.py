"""App: health, metrics and OpenAPI; what is asked of a path that is not there."""

import json

import pytest

from tests.serve.running import running, until
from thrifty.serve import Limits, Shelf, make_app


def test_health_and_readiness(client):
    """Both answer without a look at what is served."""
    assert client.get("/health") == {"status": "ok"}
    assert client.get("/ready") == {"status": "ready"}


def test_a_full_server_is_not_ready(index):
    """While threads and queue are full, it says so, and lives."""
    import threading

    with running(index, limits=Limits(threads=1, waiting=0)) as client:
        slow = threading.Thread(
            target=client.ask, args=("GET", "/v1/indexes/wings/search?q=sleep+1500")
        )
        slow.start()
        until(lambda: client.ask("GET", "/ready")[0] == 503)
        status, headers, body = client.ask("GET", "/v1/indexes/wings/search?q=wing")
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(body)["detail"] == "1 requests are being answered; try again in a second"
        assert client.get("/health") == {"status": "ok"}
        slow.join()
        assert client.get("/ready") == {"status": "ready"}


def test_metrics_know_routes_and_not_paths(client):
    """Labels come from the code: a client cannot make new ones."""
    client.ask("GET", "/v1/indexes/wings/search?q=wing")
    client.ask("GET", "/never/seen/before")
    client.ask("GET", "/v1/indexes/never-seen/search?q=a")
    text = client.ask("GET", "/metrics")[2].decode()
    route = "/v1/indexes/{name}/search"
    assert f'thrifty_requests_total{{name="wings",route="{route}",status="200"}}' in text
    assert 'route="other",status="404"' in text
    assert "never" not in text
    assert "process_resident_memory_bytes" in text


def test_openapi_describes_every_route(client):
    """Paths, the bodies they take, and nothing that loads from elsewhere."""
    told = client.get("/openapi.json")
    assert set(told["paths"]) == {
        "/health",
        "/ready",
        "/metrics",
        "/v1",
        "/v1/indexes/{name}",
        "/v1/indexes/{name}/search",
        "/v1/models/{name}",
        "/v1/models/{name}/predict",
        "/v1/models/{name}/report",
    }
    body = told["paths"]["/v1/indexes/{name}/search"]["post"]["requestBody"]
    assert set(body["content"]["application/json"]["schema"]["properties"]) >= {"q", "k", "filter"}
    assert client.problem("GET", "/docs")["status"] == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/", 404),
        ("POST", "/health", 405),
        ("DELETE", "/v1", 405),
        ("PUT", "/v1/indexes/wings", 405),
        ("POST", "/v1/models/animals", 405),
        ("TRACE", "/", 405),
        ("OPTIONS", "/v1", 405),
    ],
)
def test_read_only(client, method, path, status):
    """Other paths are 404, other methods 405; nothing can be written."""
    assert client.problem(method, path)["status"] == status


def test_any_asgi_server_can_run_it(index):
    """The application is there without a server, too."""
    from tests.serve.fakes import opener

    app = make_app(Shelf([index], opener), token="x" * 20)
    assert callable(app)
