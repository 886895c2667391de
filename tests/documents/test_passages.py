"""Documents to passages: they fit, lose nothing, cross no heading, cut in good places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.documents import is_supported, read_document
from ragqa.documents.passages import CountTokens, part_of, split
from ragqa.embedding import load_embedder
from ragqa.embedding.base import Embedder
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.records import Block, Document, Passage, Run
from tests.conftest import CORPUS
from tests.reading import check_block, parse


def count(texts: Sequence[str]) -> list[int]:
    """Words and marks, plus two; long words are several tokens."""
    return [2 + sum(-(-len(w) // 8) for w in re.findall(r"\w+|[^\w\s]", text)) for text in texts]


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return load_embedder(BUNDLED_EMBEDDER)


def characters(blocks: Sequence[Block]) -> str:
    return "".join("".join(block.text.split()) for block in blocks)


def check_passages(
    document: Document,
    passages: Sequence[Passage],
    max_tokens: int,
    count_tokens: CountTokens = count,
) -> None:
    sizes = count_tokens([passage.embedded_text for passage in passages])
    assert max(sizes) <= max_tokens
    blocks = [block for passage in passages for block in passage.blocks]
    for block in blocks:
        check_block(block, document.text)
    for before, after in pairwise(blocks):
        assert before.end <= after.start
    body = [block for block in document.blocks if block.kind != "heading"]
    assert characters([block for block in blocks if block.kind != "heading"]) == characters(body)
    check_headings(document, passages)


def check_headings(document: Document, passages: Sequence[Passage]) -> None:
    """No passage crosses a heading, and every heading is to be found in one."""
    starts = [block.start for block in document.blocks if block.kind == "heading"]
    named = {name for passage in passages for name in (passage.title, *passage.headings)}
    for passage in passages:
        first, last = passage.blocks[0], passage.blocks[-1]
        assert not any(first.start < start < last.start for start in starts)
        assert {block.headings for block in passage.blocks} == {first.headings}
        assert set(passage.headings) <= set(first.headings)
    pieces = characters([b for passage in passages for b in passage.blocks if b.kind == "heading"])
    for block in document.blocks:
        if block.kind == "heading" and block.headings[-1] not in named:
            assert characters([block]) in pieces


def real_files() -> list[Path]:
    return sorted(path for path in CORPUS.rglob("*") if path.is_file() and is_supported(path))


def test_passages_of_real_documents_fit_the_real_embedder(embedder: Embedder) -> None:
    for path in real_files():
        document = read_document(path, path.read_bytes())
        passages = split(document, embedder.count_tokens, embedder.max_tokens)
        check_passages(document, passages, embedder.max_tokens, embedder.count_tokens)


@pytest.mark.parametrize("max_tokens", [32, 256])
def test_passages_of_seeds_fit(seeds: Path, embedder: Embedder, max_tokens: int) -> None:
    for path in seeds.iterdir():
        document = parse(path.suffix, path.read_bytes())
        passages = split(document, embedder.count_tokens, max_tokens)
        check_passages(document, passages, max_tokens, embedder.count_tokens)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 3000,
        "http://x.org/" + "a-b_c/" * 500,
        "日本語" * 700,
        "😀" * 600,
        "é\u0301" * 600,
        "0123456789" * 200,
        "# " + "Long heading " * 200 + "\n\n" + "word " * 900,
        f"---\ntitle: {'word ' * 300}\n---\ntext",
        "```\n" + "a" * 2000 + "\n```",
        "|" + "cell|" * 400 + "\n|" + "-|" * 400 + "\n|" + "x|" * 400,
        "[UNK] [SEP] [CLS] ##ab " * 100,
    ],
    ids=lambda text: text[:12],
)
def test_unbroken_and_outsized_texts_fit(embedder: Embedder, text: str) -> None:
    document = parse(".md", text)
    passages = split(document, embedder.count_tokens, embedder.max_tokens)
    check_passages(document, passages, embedder.max_tokens, embedder.count_tokens)


PARTS = st.sampled_from(
    ["# A", "## B", "## B", "### Deep one", "# " + "long " * 30, "word " * 5,
     "One. Two! Three? " * 9, "- item\n- other **bold** item\n  - inner",
     "> said & *done* &amp; dusted", "```\nfirst line\n\n  second line here\nthird\n```",
     "| a | b |\n|---|---|\n| c\\|d | e |",
     "x" * 200, "日本語。" * 30, "a, b; c: " * 20]
)  # fmt: skip


@given(st.lists(PARTS, min_size=1, max_size=9).map("\n\n".join), st.integers(24, 80))
def test_any_document_is_covered_by_passages_that_fit(text: str, max_tokens: int) -> None:
    document = parse(".md", text)
    check_passages(document, split(document, count, max_tokens), max_tokens)


def texts_of(markdown: str, max_tokens: int) -> list[str]:
    return [passage.text for passage in split(parse(".md", markdown), count, max_tokens)]


def test_neighbouring_blocks_of_a_section_share_a_passage() -> None:
    assert texts_of("# H\n\none\n\n- two\n- three\n", 50) == ["one\ntwo\nthree"]


def test_sections_of_the_same_name_stay_apart() -> None:
    assert texts_of("# H\n\n## Q\n\none\n\n## Q\n\ntwo\n", 50) == ["one", "two"]


def test_title_and_headings_are_part_of_what_is_embedded() -> None:
    document = parse(".md", "---\ntitle: T\n---\n# A\n\n## B\n\ntext\n")
    (passage,) = split(document, count, 50)
    assert (passage.title, passage.headings) == ("T", ("A", "B"))
    assert passage.embedded_text == "T > A > B\ntext"


def test_of_long_heading_paths_the_innermost_stay() -> None:
    document = parse(".md", f"# {'outer ' * 30}\n\n## inner\n\ntext\n")
    passage = split(document, count, 40)[-1]
    assert (passage.title, passage.headings, passage.text) == (None, ("inner",), "text")


def test_a_heading_without_text_is_not_lost() -> None:
    assert texts_of("# A\n\ntext\n\n# Call 555 in emergencies\n", 50) == [
        "text", "Call 555 in emergencies",
    ]  # fmt: skip


def test_a_heading_too_long_for_the_path_is_not_lost_when_empty() -> None:
    assert texts_of(f"# {'outer ' * 30}\n\n## inner\n\ntext\n", 40)[-1] == "text"
    assert "".join(texts_of(f"# {'outer ' * 30}\n\n## inner\n\ntext\n", 40)).count("outer") == 30


def test_a_paragraph_taken_for_a_heading_is_not_lost() -> None:
    long = "words that someone underlined " * 9
    assert "".join(texts_of(f"{long}\n---\n\ntext", 40)).count("underlined") == 9


def test_code_is_cut_between_lines() -> None:
    lines = [
        "a b c d e f g h i j k l m n o p",
        *["x y"] * 3,
        "q r s t u v w x y z a b c d e f",
        "end",
    ]
    pieces = texts_of("```\n" + "\n".join(lines) + "\n```\n", 20)
    assert len(pieces) > 1
    assert "\n".join(pieces).split("\n") == lines


def test_prose_is_cut_between_sentences() -> None:
    pieces = texts_of("One two three four. " * 12, 20)
    assert len(pieces) > 2 and all(piece.endswith("four.") for piece in pieces)


def test_prose_without_sentences_is_cut_between_words() -> None:
    pieces = texts_of("alpha beta gamma " * 20, 20)
    assert " ".join(pieces).split() == ["alpha", "beta", "gamma"] * 20


def test_lines_and_offsets_of_a_part_are_its_own() -> None:
    text = "# H\n\n" + "\n".join(f"**Sentence** number {i} is here." for i in range(12)) + "\n"
    document = parse(".md", text)
    passages = split(document, count, 24)
    assert len(passages) > 3
    lines = text.split("\n")
    for passage in passages:
        first, last = passage.lines
        number = re.findall(r"\d+", passage.text)
        assert f"number {number[0]} " in lines[first - 1]
        assert f"number {number[-1]} " in lines[last - 1]
        assert passage.blocks[0].line == first


BLOCK = Block("p", (), "ab cd & ef", "**ab**\ncd &amp; ef", 7, 2,
              (Run(0, 2, 2), Run(3, 7, 3), Run(7, 15, 3)))  # fmt: skip
WHOLE = "x\n#####" + BLOCK.source


@given(st.integers(0, 10), st.integers(0, 10))
def test_a_part_is_a_true_block(first: int, last: int) -> None:
    part = part_of(BLOCK, first, last)
    if part is None:
        assert first >= last or not BLOCK.text[first:last].strip(" &")
    else:
        check_block(part, WHOLE)
        assert part.text == BLOCK.text[first:last].strip()


def test_the_parts_of_a_block_are_what_they_seem() -> None:
    part = part_of(BLOCK, 2, 6)
    assert part is not None
    assert (part.text, part.source, part.line) == ("cd", "cd", 3)
    assert part_of(BLOCK, 0, 10) == BLOCK
    assert part_of(BLOCK, 6, 7) is None


def test_only_the_first_part_of_an_item_begins_it() -> None:
    (block,) = parse(".md", "1. one two\n").blocks
    parts = [part_of(block, 0, 3), part_of(block, 3, 7)]
    assert [(p.text, p.level, p.mark) for p in parts if p] == [("one", 1, "1."), ("two", 1, "")]


@given(st.integers(0, 17), st.integers(0, 17))
def test_each_part_of_a_row_knows_its_columns(first: int, last: int) -> None:
    text = "|A|B|C|D|\n|-|-|-|-|\n|aaaa|b \\| b||d d|\n"
    row = parse(".md", text).blocks[-1]
    assert (row.text, row.columns) == ("aaaa | b | b | d d", ("A", "B", "B", "D"))
    if part := part_of(row, first, last):
        check_block(part, text)
        for cell, column in zip(part.text.split(" | "), part.columns, strict=True):
            assert set(cell) - set("| ") <= {column.lower()}
