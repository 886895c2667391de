"""`ask` and `search`: answers, refusals, where question and context come from, exit codes."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ragqa.store.layout import FORMAT
from tests.conftest import Result, without_nearest
from tests.programs import (
    ANSWER,
    ANSWER_KEYS,
    BREAD_QUESTION,
    CITATION_KEYS,
    DEFAULT_EMBEDDER,
    NOWHERE,
    QUESTION,
    SOURCE,
    error_of,
    make_index,
    parsed,
    write_notes,
)

REFUSED = "not in the documents\n"
RunCli = Callable[..., Result]
STAGES = ["load", "retrieve", "rank", "prefill", "generate"]
TIMINGS = re.compile(r"timings: ((?:\w+ \d+\.\d, )+)total \d+\.\d ms\n")


pytestmark = pytest.mark.usefixtures("one_embedder")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Puts bytes on stdin."""

    def put(data: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    return put


def test_an_answer_and_its_source(run_cli: RunCli, index: Path, notes: Path) -> None:
    done = run_cli("ask", QUESTION, "--index", index)
    assert done == Result(0, f"{ANSWER}\n\n[1] {notes}/perplexity.md:11{SOURCE}\n", "")


def test_an_answer_as_json_is_the_contract(run_cli: RunCli, index: Path, notes: Path) -> None:
    done = run_cli("ask", QUESTION, "--index", index, "--json", "--no-cache")
    answer = parsed(done.out)
    assert (done.code, done.err) == (0, "")
    assert list(answer) == ANSWER_KEYS
    assert list(answer.pop("timings_ms")) == STAGES
    (citation,) = answer.pop("citations")
    assert 0.5 <= answer.pop("confidence") < 1
    assert answer == {
        "version": 1,
        "state": "answered",
        "question": QUESTION,
        "answer": ANSWER,
        "short": None,
        "sentences": [
            {
                "text": ANSWER,
                "support": "supported",
                "citations": [1],
                "kind": "text",
                "mark": "",
                "level": 0,
            }
        ],
        "nearest": [],
        "models": {"embedder": DEFAULT_EMBEDDER, "generator": None},
        "index": {"path": str(index), "generation": 1},
        "warnings": [],
    }
    assert list(citation) == CITATION_KEYS
    source = (notes / "perplexity.md").read_text()
    quote = "A **lower** perplexity means that the model predicts the text better."
    start = source.index(quote)
    assert citation == {
        "number": 1,
        "path": f"{notes}/perplexity.md",
        "title": "Perplexity",
        "headings": ["Perplexity", "What it means"],
        "start_line": 11,
        "end_line": 11,
        "start_char": start,
        "end_char": start + len(quote),
        "page": None,
        "quote": quote,
        "quote_text": "A lower perplexity means that the model predicts the text better.",
        "stale": False,
        "also_in": [],
    }


def test_a_quote_is_the_slice_of_the_file_within_its_lines(
    run_cli: RunCli, index: Path, notes: Path
) -> None:
    answer = parsed(run_cli("ask", BREAD_QUESTION, "--index", index, "--json").out)
    source = (notes / "bread.md").read_text()
    assert answer["citations"]
    for citation in answer["citations"]:
        assert citation["quote"] == source[citation["start_char"] : citation["end_char"]]
        lines = source.split("\n")[citation["start_line"] - 1 : citation["end_line"]]
        assert citation["quote"] in "\n".join(lines)
        assert citation["quote"].count("\n") == len(lines) - 1


def test_not_in_the_documents(run_cli: RunCli, index: Path) -> None:
    done = run_cli("ask", NOWHERE, "--index", index)
    assert without_nearest(done) == Result(1, "", "not in the documents\n")


def test_not_in_the_documents_as_json(run_cli: RunCli, index: Path, notes: Path) -> None:
    done = run_cli("ask", NOWHERE, "--index", index, "--json", "--no-cache")
    answer = parsed(done.out)
    assert (done.code, done.err) == (1, "not in the documents\n")
    assert list(answer) == ANSWER_KEYS
    assert list(answer.pop("timings_ms")) == STAGES[:-1]
    assert 0 < answer.pop("confidence") < 0.5
    nearest = answer.pop("nearest")
    assert 1 <= len(nearest) <= 3
    assert nearest[0] == {
        "path": f"{notes}/bread.md",
        "title": "Sourdough",
        "headings": ["Sourdough"],
        "start_line": 3,
        "end_line": 4,
        "page": None,
    }
    assert answer == {
        "version": 1,
        "state": "not_in_documents",
        "question": NOWHERE,
        "answer": "",
        "short": None,
        "sentences": [],
        "citations": [],
        "models": {"embedder": DEFAULT_EMBEDDER, "generator": None},
        "index": {"path": str(index), "generation": 1},
        "warnings": [],
    }


def test_a_refusal_says_that_files_have_changed(run_cli: RunCli, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    index = make_index(tmp_path / "index", notes)
    assert without_nearest(run_cli("ask", NOWHERE, "--index", index)).err == REFUSED
    (notes / "bread.md").unlink()
    for new, count in ((), "1 file has"), (("a.md", "b.txt", "c.png"), "3 files have"):
        for name in new:
            (notes / name).write_text("It is new.")
        done = without_nearest(run_cli("ask", NOWHERE, "--index", index))
        told = f"warning: {count} changed since the index was made; run: ragqa index\n"
        assert (done.code, done.err) == (1, told + REFUSED)
    run_cli("index", "--index", index)
    assert without_nearest(run_cli("ask", NOWHERE, "--index", index)).err == REFUSED


def test_a_file_that_changed_since_is_said_to_be_stale(run_cli: RunCli, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    index = make_index(tmp_path / "index", notes)
    file = notes / "perplexity.md"
    file.write_text("A new first line.\n\n" + file.read_text())
    done = run_cli("ask", QUESTION, "--index", index)
    warning = f"{file} has changed or gone since it was indexed; run: ragqa index"
    place = f"{file}:13{SOURCE} (changed since it was indexed)"
    assert done == Result(0, f"{ANSWER}\n\n[1] {place}\n", f"warning: {warning}\n")


def test_search_shows_the_best_passage(run_cli: RunCli, index: Path, notes: Path) -> None:
    done = run_cli("search", "lower perplexity", "--index", index, "-k", "1")
    assert (done.code, done.err) == (0, "")
    head, text = done.out.splitlines()
    assert head.startswith(f"1. {notes}/perplexity.md:11-11  0.")
    assert head.endswith("  Perplexity > What it means")
    assert text == "   A lower perplexity means that the model predicts the text better."


def test_search_as_json_is_the_contract(run_cli: RunCli, index: Path, notes: Path) -> None:
    done = run_cli("search", "lower perplexity", "--index", index, "--json")
    found = parsed(done.out)
    assert (done.code, done.err) == (0, "")
    assert list(found) == ["version", "query", "hits"]
    assert (found["version"], found["query"]) == (1, "lower perplexity")
    keys = [
        "rank", "score", "path", "title", "headings", "start_line", "end_line", "page", "text",
        "also_in",
    ]  # fmt: skip
    assert all(list(hit) == keys for hit in found["hits"])
    scores = [hit["score"] for hit in found["hits"]]
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores.pop(0) <= 1
    del found["hits"][0]["score"]
    assert found["hits"][0] == {
        "rank": 1,
        "path": f"{notes}/perplexity.md",
        "title": "Perplexity",
        "headings": ["Perplexity", "What it means"],
        "start_line": 11,
        "end_line": 11,
        "page": None,
        "text": "A lower perplexity means that the model predicts the text better.",
        "also_in": [],
    }


SCORES = {
    "dense_rank": 1,
    "cosine": 0.0,
    "lexical_rank": 1,
    "bm25": 0.0,
    "coverage": 0.0,
    "late": 0.0,
    "named": False,
    "fused": 0.0,
    "reranked": None,
}


def test_search_explains_its_scores(run_cli: RunCli, index: Path, notes: Path) -> None:
    arguments = ("search", "lower perplexity", "--index", index, "-k", "1")
    plain = run_cli(*arguments).out
    (hit,) = parsed(run_cli(*arguments, "--json", "--explain").out)["hits"]
    scores = hit["scores"]
    line = (
        f"   fused score {scores['fused']:.3f} from late interaction {scores['late']:.3f}"
        f" | cosine {scores['cosine']:.3f}, place  1"
        f" | BM25 {scores['bm25']:5.2f}, place  1 | coverage {scores['coverage']:.2f}\n"
    )
    assert run_cli(*arguments, "--explain") == Result(0, plain + line, "")


def test_search_explains_its_scores_as_json(run_cli: RunCli, index: Path) -> None:
    arguments = ("search", "lower perplexity", "--index", index, "--json")
    plain = parsed(run_cli(*arguments).out)
    explained = parsed(run_cli(*arguments, "--explain").out)
    scores = [hit.pop("scores") for hit in explained["hits"]]
    assert explained == plain
    assert all(list(part) == list(SCORES) for part in scores)
    assert [round(part["fused"], 4) for part in scores] == [hit["score"] for hit in plain["hits"]]
    zero = dict.fromkeys(("cosine", "bm25", "coverage", "late", "fused"), 0.0)
    assert {**scores[0], **zero} == SCORES
    assert all(scores[0][name] > 0 for name in zero)
    assert scores[0]["coverage"] <= 1
    assert scores[-1]["lexical_rank"] is None  # the note on bread has none of the words


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_the_question_from_stdin(
    run_cli: RunCli, index: Path, typed: Callable[[bytes], None], arguments: list[str]
) -> None:
    typed(b"\xef\xbb\xbfWhat does a lower\r\nperplexity mean?\n")
    done = run_cli("ask", *arguments, "--index", index, "--json")
    assert (done.code, parsed(done.out)["question"]) == (0, QUESTION)


@pytest.mark.parametrize("question", ["", "  \n\t", "\u2003"])
def test_an_empty_question(run_cli: RunCli, question: str) -> None:
    message = 'ragqa: the question is empty; try: ragqa ask "What is self-attention?"\n'
    assert run_cli("ask", question) == Result(2, "", message)


def test_an_empty_question_on_stdin(run_cli: RunCli, typed: Callable[[bytes], None]) -> None:
    typed(b"\n")
    message = 'ragqa: the question is empty; try: ragqa ask "What is self-attention?"\n'
    assert run_cli("ask") == Result(2, "", message)


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_question_of_100_000_characters(run_cli: RunCli, command: str) -> None:
    done = run_cli(command, "why " * 25_000)
    message = (
        "ragqa: the question has 99,999 characters, more than 10,000;"
        " ask a shorter one; a text to ask about goes into --context\n"
    )
    assert done == Result(2, "", message)


def test_the_longest_question_is_answered(run_cli: RunCli, index: Path) -> None:
    question = (QUESTION + " ") * 280
    assert 9_000 < len(question) < 10_000
    done = run_cli("ask", question, "--index", index, "--json")
    assert (done.code, parsed(done.out)["state"]) == (0, "answered")


def test_bytes_that_are_no_text_in_a_question(run_cli: RunCli, index: Path) -> None:
    done = run_cli("ask", "\udcff " + QUESTION, "--index", index, "--json")
    assert (done.code, parsed(done.out)["question"]) == (0, "? " + QUESTION)


@pytest.mark.parametrize("command", ["ask", "search"])
def test_no_index(run_cli: RunCli, tmp_path: Path, command: str) -> None:
    done = run_cli(command, QUESTION, "--index", tmp_path / "none")
    message = f"ragqa: there is no index in {tmp_path}/none; run: ragqa index FOLDER\n"
    assert done == Result(3, "", message)
    assert not (tmp_path / "none").exists()


def test_no_index_as_json(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli("ask", QUESTION, "--index", tmp_path, "--json")
    assert done.code == 3
    assert done.err == f"ragqa: there is no index in {tmp_path}; run: ragqa index FOLDER\n"
    assert parsed(done.out) == {
        "version": 1,
        "error": {
            "code": "no_index",
            "message": f"there is no index in {tmp_path}",
            "hint": "run: ragqa index FOLDER",
            "exit_code": 3,
        },
    }


def test_an_index_with_nothing_in_it(run_cli: RunCli, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    index = make_index(tmp_path / "index", notes)
    run_cli("forget", notes, "--index", index)
    done = run_cli("ask", QUESTION, "--index", index)
    message = f"ragqa: the index in {index} is empty; run: ragqa index FOLDER\n"
    assert done == Result(3, "", message)


@pytest.mark.parametrize("keep", [100, 5000])
def test_a_damaged_index(run_cli: RunCli, tmp_path: Path, keep: int) -> None:
    index = make_index(tmp_path / "index", write_notes(tmp_path / "notes"))
    database = index / "index.sqlite"
    database.write_bytes(database.read_bytes()[:keep])
    done = run_cli("ask", QUESTION, "--index", index, "--json")
    assert (done.code, error_of(done.out)) == (3, ("index_damaged", 3))
    assert done.err.startswith(f"ragqa: the index in {index} is damaged")
    assert done.err.endswith(
        "; delete index.sqlite in it and run: ragqa index FOLDER (embeddings are kept)\n"
    )


def test_a_damaged_page_in_the_middle_of_an_index(run_cli: RunCli, tmp_path: Path) -> None:
    index = make_index(tmp_path / "index", write_notes(tmp_path / "notes"))
    database = index / "index.sqlite"
    data = database.read_bytes()
    database.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))
    done = run_cli("ask", QUESTION, "--index", index)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"ragqa: the index in {index} is damaged: ")


def test_an_index_of_a_newer_format(run_cli: RunCli, tmp_path: Path) -> None:
    index = make_index(tmp_path / "index", write_notes(tmp_path / "notes"))
    database = sqlite3.connect(index / "index.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    for arguments in (("ask", QUESTION), ("status",), ("index",)):
        done = run_cli(*arguments, "--index", index)
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith(f"ragqa: the index in {index} has format 99; this version")
        assert done.err.endswith("; upgrade ragqa, or choose another directory with --index\n")


def test_an_index_of_an_earlier_format_is_made_anew_by_index(
    run_cli: RunCli, tmp_path: Path
) -> None:
    index = make_index(tmp_path / "index", write_notes(tmp_path / "notes"))
    database = sqlite3.connect(index / "index.sqlite")
    database.execute(f"PRAGMA user_version = {FORMAT - 1}")
    database.close()
    done = run_cli("ask", QUESTION, "--index", index)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"ragqa: the index in {index} was made by an earlier version")
    assert "; run: ragqa index" in done.err and done.err.count("\n") == 1
    report = json.loads(run_cli("index", "--json", "--index", index).out)
    assert (report["embedded"], report["failed"]) == (0, [])
    assert run_cli("ask", QUESTION, "--index", index).code == 0


def test_a_vector_file_that_is_gone_is_made_again_in_memory(
    run_cli: RunCli, tmp_path: Path
) -> None:
    index = make_index(tmp_path / "index", write_notes(tmp_path / "notes"))
    (index / "vectors-1.faiss").unlink()
    done = run_cli("ask", QUESTION, "--index", index)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(ANSWER)
    assert not (index / "vectors-1.faiss").exists()


@pytest.mark.parametrize("question", [QUESTION, BREAD_QUESTION, NOWHERE])
@pytest.mark.parametrize("option", ["--stream", "--plain", "--answer=extract"])
def test_streaming_into_a_pipe_gives_the_same_text(
    run_cli: RunCli, index: Path, question: str, option: str
) -> None:
    whole = run_cli("ask", question, "--index", index, "--no-stream")
    assert run_cli("ask", question, "--index", index, option) == whole


# Forms --------------------------------------------------------------------------------------

UNMARKED = ANSWER.replace(" [1]", "")
QUOTE = "    “A lower perplexity means that the model predicts the text better.”"


def test_an_answer_alone(run_cli: RunCli, index: Path) -> None:
    done = run_cli("ask", QUESTION, "--index", index, "--no-sources")
    assert done == Result(0, f"{UNMARKED}\n", "")
    assert run_cli("ask", QUESTION, "--index", index, "--no-sources", "--stream") == done


def test_quotes_below_their_sources(run_cli: RunCli, index: Path, notes: Path) -> None:
    source = f"[1] {notes}/perplexity.md:11{SOURCE}"
    for option in ("--no-stream", "--stream", "--plain", "--format=plain"):
        done = run_cli("ask", QUESTION, "--index", index, "--quotes", option)
        assert done == Result(0, f"{ANSWER}\n\n{source}\n{QUOTE}\n", "")


def test_an_answer_on_one_line(run_cli: RunCli, index: Path) -> None:
    for options in ((), ("--plain",), ("--stream",), ("--no-sources",), ("--quotes",)):
        done = run_cli("ask", QUESTION, "--index", index, "--short", *options)
        assert done == Result(0, f"{UNMARKED}\n", "")


@pytest.mark.parametrize("form", ["--short", "--format=markdown", "--no-sources", "--quotes"])
def test_a_refusal_has_no_form(run_cli: RunCli, index: Path, form: str) -> None:
    done = run_cli("ask", NOWHERE, "--index", index, form)
    assert without_nearest(done) == Result(1, "", "not in the documents\n")


def test_an_answer_as_markdown(
    run_cli: RunCli, index: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notes)
    done = run_cli("ask", QUESTION, "--index", index, "--format", "markdown")
    target = f"{(notes / 'perplexity.md').as_uri()}#L11"
    answer = ANSWER.replace("[1]", f"[\\[1\\]]({target})")
    source = f"- \\[1\\] [perplexity.md:11]({target}) Perplexity > What it means"
    assert done == Result(0, f"{answer}\n\n---\n\n{source}\n", "")


def test_json_has_all_whatever_is_shown_of_an_answer(run_cli: RunCli, index: Path) -> None:
    whole = parsed(run_cli("ask", QUESTION, "--index", index, "--json").out)
    for option in ("--quotes", "--no-sources", "--plain"):
        other = parsed(run_cli("ask", QUESTION, "--index", index, "--json", option).out)
        del other["timings_ms"]
        assert other == {name: whole[name] for name in other}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--json", "--short"), "--json and --short do not go together; leave one out"),
        (
            ("--json", "--format", "markdown"),
            "--json and --format markdown do not go together; leave one out",
        ),
        (
            ("--short", "--format", "markdown"),
            "--format markdown and --short do not go together; leave one out",
        ),
        (
            ("--quotes", "--no-sources"),
            "--quotes and --no-sources do not go together; leave one out",
        ),
        (("--format", "json"), "not a form: 'json'; use plain or markdown; or --json"),
        (("--format", ""), "not a form: ''; use plain or markdown; or --json"),
    ],
)
def test_forms_that_make_no_sense(run_cli: RunCli, options: tuple[str, ...], told: str) -> None:
    done = run_cli("ask", QUESTION, *options)
    assert (done.code, done.err) == (2, f"ragqa: {told}\n")
    assert (done.out == "") == ("--json" not in options)


def test_mathematics_as_a_reader_sees_it(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    text = "# Zed\n\nThe mass of Zed is $m_z = \\frac{a_i}{b}$ in C:\\new\\table.\n"
    (tmp_path / "notes" / "zed.md").write_text(text)
    index = make_index(tmp_path / "index", tmp_path / "notes")
    arguments = ("ask", "What is the mass of Zed?", "--index", index)
    shown = run_cli(*arguments, "--no-sources")
    assert shown == Result(0, "The mass of Zed is m_z = aᵢ/b in C:\\new\\table.\n", "")
    assert "m_z = \\frac{a_i}{b} in" in parsed(run_cli(*arguments, "--json").out)["answer"]


# Models -------------------------------------------------------------------------------------


def test_a_model_file_that_does_not_exist(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    done = run_cli("ask", QUESTION, "--index", index, "--model", tmp_path / "no.gguf")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"ragqa: no such model: {tmp_path}/no.gguf; give the path of a")


def test_a_file_that_is_no_gguf(run_cli: RunCli, index: Path, notes: Path) -> None:
    done = run_cli("ask", QUESTION, "--index", index, "--model", notes / "bread.md", "--json")
    message = f"not a GGUF model: {notes}/bread.md"
    assert done.err == f"ragqa: {message}; name a file that ends in .gguf\n"
    assert (done.code, error_of(done.out)) == (3, ("model", 3))


@pytest.mark.parametrize("size", [4, 1000, 2_000_000])
def test_a_truncated_gguf(run_cli: RunCli, index: Path, tmp_path: Path, size: int) -> None:
    from ragqa.models.catalogue import CATALOGUE

    path = CATALOGUE[1].path()
    model = tmp_path / "cut.gguf"
    with path.open("rb") as file:
        model.write_bytes(file.read(size))
    done = run_cli("ask", QUESTION, "--index", index, "--model", model)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"ragqa: cannot load the model {model}: it is damaged or")
    assert done.err.count("\n") == 1


def test_a_model_goes_by_the_name_of_the_link_that_was_given(
    run_cli: RunCli, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragqa.models.catalogue import CATALOGUE

    monkeypatch.chdir(tmp_path)
    Path("mine.gguf").symlink_to(CATALOGUE[1].path())  # as in the cache of the hub
    for name in ("mine.gguf", tmp_path / "mine.gguf"):
        done = run_cli("ask", NOWHERE, "--index", index, "--model", name, "--json")
        assert (done.code, parsed(done.out)["models"]["generator"]) == (1, "mine")


def test_a_folder_does_not_hide_a_model_of_the_catalogue(
    run_cli: RunCli, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("SmolLM2-135M-Instruct").mkdir()
    done = run_cli("ask", NOWHERE, "--index", index, "--answer", "generate")
    assert without_nearest(done) == Result(1, "", "not in the documents\n")


def test_an_embedder_that_does_not_exist(run_cli: RunCli, index: Path) -> None:
    done = run_cli("ask", QUESTION, "--index", index, "--embedder", "no/such-model")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("ragqa: no such model: no/such-model; ")


# --context ----------------------------------------------------------------------------------

CONTEXT = "Zed is a planet.\n\nThe largest moon of Zed is called Quux.\n"
CONTEXT_QUESTION = "What is the largest moon of Zed called?"
CONTEXT_ANSWER = "The largest moon of Zed is called Quux [1]."


def test_a_context_file_is_cited_by_its_path_without_an_index(
    run_cli: RunCli, tmp_path: Path
) -> None:
    file = tmp_path / "zed.txt"
    file.write_text(CONTEXT)
    done = run_cli("ask", CONTEXT_QUESTION, "--context", file)
    assert done == Result(0, f"{CONTEXT_ANSWER}\n\n[1] {file}:3  zed.txt\n", "")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_context_on_stdin_is_cited_as_stdin(
    run_cli: RunCli, typed: Callable[[bytes], None], ends: str
) -> None:
    typed(b"\xef\xbb\xbf" + CONTEXT.replace("\n", ends).encode())
    done = run_cli("ask", CONTEXT_QUESTION, "--context", "-", "--json")
    answer = parsed(done.out)
    (citation,) = answer["citations"]
    assert (done.code, done.err, answer["index"]) == (0, "", None)
    assert (citation["path"], citation["start_line"]) == ("stdin", 3)
    assert citation["quote"] == CONTEXT[citation["start_char"] : citation["end_char"]]
    assert citation["quote"] == "The largest moon of Zed is called Quux."


def test_context_and_index_are_both_used(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    file = tmp_path / "zed.txt"
    file.write_text(CONTEXT)
    for question, cited in ((CONTEXT_QUESTION, "zed.txt"), (QUESTION, "perplexity.md")):
        done = run_cli("ask", question, "--context", file, "--index", index, "--json")
        answer = parsed(done.out)
        assert done.code == 0
        assert Path(answer["citations"][0]["path"]).name == cited
        assert answer["index"] == {"path": str(index), "generation": 1}


def test_context_with_an_empty_index(run_cli: RunCli, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    index = make_index(tmp_path / "index", notes)
    run_cli("forget", notes, "--index", index)
    file = tmp_path / "zed.txt"
    file.write_text(CONTEXT)
    done = run_cli("ask", CONTEXT_QUESTION, "--context", file, "--index", index)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(CONTEXT_ANSWER)


def test_a_context_does_not_answer_everything(run_cli: RunCli, tmp_path: Path) -> None:
    file = tmp_path / "zed.txt"
    file.write_text(CONTEXT)
    done = run_cli("ask", NOWHERE, "--context", file)
    assert without_nearest(done) == Result(1, "", "not in the documents\n")


def test_a_context_is_bounded(run_cli: RunCli, tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("Nothing to see here." + "\n" * 50_000 + CONTEXT)
    done = run_cli("ask", CONTEXT_QUESTION, "--context", file)
    warning = f"warning: only the first 50,000 characters of {file} are used\n"
    assert without_nearest(done) == Result(1, "", warning + "not in the documents\n")


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (None, 2, "no such file or directory; name a file"),
        (b"", 2, ""),
        (b" \n", 2, ""),
        (b"\x7fELF\0\0\xff\xfe\x01", 3, "a binary file, not text; give a text"),
    ],
)
def test_a_context_that_cannot_be_used(
    run_cli: RunCli, tmp_path: Path, data: bytes | None, code: int, reason: str
) -> None:
    file = tmp_path / "context"
    if data is not None:
        file.write_bytes(data)
    done = run_cli("ask", QUESTION, "--context", file)
    empty = f"ragqa: the context is empty: {file}; give a text, or leave out --context\n"
    broken = f"ragqa: cannot read the context {file}: {reason}\n"
    assert done == Result(code, "", broken if reason else empty)


def test_a_folder_as_context(run_cli: RunCli, tmp_path: Path) -> None:
    message = f"ragqa: cannot read the context {tmp_path}: is a directory; name a file\n"
    assert run_cli("ask", QUESTION, "--context", tmp_path) == Result(2, "", message)


@pytest.mark.parametrize("arguments", [["--context", "-"], ["-", "--context", "-"]])
def test_question_and_context_cannot_both_be_on_stdin(
    run_cli: RunCli, typed: Callable[[bytes], None], arguments: list[str]
) -> None:
    typed(CONTEXT.encode())
    message = "ragqa: stdin is taken by --context -; give the question as an argument\n"
    assert run_cli("ask", *arguments) == Result(2, "", message)


# Which index --------------------------------------------------------------------------------


def test_collections_are_kept_apart(run_cli: RunCli, tmp_path: Path, own_home: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    assert run_cli("index", notes, "-c", "work").code == 0
    assert run_cli("ask", QUESTION, "-c", "work").out.startswith(ANSWER)
    done = run_cli("ask", QUESTION, "--collection", "home")
    place = own_home / "data" / "ragqa" / "home"
    assert done == Result(3, "", f"ragqa: there is no index in {place}; run: ragqa index FOLDER\n")


def test_a_collection_flag_outranks_the_index_of_the_environment(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    monkeypatch.setenv("RAGQA_INDEX", "/nowhere")
    done = run_cli("ask", QUESTION, "-c", "work")
    assert done.err.startswith(f"ragqa: there is no index in {own_home}/data/ragqa/work; ")


@pytest.mark.parametrize("name", ["..", ".docs", "a/b", "/etc"])
def test_a_name_that_is_no_collection(run_cli: RunCli, name: str) -> None:
    message = f"ragqa: not a collection name: {name!r} (flag); use letters and digits\n"
    assert run_cli("ask", QUESTION, "-c", name) == Result(2, "", message)


@pytest.mark.parametrize("name", ["index", "collection", "model", "embedder", "reranker", "answer"])
def test_an_option_that_is_empty(run_cli: RunCli, name: str) -> None:
    message = f"ragqa: {name} is empty (flag); give it a value, or leave it out\n"
    assert run_cli("ask", QUESTION, f"--{name}", "") == Result(2, "", message)


@pytest.mark.parametrize("k", ["0", "101", "-1", "x", "1.5"])
def test_a_number_of_passages_that_makes_no_sense(run_cli: RunCli, k: str) -> None:
    done = run_cli("ask", QUESTION, "-k", k)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(
        f"ragqa: k must be a whole number from 1 to 100, not {k} (flag); "
        if k.lstrip("-").isdigit()
        else "ragqa: Invalid value for '-k': "
    )


def test_documents_with_markup_and_escape_sequences(run_cli: RunCli, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    evil = "The [/x][bold]zebra[/bold] says \x1b[31mred\x1b[0m \u202eabc\u2066 \x9b2Jmoo loudly."
    (folder / "zebra.md").write_text(f"# Zebra [/red]\x1b]0;title\x07\n\n{evil}\n")
    index = make_index(tmp_path / "index", folder)
    done = run_cli("ask", "What does the zebra say loudly?", "--index", index)
    answer = "The [/x][bold]zebra[/bold] says red abc 2Jmoo loudly [1]."
    place = f"{folder.resolve()}/zebra.md:3"
    assert done == Result(0, f"{answer}\n\n[1] {place}  Zebra [/red]\n", "")
    done = run_cli("search", "zebra", "--index", index)
    assert done.out.endswith(
        "  Zebra [/red]\n   The [/x][bold]zebra[/bold] says red abc 2Jmoo loudly.\n"
    )
    done = run_cli("ask", "What does the zebra say loudly?", "--index", index, "--json")
    assert not set("\x1b\x9b\u202e\u2066") & set(done.out)
    citation = parsed(done.out)["citations"][0]
    assert citation["quote"] == evil


def test_a_title_cannot_pose_as_a_line_of_sources(run_cli: RunCli, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    title = json.dumps("Zebra\n[2] /etc/passwd:1")
    (folder / "zebra.md").write_text(f"---\ntitle: {title}\n---\nThe zebra says moo loudly.\n")
    index = make_index(tmp_path / "index", folder)
    done = run_cli("ask", "What does the zebra say loudly?", "--index", index)
    assert done.code == 0
    assert len([line for line in done.out.splitlines() if line.startswith("[")]) == 1


# --docs -------------------------------------------------------------------------------------


def test_docs_are_indexed_and_searched_by_themselves(
    run_cli: RunCli, tmp_path: Path, own_home: Path
) -> None:
    notes = write_notes(tmp_path / "notes")
    done = run_cli("ask", QUESTION, "--docs", notes)
    expected = Result(0, f"{ANSWER}\n\n[1] {notes}/perplexity.md:11{SOURCE}\n", "")
    assert done == expected
    assert [path.name for path in (own_home / "data" / "ragqa").iterdir()] == [".docs"]
    assert run_cli("ask", QUESTION).code == 3


def test_docs_are_brought_up_to_date_first(run_cli: RunCli, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    assert run_cli("ask", CONTEXT_QUESTION, "--docs", notes).code == 1
    (notes / "zed.md").write_text(CONTEXT)
    assert run_cli("ask", CONTEXT_QUESTION, "--docs", notes).out.startswith(CONTEXT_ANSWER)
    (notes / "zed.md").unlink()
    assert run_cli("ask", CONTEXT_QUESTION, "--docs", notes).code == 1


def test_docs_are_known_by_their_real_path(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    notes = write_notes(tmp_path / "notes")
    (tmp_path / "link").symlink_to(notes)
    monkeypatch.chdir(tmp_path)
    for name in ("notes", "link", notes):
        assert run_cli("search", "perplexity", "--docs", name).code == 0
    assert len(list((own_home / "data" / "ragqa" / ".docs").iterdir())) == 1


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize("option", ["--index", "-c"])
def test_docs_exclude_another_index(
    run_cli: RunCli, tmp_path: Path, command: str, option: str
) -> None:
    done = run_cli(command, QUESTION, "--docs", tmp_path, option, "x")
    message = "ragqa: --docs has an index of its own; leave out --index and --collection\n"
    assert done == Result(2, "", message)


def test_docs_do_not_mind_an_index_in_the_environment(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGQA_INDEX", str(tmp_path / "other"))
    notes = write_notes(tmp_path / "notes")
    assert run_cli("ask", QUESTION, "--docs", notes).code == 0
    assert not (tmp_path / "other").exists()


def test_docs_that_another_process_is_indexing(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragqa import api
    from ragqa.store.writer import LocalWriter

    monkeypatch.setattr(api, "DOCS_WAIT", 0.1)
    notes = write_notes(tmp_path / "notes")
    assert run_cli("ask", QUESTION, "--docs", notes).code == 0
    directory = api.docs_directory(notes)
    (notes / "zed.md").write_text(CONTEXT)
    with LocalWriter(directory):
        busy = run_cli("ask", QUESTION, "--docs", notes)
        new = run_cli("ask", CONTEXT_QUESTION, "--docs", notes, "--json")
    assert busy.code == 0
    assert busy.out.startswith(ANSWER)
    assert busy.err.startswith(f"warning: the index in {directory} is being written by process ")
    assert busy.err.endswith("; this answer is from the index as it was before\n")
    assert busy.err.count("\n") == 1
    assert (new.code, len(parsed(new.out)["warnings"])) == (1, 2)  # a file has changed, too


def test_docs_that_another_process_is_indexing_for_the_first_time(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragqa import api
    from ragqa.store.writer import LocalWriter

    monkeypatch.setattr(api, "DOCS_WAIT", 0.1)
    notes = write_notes(tmp_path / "notes")
    with LocalWriter(api.docs_directory(notes)):
        done = run_cli("ask", QUESTION, "--docs", notes, "--json")
    assert done.code == 3


def test_docs_some_of_which_cannot_be_read(run_cli: RunCli, tmp_path: Path) -> None:
    notes = write_notes(tmp_path / "notes")
    (notes / "binary.md").write_bytes(b"\0\1\2\xff" * 100)
    done = run_cli("ask", QUESTION, "--docs", notes)
    assert (done.code, done.err) == (0, f"warning: 1 files in {notes} could not be read\n")


def test_docs_with_nothing_readable(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli("ask", QUESTION, "--docs", tmp_path)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"ragqa: nothing readable in {tmp_path.resolve()}; ")


@pytest.mark.parametrize("name", ["none", "file", ""])
def test_docs_that_are_no_folder(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("text")
    messages = {
        "none": "no such folder: none; check the spelling; to drop it from the index: ragqa forget",
        "file": "not a folder: file; name the folder that the file is in",
        "": "no such folder: ''; check the spelling; to drop it from the index: ragqa forget",
    }
    done = run_cli("ask", QUESTION, "--docs", name)
    assert done == Result(2, "", f"ragqa: {messages[name]}\n")


# Answers that were given before, and how long it took ------------------------------------------


@pytest.fixture
def own_index(tmp_path: Path) -> Path:
    """An index whose documents may change."""
    return make_index(tmp_path / "index", write_notes(tmp_path / "notes"))


def stages_of(said: str) -> list[str]:
    """The names of the stages in what is said of timings."""
    found = TIMINGS.fullmatch(said)
    assert found
    return [part.split()[0] for part in found[1].split(", ") if part]


def test_timings_are_one_line_on_stderr(run_cli: RunCli, own_index: Path, tmp_path: Path) -> None:
    command = ["ask", QUESTION, "--index", own_index, "--timings"]
    done, again = run_cli(*command), run_cli(*command)
    assert done.out == f"{ANSWER}\n\n[1] {tmp_path}/notes/perplexity.md:11{SOURCE}\n"
    assert (again.out, again.code) == (done.out, done.code)
    assert stages_of(done.err) == STAGES
    assert stages_of(again.err) == ["load", "recall"]
    streamed = run_cli(*command, "--stream", "--no-cache")
    assert (streamed.out, stages_of(streamed.err)) == (done.out, STAGES)


def test_timings_of_a_search(run_cli: RunCli, index: Path) -> None:
    plain = run_cli("search", QUESTION, "--index", index)
    timed = run_cli("search", QUESTION, "--index", index, "--timings")
    assert (timed.out, timed.code) == (plain.out, plain.code)
    assert stages_of(timed.err) == ["load", "retrieve"]
    as_json = run_cli("search", QUESTION, "--index", index, "--timings", "--json")
    assert list(parsed(as_json.out)["timings_ms"]) == ["load", "retrieve"]
    assert "timings_ms" not in parsed(run_cli("search", QUESTION, "--index", index, "--json").out)


@pytest.mark.parametrize("flags", [[], ["--stream"], ["--json"], ["--strict"]])
@pytest.mark.parametrize("question", [QUESTION, BREAD_QUESTION, NOWHERE])
def test_an_answer_given_again_is_the_same(
    run_cli: RunCli, own_index: Path, question: str, flags: list[str]
) -> None:
    def asked(*more: str) -> tuple[int, str, str]:
        done = run_cli("ask", question, "--index", own_index, *flags, *more)
        return done.code, re.sub(r'"timings_ms": {[^}]*}', "", done.out), done.err

    assert asked() == asked() == asked("--no-cache")
    assert (own_index / "answers.sqlite").exists()


def test_an_answer_is_made_anew_when_a_file_index_or_setting_has_changed(
    run_cli: RunCli, own_index: Path, tmp_path: Path
) -> None:
    def stages(*more: str) -> list[str]:
        answer = parsed(run_cli("ask", QUESTION, "--index", own_index, "--json", *more).out)
        return list(answer["timings_ms"])

    assert stages() == STAGES
    assert stages() == ["load", "recall"]
    assert stages("--no-cache") == stages("-k", "3") == stages("--threshold", "0.2") == STAGES
    assert stages("--path", "*.md") == STAGES
    note = tmp_path / "notes" / "perplexity.md"
    note.write_text(note.read_text() + "\nOne more sentence.\n")
    assert stages() == STAGES
    assert stages() == ["load", "recall"]  # of the file as it is now
    run_cli("index", "--index", own_index)
    assert not (own_index / "answers.sqlite").exists()
    assert stages() == STAGES


def test_nothing_is_kept_with_no_cache_or_without_an_index(
    run_cli: RunCli, own_index: Path, tmp_path: Path
) -> None:
    run_cli("ask", QUESTION, "--index", own_index, "--no-cache")
    run_cli("ask", QUESTION, "--context", tmp_path / "notes" / "perplexity.md")
    assert not list(tmp_path.rglob("answers.sqlite"))


def test_a_text_that_is_not_indexed_is_not_kept(
    run_cli: RunCli, own_index: Path, tmp_path: Path
) -> None:
    text = tmp_path / "here.txt"
    command = ["ask", "What is the code?", "--index", own_index, "--context", text]
    text.write_text("The code is 4711.")
    assert "4711" in run_cli(*command).out
    assert not (own_index / "answers.sqlite").exists()
    text.write_text("The code is 1234.")
    assert "1234" in run_cli(*command).out


def test_an_answer_is_made_anew_when_a_filter_lets_something_else_through(
    run_cli: RunCli, own_index: Path, tmp_path: Path
) -> None:
    command = ["ask", QUESTION, "--index", own_index, "--since", "2020"]
    assert run_cli(*command).code == 0
    for note in (tmp_path / "notes").iterdir():
        os.utime(note, (10**9, 10**9))  # 2001
    run_cli("index", "--index", own_index)
    assert run_cli(*command).code == 1


def test_an_answer_of_an_index_that_was_moved_names_its_place(
    run_cli: RunCli, own_index: Path, tmp_path: Path
) -> None:
    run_cli("ask", QUESTION, "--index", own_index)
    moved = own_index.rename(tmp_path / "moved")
    answer = parsed(run_cli("ask", QUESTION, "--index", moved, "--json").out)
    assert answer["index"]["path"] == str(moved)
    assert list(answer["timings_ms"]) == ["load", "recall"]


def test_an_answer_that_is_forgotten_is_nowhere(
    run_cli: RunCli, own_index: Path, tmp_path: Path
) -> None:
    run_cli("ask", QUESTION, "--index", own_index)
    assert b"perplexity" in (own_index / "answers.sqlite").read_bytes()
    run_cli("forget", tmp_path / "notes", "--index", own_index)
    assert not list(own_index.glob("answers*"))
