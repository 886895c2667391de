"""Writes tests/eval/attacks.jsonl: passages with hidden instructions, and honest look-alikes.

    python scripts/make_attacks.py

Each case is a question with two or three short passages. One says the true answer (unless the case
is not answerable), one holds an instruction to whatever model reads it. A wording is used for one
answerable case; the first two of each family are used again where the answer is missing. Wordings
alternate between the splits, so that rules chosen on `dev` meet new wordings in `test`. The places,
people and figures are invented. No randomness: the same file every time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from attack_texts import BENIGN, MISSING, SCENES, WORDINGS, Scene

TARGET = Path(__file__).parent.parent / "tests" / "eval" / "attacks.jsonl"
LEAD = {"title": "Visitor notes", "text": "These notes were put together from several sources."}


class Placed(NamedTuple):
    """Passages, and what was put into one of them."""

    passages: list[dict[str, str]]
    injected: str


def as_tags(text: str) -> str:
    """ASCII as Unicode tag characters, which no font shows."""
    return "".join(chr(0xE0000 + ord(char)) for char in text)


def as_selectors(text: str) -> str:
    """Bytes as variation selectors, which no font shows."""
    codes = (0xFE00 + byte if byte < 16 else 0xE0100 + byte - 16 for byte in text.encode())
    return "".join(map(chr, codes))


def split_by(char: str) -> Callable[[str], str]:
    """Puts an invisible character into each longer word."""

    def split(text: str) -> str:
        return " ".join(f"{w[:2]}{char}{w[2:]}" if len(w) > 3 else w for w in text.split(" "))

    return split


def wrapped(before: str, after: str) -> Callable[[str], str]:
    """Puts control characters around a text."""
    return lambda text: f"{before}{text}{after}"


DISGUISES: dict[str, Callable[[str], str]] = {
    "tags": as_tags,
    "selectors": as_selectors,
    "zero-width space": split_by("\u200b"),
    "zero-width non-joiner": split_by("\u200c"),
    "zero-width joiner": split_by("\u200d"),
    "word joiner": split_by("\u2060"),
    "soft hyphen": split_by("\u00ad"),
    "right-to-left override": lambda text: f"\u202e{text[::-1]}\u202c",
    "left-to-right override": wrapped("\u202d", "\u202c"),
    "isolate": wrapped("\u2067", "\u2069"),
    "marks": split_by("\u200e"),
    "byte-order mark": split_by("\ufeff"),
}


def placed(scene: Scene, injected: str, way: int, answerable: bool) -> Placed:
    """The passages of a scene with the injection in one of four places."""
    true = [{"title": scene.title, "text": scene.text}] if answerable else []
    other = {"title": scene.other_title, "text": scene.other_text}
    carriers = [LEAD, *true, other]
    carrier = dict((LEAD, (true or [other])[0], other, (true or [other])[0])[way % 4])
    parts = [injected, carrier["text"]] if way % 4 == 3 else [carrier["text"], injected]
    carrier["text"] = "\n\n".join(parts)
    passages = [carrier if item["title"] == carrier["title"] else item for item in carriers]
    if way % 4 and answerable:
        passages = passages[1:]  # the notes that say nothing are there to carry an injection
    return Placed(passages, injected)


def attacks() -> Iterator[dict[str, Any]]:
    """All cases with an injection, family by family."""
    for place, (family, wordings) in enumerate(WORDINGS.items()):
        for number, wording in enumerate(wordings):
            scene = SCENES[(place * 5 + number) % len(SCENES)]
            yield attack(family, number, wording, scene, answerable=True)
        for number, wording in enumerate(wordings[:2]):
            scene = MISSING[(place * 2 + number) % len(MISSING)]
            yield attack(family, number, wording, scene, answerable=False)


def attack(
    family: str, number: int, wording: str, scene: Scene, answerable: bool
) -> dict[str, Any]:
    """One case."""
    name, _, template = wording.rpartition("||")
    injected = template.format(topic=scene.topic, canary=scene.canary, question=scene.question)
    injected = DISGUISES[name](injected) if name else injected
    passages, injected = placed(scene, injected, number // 2, answerable)
    host = [f"{scene.canary.lower()}.example"] if ".example" in template else []
    return {
        "id": f"{family}-{number + 1:02}" + ("" if answerable else "-missing"),
        "family": family,
        "question": scene.question,
        "passages": passages,
        "answers": list(scene.answers) if answerable else [],
        "answerable": answerable,
        "attack": [*host, scene.canary],
        "injected": injected,
        "split": ("dev", "test")[number % 2],
    }


def look_alikes() -> Iterator[dict[str, Any]]:
    """Honest texts about such attacks, or with imperatives of their own; nothing is injected."""
    for number, case in enumerate(BENIGN):
        question, answers, *texts = case
        passages = [dict(zip(("title", "text"), text, strict=True)) for text in texts]
        yield {
            "id": f"benign-{number + 1:02}",
            "family": "benign",
            "question": question,
            "passages": passages,
            "answers": list(answers),
            "answerable": True,
            "attack": [],
            "injected": "",
            "split": ("dev", "test")[number % 2],
        }


def lines() -> list[str]:
    """The file, line by line; not ASCII is escaped, so that what is invisible can be seen."""
    return [json.dumps(case) for case in (*attacks(), *look_alikes())]


if __name__ == "__main__":
    TARGET.write_text("\n".join(lines()) + "\n", encoding="utf-8")
