"""An answer's way to the user: streamed or whole, terminal or pipe, and its exit code.

Knows the forms, not the commands' flags or how answers are made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ragqa import pipeline, render, terminal
from ragqa.answering import Progress
from ragqa.given import GivenText
from ragqa.pipeline import Session
from ragqa.records import Answer, Sentence

# Takes an answer as it will be shown, before it is.
Keep = Callable[[Answer, Session], None]
EXIT_BY_STATE = {"answered": 0, "not_in_documents": 1, "unsupported": 1}
EXIT_NOTHING_FOUND, EXIT_LOST, EXIT_REMOVED = 1, 1, 4


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """How an answer is to be shown; `stream` None means on a terminal only."""

    json: bool = False
    plain: bool = False
    stream: bool | None = None
    strict: bool = False


def show_answer(
    question: str,
    session: Session,
    given: Sequence[GivenText],
    form: AnswerForm,
    keep: Keep = lambda answer, session: None,
) -> int:
    """Ask, show, and return the exit code."""
    rich = terminal.is_terminal(sys.stdout) and not form.plain and not form.json
    streamed = not form.json and (rich if form.stream is None else form.stream)
    if streamed and rich and session.generator:
        answer = _ask_live(question, session, given)
    elif streamed and not rich:
        return _show_by_sentence(question, session, given, form.strict, keep)
    else:
        answer = pipeline.ask(question, session, given)
    answer, code = judged(answer, form.strict)
    keep(answer, session)
    _say_state(answer, code)
    if form.json:
        return terminal.write(render.to_json(render.answer_json(answer)) + "\n", code)
    if rich and answer.sentences:
        terminal.console().print(render.answer_rich(answer))
        return code
    return terminal.write(render.answer_plain(answer), code)


def judged(answer: Answer, strict: bool) -> tuple[Answer, int]:
    """The answer, without its unsupported sentences where `strict`, and its exit code."""
    code = EXIT_BY_STATE[answer.state]
    if not strict:
        return answer, code
    kept = tuple(s for s in answer.sentences if s.support != "unsupported")
    if len(kept) == len(answer.sentences):
        return answer, code
    return replace(answer, sentences=kept), EXIT_REMOVED


def _ask_live(question: str, session: Session, given: Sequence[GivenText]) -> Answer:
    """Tokens appear as they come; the judged answer takes their place."""
    from rich.live import Live
    from rich.text import Text

    shown = Text()
    with Live(shown, console=terminal.console(), transient=True, auto_refresh=True) as live:

        def on_piece(piece: str) -> None:
            shown.append(render.clean(piece))
            live.update(shown)

        return pipeline.ask(question, session, given, Progress(on_piece=on_piece))


def _show_by_sentence(
    question: str, session: Session, given: Sequence[GivenText], strict: bool, keep: Keep
) -> int:
    """Each sentence as soon as it is judged, then the sources."""
    shown: list[Sentence] = []

    def on_sentence(sentence: Sentence) -> None:
        if not (strict and sentence.support == "unsupported"):
            terminal.write(sentence.gap * bool(shown) + render.sentence_text(sentence))
            shown.append(sentence)

    answer = pipeline.ask(question, session, given, Progress(on_sentence=on_sentence))
    answer, code = judged(answer, strict)
    keep(answer, session)
    _say_state(answer, code)
    if not shown:
        return code
    sources = "\n".join(["", "", *render.source_lines(answer.citations)]).rstrip()
    return terminal.write(sources + "\n", code)


def _say_state(answer: Answer, code: int) -> None:
    """What the exit code means, and warnings, on stderr."""
    for warning in answer.warnings:
        terminal.say(f"warning: {render.clean_line(warning)}")
    if answer.state == "not_in_documents":
        terminal.say("not in the documents")
    elif code == EXIT_REMOVED:
        terminal.say("sentences that no document supports were removed")
    elif answer.state == "unsupported":
        terminal.say("no document supports this answer")


def show_hits(
    query: str, session: Session, *, json: bool, plain: bool, links: bool, explain: bool
) -> int:
    """Search, show, and return the exit code.

    `links` adds what links to each hit, `explain` why it stands where it does.
    """
    assert session.reader is not None
    for warning in session.warnings:
        terminal.say(f"warning: {render.clean_line(warning)}")
    hits = session.search(query)
    linked = session.reader.linked_from([hit.path for hit in hits]) if links else None
    code = 0 if hits else EXIT_NOTHING_FOUND
    if not hits:
        terminal.say("nothing found" + f": {pipeline.NO_MATCH}" * session.is_barred)
    if json:
        found = render.hits_json(query, hits, linked, explain=explain)
        return terminal.write(render.to_json(found) + "\n", code)
    if terminal.is_terminal(sys.stdout) and not plain and hits:
        terminal.console().print(render.hits_rich(hits, linked, explain=explain))
        return code
    return terminal.write(render.hits_plain(hits, linked, explain=explain), code)


def show_trace(name: str, question: str, session: Session, *, json: bool) -> int:
    """Show where the document that `name` means was lost or found; the exit code."""
    from ragqa.why import trace

    for warning in session.warnings:
        terminal.say(f"warning: {render.clean_line(warning)}")
    if session.reranker:
        terminal.say("warning: the reranker is left out of this trace")
    found = trace(name, question, session)
    code = 0 if found.found else EXIT_LOST
    if json:
        return terminal.write(render.to_json(render.trace_json(found)) + "\n", code)
    return terminal.write(render.trace_plain(found), code)
