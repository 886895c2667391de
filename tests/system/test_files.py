"""A file is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragqa.system.files import replace_file


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
