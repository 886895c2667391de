"""Which number and marker a sentence gets, and where its quote stands in the file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.answering.citations import Citer, FileText, own_numbers
from ragqa.answering.pieces import sources_of
from ragqa.records import Citation, Sentence
from tests.hits import LLAMA_NOTE as NOTE
from tests.hits import corpus_hits, sources_in, unchanged

PATH = "/notes/a.md"


def _cite(
    sentence: str, text: str = NOTE, now: FileText | None = None
) -> tuple[Sentence, list[Citation]]:
    texts = {PATH: now or FileText(text, changed=False)}
    citer = Citer(sources_in(text), texts)
    found = citer.add(sentence)
    assert found
    return found, citer.citations


def test_a_sentence_of_the_file_is_supported_by_itself() -> None:
    sentence, [citation] = _cite("Llama 2 has 7 billion parameters.")
    assert sentence == Sentence("Llama 2 has 7 billion parameters [1].", "supported", (1,))
    assert citation.quote == "Llama 2 has **7 billion** parameters."
    assert citation.quote_text == "Llama 2 has 7 billion parameters."
    assert (citation.start_line, citation.end_line) == (10, 10)
    assert NOTE[citation.start_char : citation.end_char] == citation.quote
    assert (citation.title, citation.headings) == ("Llama", ("Llama", "Sizes"))
    assert not citation.stale


def test_the_quote_may_be_two_neighbouring_sentences() -> None:
    sentence, [citation] = _cite(
        "Llama 2, with 7 billion parameters, was released by Meta in 2023."
    )
    assert sentence.support == "supported"
    assert citation.quote_text.startswith("Llama 2 has")
    assert citation.quote_text.endswith("July 2023.")


@pytest.mark.parametrize(
    ("sentence", "marked"),
    [
        ("Llama 2 has 7 billion parameters", "Llama 2 has 7 billion parameters [1]"),
        ("Llama 2 has 7 billion parameters!”", "Llama 2 has 7 billion parameters!” [1]"),
        ("Llama 2 has 7 billion parameters [1].", "Llama 2 has 7 billion parameters [1]."),
        ("Llama 2 has 7 billion parameters.[2, 9]", "Llama 2 has 7 billion parameters [1]."),
        ("Llama 2 has 7 billion parameters 【1】.", "Llama 2 has 7 billion parameters [1]."),
        ("Llama 2 has 7 billion parameters [Passage 2].", "Llama 2 has 7 billion parameters [1]."),
    ],
)
def test_the_marker_stands_before_the_final_punctuation(sentence: str, marked: str) -> None:
    assert _cite(sentence)[0].text == marked


def test_an_unsupported_sentence_has_no_marker() -> None:
    sentence, citations = _cite("Bread rises with yeast [1].")
    assert sentence == Sentence("Bread rises with yeast.", "unsupported", ())
    assert citations == []


def test_numbers_that_the_model_invented_are_removed_and_counted() -> None:
    citer = Citer(sources_in(NOTE), unchanged((PATH, NOTE)))
    citer.add("Llama 2 has 7 billion parameters [2][7][12].")
    assert citer.removed == 2
    citer.add("Bread rises with yeast [1].")
    assert citer.removed == 3


@pytest.mark.parametrize(
    ("sentence", "named", "invented"),
    [
        ("So [1].", {0}, 0),
        ("So [1, 3; 2].", {0, 1, 2}, 0),
        ("So [0] and [4].", set(), 2),
        ("See [2](https://example.org).", set(), 0),
        ("In [2019] none.", set(), 0),
    ],
)
def test_numbers_of_the_model(sentence: str, named: set[int], invented: int) -> None:
    assert own_numbers(sentence, 3) == (named, invented)


def test_the_number_that_the_model_gave_decides_between_equal_quotes() -> None:
    texts = [("/notes/a.md", "# A\n\nIt is 5 km.\n"), ("/notes/b.md", "# A\n\nIt is 5 km.\n")]
    sources = [source for path, text in texts for source in sources_in(text, path)]
    for number, path in (("1", "/notes/a.md"), ("2", "/notes/b.md")):
        citer = Citer(sources, unchanged(*texts))
        citer.add(f"It is 5 km [{number}].")
        assert citer.citations[0].path == path


def test_a_repeated_sentence_is_dropped() -> None:
    citer = Citer(sources_in(NOTE), unchanged((PATH, NOTE)))
    assert citer.add("Llama 2 has 7 billion parameters.")
    assert citer.add("llama 2 has 7 billion parameters [1]!") is None
    assert citer.repeated == 1


def test_the_denial_of_a_sentence_is_no_repetition() -> None:
    citer = Citer(sources_in(NOTE), unchanged((PATH, NOTE)))
    assert citer.add("It is open to everyone.")
    assert citer.add("It is not open to everyone.")


@pytest.mark.parametrize("text", ["", " ", "[1]", "...", "- * -"])
def test_nothing_to_read_is_no_sentence(text: str) -> None:
    citer = Citer(sources_in(NOTE), {})
    assert citer.add(text) is None
    assert citer.repeated == 0


def test_the_same_quote_has_one_number() -> None:
    citer = Citer(sources_in(NOTE), unchanged((PATH, NOTE)))
    first = citer.add("Llama 2 has 7 billion parameters.")
    second = citer.add("7 billion parameters has Llama 2.")
    assert first
    assert second
    assert first.citations == second.citations == (1,)
    assert len(citer.citations) == 1


def test_another_file_that_says_the_same_is_cited_too() -> None:
    texts = [(f"/notes/{n}.md", f"# {n}\n\nGold melts at 1,064 degrees. {n}.\n") for n in "abc"]
    citer = Citer(
        [source for path, text in texts for source in sources_in(text, path)], unchanged(*texts)
    )
    sentence = citer.add("Gold melts at 1,064 degrees.")
    assert sentence
    assert sentence.text == "Gold melts at 1,064 degrees [1][2]."
    assert len({citation.path for citation in citer.citations}) == 2


def test_a_second_file_that_says_less_is_not_cited() -> None:
    texts = [
        ("/notes/a.md", "# A\n\nGold melts at 1,064 degrees.\n"),
        ("/notes/b.md", "# B\n\nGold.\n"),
    ]
    citer = Citer(
        [source for path, text in texts for source in sources_in(text, path)], unchanged(*texts)
    )
    citer.add("Gold melts at 1,064 degrees.")
    assert [citation.path for citation in citer.citations] == ["/notes/a.md"]


def test_a_second_file_that_denies_it_is_not_cited() -> None:
    texts = [
        ("/notes/a.md", "# A\n\nGold is soft.\n"),
        ("/notes/b.md", "# B\n\nGold is not soft.\n"),
    ]
    citer = Citer(
        [source for path, text in texts for source in sources_in(text, path)], unchanged(*texts)
    )
    citer.add("Gold is soft.")
    assert [citation.path for citation in citer.citations] == ["/notes/a.md"]


def test_the_files_of_folded_passages_are_named() -> None:
    citer = Citer(sources_in(NOTE, also_in=("/notes/copy.md",)), unchanged((PATH, NOTE)))
    citer.add("Llama 2 has 7 billion parameters.")
    assert citer.citations[0].also_in == ("/notes/copy.md",)


def test_in_a_changed_file_the_quote_is_found_again() -> None:
    now = "A new line.\n\nAnother one.\n" + NOTE
    _, [citation] = _cite("Llama 2 has 7 billion parameters.", now=FileText(now, changed=True))
    assert citation.stale
    assert citation.start_line == 13
    assert now[citation.start_char : citation.end_char] == citation.quote


def test_of_several_places_the_nearest_is_taken() -> None:
    quote = "Gold melts at 1,064 degrees."
    text = "# T\n" + "\n" * 500 + quote + "\n"
    now = f"{quote}\n{text}" + "\n" * 100 + quote
    _, [citation] = _cite(quote, text, now=FileText(now, changed=True))
    assert citation.start_line == 503


@pytest.mark.parametrize("now", [FileText("", True), FileText("gone", True), FileText(None, True)])
def test_a_quote_that_is_gone_is_stale_and_stays_where_it_was(now: FileText) -> None:
    _, [citation] = _cite("Llama 2 has 7 billion parameters.", now=now)
    assert citation.stale
    assert (citation.start_line, citation.quote) == (10, "Llama 2 has **7 billion** parameters.")
    assert NOTE[citation.start_char : citation.end_char] == citation.quote


def test_a_file_that_was_not_read_is_stale() -> None:
    citer = Citer(sources_in(NOTE), {})
    citer.add("Llama 2 has 7 billion parameters.")
    assert citer.citations[0].stale


def test_the_quote_text_has_no_markup() -> None:
    text = (
        "# T\n\nThe [[Self-attention|attention]] is ==very== `fast` [here](https://example.org).\n"
    )
    _, [citation] = _cite("The attention is very fast here.", text)
    assert citation.quote_text == "The attention is very fast here."
    assert citation.quote == text[5:-1]


@settings(deadline=None)
@given(st.data())
def test_every_quote_is_the_slice_of_its_file_and_within_a_block(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(corpus_hits())))
    text, hits = corpus_hits()[path]
    hit = data.draw(st.sampled_from(hits))
    words = " ".join(hit.passage.text.split()).split()
    first = data.draw(st.integers(0, len(words) - 1))
    said = " ".join(words[first : first + data.draw(st.integers(1, 30))])
    citer = Citer(sources_of(hits), unchanged((str(path), text)))
    citer.add(said)
    for citation in citer.citations:
        assert text[citation.start_char : citation.end_char] == citation.quote
        assert citation.start_line == text.count("\n", 0, citation.start_char) + 1
        assert citation.end_line == text.count("\n", 0, citation.end_char) + 1
        assert any(
            block.start <= citation.start_char
            and citation.end_char <= block.end
            and citation.quote_text in block.text
            for hit in hits
            for block in hit.passage.blocks
        )


def test_items_that_a_model_writes_are_on_lines_of_their_own() -> None:
    citer = Citer(sources_in(NOTE), unchanged((PATH, NOTE)))
    said = ("Of Llama 2:", "- It has 7 billion parameters.", "It was released by Meta.")
    assert [one.gap for raw in said if (one := citer.add(raw))] == [" ", "\n", " "]


def test_items_that_a_model_writes_stand_below_its_own_lead_in() -> None:
    text = "# T\n\nA metric should:\n\n- satisfy the triangle inequality\n- be symmetric\n"
    item = "- satisfy the triangle inequality"
    for before, support in (["A metric should:"], "supported"), (["A metric:"], "partly"):
        citer = Citer(sources_in(text), {})
        said = [citer.add(one) for one in (*before, item)]
        assert said[-1] is not None and said[-1].support == support
    citer = Citer(sources_in(text), {})
    for one in ("A metric should:", "It has two.", item):
        last = citer.add(one)
    assert last is not None and last.support == "partly"


def test_items_and_code_that_a_model_writes_are_set_as_such() -> None:
    citer = Citer(sources_in("# Run\n\nStart it with make demo.\n"), {})
    lines = ["1. Start it with make demo.", "- Start it.", "```sh\nmake demo\n  x\n```"]
    number, bullet, code = (sentence for line in lines if (sentence := citer.add(line)))
    assert (number.kind, number.mark, number.gap) == ("item", "1.", "\n")
    assert number.text.startswith("Start it")
    assert (bullet.kind, bullet.mark) == ("item", "-")
    assert (code.kind, code.text) == ("code", "make demo\n  x")
