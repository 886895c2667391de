"""A file is written whole or not at all; what tells that one has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragqa.system.files import data_file, replace_file, stamp_of


def test_a_new_file_is_private_and_an_old_one_keeps_its_permissions(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("before")
    old.chmod(0o644)
    for path in (new, old):
        replace_file(path, "naïve\n")
        assert path.read_text(encoding="utf-8") == "naïve\n"
    assert [path.stat().st_mode & 0o777 for path in (new, old)] == [0o600, 0o644]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        replace_file(file, "\ud800")
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "none" / "file", "text")


def test_a_stamp_changes_when_a_file_does(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    before = stamp_of(file)
    assert before == stamp_of(file) == [(str(file), 3, file.stat().st_mtime_ns)]
    os.utime(file, ns=(1, 1))
    touched = stamp_of(file)
    file.write_text("three")
    os.utime(file, ns=(1, 1))
    stamps = [before, touched, stamp_of(file)]
    assert [stamps.count(stamp) for stamp in stamps] == [1, 1, 1]


def test_a_stamp_of_a_folder_is_of_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    stamps = [stamp_of(tmp_path)]
    file = tmp_path / "deep" / "file"
    for action in (
        lambda: file.write_text("one"),
        lambda: file.write_text("three"),
        lambda: file.rename(file.with_name("other")),
        lambda: file.with_name("other").unlink(),
    ):
        action()
        stamps.append(stamp_of(tmp_path))
    assert [stamps.count(stamp) for stamp in stamps] == [1] * 5


def test_where_nothing_is_the_stamp_is_empty(tmp_path: Path) -> None:
    assert stamp_of(tmp_path / "none") == []
    assert stamp_of(Path("org/name")) == []


def test_a_link_that_leads_nowhere_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "none")
    before = stamp_of(tmp_path)
    (tmp_path / "none").write_text("there now")
    assert stamp_of(tmp_path) != before


def test_data_files_are_those_of_the_package() -> None:
    assert data_file("reader.gguf").is_file()
