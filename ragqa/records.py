"""The records that travel from stage to stage, all frozen.

    folder -> Document (Blocks) -> Passage (Blocks) -> Hit -> Answer (Sentences, Citations)

They know nothing of files on disk, databases or models. All offsets count characters of the
file's decoded text (line endings as "\\n"); all line numbers start at 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

State = Literal["answered", "not_in_documents", "unsupported"]
Support = Literal["supported", "partly", "unsupported"]
BETWEEN_CELLS, EMPTY_CELL = " | ", "–"  # in the text of a row of a table; of its head alone
SentenceKind = Literal["text", "item", "row", "code", "heading", "lead", "more"]
ROW_MARK, INDENT = "-", "  "  # what stands before a row; before an item in an item


@dataclass(frozen=True, slots=True)
class Run:
    """`length` characters that stand alike in a block's text and in its source."""

    text: int
    source: int
    length: int


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, list item, table row, code fence ... of a document.

    `text` is what a person would see; `source` is the slice `[start:start + len(source)]` of the
    file. `runs` says which characters of `text` are which of `source` (both relative to the
    block); characters in no run were put in by the format's reader, such as a space for a line
    break. Where the file has pages (`page`, from 1), start and line count in the page's text.

    Where it stands: `level` is the depth of lists around it (0: in none; all that an item holds
    has the item's); `mark` what a reader sees before the text of the block that begins an item
    ("2.", "b)", "-" for any bullet, "[x]" for a task); `columns` names the column of each cell in
    the text of a row ("": it has no name), and is empty where the table has no head. Blocks of
    one `unit` (0: not known) are read together.
    """

    kind: str
    headings: tuple[str, ...]
    text: str
    source: str
    start: int
    line: int
    runs: tuple[Run, ...]
    page: int | None = None
    level: int = 0
    mark: str = ""
    columns: tuple[str, ...] = ()
    unit: int = 0

    @property
    def end(self) -> int:
        """Offset in the file just after the block."""
        return self.start + len(self.source)

    @property
    def end_line(self) -> int:
        """The last line that the block touches."""
        return self.line + self.source.count("\n")

    def source_span(self, first: int, last: int) -> tuple[int, int]:
        """Where in `source` the characters `text[first:last]` stand, as a half-open span.

        A span that reaches an end of the text takes in the markup at that end of the source;
        an empty span means that nothing of `text[first:last]` stands in the file.
        """
        spans = [
            (run.source + max(first - run.text, 0), run.source + min(last - run.text, run.length))
            for run in self.runs
            if run.text < last and run.text + run.length > first
        ]
        if not spans:
            return 0, 0
        begin = 0 if first <= 0 else spans[0][0]
        end = len(self.source) if last >= len(self.text) else spans[-1][1]
        return begin, end


@dataclass(frozen=True, slots=True)
class Document:
    """A file as its reader understood it.

    `title` comes from the content (front matter, first heading, `<title>`), never from the file's
    name, so that renaming a file changes no text that is embedded. `links` are the files that it
    links to, as it names them.
    """

    path: Path
    text: str
    blocks: tuple[Block, ...]
    title: str | None = None
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    encoding: str = "utf-8"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """Neighbouring blocks of one section, small enough for the embedder."""

    title: str | None
    headings: tuple[str, ...]
    blocks: tuple[Block, ...]
    page: int | None = None

    @property
    def text(self) -> str:
        """What a person would see, one line a block."""
        return "\n".join(block.text for block in self.blocks)

    @property
    def embedded_text(self) -> str:
        """What the embedder reads: title and heading path, then the text."""
        return contextual_text(self.title, self.headings, self.text)

    @property
    def is_of_properties(self) -> bool:
        """Whether it holds properties of the note, not its text; they are never mixed."""
        return self.blocks[0].kind == "property"

    @property
    def lines(self) -> tuple[int, int]:
        """First and last line in the file."""
        return self.blocks[0].line, self.blocks[-1].end_line


def contextual_text(title: str | None, headings: tuple[str, ...], text: str) -> str:
    """`text` below its title and heading path, each named once."""
    names = [name for name in (title, *headings) if name]
    path = " > ".join(dict.fromkeys(names))
    return f"{path}\n{text}" if path else text


@dataclass(frozen=True, slots=True)
class Scores:
    """Why a hit stands where it stands.

    Ranks (from 1) are those in the lists of the two searches; None: that search did not propose
    it. `cosine` compares whole passage and question, `late` their words, `bm25` counts words;
    `coverage` is the share of the greatest BM25 score that the question could have; `named` says
    that the question is nothing but a name of the document; `fused` is what decides, unless a
    reranker does: `reranked` is its score, on a scale of its own.
    """

    dense_rank: int | None
    cosine: float
    lexical_rank: int | None
    bm25: float
    coverage: float
    late: float
    named: bool = False
    fused: float = 0.0
    reranked: float | None = None

    @property
    def deciding(self) -> float:
        """The score by which hits are in order."""
        return self.fused if self.reranked is None else self.reranked


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that retrieval found for a question.

    `score` is what decides, best first: the fused score (about 0 to 1), or that of a reranker;
    `similarity` the cosine to the question;
    `also_in` names the files whose near-duplicate passage was folded into this one; `scores` has
    the parts of the score (None for a text that came with the question), `words` the codes of its
    words, uint8 [words, bytes] (see `late_interaction`; None where they are not known). `called`
    are the names, beside its title and headings, by which the question calls it.
    """

    passage: Passage
    path: str
    score: float
    similarity: float
    passage_id: int = 0
    sha256: str = ""
    encoding: str = "utf-8"
    document_title: str = ""
    called: tuple[str, ...] = ()
    also_in: tuple[str, ...] = ()
    scores: Scores | None = None
    words: npt.NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)

    @property
    def is_given(self) -> bool:
        """True for a text that came with the question, False for a passage of the index."""
        return self.passage_id == 0


@dataclass(frozen=True, slots=True)
class GivenText:
    """A text that comes with a question, with the name by which it is cited."""

    path: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """The quote in a file that supports a sentence.

    `quote` is the slice `[start_char:end_char]` of the file's decoded text, within one unit;
    `quote_text` is what a person would see of it.
    """

    number: int
    path: str
    title: str
    headings: tuple[str, ...]
    start_line: int
    end_line: int
    start_char: int
    end_char: int
    page: int | None
    quote: str
    quote_text: str
    stale: bool = False
    also_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands that comes near a question; lines are those of the page, if any."""

    path: str
    title: str
    headings: tuple[str, ...]
    start_line: int
    end_line: int
    page: int | None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, item, row or piece of code of an answer, with the verdict on it.

    `citations` are the numbers of its sources. `gap` is what stands between it and what is before
    it. `mark` and `level` are those of an item (see `Block`), `cells` column and value of each
    cell of a row. A heading and a lead stand above what they name or introduce; `more` says how
    many items of a long list are not shown.
    """

    text: str
    support: Support
    citations: tuple[int, ...] = ()
    kind: SentenceKind = "text"
    gap: str = " "
    mark: str = ""
    level: int = 0
    cells: tuple[tuple[str, str], ...] = ()

    @property
    def line(self) -> str:
        """The text behind its mark, as far in as it is nested."""
        indent = INDENT * max(self.level - 1, 0)
        mark = self.mark or (ROW_MARK if self.kind == "row" else "")
        text = self.text.replace("\n", f"\n{indent}")
        return f"{indent}{mark} {text}" if mark else f"{indent}{text}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What `ask` found out; `render` turns it into text or JSON.

    `short` are the words that answer exactly, at most 12, as a quote has them; None where there
    are none. `nearest` are the places where one who was refused may look. `prompt` is the message
    that a generator was given; empty where none was asked.
    """

    state: State
    question: str
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    models: Mapping[str, str | None] = field(default_factory=dict)
    index: Mapping[str, Any] | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    removed: int = 0
    confidence: float | None = None
    prompt: str = ""
    short: str | None = None
    nearest: tuple[Place, ...] = ()

    @property
    def text(self) -> str:
        """The sentences joined, citation markers in them."""
        return "".join(one.gap * (n > 0) + one.line for n, one in enumerate(self.sentences))


@dataclass(frozen=True, slots=True)
class Step:
    """What one stage made of a document that a question is traced to.

    `ok` is False where the document was lost; `figures` has by how much; `advice` what to do.
    """

    stage: str
    ok: bool
    detail: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """The way of a document through the stages; the last step is where it got to."""

    path: str
    question: str
    steps: tuple[Step, ...]

    @property
    def found(self) -> bool:
        """True when no stage lost it."""
        return self.steps[-1].ok

    @property
    def rank(self) -> int | None:
        """Its place among the passages, from 1; None where it was lost before it had one."""
        return self.steps[-1].figures.get("rank")


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run of `index` did. `embedded` counts passages that a model was run on."""

    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    failed: tuple[FailedFile, ...] = ()
    passages: int = 0
    embedded: int = 0
    generation: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
