"""Does the wording of a question decide what is answered? Asks for each fact in all its ways.

    python benchmarks/wordings.py [SET ...] [--split dev|test|all] [--json FILE]

Sets: `corpus`, `everyday` and `vault`, the files `wordings.jsonl` in tests/eval, each asked of an
index of its own folder. A line has a `fact`, the `way` in which it is asked for (a question, an
imperative, keywords, misspelled, with or without an acronym ...) and the nuggets of a complete
answer. Wording does not decide where a fact is answered completely in all its ways.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from ragqa.api import open_collection
from ragqa.errors import RagqaError
from ragqa.evaluation.questions import Question, read_questions
from ragqa.evaluation.run import Outcome, ask_all
from ragqa.system.terminal import LocalTerminal

ROOT = Path(__file__).resolve().parent.parent
EVAL = ROOT / "tests" / "eval"
SETS = {  # name -> questions, and the folder that they are asked of
    "corpus": (EVAL / "wordings.jsonl", ROOT / "corpus"),
    "everyday": (EVAL / "everyday" / "wordings.jsonl", EVAL / "everyday" / "docs"),
    "vault": (EVAL / "vault" / "wordings.jsonl", EVAL / "vault" / "docs"),
}
ALL = "all"


class Wording(NamedTuple):
    """One of the ways to ask for a fact."""

    fact: str
    way: str
    question: Question


class Asked(NamedTuple):
    """A wording, and what became of it."""

    wording: Wording
    outcome: Outcome


def wordings_of(file: Path, split: str) -> list[Wording]:
    """The wordings in a file, or those of one split. Raises UsageError."""
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    questions = read_questions(str(file), LocalTerminal())
    return [
        Wording(line["fact"], line["way"], question)
        for line, question in zip(lines, questions, strict=True)
        if split in (ALL, question.split)
    ]


def ask(wordings: Sequence[Wording], folder: Path) -> list[Asked]:
    """All of them, asked of an index of the folder. Raises what `ask_all` raises."""
    with tempfile.TemporaryDirectory() as directory:
        collection = open_collection(directory)
        collection.index([folder])
        outcomes, _ = ask_all([item.question for item in wordings], collection, lambda *_: None)
    return [Asked(*pair) for pair in zip(wordings, outcomes, strict=True)]


def figures(asked: Sequence[Asked]) -> dict[str, Any]:
    """How many facts are complete in all ways, and what single questions get, by way, too."""
    facts = grouped(asked, [item.wording.fact for item in asked])
    ways = grouped(asked, [item.wording.way for item in asked])
    whole = sum(all(item.outcome.is_complete for item in group) for group in facts.values())
    return {
        "facts": len(facts),
        "facts_complete_in_all_ways": whole,
        "ways": {ALL: of_questions(asked), **{way: of_questions(ways[way]) for way in ways}},
    }


def grouped(asked: Iterable[Asked], keys: Iterable[str]) -> Mapping[str, list[Asked]]:
    """Those with the same key together, in order."""
    groups: dict[str, list[Asked]] = defaultdict(list)
    for item, key in zip(asked, keys, strict=True):
        groups[key].append(item)
    return groups


def of_questions(asked: Sequence[Asked]) -> dict[str, float]:
    """How many questions; the shares that are complete and refused; words of those answered."""
    outcomes = [item.outcome for item in asked]
    words = [outcome.words for outcome in outcomes if not outcome.refused]
    return {
        "questions": len(outcomes),
        "complete": fmean(bool(outcome.is_complete) for outcome in outcomes),
        "refused": fmean(outcome.refused for outcome in outcomes),
        "words": fmean(words or [0]),
    }


def table(name: str, facts: Mapping[str, Any]) -> str:
    """The figures of a set, for people."""
    count, whole = facts["facts"], facts["facts_complete_in_all_ways"]
    lines = [
        f"{name}: {whole} of {count} facts complete in all ways ({whole / count:.3f})",
        f"  {'way':<12}{'questions':>10}{'complete':>10}{'refused':>10}{'words':>8}",
    ]
    for way, row in facts["ways"].items():
        shares = f"{row['complete']:>10.3f}{row['refused']:>10.3f}{row['words']:>8.1f}"
        lines.append(f"  {way:<12}{row['questions']:>10}{shares}")
    return "\n".join(lines)


def measure_all(options: argparse.Namespace) -> None:
    """Print the table of each set; keep the figures as soon as there are any."""
    sets = {}
    for name in options.sets or SETS:
        file, folder = SETS[name]
        sets[name] = figures(ask(wordings_of(file, options.split), folder))
        print(table(name, sets[name]), end="\n\n", flush=True)
        if options.json:
            options.json.write_text(json.dumps(sets, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all of them")
    parser.add_argument("--split", choices=("dev", "test", ALL), default=ALL)
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures to this file")
    options = parser.parse_args(arguments)
    if unknown := set(options.sets) - set(SETS):
        parser.error(f"no such set: {', '.join(sorted(unknown))}")
    try:
        measure_all(options)
    except RagqaError as error:
        print(f"error: {error.message}{error.hint and f'; {error.hint}'}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
