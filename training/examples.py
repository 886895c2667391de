"""Public question sets and our own notes -> groups of passages with questions, for training.

    python training/examples.py DATA OUT      (DATA: the folder with squad2/, nq_oracle/, clapnq/)

Writes OUT/train.jsonl (the items), and for each held-out set OUT/NAME.jsonl, a questions file as
`ragqa eval` reads it. SQuAD is split by article, the others by question; of these, none is held out
whose passage is trained on. Of our notes all definitions are trained on, and the questions of the
dev half. Knows nothing of models; `Group`s are made anew for each epoch, by a seed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ragqa.documents import read_document
from ragqa.sentences import sentence_spans

SQUAD_DEV = frozenset({"Warsaw"})
SQUAD_TEST = frozenset({"Normans", "1973_oil_crisis"})
DISTRACTORS = 2
CORPUS = Path(__file__).parent.parent / "corpus"
QUESTIONS = Path(__file__).parent.parent / "tests" / "eval" / "questions.jsonl"
# "Perplexity is a measure of ...": what a note says of its subject.
DEFINITION = re.compile(r"(?:An? |The )?([A-Z][\w-]*(?: [\w-]+){0,3}) (is|are) (?:an?|the) ")
PERTURBED = 0.3  # of the questions with an answer, those that are also asked changed
NAME = re.compile(r"(?<![\w.])[A-Z][a-z]\w+(?: [A-Z][a-z]\w+)*")
NUMBER = re.compile(r"\b\d[\d,]*\b")
WORD = re.compile(r"[\w']+")
PAIRS = (
    "first last, largest smallest, biggest smallest, highest lowest, most least, more less,"
    " before after, north south, east west, northern southern, eastern western, early late,"
    " earliest latest, oldest newest, increase decrease, increased decreased, rise fall,"
    " win lose, won lost, began ended, start end, started ended, maximum minimum, above below,"
    " allow forbid, allowed prohibited, support oppose, supported opposed, with without,"
    " always never, inside outside, major minor, positive negative, strong weak, old new,"
    " long short, high low, all none, male female, father mother, husband wife, king queen,"
    " cause prevent, same different, public private, rich poor, rural urban, friend enemy"
)
OPPOSITES = {
    word: other
    for one, two in (pair.split() for pair in PAIRS.split(","))
    for word, other in ((one, two), (two, one))
}


@dataclass(frozen=True, slots=True)
class Item:
    """A question on a passage. `answer` is the text of it that answers, None where none does."""

    source: str
    article: str
    title: str
    passage: str
    question: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Passages (title, text) that several questions share.

    Each question comes with the place of its passage and the answer's start and end in it, or
    with None where no passage answers it.
    """

    passages: tuple[tuple[str, str], ...]
    questions: tuple[tuple[str, tuple[int, int, int] | None], ...]


def read_items(data: Path) -> dict[str, list[Item]]:
    """The items of each split: train, dev and test by set."""
    squad, nq, clap = squad_items(data), nq_items(data), clapnq_items(data)
    trained_on = {item.passage for item in (*nq[:1000], *clap[:200])}

    def unseen(items: Sequence[Item]) -> list[Item]:
        return [item for item in items if item.passage not in trained_on]

    return {
        "train": [
            *(item for item in squad if item.article not in SQUAD_DEV | SQUAD_TEST),
            *nq[:1000],
            *clap[:200],
            *corpus_items(),
            *definitions(),
        ],
        "squad-dev": [item for item in squad if item.article in SQUAD_DEV],
        "squad-test": [item for item in squad if item.article in SQUAD_TEST],
        "nq-dev": unseen(nq[1000:1150]),
        "nq-test": unseen(nq[1150:]),
        "clapnq-dev": unseen(clap[200:]),
    }


def squad_items(data: Path) -> list[Item]:
    """SQuAD 2.0 (Rajpurkar et al. 2018): of the given answers the shortest."""
    return [
        Item(
            "squad2",
            row["title"],
            row["title"].replace("_", " "),
            row["passage"],
            row["question"],
            min(row["answers"], key=len) if row["answerable"] else None,
        )
        for row in _rows(data / "squad2" / "dev.jsonl.gz")
    ]


def nq_items(data: Path) -> list[Item]:
    """Natural Questions with the gold passage (Liu et al. 2023), where it holds an answer."""
    items = []
    for row in _rows(data / "nq_oracle" / "dev.jsonl.gz"):
        found = [answer for answer in row["answers"] if answer in row["passage"]]
        if found:
            answer = min(found, key=len)
            title, text = row["title"], row["passage"]
            items.append(Item("nq", title, title, text, row["question"], answer))
    return items


def clapnq_items(data: Path) -> list[Item]:
    """ClapNQ (Rosenthal et al. 2024): the first of the sentences marked as the answer."""
    items = []
    for row in _rows(data / "clapnq" / "dev.jsonl.gz"):
        marked = [s.strip() for s in row["selected_sentences"] if s.strip() in row["passage"]]
        if row["answerable"] and not marked:
            continue
        answer = marked[0] if row["answerable"] else None
        title = row["title"]
        items.append(Item("clapnq", title, title, row["passage"], row["question"], answer))
    random.Random(0).shuffle(items)  # the file has those with an answer first
    return items


def corpus_items() -> list[Item]:
    """Our questions on our notes, dev half; the answer is the sentence with the fact."""
    items = []
    for row in map(json.loads, QUESTIONS.read_text(encoding="utf-8").splitlines()):
        if row["split"] != "dev" or not row["answerable"]:
            continue
        path = CORPUS / row["file"]
        for paragraph in paragraphs(path):
            sentence = _sentence_with(paragraph, row["answers"])
            if sentence:
                items.append(
                    Item("corpus", path.stem, path.stem, paragraph, row["question"], sentence)
                )
                break
    return items


def definitions() -> list[Item]:
    """ "What is X?" for sentences of our notes that say what X is."""
    items = []
    for path in sorted(CORPUS.rglob("*.md")):
        for paragraph in paragraphs(path):
            for first, last in sentence_spans(paragraph):
                sentence = paragraph[first:last]
                found = DEFINITION.match(sentence)
                if found and found[1].split()[0].lower() not in {"this", "that", "it", "there"}:
                    question = f"What {found[2]} {found[1][0].lower()}{found[1][1:]}?"
                    items.append(Item("notes", path.stem, path.stem, paragraph, question, sentence))
    return items


def paragraphs(path: Path) -> list[str]:
    """The paragraphs of a note, as the index has them."""
    return [
        block.text
        for block in read_document(path, path.read_bytes()).blocks
        if block.kind == "paragraph"
    ]


def _sentence_with(paragraph: str, answers: Iterable[str]) -> str | None:
    for first, last in sentence_spans(paragraph):
        if any(answer.lower() in paragraph[first:last].lower() for answer in answers):
            return paragraph[first:last]
    return None


def groups(items: Sequence[Item], seed: int) -> Iterator[Group]:
    """All items, shuffled and put together; the same for the same seed."""
    rng = random.Random(seed)
    by_passage: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        by_passage.setdefault((item.article, item.passage), []).append(item)
    by_article: dict[str, list[tuple[str, str]]] = {}
    for key in by_passage:
        by_article.setdefault(key[0], []).append(key)
    bundles = []
    singles = []
    for keys in by_article.values():
        rng.shuffle(keys)
        if len(keys) < 3:
            singles += keys
            continue
        while keys:
            size = rng.choice((1, 2, 2, 3))
            bundles.append([keys.pop() for _ in range(min(size, len(keys)))])
    rng.shuffle(singles)
    while singles:
        size = rng.choice((2, 3, 4))
        bundles.append([singles.pop() for _ in range(min(size, len(singles)))])
    rng.shuffle(bundles)
    for bundle in bundles:
        own = [item for key in bundle for item in by_passage[key]]
        near = [key for key in by_article[bundle[0][0]] if key not in bundle]
        foreign = [
            rng.choice(by_passage[rng.choice(near)] if near and rng.random() < 0.7 else items)
            for _ in range(1 + len(own) // 6)
        ]
        yield _group([by_passage[key][0] for key in bundle], own, foreign, rng)


def _group(
    passages: Sequence[Item], own: Sequence[Item], foreign: Sequence[Item], rng: random.Random
) -> Group:
    """Some passages lose sentences: questions on those become unanswerable."""
    texts = [thinned(item.passage, rng) for item in passages]
    whole = "\n".join(texts)
    places = {item.passage: place for place, item in enumerate(passages)}
    questions: list[tuple[str, tuple[int, int, int] | None]] = []
    for item in own:
        place = places[item.passage]
        if item.answer is None:
            questions.append((item.question, None))
        elif (start := _place_of(item, texts[place])) is not None:
            questions.append((item.question, (place, start, start + len(item.answer))))
        elif item.answer not in whole:
            questions.append((item.question, None))
        if item.answer is not None and rng.random() < PERTURBED:
            other = perturbed(item.question, item.answer, whole, rng)
            questions += [(other, None)] if other else []
    for item in foreign:
        if item.passage not in places and (item.answer is None or item.answer not in whole):
            questions.append((item.question, None))
    rng.shuffle(questions)
    shown = tuple((item.title, text) for item, text in zip(passages, texts, strict=True))
    return Group(shown, tuple(questions))


def perturbed(question: str, answer: str, passages: str, rng: random.Random) -> str | None:
    """The question asked of another name, number or opposite: seldom does the answer still fit.

    The name or number is one that the passages have, so that its words give nothing away.
    """
    ways = []
    for name in NAME.finditer(question, 1):
        others = sorted({found[0] for found in NAME.finditer(passages)})
        ways += [(name, other) for other in others if not _share(other, name[0] + " " + answer)]
    for number in NUMBER.finditer(question):
        others = sorted({found[0] for found in NUMBER.finditer(passages)})
        ways += [(number, other) for other in others if other not in question + answer]
    rng.shuffle(ways)
    ways = ways[:1]
    for word in WORD.finditer(question):
        other = OPPOSITES.get(word[0].lower())
        ways += [(word, other)] if other else []
    if not ways:
        return None
    found, other = rng.choice(ways)
    return question[: found.start()] + other + question[found.end() :]


def _share(one: str, other: str) -> bool:
    """Whether two names have a word in common."""
    return bool(set(one.lower().split()) & set(other.lower().split()))


def _place_of(item: Item, text: str) -> int | None:
    """Where the answer starts: of several places the one whose sentence is nearest the question."""
    assert item.answer is not None
    wanted = set(item.question.lower().split())
    best: tuple[int, int] | None = None
    for first, last in sentence_spans(text):
        at = text.find(item.answer, first, last)
        if at >= 0:
            score = len(wanted & set(text[first:last].lower().split()))
            if best is None or score > best[0]:
                best = (score, at)
    return best[1] if best else None


def thinned(passage: str, rng: random.Random) -> str:
    """The passage as one line, in half of the cases without some of its sentences."""
    sentences = [" ".join(passage[a:b].split()) for a, b in sentence_spans(passage)]
    keep = rng.choice((1.0, 1.0, 0.7, 0.4))
    kept = [sentence for sentence in sentences if rng.random() < keep]
    return " ".join(kept or sentences[:1])


def evaluation_rows(items: Sequence[Item], seed: int = 0) -> Iterator[dict[str, Any]]:
    """Records of a questions file: the item's passage among others of its article or set.

    Shuffled, so that the first of them stand for all.
    """
    rng = random.Random(seed)
    for number, item in rng.sample(list(enumerate(items)), len(items)):
        others = sorted(
            {(o.title, o.passage) for o in items if o.passage != item.passage}
            if len({o.article for o in items}) > 20
            else {
                (o.title, o.passage)
                for o in items
                if o.article == item.article and o.passage != item.passage
            }
        )
        shown = [*rng.sample(others, DISTRACTORS), (item.title, item.passage)]
        rng.shuffle(shown)
        yield {
            "id": number,
            "question": item.question,
            "answerable": item.answer is not None,
            "answers": [item.answer] if item.answer else [],
            "passages": [{"title": title, "text": text} for title, text in shown],
            "gold_passage": shown.index((item.title, item.passage)) + 1,
        }


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def main() -> None:
    """Write the training items and the held-out questions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, items in read_items(options.data).items():
        rows: Iterable[Any] = map(asdict, items) if name == "train" else evaluation_rows(items)
        with (options.out / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for row in rows:
                print(json.dumps(row, ensure_ascii=False), file=file)
        print(
            f"{name}: {len(items)} questions, {sum(i.answer is None for i in items)} without answer"
        )


if __name__ == "__main__":
    main()
