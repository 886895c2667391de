"""What a process keeps loaded: one of each kind, made once; the embedder begun early."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from ragqa.api import Collection
from ragqa.embedding import minilm
from ragqa.embedding.minilm import MiniLM
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.runtime import Runtime, embedder_key
from ragqa.settings import load_settings
from tests.conftest import ROOT


def kept_embedder(runtime: Runtime) -> MiniLM | None:
    """The bundled embedder that a runtime has already."""
    nothing: Callable[[], MiniLM | None] = lambda: None  # noqa: E731
    return runtime.keep("embedder", embedder_key(BUNDLED_EMBEDDER), nothing)


# Keeping ---------------------------------------------------------------------------------------


def test_the_last_of_each_kind_is_kept_while_its_key_stays_the_same() -> None:
    runtime = Runtime()
    assert runtime.keep("model", 1, lambda: "one") == "one"
    assert runtime.keep("model", 1, lambda: pytest.fail("made again")) == "one"
    assert runtime.keep("other", 1, lambda: "another") == "another"
    assert runtime.keep("model", 2, lambda: "two") == "two"
    assert runtime.keep("model", 1, lambda: "one anew") == "one anew"
    assert runtime.keep("other", 1, lambda: pytest.fail("made again")) == "another"


def test_what_is_nothing_is_kept_too() -> None:
    runtime = Runtime()
    assert runtime.keep("model", 1, lambda: None) is None
    assert runtime.keep("model", 1, lambda: pytest.fail("made again")) is None


def test_what_cannot_be_made_is_tried_again_and_the_last_is_gone() -> None:
    runtime = Runtime()
    runtime.keep("model", 1, lambda: "one")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            runtime.keep("model", 2, lambda: 1 / 0)
    assert runtime.keep("model", 1, lambda: "one anew") == "one anew"


def test_nothing_is_kept_once_it_was_cleared() -> None:
    runtime = Runtime()
    for kind in ("model", "embedder"):
        runtime.keep(kind, 1, lambda: "before")
    runtime.clear()
    for kind in ("model", "embedder"):
        assert runtime.keep(kind, 1, lambda: "after") == "after"


def test_several_threads_get_what_one_of_them_made() -> None:
    runtime, together = Runtime(), Barrier(8)
    made: list[int] = []

    def make() -> object:
        made.append(1)
        time.sleep(0.05)
        return object()

    def want(_: int) -> object:
        together.wait()
        return runtime.keep("model", "key", make)

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(want, range(8)))
    assert (len(found), made) == (1, [1])


def test_threads_that_want_others_each_get_their_own() -> None:
    runtime = Runtime()

    def want(number: int) -> bool:
        key = number % 3
        return runtime.keep("model", key, lambda: [key]) == [key]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(want, range(300)))


def test_one_kind_does_not_wait_for_another() -> None:
    runtime, together = Runtime(), Barrier(2)

    def want(kind: str) -> int:  # each is made while the other is
        return runtime.keep(kind, 1, lambda: together.wait(timeout=10))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(want, ("model", "embedder"))) == [0, 1]


# The embedder that is begun early --------------------------------------------------------------


def test_what_was_begun_is_what_a_session_gets() -> None:
    assert kept_embedder(Runtime()) is None
    runtime = Runtime()
    runtime.preload_embedder()
    begun = kept_embedder(runtime)
    assert isinstance(begun, MiniLM)
    begun.load()
    cores = os.cpu_count()
    for flags, threads in (({}, cores), ({"threads": 1}, 1), ({}, cores)):
        collection = Collection(load_settings(flags), runtime)
        assert collection.load_embedder(BUNDLED_EMBEDDER) is begun
        assert begun.threads == threads
    assert runtime.keep("embedder", embedder_key("another"), lambda: None) is None


def test_both_threads_load_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    original = minilm.OnnxGraph
    monkeypatch.setattr(minilm, "OnnxGraph", lambda path: made.append(1) or original(path))
    runtime = Runtime()
    runtime.preload_embedder()
    embedder = kept_embedder(runtime)
    assert embedder
    embedder.load()
    embedder.encode_question("What melts?")
    assert len(made) == 1


def test_what_cannot_be_loaded_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> str:
        raise RuntimeError

    monkeypatch.setattr("ragqa.embedding.minilm.embedder_folder", fails)
    runtime = Runtime()
    runtime.preload_embedder()
    assert kept_embedder(runtime) is None


def test_an_error_after_it_was_begun_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ragqa", "search", "--index", str(tmp_path / "none"), "x"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("ragqa: there is no index in ")
    assert done.stderr.count("\n") == 1
