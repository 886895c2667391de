"""An answer's way to the user: streamed or whole, terminal or pipe, and its exit code.

Knows the forms, not the commands' flags or how answers are made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ragqa import pipeline, render
from ragqa.answering.compose import Progress
from ragqa.pipeline import Session
from ragqa.records import Answer, GivenText, Sentence
from ragqa.system.terminal import Terminal
from ragqa.text.clean import clean, clean_line, to_json

# Takes an answer as it will be shown, before it is.
Keep = Callable[[Answer, Session], None]
TO_TRY = "try other words, ragqa search, or --threshold 0 to be answered all the same"
EXIT_BY_STATE = {"answered": 0, "not_in_documents": 1, "unsupported": 1}
EXIT_NOTHING_FOUND, EXIT_LOST, EXIT_REMOVED = 1, 1, 4


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """How an answer is to be shown; `stream` None means on a terminal only.

    `quotes` stand below their sources, and always where a model has written the answer and it is
    shown on a terminal. JSON has all of it, whatever is wanted.
    """

    json: bool = False
    plain: bool = False
    stream: bool | None = None
    strict: bool = False
    timings: bool = False
    markdown: bool = False
    short: bool = False
    quotes: bool = False
    sources: bool = True

    @property
    def is_text(self) -> bool:
        """Whether it is for a terminal or plain, and may come in parts."""
        return not (self.json or self.markdown or self.short)


@dataclass(frozen=True, slots=True)
class HitsForm:
    """How hits are to be shown; `links` adds what links to each, `explain` why it stands there."""

    json: bool = False
    plain: bool = False
    links: bool = False
    explain: bool = False
    timings: bool = False


def show_answer(
    question: str,
    session: Session,
    given: Sequence[GivenText],
    form: AnswerForm,
    terminal: Terminal,
    keep: Keep = lambda answer, session: None,
) -> int:
    """Ask, show, and return the exit code."""
    rich = terminal.out_moves and not form.plain and form.is_text
    streamed = form.is_text and (rich if form.stream is None else form.stream)
    if streamed and rich and session.generator:
        answer = _ask_live(question, session, given, terminal)
    elif streamed and not rich and session.generator:
        return _show_by_sentence(question, session, given, form, terminal, keep)
    else:  # what is quoted is there at once
        watched = Progress(on_piece=lambda piece: terminal.check())
        answer = pipeline.ask(question, session, given, watched)
    answer, code = _finished(answer, session, form, terminal, keep)
    if rich and answer.sentences:
        quotes = form.quotes or session.generator is not None
        shown = render.answer_rich(
            answer, terminal.directory, quotes=quotes and form.sources, sources=form.sources
        )
        terminal.console().print(shown, crop=False)
        return code
    return terminal.write(_text(answer, form, terminal), code)


def _text(answer: Answer, form: AnswerForm, terminal: Terminal) -> str:
    """The whole answer in the form that is wanted."""
    if form.json:
        return to_json(render.answer_json(answer)) + "\n"
    if form.short:
        return render.answer_short(answer)
    if form.markdown:
        return render.answer_markdown(
            answer, terminal.directory, quotes=form.quotes, sources=form.sources
        )
    return render.answer_plain(answer, quotes=form.quotes, sources=form.sources)


def _finished(
    answer: Answer, session: Session, form: AnswerForm, terminal: Terminal, keep: Keep
) -> tuple[Answer, int]:
    """The answer as it will be shown, and its exit code; what is to be said of it is said."""
    answer, code = judged(answer, form.strict)
    answer = replace(answer, timings_ms={**_loading(session, terminal), **answer.timings_ms})
    keep(answer, session)
    _say_state(answer, code, terminal)
    if answer.nearest and not form.json:
        for line in [*render.nearest_lines(answer.nearest, terminal.directory), TO_TRY]:
            terminal.say(line)
    if form.timings:
        _say_timings(answer.timings_ms, terminal)
    return answer, code


def _loading(session: Session, terminal: Terminal) -> dict[str, float]:
    """The time from the command's begin until models and index were there."""
    return {"load": round((session.opened_at - terminal.began) * 1000, 1)}


def _say_timings(timings: Mapping[str, float], terminal: Terminal) -> None:
    total = (time.perf_counter() - terminal.began) * 1000
    stages = ", ".join(f"{name} {value:.1f}" for name, value in timings.items())
    terminal.say(f"timings: {stages}, total {total:.1f} ms")


def judged(answer: Answer, strict: bool) -> tuple[Answer, int]:
    """The answer, without its unsupported sentences where `strict`, and its exit code."""
    code = EXIT_BY_STATE[answer.state]
    if not strict:
        return answer, code
    kept = tuple(s for s in answer.sentences if s.support != "unsupported")
    if len(kept) == len(answer.sentences):
        return answer, code
    return replace(answer, sentences=kept), EXIT_REMOVED


def _ask_live(
    question: str, session: Session, given: Sequence[GivenText], terminal: Terminal
) -> Answer:
    """Tokens appear as they come; the judged answer takes their place."""
    from rich.live import Live
    from rich.text import Text

    shown = Text()
    # Not those of the process: in a server others use them.
    with Live(
        shown,
        console=terminal.console(),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:

        def on_piece(piece: str) -> None:
            terminal.check()
            shown.append(clean(piece))
            live.update(shown)

        return pipeline.ask(question, session, given, Progress(on_piece=on_piece))


def _show_by_sentence(
    question: str,
    session: Session,
    given: Sequence[GivenText],
    form: AnswerForm,
    terminal: Terminal,
    keep: Keep,
) -> int:
    """Each sentence as soon as it is judged, then the sources."""
    shown: list[Sentence] = []

    def on_sentence(sentence: Sentence) -> None:
        if not (form.strict and sentence.support == "unsupported"):
            text = render.sentence_text(sentence, sources=form.sources)
            terminal.write(sentence.gap * bool(shown) + text)
            shown.append(sentence)

    answer = pipeline.ask(
        question, session, given, Progress(lambda piece: terminal.check(), on_sentence)
    )
    answer, code = _finished(answer, session, form, terminal, keep)
    if not shown:
        return code
    lines = render.source_lines(answer.citations, quotes=form.quotes) if form.sources else []
    return terminal.write("\n".join(["", "", *lines]).rstrip() + "\n", code)


def _say_state(answer: Answer, code: int, terminal: Terminal) -> None:
    """What the exit code means, and warnings, on stderr."""
    for warning in answer.warnings:
        terminal.say(f"warning: {clean_line(warning)}")
    if answer.state == "not_in_documents":
        terminal.say("not in the documents")
    elif code == EXIT_REMOVED:
        terminal.say("sentences that no document supports were removed")
    elif answer.state == "unsupported":
        terminal.say("no document supports this answer")


def show_hits(query: str, session: Session, form: HitsForm, terminal: Terminal) -> int:
    """Search, show, and return the exit code."""
    assert session.snapshot is not None
    for warning in session.warnings:
        terminal.say(f"warning: {clean_line(warning)}")
    started = time.perf_counter()
    hits = session.search(session.query(query))
    timings = {
        **_loading(session, terminal),
        "retrieve": round((time.perf_counter() - started) * 1000, 1),
    }
    linked = session.snapshot.linked_from([hit.path for hit in hits]) if form.links else None
    code = 0 if hits else EXIT_NOTHING_FOUND
    if not hits:
        terminal.say("nothing found" + f": {pipeline.NO_MATCH}" * session.is_barred)
    if form.timings:
        _say_timings(timings, terminal)
    if form.json:
        found = render.hits_json(query, hits, linked, explain=form.explain)
        found |= {"timings_ms": timings} if form.timings else {}
        return terminal.write_json(found, code)
    if terminal.out_moves and not form.plain and hits:
        shown = render.hits_rich(hits, terminal.directory, linked, explain=form.explain)
        terminal.console().print(shown)
        return code
    return terminal.write(render.hits_plain(hits, linked, explain=form.explain), code)


def show_trace(
    name: str, question: str, session: Session, terminal: Terminal, *, json: bool
) -> int:
    """Show where the document that `name` means was lost or found; the exit code."""
    from ragqa.evaluation.trace import trace

    for warning in session.warnings:
        terminal.say(f"warning: {clean_line(warning)}")
    if session.reranker:
        terminal.say("warning: the reranker is left out of this trace")
    found = trace(name, question, session, terminal.directory)
    code = 0 if found.found else EXIT_LOST
    if json:
        return terminal.write_json(render.trace_json(found), code)
    return terminal.write(render.trace_plain(found), code)
