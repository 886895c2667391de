"""Answer, hits, reports -> terminal, plain text, JSON (version 1 of the contract).

Knows nothing of how they were made. Nothing from a document is ever read as markup, and control
characters are taken out before a terminal or a pipe sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragqa.text.clean import clean, clean_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from ragqa.records import Answer, Citation, Hit, IndexReport, Scores, Sentence, Trace

Linked = Mapping[str, Sequence[str]]  # path of a document -> paths of those that link to it
MARKS = {"supported": "", "partly": " [partly supported]", "unsupported": " [unsupported]"}
LINKS_SHOWN = 8  # documents that link to a hit; JSON has them all
SNIPPET = 300  # characters of a passage that `search` shows


# Answers ------------------------------------------------------------------------------------


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as the contract has it."""
    values = asdict(answer)
    values["answer"] = answer.text
    order = (
        "state", "question", "answer", "short", "confidence", "sentences", "citations", "models",
        "index", "timings_ms", "warnings",
    )  # fmt: skip
    return {name: values[name] for name in order}


def sentence_text(sentence: Sentence) -> str:
    """A sentence with the verdict on it, where that is not `supported`."""
    return clean(sentence.text) + MARKS[sentence.support]


def answer_text(answer: Answer) -> str:
    """The sentences on one line, items of a list on their own."""
    return "".join(
        one.gap * (number > 0) + sentence_text(one) for number, one in enumerate(answer.sentences)
    )


def source_lines(citations: Iterable[Citation]) -> list[str]:
    """One line a citation: number, file:line, headings, other files with the same passage."""
    return [
        f"[{citation.number}] {clean_line(citation.path)}:{place(citation)}"
        f"{_headings(citation)}{_also_in(citation)}{_stale(citation)}"
        for citation in citations
    ]


def answer_plain(answer: Answer) -> str:
    """Answer and sources as text for a pipe; empty when there is no answer."""
    if not answer.sentences:
        return ""
    parts = [answer_text(answer)]
    if answer.citations:
        parts += ["", *source_lines(answer.citations)]
    return "\n".join(parts) + "\n"


def answer_rich(answer: Answer, directory: Path) -> RenderableType:
    """Answer and sources for a terminal in a directory, with links to the files."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = [_sentences_rich(answer.sentences), Text()]
    for citation in answer.citations:
        parts.append(_source_rich(citation, directory))
        quote = Text(f"“{clean(' '.join(citation.quote_text.split()))}”", style="dim italic")
        parts.append(Padding(quote, (0, 0, 0, 4), expand=False))
    return Group(*parts)


def _sentences_rich(sentences: Sequence[Sentence]) -> Text:
    from rich.text import Text

    text = Text()
    for sentence in sentences:
        text.append(sentence.gap if text else "")
        text.append(clean(sentence.text), style="" if sentence.support == "supported" else "dim")
        text.append(MARKS[sentence.support], style="yellow")
    text.highlight_regex(r"\[\d+\]", "bold cyan")
    return text


def _source_rich(citation: Citation, directory: Path) -> Text:
    from rich.text import Text

    text = Text().append(f"[{citation.number}] ", style="bold cyan")
    path = Path(citation.path)
    link = f"link {path.as_uri()}" if path.is_absolute() else ""
    text.append(f"{clean_line(short_path(citation.path, directory))}:{place(citation)}", style=link)
    text.append(_headings(citation) + _also_in(citation), style="dim")
    text.append(_stale(citation), style="yellow")
    return text


def place(citation: Citation) -> str:
    """First line, and last where it is another; the page for formats that have pages."""
    if citation.page is not None:
        return f"p{citation.page}"
    first, last = citation.start_line, citation.end_line
    return str(first) if first == last else f"{first}-{last}"


def short_path(path: str, directory: Path) -> str:
    """The path from a directory on, where it is in it."""
    try:
        return str(Path(path).relative_to(directory))
    except ValueError:
        return path


def _headings(citation: Citation) -> str:
    names = [clean_line(name) for name in citation.headings or (citation.title,)]
    return "  " + " > ".join(names) if any(names) else ""


def _also_in(citation: Citation) -> str:
    return f" (also in {clean_line(', '.join(citation.also_in))})" if citation.also_in else ""


def _stale(citation: Citation) -> str:
    return " (changed since it was indexed)" if citation.stale else ""


# Passages -----------------------------------------------------------------------------------


def hits_json(
    query: str, hits: Sequence[Hit], linked: Linked | None = None, explain: bool = False
) -> dict[str, Any]:
    """Search results as the contract has them.

    `linked` adds what links to each, `explain` the parts of each score.
    """
    found = [_hit_json(rank, hit) for rank, hit in enumerate(hits, 1)]
    if linked is not None:
        found = [{**values, "linked_from": list(linked[values["path"]])} for values in found]
    if explain:
        for values, hit in zip(found, hits, strict=True):
            values["scores"] = asdict(hit.scores) if hit.scores else None
    return {"query": query, "hits": found}


def _hit_json(rank: int, hit: Hit) -> dict[str, Any]:
    first, last = hit.passage.lines
    return {
        "rank": rank,
        "score": round(hit.score, 4),
        "path": hit.path,
        "title": hit.document_title,
        "headings": list(hit.passage.headings),
        "start_line": first,
        "end_line": last,
        "page": hit.passage.page,
        "text": hit.passage.text,
        "also_in": list(hit.also_in),
    }


def hits_rich(
    hits: Sequence[Hit], directory: Path, linked: Linked | None = None, explain: bool = False
) -> RenderableType:
    """Hits for a terminal in a directory, with links to the files."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = []
    for rank, hit in enumerate(hits, 1):
        first, last = hit.passage.lines
        head = Text().append(f"{rank}. ", style="bold cyan")
        head.append(
            f"{clean_line(short_path(hit.path, directory))}:{first}-{last}",
            f"link {Path(hit.path).as_uri()}",
        )
        head.append(f"  {hit.score:.2f}  {clean_line(' > '.join(hit.passage.headings))}", "dim")
        text = Text(clean(_snippet(hit)))
        if linked and (
            line := _linked_line(short_path(path, directory) for path in linked[hit.path])
        ):
            text.append(f"\n{line}", "dim")
        if explain and hit.scores:
            text.append(f"\n{_scores_line(hit.scores)}", "dim")
        if explain and hit.also_in:
            also = clean_line(", ".join(short_path(path, directory) for path in hit.also_in))
            text.append(f"\nfolded into it: {also}", "dim")
        parts += [head, Padding(text, (0, 0, 1, 3), expand=False)]
    return Group(*parts)


def _snippet(hit: Hit) -> str:
    """The beginning of a passage on one line."""
    text = " ".join(hit.passage.text.split())
    return text if len(text) <= SNIPPET else text[:SNIPPET].rsplit(" ", 1)[0] + " ..."


def _linked_line(paths: Iterable[str]) -> str:
    """What links to a hit, on one line; empty where nothing does."""
    names = list(paths)
    more = f" and {len(names) - LINKS_SHOWN} more" if len(names) > LINKS_SHOWN else ""
    return clean_line(f"linked from: {', '.join(names[:LINKS_SHOWN])}{more}") if names else ""


def _scores_line(scores: Scores) -> str:
    """The parts of a score in columns; a place is that in the list of vectors, of full text."""
    dense, lexical = scores.dense_rank or "-", scores.lexical_rank or "-"
    reranked = "" if scores.reranked is None else f" | reranked {scores.reranked:.3f}"
    return (
        (
            f"fused score {scores.fused:.3f} from late interaction {scores.late:.3f}"
            f" | cosine {scores.cosine:.3f}, place {dense:>2}"
            f" | BM25 {scores.bm25:5.2f}, place {lexical:>2} | coverage {scores.coverage:.2f}"
        )
        + " | names the document" * scores.named
        + reranked
    )


def hits_plain(hits: Sequence[Hit], linked: Linked | None = None, explain: bool = False) -> str:
    """One paragraph a hit: place, score, headings, then the beginning of its text."""
    parts = []
    for rank, hit in enumerate(hits, 1):
        first, last = hit.passage.lines
        names = " > ".join(hit.passage.headings) or hit.document_title
        also = f" (also in {', '.join(hit.also_in)})" if hit.also_in else ""
        head = f"{rank}. {hit.path}:{first}-{last}  {hit.score:.2f}  {names}{also}"
        parts.append(f"{clean_line(head)}\n   {clean(_snippet(hit))}\n")
        if linked and (line := _linked_line(linked[hit.path])):
            parts[-1] += f"   {line}\n"
        if explain and hit.scores:
            parts[-1] += f"   {_scores_line(hit.scores)}\n"
    return "\n".join(parts)


def trace_json(trace: Trace) -> dict[str, Any]:
    """A document's way through the stages, with all figures."""
    steps = [
        {"stage": step.stage, "ok": step.ok, "detail": step.detail, **step.figures}
        for step in trace.steps
    ]
    last = trace.steps[-1]
    return {
        "path": trace.path,
        "question": trace.question,
        "stage": last.stage,
        "found": trace.found,
        "rank": trace.rank,
        "trace": steps,
        "advice": last.advice,
    }


def trace_plain(trace: Trace) -> str:
    """One line a stage, the last one the one that lost it or `found`; then what to do."""
    rows = [(step.stage, f"{'ok' if step.ok else 'lost'}, {step.detail}") for step in trace.steps]
    last = trace.steps[-1]
    if last.ok:
        rows[-1] = (last.stage, last.detail)
    return table_plain([*rows, ("advice", last.advice)] if last.advice else rows)


# Index --------------------------------------------------------------------------------------


def report_json(report: IndexReport) -> dict[str, Any]:
    """What `index` did, as the contract has it."""
    values = asdict(report)
    del values["warnings"]
    return values


def report_plain(report: IndexReport, dry_run: bool = False) -> str:
    """One line on what `index` did, or would do."""
    names = ("added", "changed", "moved", "removed", "unchanged")
    counts = ", ".join(f"{getattr(report, name)} {name}" for name in names)
    would = "would be: " if dry_run else ""
    verb = "to embed" if dry_run else "embedded"
    return (
        f"{would}{counts}, {len(report.failed)} failed; "
        f"{report.passages} passages, {report.embedded} {verb}; {report.seconds:.1f} s\n"
    )


def failed_lines(report: IndexReport) -> list[str]:
    """One line for each file that could not be read."""
    return [f"failed: {clean_line(f'{item.path}: {item.reason}')}" for item in report.failed]


def table_plain(rows: Iterable[tuple[str, str]]) -> str:
    """Two columns, the first as wide as its longest entry."""
    pairs = [(clean_line(name), clean_line(value)) for name, value in rows]
    width = max((len(name) for name, _ in pairs), default=0)
    return "".join(f"{name:<{width}}  {value}".rstrip() + "\n" for name, value in pairs)


def size_text(size: int) -> str:
    """Bytes as a person reads them (1 MB is 10^6 bytes)."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
