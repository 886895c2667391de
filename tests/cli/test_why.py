"""`why`: text, JSON and exit codes for documents that are found, lost or not to be had."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result
from tests.programs import (
    NOWHERE,
    QUESTION,
    error_of,
    make_index,
    parsed,
    write_notes,
)

RunCli = Callable[..., Result]
KEYS = ["version", "path", "question", "stage", "found", "rank", "trace", "advice"]
FIGURES = {
    "folder": ["folder"],
    "reading": ["reason", "encoding", "file"],
    "splitting": ["passages", "words"],
    "searching": ["start_line", "end_line", "dense", "lexical"],
    "fusion": ["rank", "k", "score"],
    "folding": ["into", "rank"],
    "prompt": ["budget"],
    "found": ["rank", "confidence", "threshold", "refused"],
}


pytestmark = pytest.mark.usefixtures("one_embedder")


def test_a_document_that_is_found(run_cli: RunCli, index: Path, notes: Path) -> None:
    arguments = ("why", "perplexity.md", QUESTION, "--index", index)
    steps = {step["stage"]: step for step in parsed(run_cli(*arguments, "--json").out)["trace"]}
    dense, lexical = steps["searching"]["dense"], steps["searching"]["lexical"]
    assert (dense["rank"], dense["of"], lexical["rank"]) == (1, 3, 1)
    lines = f"""\
folder     ok, perplexity.md in {notes}
reading    ok, read as utf-8
splitting  ok, 2 passages; with each word of the question: lower 1, perplexity 2, mean 1
searching  ok, lines 11-11: cosine {dense["score"]:.3f} is place 1 of 3; \
full-text score {lexical["score"]:.3f} is place 1 of {lexical["of"]}
fusion     ok, place 1 of 3, score {steps["fusion"]["score"]:.4f}
folding    ok, it repeats no better passage
prompt     ok, the answer is made of the documents' own sentences: no token budget
found      place 1 of 3; `ask` answers: confidence {steps["found"]["confidence"]}
"""
    assert run_cli(*arguments) == Result(0, lines, "")


def test_a_document_that_is_found_as_json(run_cli: RunCli, index: Path, notes: Path) -> None:
    done = run_cli("why", notes / "perplexity.md", QUESTION, "--index", index, "--json")
    values = parsed(done.out)
    assert (done.code, done.err) == (0, "")
    assert list(values) == KEYS
    trail = values.pop("trace")
    assert values == {
        "version": 1,
        "path": f"{notes}/perplexity.md",
        "question": QUESTION,
        "stage": "found",
        "found": True,
        "rank": 1,
        "advice": "",
    }
    assert {step["stage"]: list(step)[3:] for step in trail} == FIGURES
    assert all(step["ok"] for step in trail)


def test_a_document_that_is_lost(run_cli: RunCli, index: Path, notes: Path) -> None:
    done = run_cli("why", "bread", QUESTION, "--index", index, "-k", "1")
    assert (done.code, done.err) == (1, "")
    *_, fusion, advice = done.out.splitlines()
    assert fusion.startswith("fusion     lost, place 3 of 3, but -k takes 1: score 0.")
    assert f" less than place 1, {notes}/perplexity.md:11-11; most is lost by late in" in fusion
    assert advice == (
        "advice     raise -k to 3, or ask with words of the passage, such as: Sourdough"
    )
    found = run_cli("why", "bread", QUESTION, "--index", index, "-k", "3")
    assert (found.code, found.out.splitlines()[-1][:22]) == (0, "found      place 3 of ")


def test_a_document_that_is_lost_as_json(run_cli: RunCli, index: Path, notes: Path) -> None:
    done = run_cli("why", "bread", QUESTION, "--index", index, "-k", "1", "--json")
    values = parsed(done.out)
    assert (done.code, done.err, list(values)) == (1, "", KEYS)
    assert (values["stage"], values["found"], values["rank"]) == ("fusion", False, 3)
    last = values["trace"][-1]
    assert not last["ok"]
    hits = parsed(run_cli("search", QUESTION, "--index", index, "--json").out)["hits"]
    assert round(last["score"], 4) == hits[2]["score"]
    assert round(last["kth_score"], 4) == hits[0]["score"]
    missing = last["score"] - last["kth_score"]
    assert sum(last["parts"].values()) == pytest.approx(missing, abs=1e-5)


def test_a_file_that_does_not_exist(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    file = tmp_path / "no.md"
    missing = f"ragqa: no such file, and no document of that name in the index: {file}"
    advice = "check the spelling; to see what is indexed: ragqa status"
    done = run_cli("why", file, QUESTION, "--index", index)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(missing)
    assert advice in done.err


def test_a_document_that_would_be_refused(run_cli: RunCli, index: Path) -> None:
    done = run_cli("why", "bread", NOWHERE, "--index", index)
    assert (done.code, done.err) == (0, "")
    assert "; but `ask` says `not in the documents`: confidence 0." in done.out
    assert run_cli("ask", NOWHERE, "--index", index).code == 1


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_the_question_from_stdin(
    run_cli: RunCli, index: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(QUESTION.encode())))
    done = run_cli("why", "perplexity.md", *arguments, "--index", index, "--json")
    assert (done.code, parsed(done.out)["question"]) == (0, QUESTION)


def test_no_question(run_cli: RunCli, index: Path) -> None:
    message = 'ragqa: the question is empty; try: ragqa ask "What is self-attention?"\n'
    assert run_cli("why", "bread.md", " ", "--index", index) == Result(2, "", message)
    done = run_cli("why", "bread.md", "", "--index", index, "--json")
    assert (done.code, error_of(done.out)) == (2, ("usage", 2))


def test_no_file(run_cli: RunCli) -> None:
    message = "ragqa: Missing argument 'FILE'; see: ragqa why --help\n"
    assert run_cli("why") == Result(2, "", message)


def test_a_name_of_several_documents(run_cli: RunCli, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    (notes / "in").mkdir()
    (notes / "in" / "bread.md").write_text("Toast.")
    index = make_index(tmp_path / "index", notes)
    message = f"2 documents are called bread: {notes}/bread.md; {notes}/in/bread.md"
    done = run_cli("why", "bread", QUESTION, "--index", index)
    assert done == Result(2, "", f"ragqa: {message}; name one of them by its path\n")


def test_no_index(run_cli: RunCli, tmp_path: Path) -> None:
    message = f"ragqa: there is no index in {tmp_path}; run: ragqa index FOLDER\n"
    done = run_cli("why", "a.md", QUESTION, "--index", tmp_path)
    assert done == Result(3, "", message)
    done = run_cli("why", "a.md", QUESTION, "--index", tmp_path, "--json")
    assert (done.code, error_of(done.out)) == (3, ("no_index", 3))


def test_a_folder_of_its_own(run_cli: RunCli, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    done = run_cli("why", "perplexity.md", QUESTION, "--docs", notes, "--json")
    assert (done.code, parsed(done.out)["path"]) == (0, f"{notes}/perplexity.md")
    (notes / "perplexity.md").unlink()
    done = run_cli("why", "perplexity.md", QUESTION, "--docs", notes, "--json")
    assert (done.code, parsed(done.out)["error"]["code"]) == (2, "usage")


@pytest.mark.slow
def test_the_room_that_a_model_has(
    run_cli: RunCli, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("why", "bread", QUESTION, "--index", index, "--model", "SmolLM2-135M-Instruct")
    roomy = parsed(run_cli(*arguments, "--json").out)
    assert roomy["trace"][-2]["detail"] == "room for 3 of 3 passages in 3776 tokens"
    monkeypatch.setenv("RAGQA_CONTEXT_TOKENS", "512")
    monkeypatch.setenv("RAGQA_MAX_TOKENS", "330")
    done = run_cli(*arguments)
    assert (done.code, done.err) == (0, "")  # the answer takes half of the context at most
    assert "\nprompt     ok, room for 3 of 3 passages in 192 tokens\n" in done.out
