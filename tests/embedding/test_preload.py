"""The bundled embedder, begun before anything asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ragqa.embedding import preload as early
from ragqa.embedding.minilm import MiniLM
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.runtime import embedder_loader
from ragqa.settings import load_settings
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early, "_embedder", None)


def test_what_was_begun_is_what_a_session_gets() -> None:
    assert early.begun(BUNDLED_EMBEDDER, 0) is None
    early.begin()
    begun = early.begun(BUNDLED_EMBEDDER, 0)
    assert isinstance(begun, MiniLM)
    assert early.begun("another", 0) is None
    begun.load()
    assert embedder_loader(load_settings({}))(BUNDLED_EMBEDDER) is begun
    assert begun.threads == os.cpu_count()
    assert embedder_loader(load_settings({"threads": 1}))(BUNDLED_EMBEDDER) is begun
    assert begun.threads == 1


def test_both_threads_load_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    from ragqa.embedding import minilm

    original = minilm.OnnxGraph
    monkeypatch.setattr(minilm, "OnnxGraph", lambda path: made.append(1) or original(path))
    early.begin()
    embedder = early.begun(BUNDLED_EMBEDDER, 0)
    assert embedder
    embedder.load()
    embedder.encode_question("What melts?")
    assert len(made) == 1


def test_what_cannot_be_loaded_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> str:
        raise RuntimeError

    monkeypatch.setattr("ragqa.embedding.minilm.embedder_folder", fails)
    early.begin()
    assert early.begun(BUNDLED_EMBEDDER, 0) is None


def test_an_error_after_it_was_begun_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ragqa", "search", "--index", str(tmp_path / "none"), "x"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("ragqa: there is no index in ")
    assert done.stderr.count("\n") == 1
