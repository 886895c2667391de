"""Public question sets, and questions that we wrote -> items: a question on a passage.

SQuAD is split by article, the others by question; no passage is held out that is trained on.
`questions.jsonl` beside this file has the questions that we wrote, on passages of these sets that
are trained on and on `corpus/`: more than half have no answer, though they look as if they had one.
It names passages by their hash; questions on a note that has changed since are left out.
`notes.jsonl` has notes that were made up, with questions of both kinds; `unseen.jsonl` has others,
that are never trained on.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragqa.documents import is_supported, read_document

SQUAD_DEV = frozenset({"Warsaw"})
SQUAD_TEST = frozenset({"Normans", "1973_oil_crisis"})
CORPUS = Path(__file__).parent.parent / "corpus"
WRITTEN = Path(__file__).parent / "questions.jsonl"
MADE_UP = Path(__file__).parent / "notes.jsonl"
UNSEEN = Path(__file__).parent / "unseen.jsonl"


@dataclass(frozen=True, slots=True)
class Item:
    """A question on a passage. `answer` is the text of it that answers, None where none does.

    `accepted` are the answers that count as right.
    """

    source: str
    article: str
    title: str
    passage: str
    question: str
    answer: str | None
    accepted: tuple[str, ...] = ()


def read_items(data: Path) -> dict[str, list[Item]]:
    """The items of each split: train, dev and test by set."""
    squad, nq, clap = squad_items(data), nq_items(data), clapnq_items(data)
    trained = [
        *(item for item in squad if item.article not in SQUAD_DEV | SQUAD_TEST),
        *nq[:1000],
        *clap[:200],
    ]
    trained_on = {item.passage for item in trained}

    def unseen(items: Sequence[Item]) -> list[Item]:
        return [item for item in items if item.passage not in trained_on]

    held_out = {
        "squad-dev": [item for item in squad if item.article in SQUAD_DEV],
        "squad-test": [item for item in squad if item.article in SQUAD_TEST],
        "nq-dev": unseen(nq[1000:1150]),
        "nq-test": unseen(nq[1150:]),
        "clapnq-dev": unseen(clap[200:]),
        "written-dev": list(_unseen(0)),
        "written-test": list(_unseen(1)),
    }
    return {"train": [*trained, *written_items(trained)], **held_out}


def squad_items(data: Path) -> list[Item]:
    """SQuAD 2.0 (Rajpurkar et al. 2018): the shortest of the given answers is trained on."""
    return [
        Item(
            "squad2",
            row["title"],
            row["title"].replace("_", " "),
            row["passage"],
            row["question"],
            min(row["answers"], key=len) if row["answerable"] else None,
            tuple(row["answers"]),
        )
        for row in _rows(data / "squad2" / "dev.jsonl.gz")
    ]


def nq_items(data: Path) -> list[Item]:
    """Natural Questions with the gold passage (Liu et al. 2023), where it holds an answer."""
    items = []
    for row in _rows(data / "nq_oracle" / "dev.jsonl.gz"):
        title, text, accepted = row["title"], row["passage"], tuple(row["answers"])
        if found := [answer for answer in accepted if answer in text]:
            answer = min(found, key=len)
            items.append(Item("nq", title, title, text, row["question"], answer, accepted))
    return items


def clapnq_items(data: Path) -> list[Item]:
    """ClapNQ (Rosenthal et al. 2024): the first of the sentences marked as the answer."""
    items = []
    for row in _rows(data / "clapnq" / "dev.jsonl.gz"):
        marked = [s.strip() for s in row["selected_sentences"] if s.strip() in row["passage"]]
        if row["answerable"] and not marked:
            continue
        answer = marked[0] if row["answerable"] else None
        title, accepted = row["title"], (answer,) if answer else ()
        items.append(
            Item("clapnq", title, title, row["passage"], row["question"], answer, accepted)
        )
    random.Random(0).shuffle(items)  # the file has those with an answer first
    return items


def written_items(trained: Sequence[Item]) -> Iterator[Item]:
    """The questions that we wrote: on passages of these items, on our notes, on made-up ones."""
    places = {hash_of(item.passage): (item.article, item.title, item.passage) for item in trained}
    places |= {hash_of(text): (name, name, text) for name, text in paragraphs()}
    made_up = _lines(MADE_UP)
    places |= {hash_of(r["text"]): (r["title"], r["title"], r["text"]) for r in made_up}
    for row in (*_lines(WRITTEN), *made_up):
        place = places.get(row.get("passage") or hash_of(row["text"]))
        if place is not None:
            yield from _items(row, place)


def _unseen(half: int) -> Iterator[Item]:
    """Every other passage of those that are never trained on, from number `half` on."""
    for row in _lines(UNSEEN)[half::2]:
        yield from _items(row, (row["title"], row["title"], row["text"]))


def _items(row: dict[str, Any], place: tuple[str, str, str]) -> Iterator[Item]:
    """The questions that we wrote on a passage: its article, title and text."""
    for question, answer in row["answerable"]:
        yield Item("written", *place, question, answer, (answer,))
    for question in row["unanswerable"]:
        yield Item("written", *place, question, None)


def paragraphs() -> Iterator[tuple[str, str]]:
    """Title and text of each block of our notes, but for headings and code."""
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file() and is_supported(path):
            for block in read_document(path, path.read_bytes()).blocks:
                if block.kind not in ("heading", "code"):
                    yield path.stem, " ".join(block.text.split())


def hash_of(passage: str) -> str:
    """What names a passage in `questions.jsonl`."""
    return hashlib.sha256(passage.encode()).hexdigest()[:16]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
