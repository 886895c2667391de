"""What a question finds: fusion, exact words, folded near-duplicates, hostile questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.records import Hit
from ragqa.retrieval import fold_duplicates, fuse, question_words, retrieve, shingles_of
from ragqa.store import IndexReader
from tests.fakes import FakeEmbedder
from tests.hits import hits_of
from tests.notes import Notes

TEXT = "Gold melts at 1,064 degrees, silver at 962 degrees, and tin already at 232 degrees."
SCORES = st.dictionaries(st.integers(0, 9), st.floats(0, 1), max_size=9)
Found = tuple[FakeEmbedder, IndexReader]


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
    with IndexReader(notes.directory) as reader:
        yield notes.embedder, reader


def _names(found: Found, question: str, count: int = 5) -> list[str]:
    return [Path(hit.path).name for hit in retrieve(question, *found, count)]


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
    hits = retrieve("gold melts at degrees", *found, 10)
    [both] = [hit for hit in hits if "Gold" in hit.passage.text]
    assert {Path(both.path).name, *(Path(p).name for p in both.also_in)} == {
        "metals.md",
        "copy.txt",
    }


def test_hits_are_in_order_of_score_and_as_many_as_asked_for(found: Found) -> None:
    for count in (1, 3, 50):
        hits = retrieve("bread number 3 rises", *found, count)
        assert len(hits) <= count
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert all(0 <= hit.score <= 1 for hit in hits)
    assert len(retrieve("bread", *found, 3)) == 3


def test_equal_scores_keep_the_order_of_the_index(found: Found) -> None:
    first = retrieve("bread rises slowly with yeast", *found, 30)
    assert first == retrieve("bread rises slowly with yeast", *found, 30)
    numbers = [hit.passage_id for hit in first if hit.score == first[0].score]
    assert numbers == sorted(numbers)


def test_a_hit_carries_what_is_needed_to_check_the_file(found: Found) -> None:
    hit = retrieve("E4711", *found, 1)[0]
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
    hits = retrieve(question, *found, 5)
    assert len(hits) == 5
    assert hits == retrieve(question, *found, 5)


def test_operators_are_words_like_any_other(found: Found) -> None:
    assert _names(found, "NOT gold", 1) == _names(found, "gold", 1)


@given(st.lists(st.one_of(st.text(), st.integers(0, 999).map(str)), max_size=200).map(" ".join))
def test_words_of_a_question_are_its_own_distinct_and_bounded(question: str) -> None:
    words = question_words(question)
    assert len(words) == len(set(words)) <= 64
    assert all(word in question.lower() for word in words)


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


@given(SCORES, SCORES.filter(bool))
def test_fused_scores_lie_between_0_and_1_and_grow_with_each_part(
    cosines: dict[int, float], lexical: dict[int, float]
) -> None:
    cosines = dict.fromkeys(lexical, 0.5) | cosines
    fused = fuse(cosines, lexical)
    assert fused.keys() == cosines.keys()
    assert all(0 <= score <= 1 for score in fused.values())
    for number in cosines:
        more = fuse({**cosines, number: 1.0}, lexical)
        assert more[number] >= fused[number]
        assert all(more[other] == fused[other] for other in cosines if other != number)


def test_a_negative_cosine_counts_as_none() -> None:
    assert fuse({1: -0.5, 2: 0.0}, {}) == {1: 0.0, 2: 0.0}


def _hit(text: str, path: str) -> Hit:
    return hits_of(text, path)[0]


def test_a_repeat_is_named_once_in_the_hit_that_it_repeats() -> None:
    hits = [_hit(TEXT, path) for path in ("/a.txt", "/b.txt", "/c.txt", "/b.txt", "/a.txt")]
    [kept] = fold_duplicates(hits, 5)
    assert (kept.path, kept.also_in) == ("/a.txt", ("/b.txt", "/c.txt"))


def test_repeats_are_found_beyond_the_number_asked_for() -> None:
    hits = [
        _hit(TEXT, "/a.txt"),
        _hit("Other.", "/b.txt"),
        _hit("Third.", "/c.txt"),
        _hit(TEXT, "/d.txt"),
    ]
    kept = fold_duplicates(hits, 2)
    assert [hit.path for hit in kept] == ["/a.txt", "/b.txt"]
    assert kept[0].also_in == ("/d.txt",)


def test_a_long_passage_is_not_folded_into_a_short_one_that_it_quotes() -> None:
    short = _hit(TEXT, "/short.txt")
    long = _hit(f"{TEXT} " + " ".join(f"More words number {n}." for n in range(20)), "/long.txt")
    assert fold_duplicates([short, long], 5) == [short, long]
    assert fold_duplicates([long, short], 5) == [replace(long, also_in=("/short.txt",))]


def test_texts_that_differ_are_kept() -> None:
    hits = [_hit(f"Bread number {n} rises slowly with much yeast.", f"/{n}.txt") for n in range(4)]
    assert fold_duplicates(hits, 5) == hits


def test_shingles_are_runs_of_five_words() -> None:
    assert shingles_of("One two, three four five SIX") == {
        "one two three four five",
        "two three four five six",
    }
    assert shingles_of("one two") == {"one two"}
