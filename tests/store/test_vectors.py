"""The FAISS file: exact search, the checksum, files that are left over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragqa.store import vectors

MATRIX = np.eye(4, dtype=np.float32)
IDS = [7, 3, 99, 12]


@pytest.fixture
def saved(tmp_path: Path) -> vectors.VectorFile:
    return vectors.save(vectors.build(4, IDS, [MATRIX[:3], MATRIX[3:]]), tmp_path, 5)


def test_search_gives_ids_and_cosines_best_first(saved: vectors.VectorFile, tmp_path: Path) -> None:
    index = vectors.load(tmp_path, saved)
    question = np.array([0.1, 0.9, 0.3, 0.2], dtype=np.float32)
    found = vectors.search(index, question, 3)
    assert [number for number, _ in found] == [3, 99, 12]
    assert [score for _, score in found] == pytest.approx([0.9, 0.3, 0.2])


@pytest.mark.parametrize("count, expected", [(0, 0), (2, 2), (100, 4)])
def test_search_gives_no_more_than_there_is(
    saved: vectors.VectorFile, tmp_path: Path, count: int, expected: int
) -> None:
    assert len(vectors.search(vectors.load(tmp_path, saved), MATRIX[0], count)) == expected


def test_search_of_an_empty_index_finds_nothing() -> None:
    assert vectors.search(vectors.build(4, [], []), MATRIX[0], 5) == []


def test_one_changed_byte_is_damage(saved: vectors.VectorFile, tmp_path: Path) -> None:
    path = tmp_path / saved.name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert vectors.load(tmp_path, saved) is None


def test_missing_file_is_no_file(tmp_path: Path) -> None:
    assert vectors.load(tmp_path, vectors.VectorFile("vectors-1.faiss", 0)) is None
    assert vectors.load(tmp_path, vectors.VectorFile("", 0)) is None


def test_save_leaves_one_file(saved: vectors.VectorFile, tmp_path: Path) -> None:
    assert [path.name for path in tmp_path.iterdir()] == [saved.name] == ["vectors-5.faiss"]


def test_others_are_removed_and_nothing_else(saved: vectors.VectorFile, tmp_path: Path) -> None:
    for name in ("vectors-4.faiss", "vectors-6.faiss.part", "notes.faiss", "README.txt"):
        (tmp_path / name).touch()
    vectors.remove_others(tmp_path, saved.name)
    assert {p.name for p in tmp_path.iterdir()} == {saved.name, "notes.faiss", "README.txt"}
