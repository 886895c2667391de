"""An answer's way to stdout with a scripted generator: verdicts, --strict, streaming."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from ragqa.cli.output import AnswerForm, judged, show_answer
from ragqa.pipeline import Session
from ragqa.records import Answer, GivenText, Sentence
from ragqa.system.terminal import LocalTerminal
from tests.conftest import Result, without_nearest
from tests.fakes import FakeEmbedder, FakeGenerator

TEXT = "The largest moon of Zed is called Quux.\n\nThe smallest moon of Zed is called Quax.\n"
QUESTION = "What is the largest moon of Zed called?"
TRUE = "The largest moon of Zed is called Quux."
SHOWN = "The largest moon of Zed is called Quux [1]."
FALSE = "Elephants play chess in Paris."
SOURCE = "[1] zed.txt:1  Zed\n"
REMOVED = "sentences that no document supports were removed\n"

Show = Callable[..., Result]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    """Shows what a generator that says `text` makes of the question."""

    def run(text: str, question: str = QUESTION, **form: bool | None) -> Result:
        session = Session(FakeEmbedder(), generator=FakeGenerator(text), warnings=["a \x1b[1mwarn"])
        given = [GivenText("zed.txt", "Zed", TEXT)]
        shown = AnswerForm(**form)  # type: ignore[arg-type]
        code = show_answer(question, session, given, shown, LocalTerminal())
        out, err = capsys.readouterr()
        assert err.startswith("warning: a warn\n")
        return Result(code, out, err.removeprefix("warning: a warn\n"))

    return run


def test_a_supported_answer(show: Show) -> None:
    assert show(TRUE) == Result(0, f"{SHOWN}\n\n{SOURCE}", "")


def test_an_unsupported_sentence_is_marked(show: Show) -> None:
    done = show(f"{TRUE} {FALSE}")
    assert done == Result(0, f"{SHOWN} {FALSE} [unsupported]\n\n{SOURCE}", "")


def test_strict_removes_it(show: Show) -> None:
    done = show(f"{FALSE} {TRUE}", strict=True)
    assert done == Result(4, f"{SHOWN}\n\n{SOURCE}", REMOVED)


def test_strict_as_json(show: Show) -> None:
    done = show(f"{TRUE} {FALSE}", strict=True, json=True)
    answer = json.loads(done.out)
    assert (done.code, done.err, answer["answer"]) == (4, REMOVED, SHOWN)
    assert [sentence["text"] for sentence in answer["sentences"]] == [SHOWN]
    assert answer["models"] == {"embedder": "fake", "generator": "fake-gguf"}


def test_strict_with_nothing_to_remove(show: Show) -> None:
    assert show(TRUE, strict=True) == Result(0, f"{SHOWN}\n\n{SOURCE}", "")


def test_an_answer_that_nothing_supports(show: Show) -> None:
    done = show(FALSE)
    assert done == Result(1, f"{FALSE} [unsupported]\n", "no document supports this answer\n")
    assert json.loads(show(FALSE, json=True).out)["state"] == "unsupported"


def test_strict_with_nothing_left(show: Show) -> None:
    assert show(FALSE, strict=True) == Result(4, "", REMOVED)
    answer = json.loads(show(FALSE, strict=True, json=True).out)
    assert (answer["state"], answer["answer"], answer["sentences"]) == ("unsupported", "", [])


def test_what_the_model_refuses_is_not_shown(show: Show) -> None:
    for stream in (True, False):
        done = show("Not in the documents.", stream=stream)
        assert without_nearest(done) == Result(1, "", "not in the documents\n")


def test_a_question_about_something_else_never_reaches_the_model(show: Show) -> None:
    done = show(TRUE, question="Who won the championship in 1998?", strict=True)
    assert without_nearest(done) == Result(1, "", "not in the documents\n")


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "text",
    [TRUE, FALSE, f"{TRUE} {FALSE}", f"{FALSE} {TRUE}", "Not in the documents", "", f"{TRUE} [7]"],
)
def test_a_stream_in_a_pipe_ends_as_the_same_text(show: Show, text: str, strict: bool) -> None:
    whole = show(text, strict=strict, stream=False)
    assert show(text, strict=strict, stream=True) == whole
    assert show(text, strict=strict) == whole


def test_what_a_model_wrote_without_its_sources_or_with_quotes(show: Show) -> None:
    for stream in (True, False):
        alone = show(f"{TRUE} {FALSE}", stream=stream, sources=False)
        assert alone == Result(0, f"{TRUE} {FALSE} [unsupported]\n", "")
        quoted = show(TRUE, stream=stream, quotes=True)
        assert quoted == Result(0, f"{SHOWN}\n\n{SOURCE}    “{TRUE}”\n", "")


def test_a_line_has_no_verdicts_and_strict_leaves_nothing_of_it(show: Show) -> None:
    assert show(f"{TRUE} {FALSE}", short=True) == Result(0, f"{TRUE} {FALSE}\n", "")
    assert show(FALSE, short=True, strict=True) == Result(4, "", REMOVED)
    unsupported = Result(1, f"{FALSE}\n", "no document supports this answer\n")
    assert show(FALSE, short=True, stream=True) == unsupported


def test_what_a_model_wrote_as_markdown(show: Show) -> None:
    answer = SHOWN.replace("[1]", "\\[1\\]")
    text = f"{answer} {FALSE} \\[unsupported\\]\n\n---\n\n- \\[1\\] zed.txt:1 Zed\n"
    assert show(f"{TRUE} {FALSE}", markdown=True) == Result(0, text, "")


def test_quotes_of_what_a_model_wrote_are_shown_on_a_terminal(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalTerminal, "out_moves", True)
    assert show(TRUE, stream=False).out == f"{SHOWN}\n\n{SOURCE}    “{TRUE}”\n"
    assert show(TRUE, stream=False, sources=False).out == f"{TRUE}\n"


def test_a_stream_is_written_sentence_by_sentence(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = sys.stdout.write
    monkeypatch.setattr(sys.stdout, "write", lambda text: written.append(text) or write(text))
    show(f"{TRUE} {FALSE}", stream=True)
    assert written == [SHOWN, f" {FALSE} [unsupported]", f"\n\n{SOURCE}"]


def test_what_a_model_says_is_no_command_to_the_terminal(show: Show) -> None:
    for stream in (True, False):
        done = show("The largest moon \x1b[31mof Zed\x1b[0m is\u202e called Quux.", stream=stream)
        assert done.out.startswith("The largest moon of Zed is called Quux")
        assert not {"\x1b", "\u202e"} & set(done.out)


def test_judged() -> None:
    good, part, bad = (
        Sentence("Good.", "supported", (1,)),
        Sentence("Part.", "partly", (1,)),
        Sentence("Bad.", "unsupported"),
    )
    answer = Answer("answered", "q", (good, bad, part))
    assert judged(answer, strict=False) == (answer, 0)
    assert judged(answer, strict=True) == (replace(answer, sentences=(good, part)), 4)
    assert judged(replace(answer, sentences=(part,)), strict=True)[1] == 0
    assert judged(Answer("not_in_documents", "q"), strict=True)[1] == 1
    assert judged(Answer("unsupported", "q", (part,)), strict=True)[1] == 1
