"""What a reader sees while others write, and with vector files that are gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragqa.errors import IndexDamagedError, NoIndexError
from ragqa.filters import Filter
from ragqa.records import Block, Document, Passage, Run
from ragqa.retrieval import retrieve
from ragqa.store import FileFacts, IndexReader, IndexWriter
from ragqa.store.allowed import CONDITION
from tests.fakes import FakeEmbedder
from tests.notes import Notes


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    notes = Notes(tmp_path)
    notes.write("a.md", "ant and bee")
    notes.write("b.md", "cat and dog")
    notes.run()
    return notes


def _vector_files(notes: Notes) -> list[str]:
    return sorted(path.name for path in notes.directory.glob("vectors*"))


def test_without_an_index_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(NoIndexError, match="there is no index in"), IndexReader(tmp_path):
        pass


def test_reader_open_during_a_publish_sees_the_old_generation_whole(notes: Notes) -> None:
    before = notes.numbered_passages()
    with IndexReader(notes.directory) as reader:
        notes.vector_ids(reader)
        (notes.folder / "a.md").unlink()
        notes.write("c.md", "eel and fox")
        notes.run()
        ids = notes.vector_ids(reader)
        assert reader.generation == 1
        assert sorted(reader.passages(ids)) == sorted(number for number, *_ in before)
        assert [i for i, _ in reader.lexical(["ant"], 9)] == notes_ids(before, "a.md")
        assert reader.lexical(["fox"], 9) == []
        assert reader.counts() == (2, 2)
    assert notes.generation() == 2
    assert set(notes.ids()) == {"b.md", "c.md"}


def notes_ids(passages: list[tuple[object, ...]], name: str) -> list[object]:
    return [number for number, path, *_ in passages if str(path).endswith(name)]


def test_reader_whose_vector_file_was_removed_goes_on_with_the_new_generation(
    notes: Notes,
) -> None:
    with IndexReader(notes.directory) as reader:
        assert reader.generation == 1
        (notes.folder / "a.md").unlink()
        notes.write("c.md", "eel and fox")
        notes.run()
        assert _vector_files(notes) == ["vectors-2.faiss"]
        ids = notes.vector_ids(reader)
        assert reader.generation == 2
        assert {Path(p.path).name for p in reader.passages(ids).values()} == {"b.md", "c.md"}
        assert len(reader.passages(ids)) == len(ids)
        assert reader.lexical(["ant"], 9) == []


@pytest.mark.parametrize("damage", ["missing", "truncated", "garbage"])
def test_damaged_vectors_are_made_again_in_memory_and_repaired_by_a_run(
    notes: Notes, damage: str
) -> None:
    before = notes.numbered_passages()
    path = notes.directory / "vectors-1.faiss"
    intact = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(intact[:100] if damage == "truncated" else os.urandom(len(intact)))
    spoilt = path.read_bytes() if path.exists() else None
    assert notes.numbered_passages() == before
    assert (path.read_bytes() if path.exists() else None) == spoilt
    assert notes.update() == {"unchanged": 2}
    (name,) = _vector_files(notes)
    assert (notes.directory / name).read_bytes() == intact
    assert notes.numbered_passages() == before


def test_rebuilt_vectors_give_the_same_answers(notes: Notes) -> None:
    question = notes.embedder.encode_question("dog").vector
    with IndexReader(notes.directory) as reader:
        expected = reader.dense(question, 5)
    (notes.directory / "vectors-1.faiss").unlink()
    with IndexReader(notes.directory) as reader:
        assert reader.dense(question, 5) == expected


@pytest.mark.parametrize("cache", ["missing", "garbage"])
def test_vectors_and_cache_lost_is_an_error_until_the_next_run(notes: Notes, cache: str) -> None:
    (notes.directory / "vectors-1.faiss").unlink()
    path = notes.directory / "embeddings.sqlite"
    if cache == "missing":
        path.unlink()
    else:
        path.write_bytes(os.urandom(9000))
    with pytest.raises(IndexDamagedError, match="vectors of the index") as caught:
        notes.passages()
    assert caught.value.hint.startswith("run: ragqa index")
    assert notes.update() == {"unchanged": 2, "embedded": 2}
    assert len(notes.passages()) == 2


def test_status_needs_no_vectors(notes: Notes) -> None:
    notes.write("c.md", b"\0\1\2")
    notes.run()
    for path in notes.directory.glob("vectors*"):
        path.unlink()
    with IndexReader(notes.directory) as reader:
        assert reader.counts() == (2, 2)
        assert reader.folders() == [str(notes.folder)]
        assert reader.failed() == [(str(notes.folder / "c.md"), "a binary file, not text")]
        assert reader.text_encodings() == [("utf-8", 2)]
        assert reader.last_run()["failed"] == 1  # type: ignore[index]


@pytest.mark.parametrize("words", [['"'], ["a*"], ["NOT"], ["title:x"], ["(", ")"], ["-"], ["\0"]])
def test_words_are_never_read_as_a_query(notes: Notes, words: list[str]) -> None:
    with IndexReader(notes.directory) as reader:
        assert reader.lexical([*words, "bee"], 9)[0][0] == notes.ids()["a.md"][0]
        assert set(reader.word_weights(words)) == set(words)


def test_rare_words_weigh_more(notes: Notes) -> None:
    with IndexReader(notes.directory) as reader:
        weights = reader.word_weights(["bee", "and", "absent"])
    assert weights["and"] < weights["bee"] < weights["absent"]


@pytest.mark.parametrize(
    "name, text, word",
    [
        ("peculiar.md", "about something", "peculiar"),
        ("n.md", "---\naliases: [nickname]\ntags: [zoology]\n---\ntext", "nickname"),
        ("n.md", "---\naliases: [nickname]\ntags: [zoology]\n---\ntext", "zoology"),
        ("n.md", "# Encyclopaedia\n\ntext", "encyclopaedia"),
        ("n.md", "# T\n\n## Subsections\n\ntext", "subsection"),
    ],
)
def test_names_and_headings_are_searched(notes: Notes, name: str, text: str, word: str) -> None:
    notes.write(name, text)
    notes.run()
    with IndexReader(notes.directory) as reader:
        found = [number for number, _ in reader.lexical([word], 9)]
    assert found == notes.ids()[name]


def test_a_document_is_known_by_its_path(notes: Notes) -> None:
    empty = notes.write("empty.md", "")
    titled = notes.write("c.md", "---\ntitle: Eels\n---\n# One\n\neel\n\n# Two\n\nfox\n")
    notes.run()
    with IndexReader(notes.directory) as reader:
        assert reader.document(f"{notes.folder}/no.md") is None
        failed, read = reader.document(str(empty)), reader.document(str(titled))
        assert failed and read
        assert (failed.path, failed.failed) == (str(empty), "the file is empty")
        assert reader.passages_of(failed.id) == []
        assert (read.title, read.encoding, read.failed) == ("Eels", "utf-8", None)
        assert reader.passages_of(read.id) == notes.ids()["c.md"]
        assert [(Path(path).name, title) for path, title in reader.titles()] == [
            ("a.md", None),
            ("b.md", None),
            ("c.md", "Eels"),
            ("empty.md", None),
        ]


# Filters ------------------------------------------------------------------------------------

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
    with IndexReader(filtered.directory) as reader:
        allowed = reader.allowed(Filter.parse(**options))  # type: ignore[arg-type]
        assert allowed.tolist() == sorted(number for name in names for number in ids[name])
        assert sorted(i for i, _ in reader.dense(question, 99, allowed)) == allowed.tolist()
        assert sorted(i for i, _ in reader.lexical(["bee"], 99, allowed)) == allowed.tolist()


def test_scores_are_the_same_with_and_without_a_filter(filtered: Notes) -> None:
    question = filtered.embedder.encode_question("bee").vector
    with IndexReader(filtered.directory) as reader:
        dense, lexical = dict(reader.dense(question, 99)), dict(reader.lexical(["bee"], 99))
        for options in ({"path": ["sub"]}, {"path": ["*.txt"]}, {"tag": ["ml"]}):
            allowed = reader.allowed(Filter.parse(**options))
            assert dict(reader.dense(question, 99, allowed)).items() <= dense.items()
            assert dict(reader.lexical(["bee"], 99, allowed)).items() <= lexical.items()
        assert dict(reader.lexical(["bee"], 99)) == lexical


def test_a_file_that_cannot_be_opened_any_more_has_no_date_of_modification(
    filtered: Notes,
) -> None:
    with IndexWriter(filtered.directory) as writer:
        path = str(filtered.folder / "c.txt")
        writer.put_unreadable(FileFacts(path, 1, 1, 1, ""), "gone")
        writer.open_cache(filtered.embedder.fingerprint)
        writer.publish({}, filtered.embedder.dimension)
    with IndexReader(filtered.directory) as reader:
        found = reader.allowed(Filter.parse(until="2019")).tolist()
    assert found == sorted(filtered.ids()["a.md"])


def test_a_filter_is_of_the_generation_whose_vectors_are_searched(filtered: Notes) -> None:
    with IndexReader(filtered.directory) as reader:
        filtered.write("d.md", "dog and bee #ml")
        filtered.run()
        allowed = reader.allowed(Filter.parse(tag=["ml"]))
        assert set(filtered.ids()["d.md"]) < set(allowed.tolist())
        assert reader.generation == 2


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FakeEmbedder]:
    """An index of 10,000 documents, one of which has a tag."""
    directory, embedder = tmp_path_factory.mktemp("many"), FakeEmbedder()
    with IndexWriter(directory) as writer:
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
        keys, ids = zip(*writer.texts_to_embed(cache).items(), strict=True)
        cache.add(keys, embedder.embed(writer.embedded_texts(ids)))
        names = {"embedder": embedder.fingerprint, "embedder_model": embedder.name}
        writer.publish(names, embedder.dimension)
    return directory, embedder


def test_one_document_of_10_000_is_found_however_badly_it_fits(
    many: tuple[Path, FakeEmbedder],
) -> None:
    directory, embedder = many
    with IndexReader(directory) as reader:
        for question in ("bread rises slowly", "rye", "nothing of the sort"):
            allowed = reader.allowed(Filter.parse(tag=["#X"]))
            hits = retrieve(question, embedder, reader, 5, allowed)
            assert [hit.path for hit in hits] == ["/notes/7777.md"]
        none = reader.allowed(Filter.parse(tag=["y"]))
        assert (len(none), retrieve("bread", embedder, reader, 5, none)) == (0, [])


def test_the_full_text_is_queried_once_not_once_for_each_allowed_passage(
    many: tuple[Path, FakeEmbedder],
) -> None:
    directory, _ = many
    with IndexReader(directory) as reader:
        reader.lexical(["bread"], 5, reader.allowed(Filter.parse(path=["*"])))
        query = f"SELECT rowid FROM passage_text WHERE passage_text MATCH 'x' AND {CONDITION}"
        (scan, lookup) = [row[3] for row in reader._db.execute(f"EXPLAIN QUERY PLAN {query}")]
    # "0:=M4" would be a query with a row's number in it.
    assert scan.endswith("VIRTUAL TABLE INDEX 0:M4")
    assert lookup.startswith("USING ROWID SEARCH ON TABLE allowed")
