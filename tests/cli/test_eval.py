"""`eval`: figures as text, JSON and HTML, limits, and what cannot be used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Result
from tests.planets import PLANETS, planet
from tests.programs import (
    BREAD_QUESTION,
    NOWHERE,
    QUESTION,
    error_of,
    make_index,
    parsed,
)

RunCli = Callable[..., Result]
QUESTIONS: list[dict[str, Any]] = [
    {"question": QUESTION, "answers": ["predicts the text better"], "file": "perplexity.md"},
    {"question": BREAD_QUESTION, "answers": ["<b>magic</b>"], "file": "bread.md"},
    {"question": NOWHERE, "answerable": False, "split": "far"},
]
RESULT_KEYS = [
    "question", "kind", "split", "answerable", "expected", "sources", "state", "confidence",
    "answer", "short", "cited", "found", "right", "f1", "right_citations", "nuggets", "injected",
    "wrong", "milliseconds",
]  # fmt: skip


pytestmark = pytest.mark.usefixtures("one_embedder")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "questions.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in QUESTIONS))
    return path


def without_times(text: str) -> str:
    return re.sub(r"(latency_p.._ms) +\d.*?(  [a-z])", r"\1 T\2", text)


def test_figures_as_text(run_cli: RunCli, index: Path, file: Path) -> None:
    done = run_cli("eval", file, "--index", index)
    assert (done.code, done.err) == (0, "")
    assert (
        without_times(done.out)
        == f"""\
questions: 3 from {file}: 2 answerable, 1 not
answers: sentences of the documents
index: {index} (generation 1)

metric                 value   95 % interval  n
retrieval_hit          1.000  0.342 to 1.000  2  answerable: a right file among the k passages
complete_answers           -               -  0  answerable: all nuggets stand in the answer
nugget_recall              -               -  0  answerable: share of the nuggets in the answer
no_nugget                  -               -  0  answerable: answered without any nugget
answer_words            16.5    11.0 to 22.0  2  words of an answer
best_passage_complete      -               -  0  answerable: the best passage has all nuggets
best_passage_words         -               -  0  words of the best passage of the search
answer_f1              0.273  0.000 to 0.545  2  answerable: F1 of the words of the answer (SQuAD)
answer_contains        0.500  0.095 to 0.905  2  answerable: an accepted answer stands in the answer
short_f1               0.000  0.000 to 0.000  2  answerable: F1 of the words that answer exactly
short_contains         0.000  0.000 to 0.658  2  answerable: an accepted answer stands in these
citation_precision     1.000  0.342 to 1.000  2  citations: they name a right source
cited_nugget               -               -  0  citations: a nugget stands in the quote
citation_recall        1.000  0.342 to 1.000  2  answerable, answered: a citation is right
correct_and_cited      0.500  0.095 to 0.905  2  answerable: an accepted answer, a right citation
refusal_precision      1.000  0.207 to 1.000  1  refused: not answerable indeed
refusal_recall         1.000  0.207 to 1.000  1  not answerable: refused
wrongly_refused        0.000  0.000 to 0.658  2  answerable: refused
confidence_auc         1.000  1.000 to 1.000  3  pairs: the answerable question has more of it
unsupported_sentences  0.000  0.000 to 0.561  3  sentences of answers: no document supports them
contradictions_told        -               -  0  the documents disagree: all values are told
false_contradictions       -               -  0  the documents do not disagree: the answer says so
injected_instructions      -               -  0  questions with an attack: the answer obeys it
latency_p50_ms T  median time of an answer
latency_p95_ms T  time within which 95 % of the answers are there
"""
    )


def test_figures_as_json(run_cli: RunCli, index: Path, file: Path, notes: Path) -> None:
    done = run_cli("eval", file, "--index", index, "--json")
    found = parsed(done.out)
    assert (done.code, done.err) == (0, "")
    assert list(found) == [
        "version", "questions", "source", "metrics", "kinds", "failed", "curves", "models", "index",
        "results", "warnings",
    ]  # fmt: skip
    assert (found["questions"], found["source"]) == (3, str(file))
    assert (found["failed"], found["warnings"]) == ([], [])
    assert set(found["curves"]) == {"not in the documents", "wrong answer"}
    assert found["models"] == {"embedder": "all-MiniLM-L6-v2", "generator": None}
    assert found["index"] == {"path": str(index), "generation": 1}
    assert found["metrics"]["refusal_recall"] == {
        "value": 1.0, "low": 0.2065, "high": 1.0, "n": 1, "better": "higher",
    }  # fmt: skip
    assert found["metrics"]["injected_instructions"] == {
        "value": None, "low": None, "high": None, "n": 0, "better": "lower",
    }  # fmt: skip
    first, _, last = found["results"]
    assert list(first) == RESULT_KEYS
    assert first["cited"] == [f"{notes}/perplexity.md:11"]
    assert (first["right"], first["wrong"], first["f1"]) == (True, False, 0.5455)
    assert (found["kinds"], last["split"], last["nuggets"]) == ({}, "far", None)
    assert (last["state"], last["kind"], last["right"]) == ("not_in_documents", "", None)


def test_a_split_and_a_limit(run_cli: RunCli, index: Path, file: Path) -> None:
    done = run_cli("eval", file, "--index", index, "--split", "far", "--json")
    assert [result["question"] for result in parsed(done.out)["results"]] == [NOWHERE]
    done = run_cli("eval", file, "--index", index, "--limit", 2, "--json")
    assert [r["question"] for r in parsed(done.out)["results"]] == [QUESTION, BREAD_QUESTION]


def test_limits_on_figures(run_cli: RunCli, index: Path, file: Path) -> None:
    limits = ("--fail-under", "answer_contains=0.5", "--fail-over", "wrongly_refused=0")
    assert run_cli("eval", file, "--index", index, *limits).code == 0
    limits = ("--fail-under", "answer_contains=0.6", "--fail-over", "injected_instructions=0",
              "--fail-over", "latency_p50_ms=0.01")  # fmt: skip
    done = run_cli("eval", file, "--index", index, *limits, "--json")
    first, second, third = done.err.splitlines()
    assert done.code == 1
    assert first == "answer_contains is 0.500, under 0.6"
    assert second == "injected_instructions could not be measured: no question is of that kind"
    assert re.fullmatch(r"latency_p50_ms is \d+, over 0.01", third)
    assert parsed(done.out)["failed"] == [first, second, third]


class _Tags(HTMLParser):
    """Checks that tags are closed in order; remembers them and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.open += [] if tag in ("meta",) else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(path: Path) -> _Tags:
    page = _Tags()
    page.feed(path.read_text())
    assert page.open == []
    return page


def test_a_page_with_plots(run_cli: RunCli, index: Path, file: Path, tmp_path: Path) -> None:
    html = tmp_path / "report.html"
    done = run_cli("eval", file, "--index", index, "--html", html, "--json")
    found = parsed(done.out)
    assert (
        found["metrics"]["confidence_auc"]["value"],
        found["metrics"]["confidence_auc"]["n"],
    ) == (1, 3)
    assert found["curves"]["not in the documents"] == [[1 / 3, 0], [2 / 3, 0], [1, 1 / 3]]
    assert [0 < result["confidence"] < 1 for result in found["results"]] == [True] * 3
    page = page_of(html)
    assert page.seen.count("svg") == 2
    assert page.seen.count("polyline") == 2
    assert page.seen.count("circle") == 1
    assert "Wrong or incomplete answers (1)" in page.text
    assert f"{BREAD_QUESTION} no accepted answer in it" in page.text
    assert "expected: <b>magic</b> in bread.md" in page.text
    assert not re.search(r"https?://|<script|src=|url\(", html.read_text())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "cannot use questions none: no such file or directory; name a file"),
        (["latin"], "the questions latin is not UTF-8; convert it"),
        (["empty"], 'no questions in empty; a line is {"id": 1, "question": "..."}'),
        (["bad"], 'bad, line 1: no question in the line; a line is {"id": 1, "question": "..."}'),
        (["empty", "--html", "."], "cannot use --html .: is a directory; name a file"),
        (["empty", "--html", "no/x"], "cannot use --html no/x: no such folder;"
         " make it, or name another"),
        (["empty", "--fail-under", "wrongly_refused=1"],
         "--fail-under wrongly_refused=1: less of wrongly_refused is better;"
         " write --fail-over wrongly_refused=1"),
        (["empty", "--fail-over", "answer_f1=1"],
         "--fail-over answer_f1=1: less of answer_f1 is worse; write --fail-under answer_f1=1"),
        (["empty", "--fail-over", "x=1"],
         "--fail-over x=1: no such metric; known: no_nugget, answer_words, best_passage_words,"
         " wrongly_refused, unsupported_sentences, false_contradictions, injected_instructions,"
         " latency_p50_ms, latency_p95_ms"),
        (["empty", "--fail-under", "answer_f1"],
         "--fail-under answer_f1: not a number; write --fail-under answer_f1=0.8"),
        (["empty", "--fail-under", "answer_f1=nan"],
         "--fail-under answer_f1=nan: not a number; write --fail-under answer_f1=0.8"),
    ],
)  # fmt: skip
def test_what_cannot_be_used(
    run_cli: RunCli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin").write_bytes(b'{"question": "caf\xe9"}\n')
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bad").write_text("{}\n")
    assert run_cli("eval", *arguments) == Result(2, "", f"ragqa: {message}\n")


def test_errors_as_json(run_cli: RunCli, file: Path) -> None:
    assert error_of(run_cli("eval", file, "--json").out) == ("no_index", 3)
    assert error_of(run_cli("eval", "none", "--json").out) == ("usage", 2)


def test_a_folder_is_indexed_first(run_cli: RunCli, notes: Path, file: Path) -> None:
    done = run_cli("eval", file, "--docs", notes, "--json", "--fail-under", "retrieval_hit=1")
    assert (done.code, parsed(done.out)["metrics"]["retrieval_hit"]["value"]) == (0, 1)


# Nuggets ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_nuggets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    items = [
        {"question": QUESTION, "kind": "what", "nuggets": ["lower perplexity", "better"]},
        {"question": BREAD_QUESTION, "kind": "why", "nuggets": ["yeast", "<b>magic"]},
        {"question": NOWHERE, "kind": "far", "answerable": False, "nuggets": []},
    ]
    path = tmp_path_factory.mktemp("nuggets") / "nuggets.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def test_a_table_of_the_kinds_of_questions(
    run_cli: RunCli, index: Path, with_nuggets: Path
) -> None:
    done = run_cli("eval", with_nuggets, "--index", index)
    assert (done.code, done.err) == (0, "")
    assert (
        done.out[done.out.index("\nkind") :]
        == """
kind         n  complete  recall  words  passage: complete  recall  words
what         1     1.000   1.000   11.0              1.000   1.000   15.0
why          1     0.000   0.500   22.0              0.000   0.500   23.0
all of them  2     0.500   0.750   16.5              0.500   0.750   19.0
"""
    )


def test_nuggets_as_json(run_cli: RunCli, index: Path, with_nuggets: Path) -> None:
    limits = ("--fail-under", "complete_answers=0.6", "--fail-over", "no_nugget=0.1")
    done = run_cli("eval", with_nuggets, "--index", index, "--json", *limits)
    found = parsed(done.out)
    assert (done.code, done.err) == (1, "complete_answers is 0.500, under 0.6\n")
    assert found["kinds"]["why"] == {
        "n": 1, "complete_answers": 0.0, "nugget_recall": 0.5, "answer_words": 22.0,
        "best_passage_complete": 0.0, "best_passage_recall": 0.5, "best_passage_words": 23.0,
    }  # fmt: skip
    assert found["results"][1]["nuggets"] == {
        "in_answer": [True, False], "in_passage": [True, False], "passage_words": 23,
        "in_citations": [True],
    }  # fmt: skip


def test_a_page_tells_what_is_missing(
    run_cli: RunCli, index: Path, with_nuggets: Path, tmp_path: Path
) -> None:
    html = tmp_path / "report.html"
    run_cli("eval", with_nuggets, "--index", index, "--html", html)
    text = page_of(html).text
    assert "Kinds of questions" in text
    assert "Wrong or incomplete answers (1)" in text
    assert f"{BREAD_QUESTION} incomplete, it lacks: <b>magic" in text


# Made questions -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planets") / "notes"
    folder.mkdir()
    for number, name in enumerate(PLANETS):
        (folder / f"{name}.md").write_text(planet(number))
    return make_index(folder.parent / "index", folder)


def test_questions_that_are_made(run_cli: RunCli, planets: Path) -> None:
    done = run_cli("eval", "--index", planets, "--limit", 40, "--json")
    found = parsed(done.out)
    assert done.code == 0
    assert (found["source"], found["questions"]) == ("the documents", 40)
    figures = found["metrics"]
    assert (figures["retrieval_hit"]["n"], figures["refusal_recall"]["n"]) == (30, 10)
    assert figures["retrieval_hit"]["value"] > 0.9
    held_out = [r for r in found["results"] if r["kind"].endswith("held out")]
    assert held_out
    again = run_cli("eval", "--index", planets, "--limit", 40, "--json")
    texts = [[r["question"] for r in parsed(each.out)["results"]] for each in (done, again)]
    assert texts[0] == texts[1]


def test_questions_that_cannot_be_made(run_cli: RunCli, index: Path) -> None:
    done = run_cli("eval", "--index", index)
    hint = "give a file with questions (they are made for English)"
    assert done.code == 3
    assert re.fullmatch(
        rf"ragqa: only \d questions could be made of .*; {re.escape(hint)}\n", done.err
    )
    done = run_cli("eval", "--index", index, "--split", "dev")
    message = "ragqa: --split is for a file of questions; name one, or leave it out\n"
    assert done == Result(2, "", message)
