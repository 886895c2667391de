"""Markdown with Obsidian syntax: what a reader sees, and where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading import aligned_share, check_document, check_template, pages, parse, shown

FRAGMENTS = [
    "{v} **{v}** *{v}* =={v}== `{v}`",
    "# {v}",
    "## {v} [[{h}|{v}]]",
    "{v}\n===",
    "[{v}](http://{h}.org) ![{h}](x.png) {v}",
    "[![{h}](b.svg)](http://x.org) {v}",
    "[[{h}|{v}]] [[{v}]] [[{v}#{v}]] ![[{h}]] {v}",
    "==**{v}**== %%{h}%% {v}",
    "{v} %% [[{h}|{h}]] %% {v}",
    "%%\n{h}\n\n{h}\n%%",
    "%% {h} %%",
    "- {v}\n  - {v}\n    {v}\n- {v}",
    "1. {v}\n\n   {v}\n2. {v}",
    "> {v}\n> - {v}\n>   - {v}",
    "> {v}\n{v}",
    "> [!note] {v}\n> {v}",
    "> [!tip]+\n> {v}",
    "- {v}\n  > [!note] {v}\n  > {v}",
    "```\n{v} %%{v}%% [[{v}]]\n\n  {v}\n```",
    "~~~~py\n{v}\n~~~~",
    "{v}\n\n    {v}\n    %% {v} %%",
    "| {v} | {v} |\n|---|---|\n| [[{h}\\|{v}]] | {v}\\|{v} |\n| | `{v}\\|{v}` |",
    "${v}$ {v} ${v}\n{v}$",
    "$$\n{v}\n$$",
    "$${v}$$",
    "{v}  \n{v}\\\n{v}",
    "`{v}\n{v}` {v}",
    "<div class='{h}'>{v} <b>{v}</b></div>",
    "> <p>{v}</p>\n> <p>{v}</p>",
    "<!-- {h} -->",
    "{v} <span title='{h}'>{v}</span><br>{v} <!-- {h} -->",
    "{v}^[{v} **{v}**] {v}",
    "{v}&amp;{v} \\*{v}\\* \\[{v}\\]",
    "#{h} #{h}/{h}",
    "[{h}]: http://x.org '{h}'",
    "<https://{v}.org>",
    "***",
]
CONTAINERS = ["> {}", "> > {}", "- {}", "1. {}", "- > {}"]


def nested(template: str, container: str) -> str:
    first, *rest = template.split("\n")
    after = container.replace("-", " ").replace("1.", "  ")
    return "\n".join([container.format(first), *(after.format(line) for line in rest)])


@given(pages(FRAGMENTS))
def test_each_visible_word_is_shown_once_and_no_hidden_one(template: str) -> None:
    check_template(".md", template)


@given(pages(FRAGMENTS), st.sampled_from(CONTAINERS))
def test_the_same_inside_quotes_and_lists(template: str, container: str) -> None:
    check_template(".md", nested(template, container) + "\n")


MARKUP = st.text(st.sampled_from("ab \n\t#*_[]()!|`>-=%$^~\\&;:<>/.1é日\u00a0\u2028"), max_size=80)


@given(MARKUP)
def test_any_mixture_of_marks_is_read_truly(text: str) -> None:
    if shown(".md", text):
        check_document(parse(".md", text))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("See [[Note]] and [[Note#Part]].", "See Note and Note > Part."),
        ("[[Note#Part|shown]] [[#Here]]", "shown Here"),
        ("==marked== and ==**bold**==", "marked and bold"),
        ("a == b and c == d", "a == b and c == d"),
        ("one  \ntwo\\\nthree<br>four", "one two three four"),
        ("my friend %% [[A|B]] %% was", "my friend was"),
        ("100 %% of", "100 %% of"),
        ("text ![badge](https://x.org/b.svg)", "text"),
        ("a^[a *note*] b", "a (a note) b"),
        ("claim[^1]", "claim[^1]"),
        ("AT&amp;T &copy; \\*x\\*", "AT&T © *x*"),
        ("so $x_1$ and $5 or $6", "so x_1 and $5 or $6"),
        ("`a | b` \\| c", "a | b | c"),
        ("[] [[]] [[|]] ![[]]", "[] [[]] [[|]] ![[]]"),
    ],
)
def test_inline_text_is_what_a_reader_sees(source: str, expected: str) -> None:
    assert shown(".md", source) == [expected]


@pytest.mark.parametrize(
    "source",
    ["![[file.pdf]]", "%% c %%", "%%\nc\n\nd\n%%", "<!-- c -->", "#a #b/c", "[x]: http://y.org"],
)
def test_nothing_is_shown_of_what_is_hidden(source: str) -> None:
    assert shown(".md", source + "\n\nend") == ["end"]


def test_an_unclosed_comment_is_text() -> None:
    assert shown(".md", "%%\nnever closed\n\nend")[-1] == "end"


def test_footnotes_stay_in_the_section_where_they_are_written() -> None:
    document = parse(".md", "# A\n\nclaim[^1]\n\n[^1]: the source\n\n# B\n\nend\n")
    assert [(block.headings[-1], block.text) for block in document.blocks] == [
        ("A", "A"), ("A", "claim"), ("A", "the source"), ("B", "B"), ("B", "end"),
    ]  # fmt: skip


def test_a_callout_shows_its_title_and_drops_its_mark() -> None:
    assert shown(".md", "> [!warning]- Take care\n> of **this**") == ["Take care", "of this"]
    assert shown(".md", "> [!ai] AI\n> body") == ["body"]
    assert shown(".md", "> [!quote|right] All in the title") == ["All in the title"]


def test_kinds_and_lines_of_blocks() -> None:
    text = "# H\n\npara\nmore\n\n- item\n\n> quote\n\n```py\ncode\n```\n\n|a|b|\n|-|-|\n|c|d|\n"
    found = [(block.kind, block.line, block.end_line) for block in parse(".md", text).blocks]
    assert found == [
        ("heading", 1, 1), ("paragraph", 3, 4), ("list_item", 6, 6), ("quote", 8, 8),
        ("code", 11, 11), ("column_names", 14, 14), ("table_row", 16, 16),
    ]  # fmt: skip


def test_escaped_bars_in_tables_keep_their_place_in_the_file() -> None:
    text = "| a | b |\n|---|---|\n| x\\|y | [[Note\\|seen]] end |\n"
    row = parse(".md", text).blocks[-1]
    assert row.text == "x|y | seen end"
    begin, end = row.source_span(row.text.index("seen"), row.text.index("seen") + 4)
    assert row.source[begin:end] == "seen"
    assert row.source == "x\\|y | [[Note\\|seen]] end"


def test_equal_cells_are_told_apart() -> None:
    row = parse(".md", "|a|b|c|\n|-|-|-|\n|same||same|\n").blocks[-1]
    assert (row.text, row.source) == ("same | same", "same||same")


def test_source_takes_in_the_markup_at_both_ends() -> None:
    (block,) = parse(".md", "- **bold** to [link](http://x.org)\n").blocks
    assert block.source == "**bold** to [link](http://x.org)"


def test_code_keeps_its_lines_and_comment_marks() -> None:
    text = "- item\n\n  ```mermaid\n  %% comment %%\n    ==x==\n  ```\n"
    assert shown(".md", text) == ["item", "%% comment %%\n  ==x=="]


def test_formulas_are_shown() -> None:
    assert shown(".md", "$$E=mc^2$$\n\n$$\na\nb\n$$\n") == ["E=mc^2", "a\nb"]


def test_headings_form_a_path() -> None:
    document = parse(".md", "# A\n\n### C\n\nx\n\n## B\n\ny\n")
    assert [block.headings for block in document.blocks if block.kind == "paragraph"] == [
        ("A", "C"), ("A", "B"),
    ]  # fmt: skip


def test_the_title_is_that_of_the_front_matter_or_the_first_top_heading() -> None:
    assert parse(".md", "---\ntitle: Front\n---\n# Head\n").title == "Front"
    assert parse(".md", "## Second\n\n# **Head**\n\n# Other\n").title == "Head"
    assert parse(".md", "text").title is None


def test_tags_are_gathered_from_text_not_from_code() -> None:
    document = parse(".md", "---\ntags: [front]\n---\n#one\n\ntext #two/sub `#code` x#no #12\n")
    assert document.tags == ("front", "one", "two/sub")


def test_tags_in_callouts_and_headings_count() -> None:
    assert parse(".md", "# H #a\n\n> [!note] T #b\n> #c x\n").tags == ("a", "b", "c")


def test_html_inside_markdown_is_read_as_html() -> None:
    text = "# A\n\n<details>\n<summary>Sum</summary>\n\nInner **md**\n\n</details>\n"
    assert shown(".md", text) == ["A", "Sum", "Inner md"]


def test_front_matter_does_not_shift_lines() -> None:
    document = parse(".md", "---\r\ntitle: T\r\naliases:\r\n  - x\r\n---\r\nbody\r\n")
    assert [block.line for block in document.blocks] == [6]


def test_text_between_two_rules_is_no_front_matter() -> None:
    assert shown(".md", "---\nHello there\n\n---\nmore") == ["Hello there", "more"]


@pytest.mark.parametrize(
    "text",
    [
        "some words and *more*\n" * 4000,
        "[" * 3000,
        "[[" * 3000,
        "^[" * 2000,
        "==a" * 5000,
        "%%a" * 5001,
        "%% a\n\n" * 500,
        "|" + "a|" * 500 + "\n|" + "-|" * 500 + "\n|" + "x|" * 500,
    ],
    ids=lambda text: text[:8],
)
def test_large_and_hostile_text_is_read_in_time_and_truly(text: str) -> None:
    check_document(parse(".md", text))


def test_deep_nesting_ends_in_text_or_an_error_of_ours() -> None:
    for text in (">" * 500 + " x", "- " * 400 + "x", "*" * 3000 + "x"):
        shown(".md", text)


@pytest.mark.parametrize("name", ["000", "001", "002", "003"])
def test_seeds_show_no_markup(seeds: Path, name: str) -> None:
    path = next(seeds.glob(f"{name}*"))
    document = parse(path.suffix, path.read_bytes())
    everything = "\n".join(block.text for block in document.blocks)
    for mark in ("---", "aliases:", "tags:", "**", "[[", "]]", "](", "==", "%%", "[!", "•",
                 "img.shields", "Stuart Alldritt", "Skip to content", "#status"):  # fmt: skip
        assert mark not in everything
    assert aligned_share(document) > 0.99


def test_seeds_have_their_titles_aliases_and_tags(seeds: Path) -> None:
    found = [parse(path.suffix, path.read_bytes()) for path in sorted(seeds.iterdir())]
    assert found[0].title == "Are LLMs a type of ML"
    assert found[2].title is not None and found[2].title.startswith("Large language models (LLMs)")
    assert "LLM technology" in found[2].aliases and len(found[2].aliases) == 7
    assert found[2].tags == (
        "intelligence/artificial-intelligence", "linguistics", "information", "computer-science",
        "status/postponed",
    )  # fmt: skip
    assert found[2].properties["file-created"] == "2023-03-25"
    assert found[3].title == "LLM" and "GPT" in found[3].aliases
    assert "transformer-architecture" in found[3].tags


def test_the_two_copies_of_one_seed_show_the_same_paragraphs(seeds: Path) -> None:
    markdown, scraped = (
        [block.text for block in parse(path.suffix, path.read_bytes()).blocks]
        for path in sorted(seeds.iterdir())[:2]
    )
    assert set(scraped) == set(markdown[1:])
    assert markdown[0].startswith("Note: this repository")


def test_task_boxes_and_block_ids_are_hidden() -> None:
    text = "- [ ] Feed the cat\n- [x] Read a paper ^done-1\n\nA line. ^abc123\n"
    assert shown(".md", text) == ["Feed the cat", "Read a paper", "A line."]


@pytest.mark.parametrize(
    ("source", "links"),
    [
        ("[[Note]] [[Other note|shown]] [[Note#Part]]", ("Note", "Other note")),
        ("![[Note#^id]] ![[pic.png|100]] [[sub/Note.md]]", ("Note", "pic.png", "sub/Note.md")),
        ("[[#Here]] [here](#here) [[|x]]", ()),
        ("[a](b.md) [c](../My%20note.md#x) [d](<e f.md>)", ("b.md", "../My note.md", "e f.md")),
        ("![a](pic.png) [r][1]\n\n[1]: /root.md 'Title'", ("pic.png", "/root.md")),
        ("[a](caf%C3%A9.md?x=1) [b](café.md)", ("café.md",)),
        ("[a](https://x.org/n.md) <https://x.org> [b](mailto:a@b.c) [c](//x.org/n.md)", ()),
        ("[a](http://[) <a@b.c> [b](obsidian://open?x=y)", ()),
        ("`[[code]]` %% [[hidden]] %% \\[[no]]\n\n    [[block]]", ()),
        ("# [[Head]]\n\n> [!note] [[Call]]\n\n- [[Item]]", ("Head", "Call", "Item")),
        ("| a |\n|---|\n| [[Cell\\|shown]] |", ("Cell",)),
        ("x[^1] [[Second]]\n\n[^1]: [[Third]]\n\n[[Last]]", ("Second", "Third", "Last")),
        ('---\nup: "[[Parent|p]]"\nrelated:\n  - [[Sister]]\n---\n[[Child]] [[Parent]]',
         ("Parent", "Sister", "Child")),
    ],
)  # fmt: skip
def test_links_to_other_files(source: str, links: tuple[str, ...]) -> None:
    assert parse(".md", f"{source}\n\nend").links == links


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The rent is ~~690~~ 710 euros.\n", ["The rent is 710 euros."]),
        ("It is <del>690</del> <s>*700*</s> <strike>705</strike> 710.\n", ["It is 710."]),
        ("- ~~milk~~\n- bread\n", ["bread"]),
        ("~~`a` and [b](c.md)~~ c ~~d~~ d\n", ["c d"]),
    ],
)
def test_what_is_struck_out_is_not_read(text: str, shown: list[str]) -> None:
    document = parse(".md", text)
    check_document(document)
    assert [block.text for block in document.blocks] == shown
