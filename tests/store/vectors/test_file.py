"""The file of vectors: whole, known again by its checksum; files that are left over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import RagqaError
from ragqa.store.vectors import file
from ragqa.store.vectors.faiss_index import FaissIndex
from ragqa.store.vectors.file import VectorFile

MATRIX = np.eye(4, dtype=np.float32)
IDS = [7, 3, 99, 12]


@pytest.fixture
def saved(tmp_path: Path) -> VectorFile:
    return file.save(FaissIndex.exact(4).add(IDS, [MATRIX[:3], MATRIX[3:]]), tmp_path, 5)


def test_what_was_saved_is_loaded(saved: VectorFile, tmp_path: Path) -> None:
    assert file.is_intact(tmp_path, saved)
    index = file.load(tmp_path, saved)
    assert index is not None
    assert [number for number, _ in index.search(MATRIX[2], 1)] == [99]
    assert VectorFile.from_meta(saved.to_meta()) == saved


def test_one_changed_byte_is_damage(saved: VectorFile, tmp_path: Path) -> None:
    path = tmp_path / saved.name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert file.load(tmp_path, saved) is None
    assert not file.is_intact(tmp_path, saved)


def test_missing_file_is_no_file(tmp_path: Path) -> None:
    assert file.load(tmp_path, VectorFile("vectors-1.faiss", 0)) is None
    assert file.load(tmp_path, VectorFile("", 0)) is None


def test_save_leaves_one_file(saved: VectorFile, tmp_path: Path) -> None:
    assert [path.name for path in tmp_path.iterdir()] == [saved.name] == ["vectors-5.faiss"]


def test_what_cannot_be_written_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: FaissIndex, path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("No space left on device")

    monkeypatch.setattr(FaissIndex, "write", fails)
    with pytest.raises(RagqaError, match="cannot write the vectors to"):
        file.save(FaissIndex.exact(4), tmp_path, 5)
    assert list(tmp_path.iterdir()) == []


def test_others_are_removed_and_nothing_else(saved: VectorFile, tmp_path: Path) -> None:
    for name in ("vectors-4.faiss", "vectors-6.faiss.part", "notes.faiss", "README.txt"):
        (tmp_path / name).touch()
    file.remove_others(tmp_path, saved.name)
    assert {p.name for p in tmp_path.iterdir()} == {saved.name, "notes.faiss", "README.txt"}
