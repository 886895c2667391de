"""The spans that may be said: they begin and end where words, values and dates do."""

from __future__ import annotations

import re

import pytest

from ragqa.answering.spans import Spans
from ragqa.text.answer_types import answer_type
from ragqa.text.sentences import stems_of

TOKEN = re.compile(r" ?[^\W\d]+| ?\d| ?[^\w\s]|\s")


def spans_of(text: str, question: str) -> set[str]:
    """All spans of a sentence that may be said."""
    pieces = [piece.encode() for piece in TOKEN.findall(f" {text}")]
    tokens, asked = {0: list(range(len(pieces)))}, stems_of(question)
    spans = Spans(tokens, {0: pieces}, answer_type(question), asked)
    now, found = spans.starts(), []
    while now:
        now = [span for longer in spans.longer(now).values() for span in longer]
        found += spans.complete(now)
    return {spans.text(span) for span in found}


@pytest.mark.parametrize(
    ("text", "question", "there", "missing"),
    [
        ("It came on July 1, 1890.", "When did it come?", {"July 1, 1890"}, {"1890", "July 1"}),
        ("It came on July 1, 1890.", "In what year did it come?", {"1890", "July 1, 1890"}, set()),
        ("It came on 1 July 1890.", "When did it come?", {"1 July 1890"}, {"July 1890", "1 July"}),
        ("In 2017 Ann won.", "Who won?", {"Ann", "Ann won"}, {"2017"}),
        ("Ann has 12 hens.", "How many hens has Ann?", {"12", "12 hens"}, {"Ann", "hens"}),
        ("Nobody knows it.", "How many hens has Ann?", {"Nobody"}, set()),
        ("It waits 30 ms here.", "How long?", {"30 ms"}, {"30", "3"}),
        ("It has -40 °C or $5.", "What?", {"-40 °C", "$5"}, {"40", "40 °C", "5"}),
        ("He knew C++ and Ada’s “gold”—all.", "What?", {"C++", "Ada", "gold"}, {"C"}),
        ("It is 30 µs here.", "What?", {"30 µs"}, {"30"}),
        ("Pump | P-7 | 2019", "What is the number of the pump?", {"P-7", "2019"}, {"Pump"}),
        ("Pump | P-7 | 2019", "What is the code?", {"Pump", "P-7"}, {"Pump | P-7", "P-7 |"}),
        ("P-7 | Hall | Pump", "What is the code of the pump?", {"P-7"}, {"Pump", "Hall | Pump"}),
        ("Pump | Hall", "Where is the pump hall?", {"Pump"}, {"Pump | "}),
        ("Say <|end|> last", "What is said?", {"<|end|>", "Say <|end|> last"}, {"<", "<|"}),
        ("The Berlin museum stands in Berlin.", "Where is the Berlin museum?", {"Berlin"}, set()),
        ("In 1939-1945 it fell.", "What year did it fall?", {"1939", "1945", "1939-1945"}, {"39"}),
        ("In 1939-1945 it fell.", "What fell?", {"1939-1945"}, {"1939", "1945"}),
        ("Rust is faster.", "Is Go or Rust faster?", {"Rust"}, set()),
        ("A v2.3.1 of AT&T's came.", "What?", {"v2.3.1", "AT&T"}, {"v2", "2.3.1", "AT", "T"}),
    ],
)
def test_spans(text: str, question: str, there: set[str], missing: set[str]) -> None:
    found = spans_of(text, question)
    assert there <= found
    assert not missing & found
