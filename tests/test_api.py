"""The public interface: what the commands do, from Python and from several threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ragqa
from ragqa import api, pipeline
from ragqa.errors import NoIndexError, UsageError
from tests.conftest import Result
from tests.fakes import FakeGenerator
from tests.programs import (
    ANSWER,
    BREAD_QUESTION,
    NOWHERE,
    QUESTION,
    load_embedder_once,
    parsed,
    write_notes,
)


@pytest.fixture(autouse=True)
def one_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragqa.embedding.load_embedder", load_embedder_once)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return write_notes(tmp_path / "notes")


@pytest.fixture
def collection(tmp_path: Path, notes: Path) -> api.Collection:
    made = api.open_collection(tmp_path / "index")
    assert made.index([notes]).added == 2
    return made


def test_index_search_ask(collection: api.Collection, notes: Path) -> None:
    (hit, *_) = collection.search("wild yeast")
    assert hit.path == str(notes / "bread.md")
    answer = collection.ask(QUESTION)
    assert (answer.state, answer.text) == ("answered", ANSWER)
    assert answer.citations[0].path == str(notes / "perplexity.md")
    assert collection.ask(NOWHERE).state == "not_in_documents"


@pytest.mark.parametrize(("mode", "loads"), [("generate", 1), ("read", 0), ("extract", 0)])
def test_the_tables_of_lemmas_are_loaded_where_a_model_writes(
    collection: api.Collection, monkeypatch: pytest.MonkeyPatch, mode: str, loads: int
) -> None:
    done: list[str] = []
    monkeypatch.setattr("ragqa.text.lemmas.load", lambda: done.append(mode))
    monkeypatch.setattr("ragqa.generators.load_generator", lambda *_: FakeGenerator("Bread."))
    asking = api.open_collection(collection.directory, answer=mode)
    with asking.session() as session, session.loading():
        pass
    assert len(done) == loads


def test_it_is_what_the_commands_say(
    collection: api.Collection, run_cli: Callable[..., Result]
) -> None:
    shown = parsed(run_cli("ask", QUESTION, "--index", collection.directory, "--json").out)
    answer = collection.ask(QUESTION)
    assert shown["answer"] == answer.text
    assert shown["confidence"] == answer.confidence
    hits = parsed(run_cli("search", "yeast", "--index", collection.directory, "--json").out)["hits"]
    assert [hit["path"] for hit in hits] == [hit.path for hit in collection.search("yeast")]


def test_threads_get_right_answers(collection: api.Collection, notes: Path) -> None:
    questions = [QUESTION, BREAD_QUESTION, NOWHERE] * 8
    expected = {question: collection.ask(question).text for question in questions}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(collection.ask, questions))
        found = list(pool.map(collection.search, ["perplexity", "bread"] * 12))
    assert [answer.text for answer in answers] == [expected[question] for question in questions]
    assert {hits[0].path for hits in found[::2]} == {str(notes / "perplexity.md")}
    assert {hits[0].path for hits in found[1::2]} == {str(notes / "bread.md")}


def test_threads_ask_while_another_indexes(collection: api.Collection, notes: Path) -> None:
    def write(number: int) -> int:
        (notes / f"{number}.md").write_text(f"# Tea {number}\n\nTea {number} is a hot drink.\n")
        return collection.index().added

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(collection.ask, QUESTION) for _ in range(10)]
        added = [write(number) for number in range(3)]
        asked += [pool.submit(collection.ask, QUESTION) for _ in range(10)]
    assert added == [1, 1, 1]
    assert {future.result().text for future in asked} == {ANSWER}
    assert len(collection.search("hot drink")) >= 3


@pytest.mark.slow
def test_threads_share_the_model_that_points(
    tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGQA_ANSWER", "read")
    collection = api.open_collection(tmp_path / "index")
    collection.index([notes])
    questions = [QUESTION, BREAD_QUESTION, "What makes the gas in bread?", NOWHERE] * 3
    with collection.session() as session:
        expected = [pipeline.ask(question, session).text for question in questions[:4]] * 3
    monkeypatch.setattr("ragqa.store.answers.AnswerCache.find", lambda *_: None)
    with ThreadPoolExecutor(4) as pool:
        assert [answer.text for answer in pool.map(collection.ask, questions)] == expected


GIVEN = api.GivenText("note", "A note", "The kettle is blue.")


def test_a_text_that_comes_along(collection: api.Collection) -> None:
    answer = collection.ask("What is blue?", [GIVEN])
    assert answer.citations[0].path == "note"


def test_a_filter(collection: api.Collection) -> None:
    only = api.Filter.parse(path=["bread.md"])
    assert {Path(hit.path).name for hit in collection.search("a", only)} == {"bread.md"}
    assert collection.ask(QUESTION, only=only).state == "not_in_documents"


def test_what_is_not_there(tmp_path: Path) -> None:
    collection = api.open_collection(tmp_path / "index")
    with pytest.raises(NoIndexError):
        collection.search("anything")
    with pytest.raises(NoIndexError):
        collection.forget(tmp_path)
    with pytest.raises(UsageError):
        api.open_collection(k=0)
    assert not (tmp_path / "index").exists()


def test_settings_are_those_of_the_commands(tmp_path: Path, notes: Path) -> None:
    one = api.open_collection(tmp_path / "index", k=1)
    one.index([notes])
    assert len(one.search("a")) == 1
    more = api.open_collection(tmp_path / "index", runtime=one.runtime)
    assert len(more.search("a")) > 1


def test_folders_are_named_alike_everywhere(
    tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    collection = api.open_collection("index")
    assert collection.index("notes").added == 2
    assert collection.index(Path("notes")).unchanged == 2
    assert collection.forget("notes") == 2


def test_a_folder_with_an_index_of_its_own(notes: Path) -> None:
    collection = api.open_collection(docs=notes)
    assert collection.ask(QUESTION).text == ANSWER
    (notes / "tea.md").write_text("# Tea\n\nTea is made of the leaves of a shrub.\n")
    assert collection.search("tea leaves")[0].path == str(notes / "tea.md")


def test_unknown_settings_are_told() -> None:
    with pytest.raises(UsageError, match="unknown setting 'foo'"):
        api.open_collection(foo=1)


def test_status(collection: api.Collection, run_cli: Callable[..., Result]) -> None:
    facts = collection.status()
    assert (facts["documents"], facts["failed"], facts["generation"]) == (2, [], 1)
    shown = parsed(run_cli("status", "--index", collection.directory, "--json").out)
    assert shown == {"version": 1, **facts}


def test_forgetting(collection: api.Collection, notes: Path) -> None:
    assert collection.forget(notes) == 2
    with pytest.raises(NoIndexError, match="is empty"):
        collection.search("bread")


def test_the_package_is_typed() -> None:
    assert (Path(ragqa.__file__).parent / "py.typed").exists()
