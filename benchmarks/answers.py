"""How good are retrieval, answers and refusals on the questions about `corpus/`?

    python benchmarks/answers.py [--split dev|test] [--answer extract|generate] [--json OUT]

Prints, for one split of tests/eval/questions.jsonl: how often the right file is among the first
three hits, how often the answer holds the expected fact (one of the accepted strings), and how well
it is decided what the notes do not answer. Thresholds and weights were chosen on `dev` alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from ragqa.embedding import load_embedder
from ragqa.generation import LlamaCppGenerator
from ragqa.models import BUNDLED_GENERATOR
from ragqa.pipeline import Session, ask, build_index
from ragqa.records import Answer
from ragqa.retrieval import retrieve
from ragqa.store import IndexReader

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "corpus"
QUESTIONS = ROOT / "tests" / "eval" / "questions.jsonl"


def questions(split: str) -> list[dict[str, Any]]:
    """The questions of one split."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    return [item for item in map(json.loads, lines) if item["split"] == split]


def has_fact(answer: Answer, question: dict[str, Any]) -> bool:
    """True when one of the accepted strings stands in the answer."""
    text = " ".join(answer.text.lower().split())
    return any(" ".join(accepted.lower().split()) in text for accepted in question["answers"])


def right_file(question: dict[str, Any], session: Session) -> bool:
    """True when a file that answers the question is among the first three hits."""
    assert session.reader is not None
    wanted = {str(CORPUS / name) for name in (question["file"], *question.get("also", ()))}
    hits = retrieve(question["question"], session.embedder, session.reader, 3)
    return any(wanted & {hit.path, *hit.also_in} for hit in hits)


def measure(split: str, session: Session) -> dict[str, Any]:
    """All figures for one split."""
    asked = questions(split)
    started = time.perf_counter()
    answers = [ask(item["question"], session) for item in asked]
    seconds = (time.perf_counter() - started) / len(asked)
    pairs = list(zip(asked, answers, strict=True))
    yes = [(item, answer) for item, answer in pairs if item["answerable"]]
    no = [(item, answer) for item, answer in pairs if not item["answerable"]]
    refused = [item for item, answer in pairs if answer.state == "not_in_documents"]
    refused_rightly = [item for item in refused if not item["answerable"]]
    return {
        "answerable": len(yes),
        "unanswerable": len(no),
        "right file in first 3": sum(right_file(i, session) for i, _ in yes) / len(yes),
        "answer has the fact": sum(has_fact(a, i) for i, a in yes) / len(yes),
        "answerable, but refused": sum(a.state == "not_in_documents" for _, a in yes) / len(yes),
        "refusal precision": len(refused_rightly) / max(len(refused), 1),
        "refusal recall": len(refused_rightly) / len(no),
        "refusal recall, near the topics": _recall(no, near=True),
        "refusal recall, far from them": _recall(no, near=False),
        "seconds a question": seconds,
    }


def _recall(no: list[tuple[dict[str, Any], Answer]], near: bool) -> float:
    group = [answer for item, answer in no if item["near"] == near]
    return sum(answer.state == "not_in_documents" for answer in group) / len(group)


def main() -> None:
    """Index the notes in a temporary folder, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    parser.add_argument("--answer", choices=("extract", "generate"), default="extract")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    generator = LlamaCppGenerator(BUNDLED_GENERATOR) if options.answer == "generate" else None
    with tempfile.TemporaryDirectory() as folder:
        build_index(Path(folder), [CORPUS], load_embedder, lambda *_: None)
        with IndexReader(Path(folder)) as reader:
            session = Session(load_embedder("all-MiniLM-L6-v2"), reader, generator)
            figures = measure(options.split, session)
    print(f"split {options.split}, answers: {options.answer}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name, value in figures.items():
        print(f"{name:<34} {value:.3f}" if isinstance(value, float) else f"{name:<34} {value}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
