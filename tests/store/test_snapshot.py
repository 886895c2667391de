"""What a reader sees while others write, and with vector files that are gone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ragqa.embedding.late_interaction import BYTES
from ragqa.errors import IndexDamagedError, NoIndexError
from ragqa.store import snapshot as reader_module
from ragqa.store.snapshot import LocalSnapshot
from ragqa.text.bm25 import Fields, length_of
from tests.notes import Notes, found_by_words


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
    with pytest.raises(NoIndexError, match="there is no index in"), LocalSnapshot(tmp_path):
        pass


def test_reader_open_during_a_publish_sees_the_old_generation_whole(notes: Notes) -> None:
    before = notes.numbered_passages()
    with LocalSnapshot(notes.directory) as reader:
        notes.vector_ids(reader)
        (notes.folder / "a.md").unlink()
        notes.write("c.md", "eel and fox")
        notes.run()
        ids = notes.vector_ids(reader)
        assert reader.generation == 1
        assert sorted(reader.passages(ids)) == sorted(number for number, *_ in before)
        assert found_by_words(reader, "ant") == notes_ids(before, "a.md")
        assert found_by_words(reader, "fox") == []
        assert reader.counts() == (2, 2)
    assert notes.generation() == 2
    assert set(notes.ids()) == {"b.md", "c.md"}


def notes_ids(passages: list[tuple[object, ...]], name: str) -> list[object]:
    return [number for number, path, *_ in passages if str(path).endswith(name)]


def test_reader_whose_vector_file_was_removed_goes_on_with_the_new_generation(
    notes: Notes,
) -> None:
    with LocalSnapshot(notes.directory) as reader:
        assert reader.generation == 1
        (notes.folder / "a.md").unlink()
        notes.write("c.md", "eel and fox")
        notes.run()
        assert _vector_files(notes) == ["vectors-2.faiss"]
        ids = notes.vector_ids(reader)
        assert reader.generation == 2
        assert {Path(p.path).name for p in reader.passages(ids).values()} == {"b.md", "c.md"}
        assert len(reader.passages(ids)) == len(ids)
        assert found_by_words(reader, "ant") == []


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
    with LocalSnapshot(notes.directory) as reader:
        expected = reader.dense(question, 5)
    (notes.directory / "vectors-1.faiss").unlink()
    with LocalSnapshot(notes.directory) as reader:
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
    with LocalSnapshot(notes.directory) as reader:
        assert reader.counts() == (2, 2)
        assert reader.folders() == [str(notes.folder)]
        assert reader.failed() == [(str(notes.folder / "c.md"), "a binary file, not text")]
        assert reader.text_encodings() == [("utf-8", 2)]
        assert reader.last_run()["failed"] == 1  # type: ignore[index]


@pytest.mark.parametrize("words", [['"'], ["a*"], ["NOT"], ["title:x"], ["(", ")"], ["-"], ["\0"]])
def test_words_are_never_read_as_a_query(notes: Notes, words: list[str]) -> None:
    with LocalSnapshot(notes.directory) as reader:
        assert found_by_words(reader, *words, "bee")[0] == notes.ids()["a.md"][0]
        assert reader.statistics(words).frequencies.keys() == set(words)


def test_rare_words_weigh_more(notes: Notes) -> None:
    with LocalSnapshot(notes.directory) as reader:
        weight = reader.statistics(["bee", "and", "absent"]).weight
    assert weight("and") < weight("bee") < weight("absent")


@pytest.mark.parametrize(
    "name, text, word",
    [
        ("peculiar.md", "about something", "peculiar"),
        ("n.md", "---\naliases: [nickname]\ntags: [zoology]\n---\ntext", "nickname"),
        ("n.md", "---\naliases: [nickname]\ntags: [zoology]\n---\ntext", "zoology"),
        ("n.md", "# Encyclopaedia\n\ntext", "encyclopaedia"),
        ("n.md", "# T\n\n## Subsections\n\ntext", "subsection"),
        ("n.md", "The ﬁnal oﬀer.", "offer"),
        ("n.md", "The at\u00adtic room.", "attic"),
        ("n.md", "工作室的租金是每月890欧元。", "租金"),
    ],
)
def test_names_and_headings_are_searched(notes: Notes, name: str, text: str, word: str) -> None:
    notes.write(name, text)
    notes.run()
    with LocalSnapshot(notes.directory) as reader:
        found = found_by_words(reader, word)
    assert found == notes.ids()[name]


def test_a_document_is_known_by_its_path(notes: Notes) -> None:
    empty = notes.write("empty.md", "")
    titled = notes.write("c.md", "---\ntitle: Eels\n---\n# One\n\neel\n\n# Two\n\nfox\n")
    notes.run()
    with LocalSnapshot(notes.directory) as reader:
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


# Words and their statistics ------------------------------------------------------------------


def test_statistics_count_passages_words_and_each_word(notes: Notes) -> None:
    notes.write("c.md", "# Ant\n\nant ant ant bees\n\n## Dog\n\nthe dog of the ant\n")
    notes.run()
    words = ["ant", "bee", '"ant and bee"', "ant and bee", "absent", "the"]
    with LocalSnapshot(notes.directory) as reader:
        statistics = reader.statistics(words)
        fields = reader.fields(notes.vector_ids(reader))
    assert statistics.passages == 4
    assert statistics.average_words == sum(map(length_of, fields.values())) / 4
    assert dict(statistics.frequencies) == {
        "ant": 3,  # in a.md, and in both passages below the title "Ant"
        "bee": 2,
        '"ant and bee"': 1,
        "ant and bee": 1,
        "absent": 0,
        "the": 1,
    }


def test_fields_are_the_texts_by_which_a_passage_is_found(notes: Notes) -> None:
    notes.write("c.md", "---\naliases: [insect]\ntags: [zoo]\n---\n# Ant\n\n## Legs\n\nSix legs.\n")
    notes.run()
    (number,) = notes.ids()["c.md"]
    with LocalSnapshot(notes.directory) as reader:
        assert reader.fields([number, 10**6]) == {
            number: Fields("Ant", "Ant Legs", "c insect zoo", "Six legs.")
        }
        assert reader.fields([]) == {}


@pytest.fixture
def many(tmp_path: Path) -> Notes:
    """60 notes; "common" is in two of three, "even" in every other one, "rare" in the last."""
    notes = Notes(tmp_path)
    for n in range(60):
        words = ["common"] * (n % 3 > 0) + ["even"] * (n % 2 == 0) + ["rare"] * (n == 59)
        notes.write(f"{n:02}.txt", f"Note number {n}: {' '.join(words)}.")
    notes.run()
    return notes


WORDS = {"common": 40, "even": 30, "rare": 1, "note": 60, "absent": 0}


def test_few_passages_with_a_word_are_counted(many: Notes) -> None:
    with LocalSnapshot(many.directory) as reader:
        assert dict(reader.statistics(list(WORDS)).frequencies) == WORDS


@pytest.mark.parametrize("rewritten", [0, 1, 5])
def test_many_passages_with_a_word_are_estimated(
    many: Notes, monkeypatch: pytest.MonkeyPatch, rewritten: int
) -> None:
    # Each time that files change, their passages get new and higher numbers.
    for _ in range(rewritten):
        for n in range(60):
            path = many.folder / f"{n:02}.txt"
            many.write(path.name, path.read_text() + " ")
        many.run()
    monkeypatch.setattr(reader_module, "COUNTED", 10)
    with LocalSnapshot(many.directory) as reader:
        found = reader.statistics(list(WORDS)).frequencies
    assert (found["rare"], found["absent"]) == (1, 0)
    for word in ("common", "even", "note"):
        assert WORDS[word] / 2 <= found[word] <= min(60, WORDS[word] * 2), word


@pytest.mark.parametrize(
    "words, found",
    [
        (["rare", "even"], {"59.txt"}),
        (["even", "rare", "absent"], {"59.txt"}),
        (["rare", "absent"], {"59.txt"}),
    ],
)
def test_frequent_words_are_not_looked_for_beside_rare_ones(
    many: Notes, monkeypatch: pytest.MonkeyPatch, words: list[str], found: set[str]
) -> None:
    monkeypatch.setattr(reader_module, "MAX_MATCHES", 20)
    with LocalSnapshot(many.directory) as reader:
        hits = reader.passages(found_by_words(reader, *words))
    assert {Path(hit.path).name for hit in hits.values()} == found


@pytest.mark.parametrize("words", [["even"], ["even", "absent"], ["common", "absent", "even"]])
def test_the_rarest_word_that_occurs_is_looked_for_however_frequent(
    many: Notes, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(reader_module, "MAX_MATCHES", 20)
    with LocalSnapshot(many.directory) as reader:
        statistics = reader.statistics(words)
        assert len(reader.lexical(words, 99, None, statistics)) == WORDS["even"]


# Encodings -----------------------------------------------------------------------------------


def test_encodings_are_those_that_the_embedder_made(notes: Notes) -> None:
    numbered = {number: text for number, _, text, *_ in notes.numbered_passages()}
    with LocalSnapshot(notes.directory) as reader:
        found = reader.encoded([*numbered, 10**6], BYTES)
        assert reader.encoded([], BYTES) == {}
    expected = notes.embedder.encode(list(numbered.values()))
    assert found.keys() == numbered.keys()
    for number, (vector, words) in zip(numbered, expected, strict=True):
        assert np.array_equal(found[number][0], vector)
        assert np.array_equal(found[number][1], words)


@pytest.mark.parametrize("cache", ["missing", "garbage"])
def test_without_the_cache_there_are_no_encodings(notes: Notes, cache: str) -> None:
    ids = [number for number, *_ in notes.numbered_passages()]
    path = notes.directory / "embeddings.sqlite"
    if cache == "missing":
        path.unlink()
    else:
        path.write_bytes(os.urandom(9000))
    with LocalSnapshot(notes.directory) as reader:
        assert reader.encoded(ids, BYTES) == {}
