"""What a search found, and why something was not: as JSON, plain text, and for a terminal.

Knows nothing of how it was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragqa.render.index import table_plain
from ragqa.render.places import short_path
from ragqa.text.clean import clean, clean_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ragqa.records import Hit, Scores, Trace

Linked = Mapping[str, Sequence[str]]  # path of a document -> paths of those that link to it
LINKS_SHOWN = 8  # documents that link to a hit; JSON has them all
SNIPPET = 300  # characters of a passage that `search` shows


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
