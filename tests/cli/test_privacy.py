"""Nothing leaves the machine, and the same question gives the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ragqa.models.local import embedder_folder
from tests.programs import ANSWER, DEFAULT_EMBEDDER, QUESTION, RAGQA, make_index, write_notes

# Runs a module with arguments and writes down what it does with internet sockets.
WATCHED = """
import runpy, socket, sys
seen = open(sys.argv.pop(1), "w", buffering=1)
def watch(event, arguments):
    if event == "socket.__new__" and arguments[1] in (socket.AF_INET, socket.AF_INET6):
        print(event, file=seen)
    elif event in ("socket.connect", "socket.bind", "socket.sendto"):
        if arguments[0].family in (socket.AF_INET, socket.AF_INET6):
            print(event, file=seen)
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"):
        print(event, file=seen)
sys.addaudithook(watch)
sys.argv.pop(0)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def internet_use(tmp_path: Path, module: str, *arguments: object) -> tuple[str, list[str]]:
    """What a module wrote to stdout and what it did with internet sockets."""
    report = tmp_path / "report"
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(report), module, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=ordinary_environment(),
        timeout=300,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout, report.read_text().split()


def ordinary_environment() -> dict[str, str]:
    """Without variables of a test or CI machine, on which libraries keep silent."""
    return {name: os.environ[name] for name in os.environ if name.startswith(("XDG_", "HOME"))}


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return write_notes(tmp_path / "notes")


def test_the_watch_sees_a_socket(tmp_path: Path) -> None:
    (tmp_path / "phone.py").write_text(
        "import socket\n"
        "with socket.socket() as server:\n"
        "    server.bind(('127.0.0.1', 0)); server.listen()\n"
        "    socket.create_connection(server.getsockname()).close()\n"
    )
    code = WATCHED.replace(
        "import runpy", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport runpy", 1
    )
    report = tmp_path / "report"
    subprocess.run([sys.executable, "-c", code, str(report), "phone"], check=True)
    assert {"socket.__new__", "socket.bind", "socket.connect", "socket.getaddrinfo"} <= set(
        report.read_text().split()
    )


def test_indexing_and_asking_open_no_internet_socket(tmp_path: Path, notes: Path) -> None:
    index = tmp_path / "index"
    out, seen = internet_use(tmp_path, "ragqa", "index", notes, "--index", index)
    assert (out[:7], seen) == ("2 added", [])
    out, seen = internet_use(tmp_path, "ragqa", "ask", QUESTION, "--index", index)
    said = out.splitlines()[0].removesuffix(" [1]")
    assert said and said in ANSWER  # the reader's words of that sentence
    assert seen == []


def test_nothing_but_our_own_files_is_left_in_the_home(
    tmp_path: Path, notes: Path, own_home: Path
) -> None:
    for arguments in (["index", str(notes)], ["ask", QUESTION]):
        subprocess.run([*RAGQA, *arguments], env=ordinary_environment(), check=True)
    left = {path.relative_to(own_home).parts[:2] for path in own_home.rglob("*") if path.is_file()}
    assert left == {("data", "ragqa"), ("cache", "ragqa")}


@pytest.mark.slow
def test_generating_opens_no_internet_socket(tmp_path: Path, notes: Path) -> None:
    index = make_index(tmp_path / "index", notes)
    options = ("--index", index, "--answer", "generate", "--max-tokens", "40")
    out, seen = internet_use(tmp_path, "ragqa", "ask", QUESTION, *options)
    assert out
    assert seen == []


@pytest.mark.slow
def test_the_kernel_sees_no_internet_socket(tmp_path: Path, notes: Path) -> None:
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("there is no strace on PATH")
    trace = tmp_path / "trace"
    watched = [strace, "-f", "-e", "trace=network", "-o", str(trace)]
    phone = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
    tried = subprocess.run([*watched, sys.executable, "-c", phone], check=False)
    if tried.returncode or "AF_INET" not in trace.read_text():
        pytest.skip("strace may not trace here")
    for arguments in (
        ["index", notes],
        ["ask", QUESTION],
        ["ask", QUESTION, "--answer", "generate", "--max-tokens", "100"],
        ["ask", QUESTION, "--docs", notes, "--embedder", embedder_folder(DEFAULT_EMBEDDER)],
    ):
        options = [] if "--docs" in arguments else ["--index", str(tmp_path / "index")]
        done = subprocess.run(
            [*watched, *RAGQA, *map(str, arguments), *options],
            env=ordinary_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        assert "exited with" in trace.read_text()
        assert "AF_INET" not in trace.read_text()


@pytest.mark.slow
def test_a_generated_answer_is_the_same_twice(tmp_path: Path, notes: Path) -> None:
    index = make_index(tmp_path / "index", notes)
    options = ["--index", str(index), "--answer", "generate", "--no-stream"]
    runs = [
        subprocess.run([*RAGQA, "ask", QUESTION, *options], capture_output=True, check=False)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout != b""
    documents = []
    for _ in range(2):
        done = subprocess.run(
            [*RAGQA, "ask", QUESTION, *options, "--json"], capture_output=True, check=False
        )
        documents.append({**json.loads(done.stdout), "timings_ms": {}})
    assert documents[0] == documents[1]
    assert documents[0]["models"]["generator"] == "SmolLM2-135M-Instruct"
