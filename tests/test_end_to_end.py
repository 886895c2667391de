"""The sample collection and the questions on it, with the bundled embedder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragqa.documents import read_document
from ragqa.documents.decoding import decode
from ragqa.pipeline import Session, ask, build_index
from ragqa.records import Answer
from ragqa.store import index_at
from ragqa.store.snapshot import LocalSnapshot
from tests.conftest import CORPUS, ROOT
from tests.hits import retrieved
from tests.programs import DEFAULT_EMBEDDER, load_embedder_once

QUESTIONS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (ROOT / "tests" / "eval" / "questions.jsonl").read_text().splitlines()
]
ANSWERABLE = [question for question in QUESTIONS if question["answerable"]]
SAMPLED = 25  # every so many-th question is answered


@pytest.fixture(scope="module")
def corpus(corpus_index: Path) -> Iterator[Session]:
    with LocalSnapshot(corpus_index) as snapshot:
        yield Session(load_embedder_once(DEFAULT_EMBEDDER), snapshot)


@pytest.fixture(scope="module")
def seed_session(tmp_path_factory: pytest.TempPathFactory, seeds: Path) -> Iterator[Session]:
    directory = tmp_path_factory.mktemp("seeds-index")
    build_index(index_at(directory), [seeds], load_embedder_once, lambda *_: None)
    with LocalSnapshot(directory) as snapshot:
        yield Session(load_embedder_once(DEFAULT_EMBEDDER), snapshot)


def _paths(question: str, session: Session, count: int) -> list[str]:
    assert session.snapshot
    return [hit.path for hit in retrieved(question, session.embedder, session.snapshot, count)]


def _check_citations(answer: Answer) -> None:
    """Every quote is the slice of its file, within the lines that are cited."""
    for citation in answer.citations:
        text, _ = decode(Path(citation.path).read_bytes())
        assert text[citation.start_char : citation.end_char] == citation.quote
        lines = text.split("\n")[citation.start_line - 1 : citation.end_line]
        assert citation.quote in "\n".join(lines)
        assert len(lines) == citation.quote.count("\n") + 1
        assert not citation.stale
        assert citation.quote_text.strip()


# The questions file ----------------------------------------------------------------------------


def test_there_are_150_answerable_and_50_other_questions_half_of_each_for_tests() -> None:
    counted = Counter((question["answerable"], question["split"]) for question in QUESTIONS)
    assert counted == {
        (True, "dev"): 75,
        (True, "test"): 75,
        (False, "dev"): 25,
        (False, "test"): 25,
    }
    assert len({question["id"] for question in QUESTIONS}) == 200
    assert len({question["question"].lower() for question in QUESTIONS}) == 200


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_an_answerable_question_names_a_file_that_has_its_answer(question: dict[str, Any]) -> None:
    assert question["fact"].strip()
    files = [CORPUS / name for name in (question["file"], *question.get("also", []))]
    assert all(file.is_file() for file in files)
    document = read_document(files[0], files[0].read_bytes())
    shown = " ".join("\n".join(block.text for block in document.blocks).split()).lower()
    assert any(answer.lower() in shown for answer in question["answers"])


def test_other_questions_name_neither_file_nor_answer() -> None:
    for question in QUESTIONS:
        if not question["answerable"]:
            assert set(question) == {"id", "question", "answerable", "near", "split"}


def test_the_questions_ask_for_most_of_the_notes() -> None:
    asked = {question["file"] for question in ANSWERABLE}
    notes = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert len(asked) > 0.9 * len(notes)


# The sample collection -------------------------------------------------------------------------


@pytest.mark.slow
def test_of_answerable_questions_19_in_20_find_their_note_among_five(corpus: Session) -> None:
    missed = []
    for question in ANSWERABLE:
        wanted = {str(CORPUS / name) for name in (question["file"], *question.get("also", []))}
        if not wanted.intersection(_paths(question["question"], corpus, 5)):
            missed.append(question["question"])
    print(f"hit@5 {1 - len(missed) / len(ANSWERABLE):.3f}; missed: {missed}")
    assert len(missed) <= 0.05 * len(ANSWERABLE)


@pytest.mark.slow
def test_every_quote_in_answers_from_the_collection_is_in_its_file(corpus: Session) -> None:
    for question in QUESTIONS[:: len(QUESTIONS) // SAMPLED]:
        answer = ask(question["question"], corpus)
        _check_citations(answer)
        assert (answer.state == "not_in_documents") == (answer.text == "")
        assert all(sentence.support == "supported" for sentence in answer.sentences)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "file", "said"),
    [
        ("How many parameters does GPT-3 have?", "GPT-3.md", "175 billion"),
        ("What does BM25 need no training for?", "bm25.txt", "training"),
        ("What is the context window?", "Context window.md", "tokens"),
    ],
)
def test_an_answer_cites_the_note_and_says_it(
    corpus: Session, question: str, file: str, said: str
) -> None:
    answer = ask(question, corpus)
    assert answer.state == "answered"
    assert said in answer.text
    assert file in {Path(citation.path).name for citation in answer.citations}


@pytest.mark.slow
@pytest.mark.parametrize("question", ["Who won the world cup in 1998?", "the hotel in Lisbon"])
def test_what_is_not_in_the_collection_is_refused(corpus: Session, question: str) -> None:
    assert ask(question, corpus).state == "not_in_documents"


# Four real documents ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "file", "lines", "said"),
    [  # an item is cited with the item that it is nested in, or what introduces its list
        ("What does self-attention do?", "003", (38, 39), "weigh the importance of different"),
        ("What does a lower perplexity mean?", "002", (64, 64), "better the model is at"),
        ("Which architecture do GPT and LLaMA have?", "003", (59, 61), "Decoder-only Models"),
    ],
)
def test_seed_questions_cite_the_right_lines(
    seed_session: Session, question: str, file: str, lines: tuple[int, int], said: str
) -> None:
    answer = ask(question, seed_session)
    assert answer.state == "answered"
    assert said in answer.text
    first = answer.citations[0]
    assert Path(first.path).name.startswith(file)
    assert (first.start_line, first.end_line) == lines
    _check_citations(answer)


def test_two_copies_of_one_text_take_one_place(seed_session: Session) -> None:
    for question in ("What is machine learning?", "How do LLMs differ from general ML?"):
        assert seed_session.snapshot
        hits = retrieved(question, seed_session.embedder, seed_session.snapshot, 10)
        copies = [hit for hit in hits if Path(hit.path).name[:3] in ("000", "001")]
        assert any(hit.also_in for hit in copies)
        texts = [" ".join(hit.passage.text.lower().split()) for hit in copies]
        assert len(set(texts)) == len(texts)
        for hit in copies:
            assert not {hit.path}.intersection(hit.also_in)


@pytest.mark.parametrize(
    ("question", "file"),
    [
        ("text generation technology", "002"),
        ("linguistics", "002"),
        ("Bidirectional Encoder Representations from Transformers", "003"),
        ("transformer-architecture", "003"),
    ],
)
def test_aliases_and_tags_find_their_note(seed_session: Session, question: str, file: str) -> None:
    assert Path(_paths(question, seed_session, 3)[0]).name.startswith(file)
