"""All formats together: choice of the reader, and what must hold for every real file."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragqa.documents import is_supported, read_document
from ragqa.documents.readers import ENDINGS
from ragqa.errors import DocumentError
from tests.conftest import CORPUS
from tests.reading import aligned_share, check_document, parse, shown

SUFFIXES = (".md", ".txt", ".html", ".rst")


@pytest.mark.parametrize("suffix", ENDINGS)
def test_every_known_ending_is_read(suffix: str) -> None:
    assert is_supported(Path("a" + suffix.upper()))
    assert shown(suffix, "Some words here.") == ["Some words here."]


@pytest.mark.parametrize("name", ["a.pdf", "a", ".md", "md", "a.md.bak", "a.mdc"])
def test_other_endings_are_not(name: str) -> None:
    assert not is_supported(Path(name))


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".md", "---\ntitle: T\n---\n"),
        (".md", "%%\nall hidden\n%%\n"),
        (".html", "<html><script>x</script></html>"),
        (".rst", ".. toctree::\n\n   a\n"),
        (".txt", "-----\n"),
    ],
)
def test_a_file_without_readable_text_says_so(suffix: str, text: str) -> None:
    with pytest.raises(DocumentError, match="no readable text in it"):
        parse(suffix, text)


def test_markup_nested_too_deeply_says_so() -> None:
    text = "".join("  " * depth + "- a\n\n" for depth in range(300))
    with pytest.raises(DocumentError, match="nested too deeply"):
        parse(".rst", text)


def corpus_files() -> list[Path]:
    return sorted(path for path in CORPUS.rglob("*") if path.is_file() and is_supported(path))


@pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.stem)
def test_corpus_files_are_read_truly(path: Path) -> None:
    document = read_document(path, path.read_bytes())
    check_document(document)
    assert document.warnings == ()
    assert aligned_share(document) > 0.95


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_seeds_are_read_truly_whatever_their_ending(seeds: Path, suffix: str) -> None:
    for path in seeds.iterdir():
        check_document(parse(suffix, path.read_bytes()))


def unpacked(archive: Path, folder: Path) -> Iterator[Path]:
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.slow
def test_hostile_files_are_read_truly_or_refused(eval_data: Path, tmp_path: Path) -> None:
    read = 0
    for path in unpacked(eval_data / "data" / "robustness.tar.xz", tmp_path):
        data = path.read_bytes()
        for suffix in [path.suffix] if is_supported(path) else SUFFIXES:
            try:
                document = parse(suffix, data)
            except DocumentError as error:
                assert error.message and "\n" not in error.message
                continue
            check_document(document)
            read += 1
    assert read > 2000


@pytest.mark.slow
def test_documentation_of_many_projects_is_read_truly(eval_data: Path, tmp_path: Path) -> None:
    files = list(unpacked(eval_data / "data" / "hf_docs" / "docs.tar.xz", tmp_path))
    rst = [path for path in files if path.suffix == ".rst"]
    shares = []
    for path in [*files[::8], *rst]:
        try:
            document = parse(path.suffix, path.read_bytes())
        except DocumentError:
            continue
        check_document(document)
        shares.append(aligned_share(document))
    assert len(shares) > 450
    assert min(shares) > 0.75
    assert sum(shares) / len(shares) > 0.97
