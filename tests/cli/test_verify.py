"""`ask --receipt` and `verify`: what is kept, what is found out later, exit codes."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragqa import __version__
from ragqa.answering.calibration import model_names, save_calibration
from ragqa.answering.confidence import Calibration
from ragqa.models.catalogue import CATALOGUE
from tests.conftest import Result, without_nearest
from tests.programs import (
    ANSWER,
    BREAD_QUESTION,
    CITATION_KEYS,
    DEFAULT_EMBEDDER,
    NOWHERE,
    QUESTION,
    RAGQA,
    SOURCE,
    error_of,
    load_embedder_once,
    make_index,
    on_terminal,
    parsed,
    without_powers,
    write_notes,
)

RunCli = Callable[..., Result]
KEYS = [
    "version", "time", "ragqa", "question", "state", "answer", "sentences", "confidence",
    "citations", "prompt", "index", "filter", "context", "models", "settings", "runtimes",
]  # fmt: skip
SAME = "answer     the same\nmade with  the same index, models and settings\n"


@pytest.fixture(autouse=True)
def one_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragqa.embedding.load_embedder", load_embedder_once)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return write_notes(tmp_path / "documents" / "notes")


@pytest.fixture
def index(tmp_path: Path, notes: Path) -> Path:
    return make_index(tmp_path / "index", notes)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "receipt.json"


@pytest.fixture
def kept(run_cli: RunCli, index: Path, file: Path) -> Path:
    """The receipt of an answer."""
    assert run_cli("ask", QUESTION, "--index", index, "--receipt", file).code == 0
    return file


def read(file: Path) -> dict[str, Any]:
    return parsed(file.read_text(encoding="utf-8"))


# Keeping ----------------------------------------------------------------------------------------


def test_an_answer_is_shown_as_ever_and_kept(
    run_cli: RunCli, index: Path, notes: Path, file: Path
) -> None:
    done = run_cli("ask", QUESTION, "--index", index, "--receipt", file, "-k", 4)
    assert done == Result(0, f"{ANSWER}\n\n[1] {notes}/perplexity.md:11{SOURCE}\n", "")
    receipt = read(file)
    assert list(receipt) == KEYS
    assert (receipt["ragqa"], receipt["state"], receipt["answer"]) == (
        __version__, "answered", ANSWER
    )  # fmt: skip
    (citation,) = receipt["citations"]
    assert list(citation) == CITATION_KEYS
    assert receipt["index"] == {"path": str(index), "generation": 1}
    assert (receipt["prompt"], receipt["filter"], receipt["context"]) == (None, None, [])
    assert receipt["models"]["embedder"]["sha256"] == CATALOGUE[0].sha256
    assert receipt["models"]["generator"] is None
    settings = receipt["settings"]
    assert (settings["k"], settings["answer"], settings["seed"]) == (4, "extract", 0)
    assert settings["threads"] >= 1


@pytest.mark.parametrize("form", ["--json", "--plain", "--stream", "--no-stream"])
def test_every_form_of_an_answer_is_kept(
    run_cli: RunCli, index: Path, file: Path, form: str
) -> None:
    plain = run_cli("ask", QUESTION, "--index", index, form)
    done = run_cli("ask", QUESTION, "--index", index, form, "--receipt", file)
    assert (done.code, done.err) == (0, "")
    if form == "--json":
        assert parsed(done.out)["answer"] == read(file)["answer"] == ANSWER
    else:
        assert done == plain
    assert read(file)["answer"] == ANSWER


def test_an_answer_on_a_terminal_is_kept(index: Path, file: Path) -> None:
    done = on_terminal("ask", QUESTION, "--index", index, "--receipt", file)
    assert done.code == 0
    assert read(file)["answer"] == ANSWER


def test_a_refusal_is_kept_and_verified(run_cli: RunCli, index: Path, file: Path) -> None:
    done = run_cli("ask", NOWHERE, "--index", index, "--receipt", file)
    assert without_nearest(done) == Result(1, "", "not in the documents\n")
    receipt = read(file)
    assert (receipt["state"], receipt["answer"], receipt["citations"]) == (
        "not_in_documents", "", []
    )  # fmt: skip
    assert run_cli("verify", file) == Result(0, SAME, "")


def test_a_file_that_cannot_be_written_is_told_before_anything_is_done(
    run_cli: RunCli, tmp_path: Path
) -> None:
    target = tmp_path / "none" / "receipt.json"
    done = run_cli("ask", QUESTION, "--index", tmp_path / "no-index", "--receipt", target)
    assert done == Result(
        2,
        "",
        f"ragqa: cannot write the receipt {target}: no such file or directory;"
        " name a file in a folder that you may write to\n",
    )


def test_a_folder_without_permission(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    done = subprocess.run(
        [*without_powers(), *RAGQA, "ask", QUESTION, "--index", index, "--receipt", folder / "r"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"ragqa: cannot write the receipt {folder}/r: permission denied;")


def test_an_error_leaves_no_receipt(run_cli: RunCli, tmp_path: Path, file: Path) -> None:
    done = run_cli("ask", QUESTION, "--index", tmp_path / "none", "--receipt", file)
    assert done.code == 3
    assert list(tmp_path.glob("*receipt*")) == list(tmp_path.glob(".*receipt*")) == []


def test_a_batch_has_no_receipt(run_cli: RunCli, tmp_path: Path, file: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"id": 1, "question": "Why?"}\n')
    done = run_cli("ask", "--batch", questions, "--receipt", file)
    assert done == Result(
        2, "", "ragqa: --receipt is for one answer; leave it out: a batch's output is one\n"
    )


# Verifying --------------------------------------------------------------------------------------


def test_nothing_has_changed(run_cli: RunCli, kept: Path, notes: Path) -> None:
    quote = f"[1]        in place  {notes}/perplexity.md:11\n"
    assert run_cli("verify", kept) == Result(0, quote + SAME, "")


def test_only_the_quotes(run_cli: RunCli, kept: Path, notes: Path, index: Path) -> None:
    index.rename(index.with_name("away"))
    done = run_cli("verify", kept, "--no-replay")
    assert done == Result(0, f"[1]  in place  {notes}/perplexity.md:11\n", "")
    done = run_cli("verify", kept, "--json")
    assert (done.code, error_of(done.out)) == (3, ("no_index", 3))


def test_a_quote_that_moved_still_holds(run_cli: RunCli, kept: Path, notes: Path) -> None:
    note = notes / "perplexity.md"
    note.write_text("A new first line.\n\n" + note.read_text())
    done = run_cli("verify", kept, "--no-replay")
    assert done == Result(0, f"[1]  moved     {note}:11, now in line 13\n", "")


def test_a_quote_that_is_gone(run_cli: RunCli, kept: Path, notes: Path) -> None:
    note = notes / "perplexity.md"
    note.write_text(note.read_text().replace("better", "worse"))
    done = run_cli("verify", kept, "--no-replay")
    assert done == Result(1, f"[1]  gone      {note}:11\n", "")
    note.unlink()
    done = run_cli("verify", kept, "--no-replay")
    assert done == Result(1, f"[1]  no file   {note}:11\n", "")


def test_the_index_is_another_and_the_answer_is_not(
    run_cli: RunCli, kept: Path, notes: Path, index: Path
) -> None:
    (notes / "tea.md").write_text("# Tea\n\nTea is made of leaves.\n")
    make_index(index, notes)
    done = run_cli("verify", kept)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"[1]               in place  {notes}/perplexity.md:11\n"
        "answer            the same\n"
        "index.generation  1, now 2\n"
    )


def test_another_answer(run_cli: RunCli, kept: Path, notes: Path, index: Path) -> None:
    note = notes / "perplexity.md"
    note.write_text(note.read_text().replace("better", "well"))
    make_index(index, notes)
    done = run_cli("verify", kept, "--json")
    found = parsed(done.out)
    assert (done.code, done.err) == (1, "")
    assert list(found) == ["version", "question", "time", "verified", "citations", "replay"]
    assert (found["question"], found["verified"]) == (QUESTION, False)
    assert found["citations"] == [
        {"number": 1, "path": str(note), "start_line": 11, "verdict": "gone", "line": None}
    ]
    assert found["replay"] == {
        "reason": "",
        "same_answer": False,
        "state": "answered",
        "answer": "A lower perplexity means that the model predicts the text well [1].",
        "differences": [{"what": "index.generation", "then": 1, "now": 2}],
    }


def test_what_was_asked_with_is_asked_with_again(
    run_cli: RunCli,
    index: Path,
    file: Path,
    tmp_path: Path,
    notes: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = ("--path", "bread.md", "--until", "2999", "--where", "a=b", "-k", 3, "--strict")
    done = run_cli("ask", QUESTION, "--index", index, *options, "--receipt", file)
    assert done.code == 1
    assert read(file)["filter"]["until"] == "2999-12-31"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAGQA_RERANKER", "nowhere")
    monkeypatch.setenv("RAGQA_K", "9")
    assert run_cli("verify", file) == Result(0, SAME, "")


@pytest.mark.parametrize("calibrated_first", [False, True])
def test_the_calibration_of_then_counts(
    run_cli: RunCli, index: Path, file: Path, calibrated_first: bool
) -> None:
    embedder = load_embedder_once(DEFAULT_EMBEDDER)
    high, low = Calibration(9.0, 1.0, 0.1), Calibration(-9.0, 1.0, 0.9)

    def calibrate(fitted: Calibration) -> None:
        save_calibration(index, fitted, model_names(embedder, None, None), {})

    if calibrated_first:
        calibrate(high)
    assert run_cli("ask", QUESTION, "--index", index, "--receipt", file).code == 0
    assert read(file)["settings"]["calibration"] == ([9.0, 1.0] if calibrated_first else None)
    calibrate(low)
    assert run_cli("ask", QUESTION, "--index", index).code == 1
    done = run_cli("verify", file)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(SAME)


def test_a_folder_of_its_own_index_is_not_brought_up_to_date(
    run_cli: RunCli, notes: Path, file: Path
) -> None:
    run_cli("ask", BREAD_QUESTION, "--docs", notes, "--receipt", file)
    (notes / "bread.md").unlink()
    done = run_cli("verify", file)
    assert done.code == 1
    assert "no file" in done.out
    assert "the same index" in done.out


def test_a_context_file_is_read_again(run_cli: RunCli, tmp_path: Path, file: Path) -> None:
    memo = tmp_path / "memo.txt"
    memo.write_text("The garden party is decided for Friday at six.\n")
    question = "What is decided for Friday?"
    done = run_cli("ask", question, "--context", memo, "--receipt", file)
    assert (done.code, done.err) == (0, "")
    (context,) = read(file)["context"]
    assert (context["path"], len(context["sha256"])) == (str(memo), 64)
    assert run_cli("verify", file).out == f"[1]        in place  {memo}:1\n" + SAME
    memo.write_text("News.\n\nThe garden party is decided for Friday at six.\n")
    done = run_cli("verify", file)
    assert done.code == 0
    assert done.out.startswith(
        f"[1]      moved     {memo}:1, now in line 3\nanswer   the same\ncontext  "
    )
    memo.unlink()
    done = run_cli("verify", file)
    assert done == Result(
        1, f"[1]     no file   {memo}:1\nanswer  not asked again: its context {memo} is gone\n", ""
    )


def test_a_context_from_stdin_is_not_kept(
    run_cli: RunCli, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"The garden party is decided for Friday at six.\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    question = "What is decided for Friday?"
    assert run_cli("ask", question, "--context", "-", "--receipt", file).code == 0
    assert read(file)["context"][0]["path"] == "-"
    assert run_cli("verify", file) == Result(
        1,
        "[1]     not kept  stdin:1\n"
        "answer  not asked again: its context came from standard input and was not kept\n",
        "",
    )


def test_what_is_no_receipt(run_cli: RunCli, tmp_path: Path, kept: Path) -> None:
    none = tmp_path / "none.json"
    done = run_cli("verify", none)
    assert done == Result(
        2,
        "",
        f"ragqa: cannot read the receipt {none}: no such file or directory; name a file\n",
    )
    none.write_text("{}")
    assert error_of(run_cli("verify", none, "--json").out) == ("usage", 2)
    damaged = {**read(kept), "filter": {"since": "never"}}
    none.write_text(json.dumps(damaged))
    done = run_cli("verify", none)
    assert (done.code, done.out) == (2, "")
    assert done.err == "ragqa: the receipt's filter is damaged; name another receipt\n"
    for wrong in ([1.0], "x2", [None, 1], 3):
        then = read(kept)
        none.write_text(
            json.dumps({**then, "settings": {**then["settings"], "calibration": wrong}})
        )
        done = run_cli("verify", none)
        assert done.code == 2
        assert done.err == "ragqa: the receipt's calibration is damaged; name another receipt\n"
    none.write_text(json.dumps({**read(kept), "settings": {"k": "many"}}))
    assert run_cli("verify", none).code == 2


@pytest.mark.slow
def test_what_a_model_wrote_is_written_again(run_cli: RunCli, index: Path, file: Path) -> None:
    options = ("--answer", "generate", "--max-tokens", 40)
    done = run_cli("ask", QUESTION, "--index", index, *options, "--receipt", file)
    assert done.code in (0, 1)
    receipt = read(file)
    assert QUESTION in receipt["prompt"]
    assert receipt["models"]["generator"] == {
        "name": CATALOGUE[1].name,
        "sha256": CATALOGUE[1].sha256,
    }
    found = parsed(run_cli("verify", file, "--json").out)
    assert (found["replay"]["same_answer"], found["replay"]["differences"]) == (True, [])
