"""Weights of generator and reader made ready: once, whole or not at all, and saying the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragqa.generators import lora_merge as weights
from ragqa.generators.llama_cpp import LlamaCppGenerator
from ragqa.generators.lora_merge import prepared
from ragqa.models.catalogue import BUNDLED_GENERATOR
from ragqa.models.hashes import file_hash
from ragqa.models.local import generator_file, span_adapter

TEXT = "[1] Bread: Ada bakes rye bread at 230 degrees.\n\nQuestion: Who bakes?\n\nAnswer:\n["


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which nothing is prepared yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ragqa" / "models"


def bundled() -> tuple[Path, str, Path]:
    """The bundled generator with its hash, and the reader's adapter."""
    _, path, sha256 = generator_file(BUNDLED_GENERATOR)
    return path, sha256, span_adapter()


@pytest.mark.slow
def test_weights_are_prepared_once(empty_cache: Path) -> None:
    base, sha256, adapter = bundled()
    name = f"{sha256[:16]}-{file_hash(adapter)[:8]}.Q8_0"
    empty_cache.mkdir(parents=True)
    (empty_cache / f"{name}.part").write_bytes(b"half, by a process that was killed")
    told: list[None] = []
    made = prepared(base, sha256, adapter, "Q8_0", lambda: told.append(None))
    assert made == empty_cache / f"{name}.gguf"
    before = made.stat()
    assert before.st_size > base.stat().st_size
    assert len(told) == 1
    assert prepared(base, sha256, adapter, "Q8_0", lambda: told.append(None)) == made
    assert len(told) == 1
    assert made.stat() == before
    assert not list(empty_cache.glob("*.part"))


def test_where_nothing_can_be_kept_there_is_none(empty_cache: Path) -> None:
    empty_cache.parent.mkdir(parents=True)
    empty_cache.write_text("a file where the folder would be")
    assert prepared(*bundled(), "Q8_0") is None


@pytest.mark.slow
@pytest.mark.parametrize("form", [weights.WITH_BF16, weights.OTHERWISE])
def test_weights_in_one_file_say_what_both_say(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("ragqa.generators.llama_cpp.fastest_form", lambda: form)
    merged = LlamaCppGenerator(BUNDLED_GENERATOR, 512, adapter=span_adapter())
    assert form in merged.name
    monkeypatch.setattr("ragqa.generators.llama_cpp.prepared", lambda *_: None)
    beside = LlamaCppGenerator(BUNDLED_GENERATOR, 512, adapter=span_adapter())
    assert form not in beside.name
    tokens = merged.encode(TEXT)
    one, other = merged.logits(tokens, 0), beside.logits(tokens, 0)
    assert np.corrcoef(one[0], other[0])[0, 1] > 0.99
    assert one.argmax() == other.argmax()
