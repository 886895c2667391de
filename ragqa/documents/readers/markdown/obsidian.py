"""Inline and block rules for markdown-it: what Obsidian adds to CommonMark.

Each rule puts the span of its source (relative to the inline content) into `token.meta["span"]`;
`locate` does the same for markdown-it's own rules, which keep no inline positions. Knows nothing
of documents or blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

WIKILINK = re.compile(r"(!?)\[\[([^\[\]|\n]*)(?:\|([^\[\]\n]*))?\]\]")
HIGHLIGHT = re.compile(r"==(?=\S)(?:[^=]|=(?!=))+?(?<=\S)==")
COMMENT = re.compile(r"%%.*?%%", re.DOTALL)
# Rules whose source is not their text: the aligner must know where each one ends.
LOCATED = (
    "link",
    "image",
    "autolink",
    "html_inline",
    "backticks",
    "escape",
    "entity",
    "math_inline",
)


def obsidian_plugin(md: MarkdownIt) -> None:
    """Add wikilinks, embeds, highlights, comments and inline notes to `md`."""
    md.inline.ruler.before("link", "wikilink", _wikilink)
    md.inline.ruler.before("emphasis", "highlight", _highlight)
    md.inline.ruler.before("text", "comment_text_stop", _comment)
    md.inline.ruler.after("image", "inline_note", _inline_note)
    md.block.ruler.before("fence", "comment_block", _comment_block, {"alt": ["paragraph"]})


def locate_plugin(md: MarkdownIt) -> None:
    """Make markdown-it's own rules note the span of source that they consumed."""
    rules = {rule.name: rule.fn for rule in md.inline.ruler.__rules__}
    for name in LOCATED:
        if name in rules:
            md.inline.ruler.at(name, _located(rules[name]))


Rule = Callable[["StateInline", bool], bool]


def _located(rule: Rule) -> Rule:
    def with_span(state: StateInline, silent: bool) -> bool:
        start, count = state.pos, len(state.tokens)
        if not rule(state, silent):
            return False
        for token in [] if silent else state.tokens[count:]:
            if token.type != "text":
                token.meta.setdefault("span", (start, state.pos))
        return True

    return with_span


def _wikilink(state: StateInline, silent: bool) -> bool:
    """`[[Target]]`, `[[Target#Part|shown]]`, and embeds `![[...]]`, which show another file."""
    if state.src[state.pos] not in "[!":
        return False
    match = WIKILINK.match(state.src, state.pos, state.posMax)
    if match is None or not (match[2] or match[3]):
        return False
    if not silent:
        token = state.push("wikilink", "", 0)
        token.content = "" if match[1] else (match[3] or match[2]).strip()
        token.meta["span"] = match.span()
        token.meta["target"] = match[2]
        token.meta["at"] = match.start(3) if match[3] else match.start(2)
    state.pos = match.end()
    return True


def _highlight(state: StateInline, silent: bool) -> bool:
    """`==text==`: the marks are not shown, the text between is ordinary Markdown."""
    match = HIGHLIGHT.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        _between(state, "mark", (state.pos, state.pos + 2), (match.end() - 2, match.end()))
    state.pos = match.end()
    return True


def _inline_note(state: StateInline, silent: bool) -> bool:
    """`^[a note]`: a footnote written in its place, shown there in parentheses."""
    start = state.pos
    if not state.src.startswith("^[", start):
        return False
    end = state.md.helpers.parseLinkLabel(state, start + 1)
    if end < 0:
        return False
    if not silent:
        _between(state, "note", (start, start + 2), (end, end + 1), (" (", ")"))
    state.pos = end + 1
    return True


def _between(
    state: StateInline,
    kind: str,
    before: tuple[int, int],
    after: tuple[int, int],
    shown: tuple[str, str] = ("", ""),
) -> None:
    """Parse what lies between two marks; `shown` stands in their place."""
    limit = state.posMax
    for span, text in ((before, shown[0]), (after, shown[1])):
        token = state.push(kind, "", 0)
        token.content = text
        token.meta["span"] = span
        if span == before:
            state.pos, state.posMax = before[1], after[0]
            state.md.inline.tokenize(state)
            state.posMax = limit


def _comment(state: StateInline, silent: bool) -> bool:
    """`%% not shown %%` inside a paragraph."""
    if state.src[state.pos] != "%":
        return False
    match = COMMENT.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("comment", "", 0).meta["span"] = match.span()
    state.pos = match.end()
    return True


def _comment_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`%%` alone at the start of a line, until the line that ends with `%%`."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]].rstrip()
    if not line.startswith("%%") or (line != "%%" and "%%" in line[2:]):
        return False
    for last in range(start + 1, end):
        text = state.src[state.bMarks[last] : state.eMarks[last]].rstrip()
        if text.endswith("%%"):
            if not silent:
                state.line = last + 1
            return True
    return False
