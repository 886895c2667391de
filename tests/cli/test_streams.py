"""stdin, stdout, stderr, terminals and signals, with the program as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Result, without_nearest
from tests.programs import (
    ANSWER,
    NOWHERE,
    QUESTION,
    RAGQA,
    SOURCE,
    bash,
    make_index,
    on_terminal,
    parsed,
    write_notes,
)

REFUSED = "not in the documents\n"


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_notes(tmp_path_factory.mktemp("documents") / "notes")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, notes: Path) -> Path:
    return make_index(tmp_path_factory.mktemp("index"), notes)


@pytest.fixture(autouse=True)
def use_index(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQA_INDEX", str(index))
    monkeypatch.setenv("RAGQA_THREADS", "1")


@pytest.fixture
def answer(notes: Path) -> str:
    return f"{ANSWER}\n\n[1] {notes}/perplexity.md:11{SOURCE}\n"


# stdin --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_question_in_a_pipe(answer: str) -> None:
    assert bash(f"echo '{QUESTION}' | ragqa ask") == Result(0, answer, "")


@pytest.mark.parametrize("arguments", ["", "-"])
def test_a_closed_stdin(arguments: str) -> None:
    message = "ragqa: no question: standard input is closed; give it as an argument\n"
    assert bash(f"ragqa ask {arguments} <&-") == Result(2, "", message)


@pytest.mark.slow
def test_a_closed_stdin_does_not_matter_to_a_question(answer: str) -> None:
    assert bash(f"ragqa ask '{QUESTION}' <&-") == Result(0, answer, "")


def test_stdin_is_left_alone_when_there_is_a_question(answer: str) -> None:
    script = f"printf '%s\\n' '{QUESTION}' '{NOWHERE}' | while read -r q; do ragqa ask \"$q\"; done"
    assert without_nearest(bash(script)) == Result(1, answer, REFUSED)


def test_a_terminal_is_not_asked_for_a_question() -> None:
    here, there = os.openpty()
    try:
        done = subprocess.run(
            [*RAGQA, "ask"], stdin=there, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        os.close(here)
        os.close(there)
    message = 'ragqa: no question given; try: ragqa ask "What is self-attention?"\n'
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


# stdout and stderr --------------------------------------------------------------------------


@pytest.mark.slow
def test_a_refusal_can_be_scripted() -> None:
    script = f"answer=$(ragqa ask '{NOWHERE}' 2>/dev/null) || echo \"none: [$answer]\""
    assert bash(script) == Result(0, "none: []\n", "")


@pytest.mark.slow
def test_an_answer_in_a_file_is_plain_text(tmp_path: Path, answer: str) -> None:
    environment = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    done = bash(f"ragqa ask '{QUESTION}' > '{tmp_path}/out'", env=environment)
    assert done == Result(0, "", "")
    assert (tmp_path / "out").read_text() == answer


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (f"ask '{QUESTION}' --stream", 0),
        (f"ask '{NOWHERE}' --json", 1),
        ("--help", 0),
        ("status --index /nowhere --json", 3),
    ],
)
def test_a_reader_that_went_away_changes_no_code(command: str, code: int) -> None:
    done = bash(f"ragqa {command} | true; exit ${{PIPESTATUS[0]}}")
    errors = {1: REFUSED, 3: "ragqa: there is no index in /nowhere; run: ragqa index FOLDER\n"}
    assert done == Result(code, "", errors.get(code, ""))


@pytest.mark.slow
def test_the_first_line_only(answer: str) -> None:
    done = bash(f"ragqa ask '{QUESTION}' | head -1; exit ${{PIPESTATUS[0]}}")
    assert done == Result(0, ANSWER + "\n", "")


@pytest.mark.parametrize(
    ("command", "code", "err"),
    [
        (f"ask '{QUESTION}' --stream", 0, ""),
        (f"ask '{NOWHERE}' --json", 1, REFUSED),
        ("status", 0, ""),
        ("--help", 0, ""),
    ],
)
def test_a_closed_stdout(command: str, code: int, err: str) -> None:
    assert bash(f"ragqa {command} >&-") == Result(code, "", err)


def test_a_closed_stderr_sends_no_message_to_stdout() -> None:
    assert bash(f"ragqa ask '{NOWHERE}' 2>&-") == Result(1, "", "")
    assert bash("ragqa bogus 2>&-") == Result(2, "", "")


def test_all_streams_closed(tmp_path: Path, notes: Path) -> None:
    script = f"ragqa index '{notes}' --index '{tmp_path}/index' <&- >&- 2>&-"
    assert bash(script) == Result(0, "", "")
    assert "documents  2\n" in bash(f"ragqa status --index '{tmp_path}/index'").out


def test_a_full_disk_is_no_bug() -> None:
    message = "ragqa: cannot write to stdout: no space left on device; write to another place\n"
    assert bash("ragqa status > /dev/full") == Result(3, "", message)
    assert bash("ragqa status --json > /dev/full") == Result(3, "", message)
    assert bash("ragqa ask --help > /dev/full") == Result(3, "", message)


@pytest.mark.slow
def test_text_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "cafe.md").write_text(
        "The café in Łódź serves naïve “crème brûlée” ☕.\n"
    )
    index = make_index(tmp_path / "index", tmp_path / "notes")
    environment = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    script = f"ragqa ask 'What does the cafe serve?' --index '{index}'"
    done = bash(script, env=environment)
    assert done.out.startswith("The café in Łódź serves naïve “crème brûlée” ☕ [1].\n")
    assert (done.code, done.err) == (0, "")


# Terminals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--quotes",)])
def test_a_terminal_gets_colours_and_links(notes: Path, options: tuple[str, ...]) -> None:
    done = on_terminal("ask", QUESTION, *options)
    place = re.escape(f"{notes}/perplexity.md:11")
    link = rf"\x1b\]8;id=\d+;{re.escape(notes.as_uri())}/perplexity\.md\x1b\\"
    expected = (
        r"A lower perplexity means that the model predicts the text better "
        r"\x1b\[1;36m\[1\]\x1b\[0m\.\n\n"
        rf"\x1b\[1;36m\[1\] \x1b\[0m{link}{place}\x1b\]8;;\x1b\\"
        r"\x1b\[2m  Perplexity > What it means\x1b\[0m\n"
    )
    quote = (
        r"    \x1b\[2;3m“A lower perplexity means that the model predicts the text better\.”"
        r"\x1b\[0m\n"
    )
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(expected + quote * bool(options), done.out)


@pytest.mark.parametrize("options", [("--short",), ("--no-sources",)])
def test_a_terminal_gets_an_answer_alone(options: tuple[str, ...]) -> None:
    assert on_terminal("ask", QUESTION, *options) == Result(
        0, ANSWER.replace(" [1]", "") + "\n", ""
    )


@pytest.mark.slow
def test_a_terminal_is_shown_where_a_passage_stands(notes: Path) -> None:
    done = on_terminal("search", "lower perplexity", "-k", "1")
    assert f";{notes.as_uri()}/perplexity.md\x1b\\{notes}/perplexity.md:11-11" in done.out


@pytest.mark.slow
def test_a_terminal_is_shown_what_a_score_is_made_of(tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    (notes / "copy.md").write_text((notes / "bread.md").read_text())
    index = make_index(tmp_path / "index", notes)
    done = on_terminal("search", "wild yeast", "-k", "1", "--explain", "--index", index)
    assert (done.code, done.err) == (0, "")
    *_, scores, copies = (re.sub(r"\x1b\S*?m", "", line) for line in done.out.split("\n")[:-2])
    assert re.fullmatch(
        r"   fused score 0\.\d{3} from late interaction 0\.\d{3} \| cosine 0\.\d{3}, place  \d"
        r" \| BM25  \d\.\d\d, place  \d \| coverage 0\.\d\d *",
        scores,
    )
    assert copies.strip() == f"folded into it: {notes}/copy.md"


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--plain"], {"FORCE_COLOR": "1"}), ([], {"TERM": "dumb"})],
)
def test_a_terminal_gets_plain_text_when_asked(
    answer: str, arguments: list[str], environment: dict[str, str]
) -> None:
    assert on_terminal("ask", QUESTION, *arguments, environment=environment) == Result(
        0, answer, ""
    )


def test_no_colour_when_it_is_not_wanted() -> None:
    done = on_terminal("ask", QUESTION, environment={"NO_COLOR": "1"})
    codes = [
        code for match in re.findall(r"\x1b\[([\d;]*)m", done.out) for code in match.split(";")
    ]
    assert done.out.startswith("A lower perplexity")
    assert not [code for code in codes if code.isdigit() and 30 <= int(code) <= 107]


@pytest.mark.slow
def test_json_on_a_terminal_is_json() -> None:
    done = on_terminal("ask", QUESTION, "--json")
    assert (done.code, parsed(done.out)["answer"]) == (0, ANSWER)


@pytest.mark.slow
def test_a_refusal_on_a_terminal_leaves_stdout_empty() -> None:
    assert without_nearest(on_terminal("ask", NOWHERE)) == Result(1, "", REFUSED)


@pytest.mark.slow
def test_markup_and_escape_sequences_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    evil = "The [/x][blink]zebra[/blink] says \x1b[5mred\x1b[0m \u202eabc\u2066 \x9b2Jmoo loudly."
    (tmp_path / "notes" / "zebra.md").write_text(f"# Zebra [/red]\x1b]0;title\x07\n\n{evil}\n")
    index = make_index(tmp_path / "index", tmp_path / "notes")
    for command in ("ask", "search"):
        done = on_terminal(command, "What does the zebra say loudly?", "--index", index)
        assert done.code == 0
        assert "The [/x][blink]zebra[/blink] says red abc 2Jmoo loudly" in done.out
        assert "Zebra [/red]" in done.out
        sequences = re.compile(r"\x1b\[[\d;]*m|\x1b\]8;[^\x1b]*\x1b\\")
        assert not set("\x1b\x07\x9b\u202e\u2066") & set(sequences.sub("", done.out))
        assert not re.search(r"\x1b\[5m|\x1b\]0", done.out)


@pytest.mark.slow
def test_tokens_on_a_terminal_give_way_to_the_judged_answer() -> None:
    arguments = ("ask", QUESTION, "--answer", "generate", "--max-tokens", "40")
    plain = bash(" ".join(["ragqa", *(f"'{argument}'" for argument in arguments)]))
    done = on_terminal(*arguments)
    assert (done.code, done.err) == (plain.code, plain.err)
    hidden, _, shown = done.out.rpartition("\x1b[?25h")  # the cursor is back
    assert "\x1b[?25l" in hidden
    assert "\x1b[2K" in hidden  # what had been shown is erased
    text = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", shown)
    assert text.split()[:5] == plain.out.split()[:5] != []


@pytest.mark.slow
def test_progress_on_a_terminal_leaves_the_report(tmp_path: Path, notes: Path) -> None:
    done = on_terminal("index", notes, "--index", tmp_path / "index", stderr_too=True)
    assert done.code == 0
    assert "\x1b[?25l" in done.out  # the cursor is hidden while the bar is there
    assert done.out.rindex("\x1b[?25h") < done.out.index("2 added, 0 changed")


@pytest.mark.slow
def test_who_looks_on_is_told_that_weights_are_made_ready(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path), "RAGQA_ANSWER": "read"}
    told = "making the reader's weights ready for this processor, once: some ten seconds\n"
    first = on_terminal("ask", QUESTION, environment=environment, stderr_too=True)
    again = on_terminal("ask", QUESTION, environment=environment, stderr_too=True)
    assert (first.code, again.code) == (0, 0)
    assert first.out.startswith(told)
    assert told not in again.out


@pytest.mark.slow
def test_no_progress_where_nobody_looks(tmp_path: Path, notes: Path) -> None:
    done = on_terminal("index", notes, "--index", tmp_path / "index")
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out


# Signals ------------------------------------------------------------------------------------


@pytest.fixture
def indexing(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of `index` that is making vectors, and has many more to make."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        words = " ".join(f"word{number}x{i}" for i in range(600))
        (folder / f"{number}.md").write_text(f"# Note {number}\n\n{words}.\n")
    process = subprocess.Popen(
        [*RAGQA, "index", str(folder), "--index", str(tmp_path / "index")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background may have been told to ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    started = tmp_path / "index" / "embeddings.sqlite"
    while not started.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_an_index_run_that_is_stopped(
    indexing: subprocess.Popen[str], tmp_path: Path, number: int, code: int, word: str
) -> None:
    indexing.send_signal(number)
    out, err = indexing.communicate(timeout=60)
    message = f"ragqa: {word}; embeddings made so far are kept\n"
    assert Result(indexing.returncode, out, err) == Result(code, "", message)
    assert not (tmp_path / "index" / "writer.json").exists()
    assert bash(f"ragqa ask '{QUESTION}' --index '{tmp_path}/index'").code == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_question_that_is_stopped_while_the_program_is_still_loading(
    number: int, code: int, word: str
) -> None:
    results = []
    for wait in range(50, 350, 20):  # milliseconds; a thread loads the embedder meanwhile
        with subprocess.Popen(
            [*RAGQA, "ask", "--no-cache", QUESTION],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:
            time.sleep(wait / 1000)
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        results.append(Result(process.returncode, out, err))
    while results[0].code == -number:  # Python itself was still starting
        results.pop(0)
    while results[-1].code == 0:  # answered before the signal came
        results.pop()
    assert len(results) > 5
    assert set(results) == {Result(code, "", f"ragqa: {word}\n")}


def test_a_signal_that_the_caller_ignores_stays_ignored() -> None:
    code = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "import typer; from ragqa.cli import boundary; from ragqa.cli.caller import Caller\n"
        "from ragqa.system.terminal import LocalTerminal\n"
        "caller = Caller(LocalTerminal())\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def hit() -> int:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return caller.terminal.write('done\\n')\n"
        "sys.exit(boundary.run(app, [], caller))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
