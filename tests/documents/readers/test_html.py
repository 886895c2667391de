"""Saved web pages: the text of the main part, entities, unclosed tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading import check_document, check_template, pages, parse, shown

FRAGMENTS = [
    "<p>{v} <b>{v}</b> <i>{v}</i>{v}</p>",
    "<p>{v}<p>{v}",
    "<ul><li>{v}<li>{v}<ul><li>{v}</ul></ul>",
    "<table><tr>\n<td>{v}</td>\n<th>{v}</th></tr><tr><td>{v}<td>{v}</table>",
    "<h2>{v}</h2>{v}",
    "<h1>{v}</h2><p>{v}",
    "<div>{v}<div>{v}</div>{v}</div>",
    "<blockquote>{v}<br>{v}</blockquote>",
    "<pre>{v}\n  {v}</pre>",
    "<a href='{h}'>{v}</a> {v} <u>{v}</u><img alt='{h}'>",
    "<dl><dt>{v}<dd>{v}</dl>",
    "<section hidden><p>{h}</p></section>",
    "<script>var x = '<p>{h}</p>';</script>",
    "<style>{h}</style><noscript>{h}</noscript><template>{h}</template>",
    "<!-- {h} -->",
    "<nav><ul><li>{h}</ul></nav>",
    "<footer><p>{h}</p></footer><aside>{h}</aside>",
    "<div role='navigation'>{h}</div>",
    "<header>{h}</header>",
    "<form>{h}<select><option>{h}</select></form><button>{h}</button>",
    "<p>{v} &amp; {v} &#8212; {v}&nbsp;{v}</p>",
    "</div></p>{v}",
    "{v}<hr>{v}",
]


@given(pages(FRAGMENTS, "\n"))
def test_each_visible_word_is_shown_once_and_no_chrome(template: str) -> None:
    check_template(".html", template)


TAGS = st.sampled_from(
    "p div ul ol li dl dt dd table thead tbody tr td th pre h1 h2 b a title main aside nav script"
    " svg br x-y".split()
)
PIECES = st.one_of(
    TAGS.map("<{}>".format),
    TAGS.map("</{}>".format),
    TAGS.map("<{} />".format),
    st.sampled_from(
        ["<td rowspan=2>a", "<th colspan=2>b", "<td rowspan=3 colspan=2>", "<ol reversed>"]
    ),
    st.sampled_from(
        ["&amp;", "&#x41;", "&nope;", "&", "<", "<!--", "-->", "<?x?>", "<![CDATA[x]]>"]
    ),
    st.text("ab \n\té<>'\"=/", max_size=6),
)


@given(st.lists(PIECES, max_size=20).map("".join))
def test_any_mixture_of_tags_is_read_truly(text: str) -> None:
    if shown(".html", text):
        check_document(parse(".html", text))


def test_the_main_part_is_preferred() -> None:
    page = "<p>teaser</p><main><h1>Head</h1><p>The long text of the page.</p></main><p>more</p>"
    assert shown(".html", page) == ["Head", "The long text of the page."]
    assert parse(".html", page).title == "Head"


def test_a_small_main_part_is_not_all_of_the_page() -> None:
    page = f"<p>{'Long text before. ' * 9}</p><article>x</article>"
    assert len(shown(".html", page)) == 2


def test_a_page_that_is_all_navigation_still_gives_something() -> None:
    page = "<nav><h1>Menu</h1><p>Everything lies in here.</p><script>no</script></nav>"
    assert shown(".html", page) == ["Menu", "Everything lies in here."]


def test_an_article_keeps_its_own_header() -> None:
    page = "<header>Site</header><article><header><h1>Head</h1></header><p>Body</p></article>"
    assert shown(".html", page) == ["Head", "Body"]


def test_an_aside_of_an_article_is_a_note_of_it() -> None:
    page = "<aside>Site</aside><article><p>Body</p><aside><p>Note</p></aside></article>"
    assert shown(".html", page) == ["Body", "Note"]
    assert shown(".html", page.replace("<aside><p>", "<aside role=complementary><p>")) == ["Body"]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>a &amp; b &lt;c&gt; &eacute;</p>", ["a & b <c> é"]),
        ("<p>one\n   two\t three</p>", ["one two three"]),
        ("<p>5 < 6</p>", ["5 < 6"]),
        ("<pre>a\n  b<br>c</pre>", ["a\n  b\nc"]),
        ("<table><tr>\n<td>A</td>\n<td>B</td></tr></table>", ["A | B"]),
        ("<ruby>漢<rt>kan</rt></ruby>字", ["漢kan字"]),
        ("<p>Skip to content</p><p>Text</p>", ["Text"]),
        ("<p>before<script>x", ["before"]),
    ],
)
def test_text_is_what_a_reader_sees(page: str, expected: list[str]) -> None:
    assert shown(".html", page) == expected


def test_an_unclosed_title_does_not_swallow_the_page() -> None:
    document = parse(".html", "<head><title>Name<body><p>Text</p>")
    assert (document.title, [block.text for block in document.blocks]) == ("Name", ["Text"])


def test_a_heading_ends_at_any_heading_tag() -> None:
    document = parse(".html", "<h2>Head</h3><p>Text</p>")
    assert [(block.kind, block.headings) for block in document.blocks] == [
        ("heading", ("Head",)), ("paragraph", ("Head",)),
    ]  # fmt: skip


def test_title_and_keywords() -> None:
    head = "<title>Na&amp;me</title><meta name=Keywords content='a, b c,,'>"
    document = parse(".html", head + "<p>x</p>")
    assert (document.title, document.tags) == ("Na&me", ("a", "b c"))
    assert parse(".html", head + "<h1>Head</h1><p>x</p>").title == "Head"


def test_headings_form_a_path_and_kinds_are_told() -> None:
    page = "<h1>A</h1><h2>B</h2><ul><li>i</ul><blockquote>q</blockquote><h2>C</h2><pre>c</pre>"
    assert [(b.kind, b.headings) for b in parse(".html", page).blocks if b.kind != "heading"] == [
        ("list_item", ("A", "B")), ("quote", ("A", "B")), ("code", ("A", "C")),
    ]  # fmt: skip


@pytest.mark.parametrize("tag", ["<div>x", "<b>x", "<ul><li>x"])
def test_deep_nesting_is_read_in_time(tag: str) -> None:
    check_document(parse(".html", tag * 3000))


def test_names_with_an_ampersand_are_no_entities() -> None:
    assert shown(".html", "<p>AT&T and R&D, caf&eacute; &amp; bar</p>") == [
        "AT&T and R&D, café & bar"
    ]


def test_an_unknown_marked_section_is_a_comment() -> None:
    assert shown(".html", "<p>Before</p><![foo[ x ]]><p>After</p>") == ["Before", "After"]
    assert shown(".md", "Text.\n\n<div><![foo[ x ]]></div>\n") == ["Text."]


def test_scripts_below_many_unclosed_paragraphs_stay_hidden() -> None:
    text = "<p>Line of text.\n" * 600 + "<h2>Part</h2><script>var secret = 1;</script><p>End."
    document = parse(".html", text)
    assert [block.text for block in document.blocks][-2:] == ["Part", "End."]
    assert document.blocks[-1].headings == ("Part",)


@pytest.mark.parametrize(
    "head",
    ["<tr><th>Model</th><th>Size</th></tr>", "<thead><tr><td>Model</td><td>Size</td></tr></thead>"],
)
def test_the_head_of_a_table_is_a_kind_of_its_own(head: str) -> None:
    rows = "<tr><th>A</th><td>7 B</td></tr><tr><td>B</td><td>1 B</td></tr>"
    blocks = parse(".html", f"<table>{head}{rows}</table>").blocks
    assert [block.kind for block in blocks] == ["column_names", "table_row", "table_row"]


@pytest.mark.parametrize(
    "struck",
    [
        "<del>690</del>",
        "<s>690 <b>700</b></s>",
        "<strike>690</strike>",
        "<span style='color: red; display : none'>690</span>",
        '<span style="visibility:hidden">690</span>',
        "<span hidden>690</span>",
    ],
)
def test_what_is_struck_out_or_hidden_is_not_read(struck: str) -> None:
    document = parse(".html", f"<p>The rent is {struck} 710 euros.</p>")
    check_document(document)
    assert [block.text for block in document.blocks] == ["The rent is 710 euros."]
