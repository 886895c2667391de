"""In which sense something is said."""

from __future__ import annotations

import pytest

from ragqa.text.senses import agree, senses_about, senses_of


@pytest.mark.parametrize(
    ("text", "senses"),
    [
        ("It can sing.", ""),
        ("It must sing.", "demanded"),
        ("It may not sing.", "possible denied"),
        ("In May it sings.", ""),
        ("May it sing?", "possible"),
        ("If it sings:", "supposed"),
        ("Myths:", "false"),
        ("Pros", "good"),
        ("Limitations", "bad"),
    ],
)
def test_senses(text: str, senses: str) -> None:
    assert senses_of(text) == set(senses.split())


def test_a_clause_about_something_else_does_not_count() -> None:
    text = "If it rains, it sings, and may also dance."
    assert senses_about(text, lambda clause: "sings" in clause) == {"supposed"}
    assert senses_about(text, lambda clause: "dance" in clause) == {"supposed", "possible"}


def test_only_opposite_values_disagree() -> None:
    good, bad, fact = senses_of("pros"), senses_of("cons"), senses_of("it is")
    assert agree(good, fact) and agree(fact, bad) and agree(good, good | bad)
    assert not agree(good, bad)
    assert not agree(senses_of("it must"), fact)
