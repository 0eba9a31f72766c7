"""Watching: what changes is served without a restart, what breaks is told and not served."""

import json
import logging
import os
import shutil
import threading

import pytest

from tests.serve.fakes import DOCUMENTS, write_index
from tests.serve.running import running, until
from thrifty.models import add_documents, index_documents, remove_documents, train
from thrifty.serve.shelf import open_thing


@pytest.fixture
def folder(tmp_path):
    """A fake index that a test may change."""
    return write_index(tmp_path / "wings")


def count(client):
    """How many documents the served index has."""
    return client.get("/v1/indexes/wings")["documents"]


def test_a_new_state_is_served_and_no_request_is_dropped(folder):
    """Clients ask on while the index is replaced twenty times; each is answered from one state."""
    with running(folder, every=0.01) as client:
        answers, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                answers.append(client.ask("GET", "/v1/indexes/wings/search?q=wing")[0])

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(20):
            documents = [{**DOCUMENTS[0], "id": str(n)} for n in range(number + 1)]
            write_index(folder, documents)
            until(lambda wanted=number + 1: count(client) == wanted)
        stop.set()
        for thread in threads:
            thread.join()
        assert set(answers) == {200}
        assert client.get("/v1")["served"][0]["loads"] == 21
        text = client.ask("GET", "/metrics")[2]
        assert b'thrifty_reloads_total{name="wings",outcome="done"} 20.0' in text


def test_a_broken_state_leaves_the_old_one(folder, caplog):
    """It is told in /v1, in the log with its reason, and in the metrics."""
    caplog.set_level(logging.ERROR, "thrifty.serve")
    with running(folder) as client:
        (folder / "manifest.json").write_text("[")
        until(lambda: client.get("/v1")["served"][0]["stale"])
        assert count(client) == 3
        text = client.ask("GET", "/metrics")[2]
        assert b'thrifty_reloads_total{name="wings",outcome="failed"} 1.0' in text
        assert caplog.messages == ["reload failed"]
        client.shelf.find("index", "wings").again = 0
        write_index(folder, DOCUMENTS[:1])
        until(lambda: count(client) == 1)
        assert client.get("/v1")["served"][0]["stale"] == ""


def test_a_replaced_model_is_swapped(model, tmp_path):
    """A model of other classes takes the place of the first one."""
    place = tmp_path / "animals"
    shutil.copytree(model, place)
    rows = [{"says": word, "kind": kind} for word, kind in (("moo", "cow"), ("oink", "pig"))] * 60
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    train([tmp_path / "rows.jsonl"], "kind", out=tmp_path / "next", memory="120MB", epochs=1)
    with running(place) as client:
        assert client.get("/v1/models/animals")["examples"] == ["cat", "dog", "owl"]
        os.replace(tmp_path / "next" / "model.safetensors", place / "model.safetensors")
        until(lambda: set(client.get("/v1/models/animals")["examples"]) == {"cow", "pig"})


def test_a_real_index_is_added_to(tmp_path):
    """Documents that are added, and taken out, are there and gone without a restart."""
    rows = [{"id": "a", "text": "A red laser."}, {"id": "b", "text": "Blue cats."}]
    files = [tmp_path / f"{number}.jsonl" for number in range(2)]
    for file, row in zip(files, rows, strict=True):
        file.write_text(json.dumps(row) + "\n")
    index_documents([str(files[0])], tmp_path / "books")
    with running(tmp_path / "books", opener=open_thing) as client:
        ask = "/v1/indexes/books/search?q=cats"
        assert client.get(ask)["hits"] == []
        add_documents(tmp_path / "books", [str(files[1])])
        until(lambda: [hit["id"] for hit in client.get(ask)["hits"]] == ["b"])
        remove_documents(tmp_path / "books", ["b"])
        until(lambda: client.get(ask)["hits"] == [])
        told = client.get("/v1/indexes/books")
        assert (told["documents"], told["columns"]["text"]) == (1, "string")
        assert str(tmp_path) not in json.dumps(told)
