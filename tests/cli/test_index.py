"""`index`, `status` and `forget`: reports, files that cannot be read, exit codes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result
from tests.programs import (
    ANSWER,
    QUESTION,
    RAGQA,
    error_of,
    load_embedder_once,
    parsed,
    without_powers,
    without_seconds,
    write_notes,
)

RunCli = Callable[..., Result]

FIRST = (
    "2 added, 0 changed, 0 moved, 0 removed, 0 unchanged, {} failed; 3 passages, 3 embedded; N s\n"
)
KINDS = ".md .markdown .mdown .mkd .mdx .txt .text .html .htm .xhtml .rst .rest"


@pytest.fixture(autouse=True)
def one_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragqa.embedding.load_embedder", load_embedder_once)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return write_notes(tmp_path / "notes")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def test_a_first_run_and_one_with_nothing_to_do(run_cli: RunCli, notes: Path, index: Path) -> None:
    done = run_cli("index", notes, "--index", index)
    assert (done.code, without_seconds(done.out), done.err) == (0, FIRST.format(0), "")
    done = run_cli("index", "--index", index)
    counts = "0 added, 0 changed, 0 moved, 0 removed, 2 unchanged, 0 failed"
    assert without_seconds(done.out) == f"{counts}; 3 passages, 0 embedded; N s\n"
    assert (done.code, done.err) == (0, "")


def test_a_report_as_json_is_the_contract(run_cli: RunCli, notes: Path, index: Path) -> None:
    (notes / "empty.md").touch()
    done = run_cli("index", notes, "--index", index, "--json")
    report = parsed(done.out)
    assert isinstance(report.pop("seconds"), float)
    assert list(report.items()) == [
        ("version", 1),
        ("added", 2),
        ("changed", 0),
        ("moved", 0),
        ("removed", 0),
        ("unchanged", 0),
        ("failed", [{"path": f"{notes}/empty.md", "reason": "the file is empty"}]),
        ("passages", 3),
        ("embedded", 3),
        ("generation", 1),
    ]
    assert (done.code, done.err) == (0, f"failed: {notes}/empty.md: the file is empty\n")


def test_a_dry_run_leaves_nothing(run_cli: RunCli, notes: Path, index: Path) -> None:
    done = run_cli("index", notes, "--index", index, "--dry-run")
    expected = "would be: " + FIRST.format(0).replace("embedded", "to embed")
    assert (done.code, without_seconds(done.out), done.err) == (0, expected, "")
    assert not index.exists()
    run_cli("index", notes, "--index", index)
    (notes / "bread.md").unlink()
    done = run_cli("index", "--index", index, "--dry-run")
    assert without_seconds(done.out).startswith("would be: 0 added, 0 changed, 0 moved, 1 removed,")
    assert parsed(run_cli("status", "--index", index, "--json").out)["documents"] == 2


def test_all_files_are_read_anew(run_cli: RunCli, notes: Path, index: Path) -> None:
    run_cli("index", notes, "--index", index)
    done = run_cli("index", "--index", index, "--force")
    expected = (
        "0 added, 2 changed, 0 moved, 0 removed, 0 unchanged, 0 failed; 3 passages, 0 embedded;"
        " N s\n"
    )
    assert (done.code, without_seconds(done.out)) == (0, expected)


def test_no_folder_known(run_cli: RunCli, index: Path) -> None:
    message = f"ragqa: there is no index in {index}; run: ragqa index FOLDER\n"
    assert run_cli("index", "--index", index) == Result(3, "", message)


@pytest.mark.parametrize("name", ["none", "file", ""])
def test_what_is_no_folder(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Path, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("text")
    messages = {
        "none": "no such folder: none; check the spelling; to drop it from the index: ragqa forget",
        "file": "not a folder: file; name the folder that the file is in",
        "": "no such folder: ''; check the spelling; to drop it from the index: ragqa forget",
    }
    done = run_cli("index", name, "--index", index)
    assert done == Result(2, "", f"ragqa: {messages[name]}\n")
    assert not index.exists()
    done = run_cli("index", name, "--index", index, "--json")
    assert (done.code, error_of(done.out)) == (2, ("usage", 2))


def test_an_empty_folder(run_cli: RunCli, tmp_path: Path, index: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    done = run_cli("index", folder, "--index", index)
    message = f"ragqa: nothing readable in {folder}; files of these kinds are read: {KINDS}\n"
    assert done == Result(3, "", message)


def test_a_folder_in_which_everything_fails(run_cli: RunCli, tmp_path: Path, index: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "binary.md").write_bytes(b"\0\1\2\xff" * 100)
    done = run_cli("index", folder, "--index", index, "--json")
    detail = "(1 failed, e.g.: a binary file, not text)"
    message = f"nothing readable in {folder} {detail}"
    assert done.err == f"ragqa: {message}; files of these kinds are read: {KINDS}\n"
    assert (done.code, error_of(done.out)) == (3, ("document", 3))


def test_files_that_cannot_be_read_are_listed(run_cli: RunCli, notes: Path, index: Path) -> None:
    (notes / "binary.md").write_bytes(b"\0\1\2\xff" * 100)
    with (notes / "huge.txt").open("wb") as file:
        file.write(b"word " * 1000)
        file.truncate(50_000_000)
    reasons = [
        f"{notes}/binary.md: a binary file, not text",
        f"{notes}/huge.txt: larger than 20 MB (raise the limit with --max-file-mb)",
    ]
    done = run_cli("index", notes, "--index", index)
    assert (done.code, without_seconds(done.out)) == (0, FIRST.format(2))
    assert done.err == "".join(f"failed: {reason}\n" for reason in reasons)
    rows = [line.split(maxsplit=1) for line in run_cli("status", "--index", index).out.splitlines()]
    assert [value for name, value in rows if name == "failed"] == reasons
    again = run_cli("index", "--index", index)
    assert (again.code, again.err) == (0, done.err)


def test_the_limit_of_size_can_be_raised(run_cli: RunCli, notes: Path, index: Path) -> None:
    (notes / "bread.md").write_text("Bread.\n" + " " * 1_500_000)
    done = run_cli("index", notes, "--index", index, "--max-file-mb", "1", "--json")
    assert [item["path"] for item in parsed(done.out)["failed"]] == [f"{notes}/bread.md"]
    done = run_cli("index", notes, "--index", index, "--max-file-mb", "2", "--json")
    assert (parsed(done.out)["failed"], parsed(done.out)["added"]) == ([], 1)


def test_a_file_without_permission(notes: Path, index: Path) -> None:
    (notes / "secret.md").write_text("Secret.\n")
    (notes / "secret.md").chmod(0)
    done = subprocess.run(
        [*without_powers(), *RAGQA, "index", str(notes), "--index", str(index)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, without_seconds(done.stdout)) == (0, FIRST.format(1))
    assert done.stderr == f"failed: {notes}/secret.md: cannot be opened: permission denied\n"


def test_an_index_that_may_only_be_read(run_cli: RunCli, notes: Path, index: Path) -> None:
    run_cli("index", notes, "--index", index)
    (notes / "new.md").write_text("Something new.\n")
    for path in index.iterdir():
        path.chmod(0o400)
    index.chmod(0o500)
    try:
        read, write = (
            subprocess.run(
                [*without_powers(), *RAGQA, *arguments, "--index", str(index)],
                capture_output=True,
                text=True,
                check=False,
            )
            for arguments in (["ask", QUESTION], ["index"])
        )
    finally:
        index.chmod(0o700)
    assert (read.returncode, read.stderr) == (0, "")
    assert read.stdout.startswith(ANSWER)
    message = f"ragqa: cannot write to the index directory {index}: permission denied"
    assert (write.returncode, write.stdout) == (3, "")
    assert write.stderr == f"{message}; choose another with --index DIR\n"


def test_an_index_directory_that_is_a_file(run_cli: RunCli, notes: Path, index: Path) -> None:
    index.write_text("a file")
    done = run_cli("index", notes, "--index", index)
    message = f"ragqa: cannot write to the index directory {index}: file exists"
    assert done == Result(2, "", f"{message}; choose another with --index DIR\n")
    assert run_cli("status", "--index", index).code == 3
    assert index.read_text() == "a file"


def test_an_index_that_another_process_writes(run_cli: RunCli, notes: Path, index: Path) -> None:
    from ragqa.store.writer import LocalWriter

    with LocalWriter(index):
        done = run_cli("index", notes, "--index", index, "--json")
    message = f"the index in {index} is being written by process {os.getpid()} (since "
    assert done.err.startswith(f"ragqa: {message}")
    assert done.err.endswith("); wait until it is done, then try again\n")
    assert (done.code, error_of(done.out)) == (3, ("index_busy", 3))


def test_a_folder_that_is_gone_keeps_its_documents(
    run_cli: RunCli, notes: Path, index: Path
) -> None:
    run_cli("index", notes, "--index", index)
    notes.rename(notes.with_name("away"))
    done = run_cli("index", "--index", index)
    hint = f"(to remove them: ragqa forget {notes})"
    assert done.err == f"{notes} is gone or empty; its documents stay in the index {hint}\n"
    assert (done.code, parsed(run_cli("status", "--index", index, "--json").out)["documents"]) == (
        0,
        2,
    )


def test_names_of_files_are_no_commands_to_the_terminal(
    run_cli: RunCli, notes: Path, index: Path
) -> None:
    (notes / "a\x1b[31m\nb.md").touch()
    done = run_cli("index", notes, "--index", index)
    assert done.err == f"failed: {notes}/a b.md: the file is empty\n"
    assert (
        f"failed     {notes}/a b.md: the file is empty\n" in run_cli("status", "--index", index).out
    )


# status -------------------------------------------------------------------------------------


def test_status(run_cli: RunCli, notes: Path, index: Path) -> None:
    run_cli("index", notes, "--index", index)
    done = run_cli("status", "--index", index)
    assert (done.code, done.err) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in done.out.replace("last run", "run").splitlines())
    assert rows.pop("size").endswith(")")
    counts = "2 added, 0 changed, 0 moved, 0 removed, 0 unchanged, 0 failed"
    assert rows.pop("run").endswith(counts)
    assert rows == {
        "index": f"{index} (generation 1)",
        "folder": str(notes),
        "documents": "2",
        "passages": "3",
        "embedder": "all-MiniLM-L6-v2@53aa51172d142c89/onnxruntime+words-86ceea5c",
        "generator": "SmolLM2-135M-Instruct",
        "refusals": "by the threshold of the settings (to fit one to this index: ragqa calibrate)",
        "encodings": "2 utf-8",
    }


def test_status_as_json(run_cli: RunCli, notes: Path, index: Path) -> None:
    run_cli("index", notes, "--index", index)
    facts = parsed(run_cli("status", "--index", index, "--json").out)
    sizes = facts.pop("bytes")
    assert sizes == {name: (index / name).stat().st_size for name in sizes}
    assert list(sizes) == ["embeddings.sqlite", "index.sqlite", "vectors-1.faiss"]
    run = facts.pop("last_run")
    assert (run["added"], run["embedded"], run["failed"]) == (2, 3, 0)
    assert facts == {
        "version": 1,
        "index": str(index),
        "generation": 1,
        "folders": [str(notes)],
        "documents": 2,
        "passages": 3,
        "failed": [],
        "warnings": [],
        "encodings": {"utf-8": 2},
        "guessed_encodings": [],
        "models": {
            "embedder": "all-MiniLM-L6-v2@53aa51172d142c89/onnxruntime+words-86ceea5c",
            "generator": "SmolLM2-135M-Instruct",
        },
        "calibrated_threshold": None,
    }


def test_status_names_guessed_encodings(run_cli: RunCli, notes: Path, index: Path) -> None:
    text = "Müßige Bäcker äßen gern süße Brötchen über dem Öl. " * 5
    (notes / "latin.txt").write_bytes(text.encode("cp1252"))
    run_cli("index", notes, "--index", index)
    (guess,) = parsed(run_cli("status", "--index", index, "--json").out)["guessed_encodings"]
    assert guess["path"] == f"{notes}/latin.txt"
    assert (
        f"guessed    {notes}/latin.txt: {guess['encoding']}\n"
        in run_cli("status", "--index", index).out
    )


def test_status_without_an_index(run_cli: RunCli, index: Path) -> None:
    message = f"ragqa: there is no index in {index}; run: ragqa index FOLDER\n"
    assert run_cli("status", "--index", index) == Result(3, "", message)
    assert error_of(run_cli("status", "--index", index, "--json").out) == ("no_index", 3)


# forget -------------------------------------------------------------------------------------


def test_forget(run_cli: RunCli, notes: Path, index: Path) -> None:
    run_cli("index", notes, "--index", index)
    done = run_cli("forget", notes, "--index", index)
    assert done == Result(0, f"forgot {notes}: 2 documents removed from the index\n", "")
    assert (notes / "bread.md").exists()
    facts = parsed(run_cli("status", "--index", index, "--json").out)
    assert (facts["folders"], facts["documents"]) == ([], 0)


def test_forget_a_folder_that_is_gone(run_cli: RunCli, notes: Path, index: Path) -> None:
    run_cli("index", notes, "--index", index)
    notes.rename(notes.with_name("away"))
    done = run_cli("forget", notes, "--index", index, "--json")
    assert (done.code, parsed(done.out)) == (
        0,
        {"version": 1, "folder": str(notes), "removed": 2},
    )


def test_forget_a_folder_that_is_not_known(
    run_cli: RunCli, notes: Path, index: Path, tmp_path: Path
) -> None:
    run_cli("index", notes, "--index", index)
    message = f"ragqa: not a folder of this index: {tmp_path}/x; it knows: {notes}\n"
    assert run_cli("forget", tmp_path / "x", "--index", index) == Result(2, "", message)


def test_forget_without_an_index(run_cli: RunCli, notes: Path, index: Path) -> None:
    message = f"ragqa: there is no index in {index}; run: ragqa index FOLDER\n"
    assert run_cli("forget", notes, "--index", index) == Result(3, "", message)
    assert not index.exists()


def test_workers_change_nothing_but_the_speed(run_cli: RunCli, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    hits = []
    for workers in (1, 3):
        index = tmp_path / str(workers)
        assert run_cli("index", notes, "--index", index, "--workers", workers).code == 0
        hits.append(run_cli("search", "perplexity", "--index", index).out)
    assert hits[0] == hits[1] != ""
    done = run_cli("index", notes, "--index", index, "--workers", "-1")
    assert (done.code, done.out) == (2, "")
    assert "must be a whole number from 0 to 1024, not -1" in done.err
