"""The walk through a folder: what is found, what is left out, what cannot be looked into."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragqa.documents.folder import find_documents, why_left_out


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")


def found(folder: Path) -> list[str]:
    return [
        file.path.relative_to(folder).as_posix()
        for file in find_documents(folder)
        if file.reason is None
    ]


def test_files_of_known_endings_are_found_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.md", "a/z.txt", "a.HTML", "c.RST", "d.Md", "e.pdf", "f", "g.py", "md")
    assert found(tmp_path) == ["a/z.txt", "a.HTML", "b.md", "c.RST", "d.Md"]


def test_size_and_time_are_those_of_the_file(tmp_path: Path) -> None:
    make(tmp_path, "a.md")
    (file,) = find_documents(tmp_path)
    assert (file.size, file.mtime_ns) == (4, (tmp_path / "a.md").stat().st_mtime_ns)


def test_hidden_and_tool_folders_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, ".hidden.md", ".obsidian/a.md", ".git/a.md", "node_modules/a.md", "venv/a.md",
         "x/__pycache__/a.md", "kept/a.md")  # fmt: skip
    assert found(tmp_path) == ["kept/a.md"]


@pytest.mark.parametrize("name", [".gitignore", ".ragqaignore"])
def test_ignore_files_are_obeyed(tmp_path: Path, name: str) -> None:
    make(
        tmp_path, "drafts/a.md", "drafts/b/c.md", "x/drafts.md", "y/secret.md", "top.md", "x/top.md"
    )
    (tmp_path / name).write_text("# comment\ndrafts/\nsecret*\n/top.md\n")
    assert found(tmp_path) == ["x/drafts.md", "x/top.md"]


def test_inner_ignore_files_win_over_outer_ones(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "in/a.txt", "in/b.txt", "in/keep.txt", "other/keep.txt")
    (tmp_path / ".gitignore").write_text("*.txt\n!keep.txt\n")
    (tmp_path / "in" / ".gitignore").write_text("!b.txt\nkeep.txt\n")
    assert found(tmp_path) == ["in/b.txt", "other/keep.txt"]


def test_the_own_ignore_file_wins_over_that_of_git(tmp_path: Path) -> None:
    make(tmp_path, "a.md", "b.md")
    (tmp_path / ".gitignore").write_text("a.md\n")
    (tmp_path / ".ragqaignore").write_text("!a.md\nb.md\n")
    assert found(tmp_path) == ["a.md"]


def test_files_in_an_ignored_folder_stay_ignored(tmp_path: Path) -> None:
    make(tmp_path, "out/keep.md", "a.md")
    (tmp_path / ".gitignore").write_text("out/\n!out/keep.md\n")
    assert found(tmp_path) == ["a.md"]


@pytest.mark.parametrize("line", ["!", "/", "//", "\\", "[", "[z-a].md", "a\\", "\ufeff", "\xff"])
def test_senseless_patterns_are_harmless(tmp_path: Path, line: str) -> None:
    make(tmp_path, "a.md", "b.md")
    (tmp_path / ".gitignore").write_bytes(line.encode("latin-1", "replace") + b"\nb.md\n")
    assert found(tmp_path) == ["a.md"]


def test_an_ignore_file_that_is_a_folder_is_no_rule(tmp_path: Path) -> None:
    make(tmp_path, "a.md", ".gitignore/x")
    assert found(tmp_path) == ["a.md"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    make(tmp_path, "a/b/note.md")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    assert found(tmp_path) == ["a/b/note.md"]


@pytest.mark.parametrize("link", ["a-link.md", "z-link.md"])
def test_a_file_and_a_link_to_it_are_one(tmp_path: Path, link: str) -> None:
    make(tmp_path, "note.md")
    (tmp_path / link).symlink_to("note.md")
    assert len(found(tmp_path)) == 1


def test_two_links_to_a_file_outside_are_one(tmp_path: Path) -> None:
    make(tmp_path, "outside.md")
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.md", "b.md"):
        (folder / name).symlink_to(tmp_path / "outside.md")
    assert found(folder) == ["a.md"]


def test_a_linked_folder_is_walked_once(tmp_path: Path) -> None:
    make(tmp_path, "real/note.md")
    (tmp_path / "again").symlink_to("real")
    assert len(found(tmp_path)) == 1


def test_hard_links_are_files_of_their_own(tmp_path: Path) -> None:
    make(tmp_path, "a.md")
    os.link(tmp_path / "a.md", tmp_path / "b.md")
    assert found(tmp_path) == ["a.md", "b.md"]


def test_a_broken_link_is_reported(tmp_path: Path) -> None:
    (tmp_path / "gone.md").symlink_to("nowhere")
    (file,) = find_documents(tmp_path)
    assert (file.path.name, file.reason) == ("gone.md", "no such file or directory")


def test_a_named_pipe_and_a_folder_with_an_ending_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    make(tmp_path, "folder.md/note.md")
    assert found(tmp_path) == ["folder.md/note.md"]


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.md")
    try:
        make(tmp_path, name)
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    (tmp_path / ".gitignore").write_text("x.md\n")
    (file,) = find_documents(tmp_path)
    reason = "its name is not valid UTF-8; rename it"
    assert (file.path.name, file.reason) == (r"caf\udce9.md", reason)


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that an ordinary user owns, and that user's rights for as long as the test runs."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() != 0:
            yield Path(name)
            return
        os.chown(name, 65534, 65534)
        os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


def test_an_unreadable_folder_is_reported_and_the_rest_is_found(as_nobody: Path) -> None:
    make(as_nobody, "closed/a.md", "open/b.md")
    closed = as_nobody / "closed"
    closed.chmod(0)
    try:
        files = list(find_documents(as_nobody))
    finally:
        closed.chmod(0o700)
    assert [(file.path.name, file.reason) for file in files] == [
        ("closed", "permission denied"), ("b.md", None),
    ]  # fmt: skip


def test_a_folder_that_may_be_listed_but_not_entered(as_nobody: Path) -> None:
    make(as_nobody, "listed/a.md")
    listed = as_nobody / "listed"
    listed.chmod(0o400)
    try:
        files = list(find_documents(as_nobody))
    finally:
        listed.chmod(0o700)
    assert [(file.path.name, file.reason) for file in files] == [("a.md", "permission denied")]


def test_a_folder_that_is_gone_is_reported(tmp_path: Path) -> None:
    (file,) = find_documents(tmp_path / "gone")
    assert file.reason == "no such file or directory"


def test_deep_folders_are_walked_to_the_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    depth = 1020
    for _ in range(depth):
        os.mkdir("d")  # noqa: PTH102
        os.chdir("d")
    Path("note.md").write_text("text")
    try:
        assert sum(file.reason is None for file in find_documents(tmp_path)) == 1
    finally:  # pytest could not delete it
        Path("note.md").unlink()
        for _ in range(depth):
            os.chdir("..")
            os.rmdir("d")  # noqa: PTH106


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("kept/a.md", None),
        ("kept/keep.md", None),
        (".hidden.md", "{}/.hidden.md is hidden: its name begins with a dot"),
        (".obsidian/x/a.md", "{}/.obsidian is hidden: its name begins with a dot"),
        ("x/venv/a.md", "{}/x/venv is a folder of tools"),
        ("drafts/b/a.md", "the rule drafts/ in {}/.gitignore leaves it out"),
        ("kept/secret.md", "the rule /secret.* in {}/kept/.ragqaignore leaves it out"),
        (
            "x/a.pdf",
            "files of this kind are not read, only: .md .markdown .mdown .mkd .mdx .txt .text"
            " .html .htm .xhtml .rst .rest",
        ),
    ],
)
def test_what_is_left_out_has_its_reason(tmp_path: Path, name: str, reason: str | None) -> None:
    make(tmp_path, name)
    (tmp_path / "kept").mkdir(exist_ok=True)
    (tmp_path / ".gitignore").write_text("# comment\n\ndrafts/\n*keep.md\n")
    (tmp_path / "kept" / ".ragqaignore").write_text("/secret.*\n!keep.md\n")
    assert why_left_out(tmp_path / name, tmp_path) == (reason and reason.format(tmp_path))
    assert found(tmp_path) == ([name] if reason is None else [])


def test_what_is_no_file_has_its_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert why_left_out(tmp_path / "pipe.md", tmp_path) == "it is no ordinary file"
