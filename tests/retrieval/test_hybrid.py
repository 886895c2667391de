"""What a question finds: exact words, scores and why, folded repeats, hostile questions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.embedding import late_interaction
from ragqa.embedding.base import Encoding, QuestionEncoding
from ragqa.records import Scores
from ragqa.retrieval.hybrid import (
    ALIKE,
    DEFAULT_WEIGHTS,
    DENSE_ONLY,
    LEXICAL_ONLY,
    NAMED_BONUS,
    WITHOUT_WORDS,
    fold_duplicates,
    fuse,
    shingles_of,
)
from ragqa.store.snapshot import LocalSnapshot
from ragqa.text.bm25 import bm25, question_words, searchable
from tests.fakes import FakeEmbedder
from tests.hits import retrieved
from tests.notes import Notes

TEXT = "Gold melts at 1,064 degrees, silver at 962 degrees, and tin already at 232 degrees."
UNIT = st.floats(0, 1)
COUNTS = st.integers(0, 9)
Found = tuple[FakeEmbedder, LocalSnapshot]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """An index of a few notes; two of them are the same text in two forms."""
    notes = Notes(tmp_path_factory.mktemp("retrieval"))
    notes.write("metals.md", f"# Metals\n\n**Gold** melts{TEXT[10:]}\n")
    notes.write("copy.txt", f"Skip to content\n\n{TEXT}\n")
    notes.write(
        "code.md", "# Errors\n\nThe flag is --no-mmap and the code is E4711.\n\nUse C++ here.\n"
    )
    notes.write(
        "tagged.md",
        "---\naliases: [Wolfram]\ntags: [metal/heavy]\n---\n# Tungsten\n\nDense stuff.\n",
    )
    for n in range(20):
        notes.write(f"filler{n}.md", f"# Filler {n}\n\nBread number {n} rises slowly with yeast.\n")
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        yield notes.embedder, snapshot


def _names(found: Found, question: str, count: int = 5) -> list[str]:
    return [Path(hit.path).name for hit in retrieved(question, *found, count)]


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("E4711", "code.md"),
        ("what is e4711", "code.md"),
        ("--no-mmap", "code.md"),
        ("wolfram", "tagged.md"),
        ("metal/heavy", "tagged.md"),
        ("tungsten", "tagged.md"),
        ("filler7", "filler7.md"),
    ],
)
def test_exact_words_find_their_note(found: Found, question: str, name: str) -> None:
    assert _names(found, question)[0] == name


def test_two_forms_of_one_text_take_one_place(found: Found) -> None:
    hits = retrieved("gold melts at degrees", *found, 10)
    [both] = [hit for hit in hits if "Gold" in hit.passage.text]
    assert {Path(both.path).name, *(Path(p).name for p in both.also_in)} == {
        "metals.md",
        "copy.txt",
    }


def test_hits_are_in_order_of_score_and_as_many_as_asked_for(found: Found) -> None:
    for count in (1, 3, 50):
        hits = retrieved("bread number 3 rises", *found, count)
        assert len(hits) <= count
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert all(0 <= hit.score <= 1 for hit in hits)
    assert len(retrieved("bread", *found, 3)) == 3


def test_equal_scores_keep_the_order_of_the_index(found: Found) -> None:
    first = retrieved("bread rises slowly with yeast", *found, 30)
    assert first == retrieved("bread rises slowly with yeast", *found, 30)
    numbers = [hit.passage_id for hit in first if hit.score == first[0].score]
    assert numbers == sorted(numbers)


def test_a_hit_carries_what_is_needed_to_check_the_file(found: Found) -> None:
    hit = retrieved("E4711", *found, 1)[0]
    assert hit.document_title == "Errors"
    assert hit.encoding == "utf-8"
    assert len(hit.sha256) == 64
    assert hit.similarity == pytest.approx(
        float(
            found[0].encode_question("E4711").vector
            @ found[0].embed([hit.passage.embedded_text])[0]
        ),
        abs=1e-4,
    )


@pytest.mark.parametrize(
    "question",
    [
        "",
        " ",
        "?!",
        "what is it to the of",
        "gold AND NOT silver OR NEAR(tin, 3)",
        "NEAR",
        'gold "quoted phrase',
        "'; DROP TABLE passages; --",
        "gold* ^tin title:gold {a b}: -gold +x",
        "a" * 10_000,
        "gold " * 2_000,
        "_ __ ___",
        "a\0b",
        "\ud800 gold",
        '* : ( ) " \\ ^',
        "黄金 é ß 😀",
    ],
)
def test_no_question_breaks_the_search(found: Found, question: str) -> None:
    hits = retrieved(question, *found, 5)
    assert len(hits) == 5
    assert hits == retrieved(question, *found, 5)


def test_operators_are_words_like_any_other(found: Found) -> None:
    assert _names(found, "NOT gold", 1) == _names(found, "gold", 1)


@given(st.lists(st.one_of(st.text(), st.integers(0, 999).map(str)), max_size=200).map(" ".join))
def test_words_of_a_question_are_its_own_distinct_and_bounded(question: str) -> None:
    words = question_words(question)
    assert len(words) == len(set(words)) <= 64
    assert all(word in searchable(question).lower() for word in words)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What is the KV cache?", ["kv", "cache"]),
        ("What is it?", ["what", "is", "it"]),
        ("C++ or C#, all-MiniLM-L6-v2 and x.y", ["c++", "c#", "all-minilm-l6-v2", "x.y"]),
        ("gold Gold GOLD", ["gold"]),
        ("", []),
    ],
)
def test_words_of_a_question(question: str, words: list[str]) -> None:
    assert question_words(question) == words


# Scores --------------------------------------------------------------------------------------


def _scores(**parts: Any) -> Scores:
    base = {"dense_rank": 1, "cosine": 0.5, "lexical_rank": None}
    return Scores(**{**base, "bm25": 2.0, "coverage": 0.5, "late": 0.5, **parts})


@given(
    st.builds(_scores, cosine=UNIT, coverage=UNIT, late=UNIT, bm25=st.floats(0, 20)),
    st.sampled_from(["cosine", "coverage", "late", "bm25", "named"]),
    st.floats(0.01, 1),
    st.floats(0.1, 15),
)
def test_a_score_grows_with_each_part_by_its_weight(
    scores: Scores, part: str, more: float, unit: float
) -> None:
    greater = replace(scores, **{part: True if part == "named" else getattr(scores, part) + more})
    for weights in (DEFAULT_WEIGHTS, WITHOUT_WORDS, DENSE_ONLY, LEXICAL_ONLY):
        whole = weights.late + weights.dense + weights.lexical + weights.coverage
        each = {
            "cosine": weights.dense * more,
            "coverage": weights.coverage * more,
            "late": weights.late * more,
            "bm25": weights.lexical * more / unit,
            "named": NAMED_BONUS * bool(weights.coverage),
        }
        grown = fuse(greater, unit, weights) - fuse(scores, unit, weights)
        assert grown == pytest.approx(each[part] / whole, abs=2e-6)


def test_the_best_scores_make_1_and_none_make_0() -> None:
    best = _scores(cosine=1.0, late=1.0, coverage=1.0, bm25=3.0)
    none = _scores(cosine=0.0, late=0.0, coverage=0.0, bm25=0.0)
    for weights in (DEFAULT_WEIGHTS, WITHOUT_WORDS, DENSE_ONLY, LEXICAL_ONLY):
        assert fuse(best, 3.0, weights) == 1.0
        assert fuse(none, 3.0, weights) == 0.0


def test_a_search_by_one_score_ranks_by_that_score_alone(found: Found) -> None:
    question = "bread number 7 with gold and silver"
    dense = retrieved(question, *found, 50, weights=DENSE_ONLY)
    assert [hit.score for hit in dense] == [hit.similarity for hit in dense]
    assert all(hit.scores and hit.scores.lexical_rank is None for hit in dense)
    lexical = retrieved(question, *found, 50, weights=LEXICAL_ONLY)
    scores = [hit.scores.bm25 for hit in lexical if hit.scores]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0
    assert all(hit.scores and hit.scores.dense_rank is None for hit in lexical)
    assert Path(lexical[0].path).name == "filler7.md"


def test_a_hit_says_why_it_stands_where_it_stands(found: Found) -> None:
    embedder, snapshot = found
    question = "when does gold melt"
    words = question_words(question)
    statistics = snapshot.statistics(words)
    for rank, hit in enumerate(retrieved(question, *found, 30), 1):
        scores = hit.scores
        assert scores is not None
        assert (
            hit.score == scores.fused == fuse(scores, statistics.greatest_weight, DEFAULT_WEIGHTS)
        )
        assert hit.similarity == scores.cosine
        fields = snapshot.fields([hit.passage_id])[hit.passage_id]
        assert scores.bm25 == pytest.approx(bm25(words, fields, statistics), abs=1e-6)
        codes = embedder.encode([hit.passage.embedded_text])[0].words
        expected = late_interaction.scores(embedder.encode_question(question).words, [codes])
        assert scores.late == pytest.approx(float(expected[0]), abs=1e-5)
        assert 0 <= scores.coverage < 1
        if rank == 1:
            assert (scores.lexical_rank, scores.named) == (1, False)


def test_scores_of_the_full_text_search_are_like_those_given_to_every_candidate(
    found: Found,
) -> None:
    _, snapshot = found
    words = question_words("bread number 7 rises with gold")
    statistics = snapshot.statistics(words)
    own = dict(snapshot.lexical(words, 30))
    fields = snapshot.fields(list(own))
    exact = {n: bm25(words, field, statistics) for n, field in fields.items()}
    assert max(own, key=own.__getitem__) == max(exact, key=exact.__getitem__)


class _Wordless(FakeEmbedder):
    """Like a model of the sentence-transformers library: vectors alone."""

    def encode(self, texts: Sequence[str], passages: int = 0) -> list[Encoding]:
        return [Encoding(vector, late_interaction.NO_CODES) for vector in self.embed(texts)]

    def encode_question(self, text: str) -> QuestionEncoding:
        return QuestionEncoding(self._vector(text), late_interaction.NO_WORDS)


def test_an_embedder_without_words_ranks_by_vectors_and_words_counted(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.embedder = _Wordless("wordless")
    for n in range(10):
        notes.write(f"{n}.md", f"# Note {n}\n\nBread number {n} rises.\n")
    notes.run()
    question = "why does bread number 3 rise"
    with LocalSnapshot(notes.directory) as snapshot:
        unit = snapshot.statistics(question_words(question)).greatest_weight
        hits = retrieved(question, notes.embedder, snapshot, 5)
        assert hits == retrieved(question, notes.embedder, snapshot, 5, weights=WITHOUT_WORDS)
    assert Path(hits[0].path).name == "3.md"
    for hit in hits:
        assert hit.scores is not None
        assert hit.scores.late == 0
        assert hit.score == fuse(hit.scores, unit, WITHOUT_WORDS)


@pytest.mark.parametrize("lost", ["one", "all", "file"])
def test_an_encoding_that_the_cache_has_lost_is_made_anew(tmp_path: Path, lost: str) -> None:
    notes = Notes(tmp_path)
    for n in range(10):
        notes.write(f"{n}.md", f"# Note {n}\n\nBread number {n} rises.\n")
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        expected = retrieved("bread number 3", notes.embedder, snapshot, 5)
    cache = notes.directory / "embeddings.sqlite"
    if lost == "file":
        cache.unlink()
    else:
        with closing(sqlite3.connect(cache)) as db, db:
            condition = f" WHERE id = {expected[0].passage_id}" if lost == "one" else ""
            db.execute(f"DELETE FROM encodings{condition}")
    notes.embedder.embedded.clear()
    with LocalSnapshot(notes.directory) as snapshot:
        assert retrieved("bread number 3", notes.embedder, snapshot, 5) == expected
    assert len(notes.embedder.embedded) == (1 if lost == "one" else 10)


# Folding -------------------------------------------------------------------------------------


def _folded(
    texts: list[str], count: int, vectors: list[list[float]] | None = None
) -> list[list[int]]:
    """As alike as they can be, unless other vectors are given."""
    return fold_duplicates(texts, np.array(vectors or [[1.0, 0.0]] * len(texts), np.float32), count)


def test_a_repeat_stands_behind_the_first_that_it_repeats() -> None:
    assert _folded([TEXT, "Other.", TEXT, TEXT], 5) == [[0, 2, 3], [1]]
    assert _folded([], 5) == []


def test_repeats_are_found_beyond_the_number_asked_for() -> None:
    assert _folded([TEXT, "Other.", "Third.", TEXT], 2) == [[0, 3], [1]]


def test_a_long_passage_is_not_folded_into_a_short_one_that_it_quotes() -> None:
    long = f"{TEXT} " + " ".join(f"More words number {n}." for n in range(20))
    assert _folded([TEXT, long], 5) == [[0], [1]]
    assert _folded([long, TEXT], 5) == [[0, 1]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The rent is 890 euros", "The rent is 1150 euros"),
        ("It ends after two months", "It ends after three months"),
        ("Dogs are allowed", "Dogs are not allowed"),
        ("The owner is Lena", "The owner is Bo"),
    ],
)
def test_versions_that_differ_in_a_fact_are_kept(one: str, other: str) -> None:
    text = "The house by the lake has a new roof, and the yard gate stays shut at night. "
    rest = ", as the two sides have agreed in the hall before they went home for dinner. " * 2
    versions = [f"{text}{fact}{rest}" for fact in (one, other)]
    assert _folded(versions, 5) == [[0], [1]]
    assert _folded([versions[0], versions[0].replace("home", "back")], 5) == [[0, 1]]
    assert _folded([f"{versions[0]} {versions[1]} And much more.", versions[1]], 5) == [[0, 1]]


def test_texts_that_differ_are_kept() -> None:
    texts = [f"Bread number {n} rises slowly with much yeast." for n in range(4)]
    assert _folded(texts, 5) == [[0], [1], [2], [3]]


def test_texts_with_unlike_vectors_are_not_compared() -> None:
    below = ALIKE - 0.01
    unlike = [[1.0, 0.0], [below, (1 - below**2) ** 0.5]]
    assert _folded([TEXT, TEXT], 5, unlike) == [[0], [1]]
    alike = [[1.0, 0.0], [0.6, 0.8]]
    assert _folded([TEXT, TEXT], 5, alike) == [[0, 1]]


@given(st.lists(st.sampled_from([TEXT, TEXT[:50], "Other.", "Third one."]), max_size=9), COUNTS)
def test_folding_keeps_order_and_names_no_place_twice(texts: list[str], count: int) -> None:
    groups = _folded(texts, count)
    firsts = [group[0] for group in groups]
    assert len(groups) <= count
    assert firsts == sorted(firsts)
    assert all(group == sorted(group) for group in groups)
    places = [place for group in groups for place in group]
    assert len(places) == len(set(places))
    if count >= len(texts):
        assert sorted(places) == list(range(len(texts)))


def test_shingles_are_runs_of_five_words() -> None:
    assert shingles_of("One two, three four five SIX") == {
        "one two three four five",
        "two three four five six",
    }
    assert shingles_of("one two") == {"one two"}
