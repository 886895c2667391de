"""`ask` and `search` of some documents only, and what links to a hit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result, without_nearest
from tests.programs import (
    ANSWER,
    QUESTION,
    SOURCE,
    error_of,
    load_embedder_once,
    make_index,
    on_terminal,
    parsed,
    write_notes,
)

RunCli = Callable[..., Result]

NO_MATCH = "no document matches the filter"
REFUSED = "not in the documents\n"
OVERVIEW = """---
aliases: [Start here]
tags: [map/index]
status: done
updated: 2024-05-31
---
See [[perplexity|the measure]], [bread](bread.md) and [[Nothing]].
"""


@pytest.fixture(autouse=True)
def one_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragqa.embedding.load_embedder", load_embedder_once)


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_notes(tmp_path_factory.mktemp("documents") / "notes")
    (folder / "overview.md").write_text(OVERVIEW)
    (folder / "more.md").write_text("# More\n\nThe loaf is measured with [[perplexity]].\n")
    return folder


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, notes: Path) -> Path:
    return make_index(tmp_path_factory.mktemp("index"), notes)


def names(out: str) -> list[str]:
    return [Path(hit["path"]).name for hit in parsed(out)["hits"]]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--path", "overview.md"], {"overview.md"}),
        (["--path", "notes/b*", "--path", "more.md"], {"bread.md", "more.md"}),
        (["--title", "sourdough"], {"bread.md"}),
        (["--title", "over*", "--title", "More"], {"overview.md", "more.md"}),
        (["--tag", "#map"], {"overview.md"}),
        (["--alias", "start HERE"], {"overview.md"}),
        (["--where", "status=Done", "--where", "tags=map/index"], {"overview.md"}),
        (["--until", "2024-05"], {"overview.md"}),
        (["--since", "1d"], {"bread.md", "perplexity.md", "more.md"}),
    ],
)
def test_only_documents_that_match_are_searched(
    run_cli: RunCli, index: Path, options: list[str], found: set[str]
) -> None:
    done = run_cli("search", "lower perplexity", "--index", index, "--json", *options)
    assert (done.code, done.err, set(names(done.out))) == (0, "", found)


def test_the_one_that_matches_is_found_behind_better_ones(run_cli: RunCli, index: Path) -> None:
    done = run_cli("search", QUESTION, "--index", index, "-k", "1", "--json", "--tag", "map")
    assert names(done.out) == ["overview.md"]


def test_an_answer_comes_from_documents_that_match(
    run_cli: RunCli, index: Path, notes: Path
) -> None:
    done = run_cli("ask", QUESTION, "--index", index, "--path", "p*.md", "--title", "PERPLEXITY")
    assert done == Result(0, f"{ANSWER}\n\n[1] {notes}/perplexity.md:11{SOURCE}\n", "")
    done = run_cli("ask", QUESTION, "--index", index, "--tag", "map")
    assert without_nearest(done) == Result(1, "", REFUSED)


def test_a_filter_with_docs(run_cli: RunCli, notes: Path) -> None:
    assert run_cli("ask", QUESTION, "--docs", notes, "--path", "/p*").out.startswith(ANSWER)
    assert run_cli("ask", QUESTION, "--docs", notes, "--path", "/b*").code == 1


def test_no_document_matches(run_cli: RunCli, index: Path) -> None:
    done = run_cli("search", QUESTION, "--index", index, "--tag", "none")
    assert done == Result(1, "", f"nothing found: {NO_MATCH}\n")
    done = run_cli("ask", QUESTION, "--index", index, "--tag", "none")
    assert done == Result(1, "", f"warning: {NO_MATCH}\n{REFUSED}")


def test_no_document_matches_as_json(run_cli: RunCli, index: Path) -> None:
    done = run_cli("search", QUESTION, "--index", index, "--tag", "none", "--links", "--json")
    assert (done.code, done.err) == (1, f"nothing found: {NO_MATCH}\n")
    assert parsed(done.out) == {"version": 1, "query": QUESTION, "hits": []}
    done = run_cli("ask", QUESTION, "--index", index, "--tag", "none", "--json")
    answer = parsed(done.out)
    assert (done.code, done.err) == (1, f"warning: {NO_MATCH}\n{REFUSED}")
    assert (answer["state"], answer["warnings"]) == ("not_in_documents", [NO_MATCH])


def test_a_given_text_answers_where_no_document_matches(
    run_cli: RunCli, index: Path, notes: Path
) -> None:
    file = notes / "perplexity.md"
    done = run_cli("ask", QUESTION, "--index", index, "--context", file, "--tag", "none")
    assert (done.code, done.err) == (0, f"warning: {NO_MATCH}\n")
    assert done.out.startswith(ANSWER)


def test_each_line_of_a_batch_is_filtered(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    lines = tmp_path / "in.jsonl"
    given = {"question": QUESTION, "passages": [{"text": ANSWER.removesuffix(" [1].") + "."}]}
    lines.write_text(
        "".join(f"{json.dumps(i)}\n" for i in ({"question": QUESTION},) * 2 + (given,))
    )
    for tag, warnings in (("map", []), ("none", [NO_MATCH])):
        done = run_cli("ask", "--batch", lines, "--index", index, "--tag", tag)
        found = [json.loads(line) for line in done.out.splitlines()]
        states = ["not_in_documents", "not_in_documents", "answered"]
        assert (done.code, done.err, [record["state"] for record in found]) == (0, "", states)
        assert [record["warnings"] for record in found] == [warnings, warnings, []]
    done = run_cli("ask", "--batch", lines, "--index", index, "--path", "perplexity.md")
    assert [json.loads(line)["answer"] for line in done.out.splitlines()] == [ANSWER] * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--where", "foo"], "--where: not KEY=VALUE: 'foo'; write it like: --where status=done"),
        (["--since", "soon"], "--since: not a date: 'soon'; write YYYY, YYYY-MM, YYYY-MM-DD, or an"
         " age like 30d, 2w, 6m, 1y"),
        (["--since=2024", "--until=2023"], "--since 2024 is after --until 2023; swap the two"),
        (["--tag", ""], "--tag is empty; give it a value, or leave it out"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_filter_that_makes_no_sense(
    run_cli: RunCli, command: str, options: list[str], message: str
) -> None:
    assert run_cli(command, QUESTION, *options) == Result(2, "", f"ragqa: {message}\n")
    done = run_cli(command, QUESTION, *options, "--json")
    assert (done.code, error_of(done.out)) == (2, ("usage", 2))


# --links ------------------------------------------------------------------------------------


def test_what_links_to_a_hit(run_cli: RunCli, index: Path, notes: Path) -> None:
    options = ("--index", index, "--path", "perplexity.md", "-k", "1")
    plain = run_cli("search", "lower perplexity", *options)
    done = run_cli("search", "lower perplexity", *options, "--links")
    line = f"   linked from: {notes}/more.md, {notes}/overview.md\n"
    assert (done.code, done.out, done.err) == (0, plain.out + line, "")


def test_a_hit_that_nothing_links_to(run_cli: RunCli, index: Path) -> None:
    options = ("--index", index, "--path", "overview.md")
    assert run_cli("search", "x", *options, "--links") == run_cli("search", "x", *options)


def test_what_links_to_a_hit_as_json(run_cli: RunCli, index: Path, notes: Path) -> None:
    done = run_cli("search", QUESTION, "--index", index, "--json", "--links")
    hits = parsed(done.out)["hits"]
    assert {Path(hit["path"]).name: hit["linked_from"] for hit in hits} == {
        "perplexity.md": [f"{notes}/more.md", f"{notes}/overview.md"],
        "bread.md": [f"{notes}/overview.md"],
        "overview.md": [],
        "more.md": [],
    }
    assert list(hits[0])[-2:] == ["also_in", "linked_from"]


def test_what_links_to_a_hit_on_a_terminal(
    index: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notes)
    done = on_terminal("search", "sourdough", "--index", index, "--title", "Sourdough", "--links")
    assert (done.code, done.err) == (0, "")
    assert "linked from: overview.md" in done.out
