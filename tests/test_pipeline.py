"""`ask`: from a question to a judged answer, with scripted generators and a small real index."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.answering.compose import DISAGREES
from ragqa.errors import ModelError
from ragqa.generators.base import Generator, Message
from ragqa.pipeline import Progress, Session, ask
from ragqa.records import Answer, GivenText, Sentence
from ragqa.store.snapshot import LocalSnapshot
from tests.fakes import FakeEmbedder, FakeGenerator, FakeSpanModel
from tests.notes import Notes

METALS = """# Metals

Some words first.

**Gold** melts at 1,064 degrees.

Silver shines.
"""
QUESTION = "At how many degrees melts gold?"
ANSWER = "Gold melts at 1,064 degrees [1]."
REFUSALS = [
    "Not in the documents.",
    "not in the documents",
    '**"Not in the documents."**',
    " (Not in the documents)",
]


class Scripted(FakeGenerator):
    """Gives these pieces; remembers how many were taken."""

    def __init__(self, *pieces: str) -> None:
        super().__init__("".join(pieces))
        self.pieces = pieces
        self.taken = 0

    def stream(self, messages: Sequence[Message], max_tokens: int) -> Iterator[str]:
        self.messages += [message.text for message in messages]
        for piece in self.pieces:
            self.taken += 1
            yield piece


class Shown(Progress):
    """Everything that was shown while an answer was made, in order."""

    def __init__(self) -> None:
        self.events: list[str | Sentence] = []
        super().__init__(self.events.append, self.events.append)

    @property
    def pieces(self) -> str:
        return "".join(event for event in self.events if isinstance(event, str))

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        return tuple(event for event in self.events if isinstance(event, Sentence))


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    notes = Notes(tmp_path)
    notes.write("metals.md", METALS)
    for n in range(6):
        notes.write(
            f"bread{n}.md", f"# Bread {n}\n\nBread rises for {n + 3} hours with wild yeast.\n"
        )
    notes.run()
    return notes


@pytest.fixture
def session(notes: Notes) -> Iterator[Session]:
    with LocalSnapshot(notes.directory) as snapshot:
        yield Session(notes.embedder, snapshot)


def _without_timings(answer: Answer) -> Answer:
    return replace(answer, timings_ms={})


def test_without_a_generator_the_answer_is_a_sentence_of_the_file(
    session: Session, notes: Notes
) -> None:
    answer = ask(QUESTION, session)
    assert (answer.state, answer.text) == ("answered", ANSWER)
    [citation] = answer.citations
    assert citation.path == str(notes.folder / "metals.md")
    assert METALS[citation.start_char : citation.end_char] == citation.quote
    assert citation.quote == "**Gold** melts at 1,064 degrees."
    assert (citation.start_line, citation.end_line) == (5, 5)
    assert answer.models == {"embedder": "fake", "generator": None}
    assert answer.index == {"path": str(notes.directory), "generation": 1}
    assert list(answer.timings_ms) == ["retrieve", "rank", "prefill", "generate"]
    assert (answer.question, answer.warnings) == (QUESTION, ())
    assert answer.confidence is not None and answer.confidence > 0.5


def test_what_the_documents_do_not_say_is_refused_before_the_model_is_asked(
    session: Session,
) -> None:
    session.generator = generator = FakeGenerator("Paris is it.")
    shown = Shown()
    answer = ask("Who won the football cup in Lisbon?", session, progress=shown)
    assert (answer.state, answer.text, answer.sentences, answer.citations) == (
        "not_in_documents",
        "",
        (),
        (),
    )
    assert generator.messages == []
    assert shown.events == []
    assert list(answer.timings_ms) == ["retrieve", "rank", "prefill"]
    assert answer.confidence is not None and answer.confidence < 0.5


@pytest.mark.parametrize("refusal", REFUSALS)
def test_the_refusal_of_the_model_is_not_shown(session: Session, refusal: str) -> None:
    for pieces in ([refusal], list(refusal), ["", *refusal, "\n"], [refusal[:3], refusal[3:]]):
        session.generator = Scripted(*pieces)
        shown = Shown()
        answer = ask(QUESTION, session, progress=shown)
        assert (answer.state, answer.text) == ("not_in_documents", "")
        assert shown.events == []


def test_words_like_a_refusal_within_an_answer_are_none(session: Session) -> None:
    session.generator = FakeGenerator("Gold melts at 1,064 degrees. Tin is not in the documents.")
    answer = ask(QUESTION, session)
    assert answer.state == "answered"
    assert len(answer.sentences) == 2


@pytest.mark.parametrize("text", ["Gold melts at 1,064 degrees.", "Not in the documents."])
def test_an_answer_has_the_prompt_that_the_model_was_given(session: Session, text: str) -> None:
    session.generator = generator = FakeGenerator(text)
    assert ask(QUESTION, session).prompt == generator.messages[0]
    session.generator = None
    assert ask(QUESTION, session).prompt == ""


def test_a_generated_answer_is_judged_and_cited(session: Session) -> None:
    session.generator = FakeGenerator("Gold melts at 1,064 degrees [4][9]. Gold tastes of lemon.")
    answer = ask(QUESTION, session)
    assert answer.text == f"{ANSWER} Gold tastes of lemon."
    assert [sentence.support for sentence in answer.sentences] == ["supported", "unsupported"]
    assert answer.removed == 2
    assert answer.models["generator"] == "fake-gguf"


def test_an_answer_without_support_is_shown_as_unsupported(session: Session) -> None:
    session.generator = FakeGenerator("Gold melts at 2,000 degrees.")
    answer = ask(QUESTION, session)
    assert (answer.state, answer.text) == ("unsupported", "Gold melts at 2,000 degrees.")
    assert answer.citations == ()


@pytest.mark.parametrize("text", ["", " \n", "<think>What is gold? No end"])
def test_no_text_is_no_answer(session: Session, text: str) -> None:
    session.generator = FakeGenerator(text)
    answer = ask(QUESTION, session)
    assert (answer.state, answer.text) == ("not_in_documents", "")


def test_thinking_is_neither_shown_nor_judged(session: Session) -> None:
    session.generator = FakeGenerator("<think>Silver? No.</think>\n\nGold melts at 1,064 degrees.")
    shown = Shown()
    answer = ask(QUESTION, session, progress=shown)
    assert answer.text == ANSWER
    assert "Silver" not in shown.pieces


def test_pieces_come_first_and_each_sentence_once_it_is_judged(session: Session) -> None:
    text = "Gold melts at 1,064 degrees. Silver melts at 962 degrees."
    session.generator = FakeGenerator(text)
    shown = Shown()
    answer = ask(QUESTION, session, progress=shown)
    assert shown.pieces == text
    assert shown.sentences == answer.sentences
    first = shown.events.index(answer.sentences[0])
    assert isinstance(shown.events[first + 1], str)


def test_an_answer_that_goes_in_circles_ends(session: Session) -> None:
    session.generator = generator = Scripted(*["Gold melts at 1,064 degrees. "] * 50)
    assert ask(QUESTION, session).text == ANSWER
    assert generator.taken < 8


def test_the_same_question_gives_the_same_answer(session: Session) -> None:
    generators: list[Generator | None] = [None, FakeGenerator("Gold melts at 1,064 degrees.")]
    for session.generator in generators:
        assert _without_timings(ask(QUESTION, session)) == _without_timings(ask(QUESTION, session))


def test_the_model_reads_the_best_passages_that_its_context_holds(session: Session) -> None:
    question = "How many hours rises bread with wild yeast?"
    session.generator = generator = FakeGenerator("Bread.", context_tokens=1000)
    ask(question, session)
    assert generator.messages[0].count("\n[") == 1 + 5
    session.k = 2
    ask(question, session)
    assert generator.messages[1].count("\n[") == 2
    session.k, session.max_tokens = 6, 20
    session.generator = small = FakeGenerator("Bread.", context_tokens=20 + 64 + 70)
    ask(question, session)
    assert 1 <= small.messages[0].count("\n[") < 6
    assert small.count_tokens(small.messages[0]) <= 70


def test_only_passages_that_the_model_read_are_cited(session: Session) -> None:
    session.k, session.max_tokens = 6, 20
    answer_text = " ".join(f"Bread rises for {n + 3} hours with wild yeast." for n in range(6))
    session.generator = FakeGenerator(answer_text, context_tokens=20 + 64 + 60)
    answer = ask("How many hours rises bread with wild yeast?", session)
    assert 1 <= len(answer.citations) < 6


@pytest.mark.parametrize("now", [f"A new line.\n\n{METALS}", "Nothing is left.", None])
def test_a_file_that_changed_is_told(session: Session, notes: Notes, now: str | None) -> None:
    path = notes.folder / "metals.md"
    if now is None:
        path.unlink()
    else:
        path.write_text(now)
    answer = ask(QUESTION, session)
    assert answer.citations[0].stale
    assert answer.warnings == (
        f"{path} has changed or gone since it was indexed; run: ragqa index",
    )
    assert answer.citations[0].start_line == (7 if now and "Gold" in now else 5)


def test_a_file_with_other_line_ends_and_encoding_is_read_as_it_was(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    notes.write("a.txt", "Erste Zeile.\r\n\r\nGold schmilzt sehr früh.\r\n".encode("utf-16"))
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        answer = ask("Gold schmilzt sehr früh", Session(notes.embedder, snapshot))
    [citation] = answer.citations
    assert (citation.quote, citation.start_line, citation.stale) == (
        "Gold schmilzt sehr früh.",
        3,
        False,
    )


def test_an_answer_from_given_texts_alone() -> None:
    texts = [
        GivenText("passage:1", "Bread", "Bread rises."),
        GivenText("passage:2", "Metals", METALS),
    ]
    answer = ask(QUESTION, Session(FakeEmbedder()), texts)
    assert answer.text == ANSWER
    assert answer.index is None
    [citation] = answer.citations
    assert (citation.path, citation.stale) == ("passage:2", False)
    assert METALS[citation.start_char : citation.end_char] == citation.quote


def test_given_texts_come_before_those_of_the_index(session: Session) -> None:
    session.generator = generator = FakeGenerator("Zinc melts at 419 degrees.")
    answer = ask(
        "How melts zinc at degrees?",
        session,
        [GivenText("-", "Zinc", "Zinc melts at 419 degrees.")],
    )
    assert answer.text == "Zinc melts at 419 degrees [1]."
    assert answer.citations[0].path == "-"
    assert generator.messages[0].index("Zinc melts") < generator.messages[0].index("Gold melts")


def test_with_nothing_to_read_nothing_is_answered() -> None:
    assert ask(QUESTION, Session(FakeEmbedder())).state == "not_in_documents"
    blank = [GivenText("passage:1", "", " ")]
    assert ask(QUESTION, Session(FakeEmbedder()), blank).state == "not_in_documents"


def test_warnings_of_the_session_are_in_each_answer_and_do_not_grow(session: Session) -> None:
    session.warnings.append("one file could not be read")
    for _ in range(2):
        assert ask(QUESTION, session).warnings == ("one file could not be read",)


def test_a_model_that_fails_is_an_error(session: Session) -> None:
    class Broken(FakeGenerator):
        def stream(self, messages: Sequence[Message], max_tokens: int) -> Iterator[str]:
            raise ModelError("the model broke")

    session.generator = Broken("")
    with pytest.raises(ModelError, match="the model broke"):
        ask(QUESTION, session)


@given(st.text(max_size=60))
def test_no_answer_of_a_model_breaks_the_judging(text: str) -> None:
    session = Session(FakeEmbedder(), generator=FakeGenerator(text))
    answer = ask(QUESTION, session, [GivenText("passage:1", "", METALS)])
    if answer.state == "answered":
        assert answer.citations
    for sentence in answer.sentences:
        assert set(sentence.citations) <= {citation.number for citation in answer.citations}


def test_a_long_answer_leaves_room_for_passages(session: Session) -> None:
    generator = FakeGenerator("Gold melts at 1,064 degrees.")
    session.generator, session.max_tokens = generator, generator.context_tokens - 1
    assert ask(QUESTION, session).state == "answered"
    assert "1,064" in generator.messages[0]


def test_a_question_that_fills_the_context_is_an_error(session: Session) -> None:
    session.generator = FakeGenerator("No.", context_tokens=70)
    with pytest.raises(ModelError, match="leaves no room for passages"):
        ask(QUESTION, session)


def test_a_reader_names_the_words_that_answer_in_a_whole_unit(session: Session) -> None:
    session.span_model = FakeSpanModel("[1] 1,064 degrees")
    shown = Shown()
    answer = ask(QUESTION, session, progress=shown)
    assert (answer.state, answer.text, answer.short) == ("answered", ANSWER, "1,064 degrees")
    [citation] = answer.citations
    assert citation.quote == "**Gold** melts at 1,064 degrees."
    assert METALS[citation.start_char : citation.end_char] == citation.quote
    assert answer.models["generator"] == "fake-reader"
    assert [sentence.text for sentence in answer.sentences] == [ANSWER]
    assert shown.sentences == answer.sentences


def test_a_reader_that_explains_gives_whole_sentences(session: Session) -> None:
    session.span_model = FakeSpanModel("[1] Gold melts at 1,064 degrees.")
    answer = ask(QUESTION, session)
    assert (answer.text, answer.short) == (ANSWER, None)


def test_nothing_is_shown_before_the_models_are_loaded(session: Session) -> None:
    shown = Shown()

    class Slow(FakeSpanModel):
        def load(self, on_preparing: Callable[[], None] = lambda: None) -> None:
            time.sleep(0.2)
            on_preparing()

    session.generator, session.span_model = None, Slow("[1] 1,064 degrees")
    session.on_preparing = lambda: shown.events.append("prepared")
    ask(QUESTION, session, progress=shown)
    assert shown.events[0] == "prepared" and shown.sentences
    shown.events.clear()
    assert ask("Zorvex?", replace(session, snapshot=None)).state == "not_in_documents"
    assert shown.events == ["prepared"]


def test_places_that_disagree_are_all_shown(session: Session, notes: Notes) -> None:
    notes.write("alloys.md", "# Alloys\n\nGold melts at 1,100 degrees.\n")
    notes.run()
    session.span_model = FakeSpanModel("[1] 1,064")
    with LocalSnapshot(notes.directory) as session.snapshot:
        answer = ask("At how many degrees melts gold?", session)
    first, *others = answer.sentences
    assert (first.text, first.citations) == (DISAGREES, ())
    assert {one.text[:-5] for one in others} == {
        "Gold melts at 1,064 degrees",
        "Gold melts at 1,100 degrees",
    }
    assert {Path(one.path).name for one in answer.citations} == {"metals.md", "alloys.md"}


def test_the_doubt_of_the_reader_lowers_confidence_and_the_threshold_decides(
    session: Session,
) -> None:
    session.span_model = FakeSpanModel("[1] 1,064", p_refused=0.01)
    sure = ask(QUESTION, session).confidence
    session.span_model = FakeSpanModel("[1] 1,064", p_refused=0.99)
    answer = ask(QUESTION, session)
    assert sure is not None and answer.confidence is not None and answer.confidence < sure
    session.threshold = answer.confidence
    assert ask(QUESTION, session).state == "answered"
    session.threshold = answer.confidence + 0.001
    assert ask(QUESTION, session).state == "not_in_documents"


def test_with_the_threshold_at_zero_there_is_always_an_answer(session: Session) -> None:
    session.threshold = 0.0
    session.generator = FakeGenerator("Not in the documents.")
    answer = ask("Who won the football cup in Lisbon?", session)
    assert answer.state == "answered"
    assert answer.sentences


STEPS = """# Boiler

## Topping up

1. Close the **valve**.
2. Open the tap slowly [4].
3. Stop at 1.3 bar.

| Device | Number |
|---|---|
| Router | AX-1182 |
| Boiler | VT-0031 |
"""


def test_steps_are_given_whole_with_one_source() -> None:
    session = Session(FakeEmbedder(), threshold=0.0)
    text = GivenText("boiler.md", "", STEPS)
    shown = Shown()
    answer = ask("How do I top up the boiler?", session, [text], shown)
    assert "1. Close the valve.\n2. Open the tap slowly.\n3. Stop at 1.3 bar [1]." in answer.text
    citation = answer.citations[0]
    assert (citation.start_line, citation.end_line) == (5, 7)
    assert citation.quote == STEPS[STEPS.index("Close") : STEPS.index("\n\n| Device")]
    assert shown.sentences == answer.sentences


def test_a_row_of_a_table_is_told_with_the_names_of_its_columns() -> None:
    session = Session(FakeEmbedder(), threshold=0.0)
    question = "Is the number of the router device AX-1182?"
    answer = ask(question, session, [GivenText("boiler.md", "", STEPS)])
    [row] = [one for one in answer.sentences if one.kind == "row"]
    assert (row.text, row.support) == ("Device: Router; Number: AX-1182 [1]", "supported")
    assert row.cells == (("Device", "Router"), ("Number", "AX-1182"))
    assert "AX-1182" in answer.citations[0].quote
    assert answer.citations[0].start_line == 11


def test_one_item_that_stands_out_is_shown_without_its_list() -> None:
    session = Session(FakeEmbedder(), threshold=0.0)
    text = GivenText(
        "phones.md", "", "Some notes.\n\n- Reach Anna at 555 12\n- flour\n- milk\n- salt\n"
    )
    assert ask("How do I reach Anna?", session, [text]).text == "- Reach Anna at 555 12 [1]"
