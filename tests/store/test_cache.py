"""The embedding cache: what it keeps, what it drops, how it survives damage."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from ragqa.embedding.base import Encoding
from ragqa.store import cache as cache_module
from ragqa.store.cache import QUERY_BATCH, EmbeddingCache, text_hash
from tests.notes import Notes, cached_vectors


def _keys(*numbers: int) -> list[bytes]:
    return [text_hash(str(number)) for number in numbers]


def _vectors(*numbers: int) -> np.ndarray:
    return np.array([[number, -number] for number in numbers], dtype=np.float32)


def _encodings(*numbers: int) -> list[Encoding]:
    """Of each number a vector, and as many words of two bytes as its last digit says."""
    words = [np.full((number % 10, 2), number % 256, dtype=np.uint8) for number in numbers]
    return [Encoding(*pair) for pair in zip(_vectors(*numbers), words, strict=True)]


def _filled(directory: Path, *numbers: int, embedder: str = "one") -> EmbeddingCache:
    cache = EmbeddingCache(directory, embedder)
    if numbers:
        cache.add(_keys(*numbers), _encodings(*numbers))
    return cache


def test_vectors_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    cache = _filled(tmp_path, *range(1200))
    wanted = [1199, 3, 3, *range(1100)]
    batches = list(cache.vectors(_keys(*wanted)))
    cache.close()
    assert np.array_equal(np.concatenate(batches), _vectors(*wanted))


def test_encodings_come_back_whole_and_lost_ones_are_left_out(tmp_path: Path) -> None:
    numbers = range(2 * QUERY_BATCH + 1)  # more than one query asks for
    cache = _filled(tmp_path, *numbers)
    found = cache.encoded(_keys(*numbers, 99_999), 2)
    cache.close()
    assert found.keys() == set(_keys(*numbers))
    for key, (vector, words) in zip(_keys(*numbers), _encodings(*numbers), strict=True):
        assert (found[key][0].dtype, found[key][1].dtype) == (np.float32, np.uint8)
        assert np.array_equal(found[key][0], vector)
        assert np.array_equal(found[key][1], words)


def test_missing_vector_is_a_key_error(tmp_path: Path) -> None:
    cache = _filled(tmp_path, 1)
    with pytest.raises(KeyError):
        list(cache.vectors(_keys(1, 2)))
    cache.close()


def test_embedders_do_not_share_vectors(tmp_path: Path) -> None:
    _filled(tmp_path, 1, 2).close()
    other = _filled(tmp_path, 3, embedder="two")
    assert other.hashes() == set(_keys(3))
    other.close()


def test_batch_is_on_disk_once_it_was_added(tmp_path: Path) -> None:
    cache = _filled(tmp_path, 1, 2, 3)
    assert cached_vectors(tmp_path)[0] == 3
    cache.close()


def test_texts_with_lone_surrogates_have_a_hash() -> None:
    assert text_hash("\ud800") != text_hash("\ud801")


@pytest.mark.parametrize("spare, dropped", [(0, 8), (3, 5), (8, 0), (100, 0)])
def test_garbage_beyond_the_spare_part_goes_oldest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spare: int, dropped: int
) -> None:
    monkeypatch.setattr(cache_module, "SPARE_SECONDS", 0)
    monkeypatch.setattr(cache_module, "SPARE_AT_LEAST", spare)
    monkeypatch.setattr(cache_module, "SPARE_SHARE", 0)
    cache = _filled(tmp_path, *range(10))
    live = _keys(0, 9)
    assert cache.collect_garbage(set(live)) == dropped
    assert cache.hashes() == {*live, *_keys(*range(1 + dropped, 9))}
    cache.close()


def test_spare_part_grows_with_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SPARE_SECONDS", 0)
    monkeypatch.setattr(cache_module, "SPARE_AT_LEAST", 1)
    cache = _filled(tmp_path, *range(100))
    assert cache.collect_garbage(set(_keys(*range(40)))) == 60 - 20
    cache.close()


def test_new_vectors_are_no_garbage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SPARE_AT_LEAST", 0)
    cache = _filled(tmp_path, *range(10))
    assert cache.collect_garbage(set()) == 0
    cache.close()


def test_vectors_of_other_embedders_are_garbage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "SPARE_SECONDS", 0)
    monkeypatch.setattr(cache_module, "SPARE_AT_LEAST", 1)
    _filled(tmp_path, 1, 2, embedder="old").close()
    cache = _filled(tmp_path, 1)
    assert cache.collect_garbage(set(_keys(1))) == 1
    assert cache.hashes() == set(_keys(1))
    cache.close()


def test_published_runs_bound_the_spare_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "SPARE_SECONDS", 0)
    monkeypatch.setattr(cache_module, "SPARE_AT_LEAST", 4)
    notes = Notes(tmp_path)
    for number in range(10):
        notes.write("a.md", f"version {number}")
        notes.write("b.md", "always the same")
        notes.run()
    assert cached_vectors(notes.directory)[0] == 2 + 4
    notes.write("a.md", "version 6")
    assert notes.update() == {"changed": 1, "unchanged": 1}


@pytest.mark.parametrize("how", ["garbage", "truncated", "inside"])
def test_damaged_cache_is_started_anew(tmp_path: Path, how: str) -> None:
    notes = Notes(tmp_path)
    for number in range(40):
        notes.write(f"{number}.md", f"note {number}")
    notes.run()
    path = notes.directory / "embeddings.sqlite"
    data = path.read_bytes()
    damaged = {
        "garbage": os.urandom(8000),
        "truncated": data[: len(data) // 2 - 100],
        "inside": data[:4096] + os.urandom(len(data) - 4096),
    }
    path.write_bytes(damaged[how])
    assert notes.update() == {"unchanged": 40}
    assert len(notes.passages()) == 40
    notes.write("new.md", "one more")
    assert notes.update() == {"added": 1, "unchanged": 40, "embedded": 41}
    assert cached_vectors(notes.directory)[0] == 41


def test_cache_that_is_only_locked_is_not_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _filled(tmp_path, 1, 2).close()
    monkeypatch.setattr("ragqa.store.layout.BUSY_SECONDS", 0.05)
    other = sqlite3.connect(tmp_path / "embeddings.sqlite", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        EmbeddingCache(tmp_path, "one")
    other.execute("COMMIT")
    other.close()
    cache = EmbeddingCache(tmp_path, "one")
    assert len(cache.hashes()) == 2
    cache.close()
