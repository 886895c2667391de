"""Questions made of documents: where their answers stand, and that the others have none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragqa.errors import DocumentError
from ragqa.evaluation.questions import Question
from ragqa.evaluation.run import contains_any
from ragqa.evaluation.synthetic_questions import ASKING, make_questions
from ragqa.store.snapshot import LocalSnapshot
from ragqa.text.sentences import stems_of
from tests.notes import Notes
from tests.planets import PLANETS, planet


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[Callable[..., LocalSnapshot]]:
    """Opens an index of so many notes on planets, and of other files."""
    opened: list[LocalSnapshot] = []

    def open_index(planets: int, **others: str) -> LocalSnapshot:
        notes = Notes(tmp_path)
        for number in range(planets):
            notes.write(f"{PLANETS[number]}.md", planet(number))
        for name, text in others.items():
            notes.write(f"{name}.md", text)
        notes.run()
        opened.append(LocalSnapshot(notes.directory).__enter__())
        return opened[-1]

    yield open_index
    for each in opened:
        each.__exit__(None, None, None)


def text_of(path: str) -> str:
    return Path(path).read_text()


def split(questions: list[Question]) -> tuple[list[Question], list[Question], list[Question]]:
    """Answerable ones, those near the topics, those far from them."""
    far = [question for question in questions if question.kind == "general"]
    rest = [question for question in questions if question.kind != "general"]
    return [q for q in rest if q.answerable], [q for q in rest if not q.answerable], far


def test_answers_stand_in_the_documents_and_not_in_the_questions(
    snapshot: Callable[..., LocalSnapshot],
) -> None:
    answerable, near, far = split(make_questions(snapshot(10), 40))
    assert (len(answerable), len(near), len(far)) == (30, 5, 5)
    assert {q.kind for q in answerable} == {"definition", "heading", "number", "name"}
    for question in answerable:
        (path,) = question.sources
        assert contains_any(text_of(path), question.answers)
        assert not contains_any(question.text, question.answers)
        assert "nobody" not in " ".join(question.answers)  # nothing from References
    texts = {q.text: q.answers for q in answerable if q.kind == "definition"}
    assert (
        texts.items()
        <= {f"What is {p}?": ("a rocky planet of the outer belt",) for p in PLANETS}.items()
    )


def test_the_unanswerable_are_not_answered_by_what_is_left(
    snapshot: Callable[..., LocalSnapshot],
) -> None:
    index = snapshot(10)
    _, near, far = split(make_questions(index, 80))
    for question in near:
        assert (question.answers, question.sources) == ((), ())
        words = set(stems_of(question.text)) - ASKING
        left = [text_of(path) for path, _ in index.titles() if path not in question.without]
        assert bool(question.without) == question.kind.endswith("held out")
        assert not any(words <= set(stems_of(text)) for text in left)
    assert not any(q.without for q in far)


def test_a_document_with_the_same_text_is_kept_out_too(
    snapshot: Callable[..., LocalSnapshot],
) -> None:
    index = snapshot(6, copy=planet(0).replace("# Zed\n", "# Zed again\n"))
    near = [q for seed in range(5) for q in split(make_questions(index, 40, seed))[1]]
    of_zed = [q for q in near if any(path.endswith(("Zed.md", "copy.md")) for path in q.without)]
    assert of_zed
    assert all({Path(path).name for path in q.without} >= {"Zed.md", "copy.md"} for q in of_zed)


def test_general_questions_that_the_documents_may_answer_are_left_out(
    snapshot: Callable[..., LocalSnapshot],
) -> None:
    index = snapshot(5, chess="# Chess\n\nThe bishop moves in diagonals when you play chess.\n")
    far = split(make_questions(index, 500))[2]
    assert len(far) > 50
    assert not any("bishop" in question.text for question in far)


def test_a_question_on_one_subject_that_is_asked_of_another(
    snapshot: Callable[..., LocalSnapshot],
) -> None:
    bread = (
        "# Bread\n\nThe dough of the bread rests for 37 hours in a cool cellar below the oven.\n"
    )
    index = snapshot(5, bread=bread)
    near = [
        question for seed in range(10) for question in split(make_questions(index, 80, seed))[1]
    ]
    swapped = [question for question in near if question.kind.endswith("swapped")]
    assert swapped
    for question in swapped:
        titles = {title: path for path, title in index.titles() if title and title in question.text}
        words = set(stems_of(question.text)) - ASKING - set(stems_of(" ".join(titles)))
        shares = [
            len(words & set(stems_of(text_of(path)))) / len(words) for path in titles.values()
        ]
        assert min(shares) <= 0.5  # what is asked is foreign to the document that is named


def test_the_same_seed_makes_the_same_questions(snapshot: Callable[..., LocalSnapshot]) -> None:
    index = snapshot(8)
    assert make_questions(index, 40) == make_questions(index, 40)
    assert make_questions(index, 40) != make_questions(index, 40, seed=1)


def test_where_no_questions_can_be_made(snapshot: Callable[..., LocalSnapshot]) -> None:
    with pytest.raises(DocumentError) as error:
        make_questions(snapshot(0, liste="# Einkauf\n\n- Brot\n- Milch\n"), 100)
    assert error.value.message == "only 0 questions could be made of the documents"
    assert error.value.hint == "give a file with questions (they are made for English)"


def test_a_single_document_leaves_nothing_to_hold_out(
    snapshot: Callable[..., LocalSnapshot],
) -> None:
    longer = "".join(planet(number) for number in range(10))
    answerable, near, _ = split(make_questions(snapshot(0, all=longer), 40))
    assert len(answerable) == 30
    assert near == []
