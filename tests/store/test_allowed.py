"""Filters: which passages a search may look at, and that it finds them however few they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragqa.query import make_query
from ragqa.records import Block, Document, Passage, Run
from ragqa.retrieval.hybrid import retrieve
from ragqa.store.allowed import CONDITION
from ragqa.store.base import FileFacts
from ragqa.store.filters import Filter
from ragqa.store.snapshot import LocalSnapshot
from ragqa.store.writer import LocalWriter
from tests.fakes import FakeEmbedder
from tests.notes import Notes

FILTERED = {
    "a.md": "---\ntags: [ml/nlp]\naliases: [Ay]\nstatus: done\n---\n# Ants\n\nbee\n\n## B\n\nbee",
    "sub/b.md": "---\ntitle: Bees\ndate: 2020-05-06\nsource: {kind: book}\n---\nbee #ml",
    "c.txt": "cat and bee",
}  # fmt: skip


@pytest.fixture
def filtered(tmp_path: Path) -> Notes:
    notes = Notes(tmp_path)
    for name, text in FILTERED.items():
        notes.write(name, text)
    notes.write("binary.md", b"\0\1\2")
    notes.run()
    return notes


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["a.md", "b.md", "c.txt"]),
        ({"path": ["*.md"]}, ["a.md", "b.md"]),
        ({"path": ["notes/sub"]}, ["b.md"]),
        ({"title": ["ants", "C"]}, ["a.md", "c.txt"]),
        ({"tag": ["ml"]}, ["a.md", "b.md"]),
        ({"alias": ["ay"]}, ["a.md"]),
        ({"where": ["source.kind=book"]}, ["b.md"]),
        ({"since": "2020"}, ["b.md"]),  # the others were written in 2017
        ({"until": "2019"}, ["a.md", "c.txt"]),
        ({"tag": ["ml"], "where": ["status=open"]}, []),
    ],
)
def test_a_filter_lets_the_passages_of_its_documents_through(
    filtered: Notes, options: dict[str, list[str]], names: list[str]
) -> None:
    ids = filtered.ids()
    question = filtered.embedder.encode_question("bee").vector
    with LocalSnapshot(filtered.directory) as reader:
        allowed = reader.allowed(Filter.parse(**options))  # type: ignore[arg-type]
        assert allowed.tolist() == sorted(number for name in names for number in ids[name])
        assert sorted(i for i, _ in reader.dense(question, 99, allowed)) == allowed.tolist()
        lexical = {i for i, _ in reader.lexical(["bee"], 99, allowed)}  # no properties
        assert lexical <= set(allowed.tolist())
        assert {name for name, own in ids.items() if lexical.intersection(own)} == set(names)


def test_scores_are_the_same_with_and_without_a_filter(filtered: Notes) -> None:
    question = filtered.embedder.encode_question("bee").vector
    with LocalSnapshot(filtered.directory) as reader:
        dense, lexical = dict(reader.dense(question, 99)), dict(reader.lexical(["bee"], 99))
        for options in ({"path": ["sub"]}, {"path": ["*.txt"]}, {"tag": ["ml"]}):
            allowed = reader.allowed(Filter.parse(**options))
            assert dict(reader.dense(question, 99, allowed)).items() <= dense.items()
            assert dict(reader.lexical(["bee"], 99, allowed)).items() <= lexical.items()
        assert dict(reader.lexical(["bee"], 99)) == lexical


def test_a_file_that_cannot_be_opened_any_more_has_no_date_of_modification(
    filtered: Notes,
) -> None:
    with LocalWriter(filtered.directory) as writer:
        path = str(filtered.folder / "c.txt")
        writer.put_unreadable(FileFacts(path, 1, 1, 1, ""), "gone")
        writer.open_cache(filtered.embedder.fingerprint)
        writer.publish({}, filtered.embedder.dimension)
    with LocalSnapshot(filtered.directory) as reader:
        found = reader.allowed(Filter.parse(until="2019")).tolist()
    assert found == sorted(filtered.ids()["a.md"])


def test_a_filter_is_of_the_generation_whose_vectors_are_searched(filtered: Notes) -> None:
    with LocalSnapshot(filtered.directory) as reader:
        filtered.write("d.md", "dog and bee #ml")
        filtered.run()
        allowed = reader.allowed(Filter.parse(tag=["ml"]))
        assert set(filtered.ids()["d.md"]) < set(allowed.tolist())
        assert reader.generation == 2


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FakeEmbedder]:
    """An index of 10,000 documents, one of which has a tag."""
    directory, embedder = tmp_path_factory.mktemp("many"), FakeEmbedder()
    with LocalWriter(directory) as writer:
        writer.add_folder("/notes")
        for number in range(10_000):
            text = f"bread rises slowly {number % 50}" if number != 7_777 else "a needle of rye"
            block = Block("paragraph", (), text, text, 0, 1, (Run(0, 0, len(text)),))
            path = Path(f"/notes/{number}.md")
            tags = ("x",) if number == 7_777 else ()
            document = Document(path, text, (block,), tags=tags)
            facts = FileFacts(str(path), 1, 1, 10**18, "")
            writer.put(facts, document, [Passage(None, (), (block,))])
        cache = writer.open_cache(embedder.fingerprint)
        keys, ids = zip(*writer.texts_to_embed().items(), strict=True)
        cache.add(keys, embedder.encode(writer.embedded_texts(ids)))
        names = {"embedder": embedder.fingerprint, "embedder_model": embedder.name}
        writer.publish(names, embedder.dimension)
    return directory, embedder


def test_one_document_of_10_000_is_found_however_badly_it_fits(
    many: tuple[Path, FakeEmbedder],
) -> None:
    directory, embedder = many
    with LocalSnapshot(directory) as reader:
        for question in ("bread rises slowly", "rye", "nothing of the sort"):
            allowed = reader.allowed(Filter.parse(tag=["#X"]))
            query = make_query(question, embedder, reader)
            hits = retrieve(query, embedder, reader, 5, allowed)
            assert [hit.path for hit in hits] == ["/notes/7777.md"]
        none = reader.allowed(Filter.parse(tag=["y"]))
        query = make_query("bread", embedder, reader)
        assert (len(none), retrieve(query, embedder, reader, 5, none)) == (0, [])


def test_the_full_text_is_queried_once_not_once_for_each_allowed_passage(
    many: tuple[Path, FakeEmbedder],
) -> None:
    directory, _ = many
    with LocalSnapshot(directory) as reader:
        reader.lexical(["bread"], 5, reader.allowed(Filter.parse(path=["*"])))
        query = f"SELECT rowid FROM passage_text WHERE passage_text MATCH 'x' AND {CONDITION}"
        (scan, lookup) = [row[3] for row in reader._db.execute(f"EXPLAIN QUERY PLAN {query}")]
    # "0:=M4" would be a query with a row's number in it.
    assert scan.endswith("VIRTUAL TABLE INDEX 0:M4")
    assert lookup.startswith("USING ROWID SEARCH ON TABLE allowed")
