"""What a server does is what the same command does without it: real processes, real sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ragqa.serve import client
from tests.conftest import Result
from tests.programs import BREAD_QUESTION, NOWHERE, QUESTION, make_index, on_terminal, write_notes

WAIT = 60.0
EXTRACT = ("--answer", "extract")  # no model but the embedder: quick
# The program, but that it says so where no server takes the command.
SERVED_ONLY = """
import sys
sys.modules["ragqa.cli.caller"] = None
from ragqa.__main__ import main
try:
    main()
except ImportError:
    sys.exit("not served")
"""
ALONE = [sys.executable, "-m", "ragqa"]
SERVED = [sys.executable, "-c", SERVED_ONLY]


class Place:
    """Notes with an index, and a runtime folder, apart from the user's own."""

    def __init__(self, folder: Path) -> None:
        self.notes = write_notes(folder / "notes")
        self.index = make_index(folder / "index", self.notes)
        self.runtime = folder / "run"
        self.runtime.mkdir(mode=0o700)
        self.socket = self.runtime / "ragqa" / "server.socket"
        self.environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(self.runtime),
            "RAGQA_INDEX": str(self.index),
        }

    def start(self, program: list[str], *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """A command that runs on its own."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(
            [*program, *arguments], env=self.environment, encoding="utf-8", **streams
        )

    def run(self, program: list[str], *arguments: str, typed: str = "", **options: Any) -> Result:
        """A command, to its end."""
        process = self.start(program, *arguments, stdin=subprocess.PIPE, **options)
        out, err = process.communicate(typed, timeout=WAIT)
        return Result(process.returncode, out, err)

    def serve(self, program: list[str] = ALONE) -> subprocess.Popen[str]:
        """A server that listens."""
        server = self.start(program, "serve")
        assert server.stderr
        assert server.stderr.readline() == f"serving at {self.socket}; Ctrl-C ends it\n"
        return server


def _wait_until(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + WAIT
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def _end(server: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
    server.send_signal(number)
    server.communicate(timeout=WAIT)
    return server.returncode


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def server(place: Place) -> Iterator[subprocess.Popen[str]]:
    running = place.serve()
    yield running
    if running.poll() is None:
        _end(running)


def _without_times(result: Result) -> Result:
    """A result without what differs from run to run."""
    if not result.out.startswith("{"):
        return result
    document = json.loads(result.out)
    document.pop("timings_ms", None)
    return result._replace(out=json.dumps(document))


def _without_ids(result: Result) -> Result:
    """A result without the random names of links."""
    return result._replace(out=re.sub(r"\bid=\d+", "id=", result.out))


def _waiting(place: Place) -> subprocess.Popen[str]:
    """A command that is served, and waits for its question."""
    waiting = place.start(SERVED, "ask", *EXTRACT, stdin=subprocess.PIPE)
    time.sleep(1.0)
    assert waiting.poll() is None
    return waiting


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        (("ask", QUESTION, *EXTRACT), ""),
        (("ask", QUESTION), ""),
        (("ask", QUESTION, "--json"), ""),
        (("ask", "--stream", *EXTRACT), QUESTION),
        (("ask", QUESTION, "--format", "markdown", "--quotes", *EXTRACT), ""),
        (("ask", QUESTION, "--short", *EXTRACT), ""),
        (("ask", NOWHERE, *EXTRACT), ""),
        (("ask", QUESTION, "--context", "bread.md", *EXTRACT), ""),
        (("ask", QUESTION, "--index", "nowhere", "--json"), ""),
        (("ask", "--no-such-option"), ""),
        (("ask", "--batch", "-", *EXTRACT), '{"id": 1, "question": "Who?"}\n'),
        (("search", "wild yeast"), ""),
        (("search", "wild yeast", "--json", "--explain"), ""),
    ],
)
def test_the_output_is_the_same(place: Place, arguments: tuple[str, ...], typed: str) -> None:
    alone = place.run(ALONE, *arguments, typed=typed, cwd=place.notes)
    server = place.serve()
    for _ in range(2):  # cold and warm
        served = place.run(SERVED, *arguments, typed=typed, cwd=place.notes)
        if "--batch" in arguments:
            assert served.code == alone.code == 0
        else:
            assert _without_times(served) == _without_times(alone)
    assert _end(server) == 143
    assert not place.socket.exists()


@pytest.mark.slow
def test_the_output_on_a_terminal_is_the_same(place: Place, server: subprocess.Popen[str]) -> None:
    arguments = ("ask", QUESTION, *EXTRACT)
    served = on_terminal(*arguments, environment=place.environment)
    assert "\x1b[" in served.out
    _end(server)
    alone = on_terminal(*arguments, environment=place.environment)
    assert _without_ids(alone) == _without_ids(served)


@pytest.mark.slow
def test_an_index_that_changes_is_followed(place: Place, server: subprocess.Popen[str]) -> None:
    assert "yeast" in place.run(SERVED, "ask", BREAD_QUESTION, *EXTRACT).out
    (place.notes / "bread.md").unlink()
    (place.notes / "tea.md").write_text("# Tea\n\nTea is made of the leaves of a shrub.\n")
    assert place.run(ALONE, "index").code == 0
    assert place.run(SERVED, "search", "tea").out.startswith(f"1. {place.notes}/tea.md:")
    assert "bread.md" not in place.run(SERVED, "search", "yeast bread").out


@pytest.mark.slow
def test_several_clients_at_once_and_a_signal_stops_one_alone(
    place: Place, server: subprocess.Popen[str]
) -> None:
    waiting, other = _waiting(place), _waiting(place)
    assert place.run(SERVED, "search", "yeast").code == 0
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(WAIT) == 130  # its input is still open
    assert waiting.communicate() == ("", "ragqa: interrupted\n")
    out, err = other.communicate(BREAD_QUESTION, timeout=WAIT)
    assert (other.returncode, "yeast" in out, err) == (0, True, "")


@pytest.mark.slow
def test_two_clients_get_right_answers_at_the_same_time(
    place: Place, server: subprocess.Popen[str]
) -> None:
    """A model reads for both: neither waits for the other's whole batch, none is mixed up."""
    batches = {"a": [QUESTION, BREAD_QUESTION] * 4, "b": [BREAD_QUESTION, QUESTION] * 4}
    arguments = ("ask", "--batch", "-", "--no-cache")
    alone = {name: place.run(SERVED, *arguments, typed=_lines(of)) for name, of in batches.items()}
    clients = {name: place.start(SERVED, *arguments, stdin=subprocess.PIPE) for name in batches}
    ended: dict[str, float] = {}
    began: dict[str, float] = {}

    def talk(name: str) -> None:
        with clients[name] as client:
            assert client.stdin and client.stdout
            client.stdin.write(_lines(batches[name]))
            client.stdin.close()
            answers[name] = [client.stdout.readline()]
            began[name] = time.monotonic()
            answers[name] += client.stdout.readlines()
            ended[name] = time.monotonic()

    answers: dict[str, list[str]] = {}
    threads = [threading.Thread(target=talk, args=[name]) for name in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert max(began.values()) < min(ended.values())
    for name, result in alone.items():
        expected = [_record(line) for line in result.out.splitlines()]
        assert [_record(line) for line in answers[name]] == expected


@pytest.mark.slow
@pytest.mark.parametrize("source", ["-", "file"])
def test_a_batch_whose_server_is_killed_goes_on(place: Place, source: str) -> None:
    questions = [QUESTION, BREAD_QUESTION, NOWHERE, "What is in the starter?"] * 5
    file = place.notes.parent / "batch.jsonl"
    file.write_text(_lines(questions))
    arguments = ["ask", "--batch", source if source == "-" else str(file), *EXTRACT, "--no-cache"]
    alone = place.run(ALONE, *arguments, typed=_lines(questions))
    random = Random(source)
    for _ in range(10):
        lines = random.randrange(len(questions))
        with (
            place.serve() as server,
            place.start(ALONE, *arguments, stdin=subprocess.PIPE) as client,
        ):
            assert client.stdin and client.stdout and client.stderr
            client.stdin.write(_lines(questions))
            client.stdin.close()
            out = [client.stdout.readline() for _ in range(lines)]
            server.kill()
            out += client.stdout.readlines()
            assert (client.wait(WAIT), client.stderr.read()) == (alone.code, alone.err)
        assert [_record(line) for line in out] == list(map(_record, alone.out.splitlines()))


@pytest.mark.slow
def test_what_a_killed_server_was_doing_the_client_does(place: Place) -> None:
    server = place.serve()
    waiting = place.start(ALONE, "ask", *EXTRACT, stdin=subprocess.PIPE)
    time.sleep(1.0)
    server.kill()
    server.communicate(timeout=WAIT)
    out, err = waiting.communicate(BREAD_QUESTION, timeout=WAIT)
    assert (waiting.returncode, err) == (0, "")
    assert out == place.run(ALONE, "ask", BREAD_QUESTION, *EXTRACT).out


@pytest.mark.slow
def test_a_batch_ends_with_its_client(place: Place, server: subprocess.Popen[str]) -> None:
    questions = [QUESTION, BREAD_QUESTION, NOWHERE] * 20
    out, file = place.notes.parent / "out.jsonl", place.notes.parent / "batch.jsonl"
    file.write_text(_lines(questions))
    arguments = ("ask", "--batch", str(file), "--resume", str(out), *EXTRACT, "--no-cache")
    client = place.start(SERVED, *arguments)
    _wait_until(lambda: out.exists() and out.read_text().count("\n") > 3)
    client.kill()
    client.communicate(timeout=WAIT)
    time.sleep(1.0)
    size = out.stat().st_size
    time.sleep(2.0)
    assert out.stat().st_size == size
    assert place.run(SERVED, *arguments) == Result(0, "", "")
    ids = [json.loads(line)["id"] for line in out.read_text().splitlines()]
    assert ids == list(range(len(questions)))


@pytest.mark.slow
def test_what_is_no_request_harms_nobody(place: Place, server: subprocess.Popen[str]) -> None:
    silent = []
    for data in [b""] * 20 + [b"\xff" * 9, b"\0\0\0\x05hello", b"\0\0\0\x02{}", b"\0\0\0\x04[{}]"]:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(place.socket))
        connection.sendall(data)
        silent.append(connection)
    assert place.run(SERVED, "search", "yeast").code == 0
    for connection in silent:
        connection.close()
    assert place.run(SERVED, "search", "yeast").code == 0


@pytest.mark.slow
def test_a_width_that_is_no_number(place: Place, server: subprocess.Popen[str]) -> None:
    environment = {**place.environment, "COLUMNS": "wide"}
    shown = on_terminal("search", "yeast", environment=environment)
    assert (shown.code, "yeast" in shown.out) == (0, True)


def _lines(questions: list[str]) -> str:
    """The lines of a batch."""
    items = ({"id": number, "question": text} for number, text in enumerate(questions))
    return "".join(json.dumps(item) + "\n" for item in items)


def _record(line: str) -> dict[str, Any]:
    """A line of a batch's output without its times."""
    record: dict[str, Any] = json.loads(line)
    record.pop("timings_ms")
    return record


@pytest.mark.slow
def test_a_signal_stops_a_command_also_where_the_server_ignores_it(place: Place) -> None:
    background = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *ALONE]  # a script's `serve &`
    server = place.serve(background)
    waiting = _waiting(place)
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(WAIT) == 130
    assert waiting.communicate() == ("", "ragqa: interrupted\n")
    assert place.run(SERVED, "search", "yeast").code == 0
    server.send_signal(signal.SIGINT)
    assert place.run(SERVED, "search", "yeast").code == 0
    assert _end(server) == 143


@pytest.mark.slow
def test_a_client_that_is_killed_harms_nobody(place: Place, server: subprocess.Popen[str]) -> None:
    waiting = _waiting(place)
    waiting.kill()
    waiting.communicate(timeout=WAIT)
    _wait_until(lambda: place.run(SERVED, "search", "yeast").code == 0)


@pytest.mark.slow
def test_what_a_killed_server_leaves_is_no_hindrance(
    place: Place, server: subprocess.Popen[str]
) -> None:
    _end(server, signal.SIGKILL)
    assert place.socket.exists()
    assert place.run(ALONE, "search", "yeast").code == 0
    again = place.serve()
    assert place.run(SERVED, "search", "yeast").code == 0
    assert _end(again) == 143


@pytest.mark.slow
def test_there_is_one_server_of_a_user(place: Place, server: subprocess.Popen[str]) -> None:
    second = place.run(ALONE, "serve")
    assert (second.code, second.out) == (3, "")
    assert second.err == "ragqa: a server is running already; ask: it will be used\n"
    assert place.run(SERVED, "search", "yeast").code == 0


@pytest.mark.slow
def test_only_the_user_can_open_it(place: Place, server: subprocess.Popen[str]) -> None:
    assert oct(place.socket.stat().st_mode)[-3:] == "600"
    assert oct(place.socket.parent.stat().st_mode)[-3:] == "700"
    place.socket.chmod(0o666)  # then it may be anybody's
    assert place.run(SERVED, "search", "yeast").err == "not served\n"


@pytest.mark.slow
@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_stream_is_not_passed_on(
    place: Place, server: subprocess.Popen[str], closed: int
) -> None:
    alone, not_served = (
        place.run(program, "search", QUESTION, preexec_fn=lambda: os.close(closed))
        for program in (ALONE, SERVED)
    )
    assert alone.code == 0
    assert not_served == Result(1, "", "" if closed == 2 else "not served\n")


@pytest.mark.slow
def test_another_version_is_not_served(place: Place, server: subprocess.Popen[str]) -> None:
    earlier = "from ragqa.serve import client; client.__version__ = '0'\n"
    other = SERVED_ONLY.replace("from ragqa.__main__", f"{earlier}from ragqa.__main__")
    assert place.run([sys.executable, "-c", other], "search", "x").err == "not served\n"
    assert place.run(SERVED, "search", "yeast").code == 0


@pytest.mark.slow
def test_a_caller_whose_files_lie_elsewhere_is_not_served(
    place: Place, server: subprocess.Popen[str], tmp_path: Path
) -> None:
    place.environment["XDG_CACHE_HOME"] = str(tmp_path)
    assert place.run(SERVED, "search", "yeast").err == "not served\n"
    del place.environment["XDG_CACHE_HOME"]


@pytest.mark.slow
def test_memory_is_given_back_when_nobody_asks(place: Place) -> None:
    server = place.start(ALONE, "serve", "--idle", "0.01")
    _wait_until(place.socket.exists)
    assert place.run(SERVED, "ask", QUESTION).code == 0
    loaded = _memory(server.pid)
    _wait_until(lambda: _memory(server.pid) < loaded - 50_000)
    assert place.run(SERVED, "ask", QUESTION).code == 0
    _end(server)


def _memory(process: int) -> int:
    """Kilobytes in use."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.parametrize("command", ["index", "status", "--version", "serve", "ask --help", ""])
def test_other_commands_are_not_passed_on(command: str) -> None:
    assert isinstance(client.served(command.split()), client.Unserved)


@pytest.mark.parametrize("answer", [b"", b"-"])
def test_a_server_that_declines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = client.socket_path()
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen()

        def decline() -> None:
            connection, _ = listener.accept()
            connection.sendall(answer)
            connection.close()

        thread = threading.Thread(target=decline)
        thread.start()
        assert isinstance(client.served(["search", "x"]), client.Unserved)
        thread.join(WAIT)


@pytest.mark.slow
def test_a_place_where_nobody_can_listen(place: Place) -> None:
    place.socket.parent.write_text("a file, no folder")
    done = place.run(ALONE, "serve")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"ragqa: cannot listen at {place.socket}: ")
