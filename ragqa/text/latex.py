r"""Mathematics in LaTeX -> the characters that a reader sees: `\frac{x_i}{2}` is "xᵢ/2".

Where mathematics stands is said by what delimits it, in a text or in the source that it was read
from; nothing is guessed: `C:\new\table`, `\d+` and `max_tokens` are none. A formula with a macro
that is not known, or with braces that do not match, stays as it is. Knows no records.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pylatexenc.latex2text import LatexNodes2Text

# As the reader of Markdown has it: no space inside, no letter or digit beside it.
DOLLARS = r"(?<![\\$\w])\$(?![\s$])((?:[^$\n]|\n(?!\s*\n))+?)(?<![\s\\])\$(?![\w$])"
DELIMITED = re.compile(
    rf"\$\$([^$]+)\$\$|{DOLLARS}"
    r"|\\\(((?:[^\n\\]|\\(?!\())+?)\\\)|\\\[((?:[^\\]|\\(?!\[))+?)\\\]|:math:`([^`]+)`"
)
MARKUP = re.compile(r"\\[A-Za-z,;:!{}|%&#]|[\^_{]")  # a formula without any looks as it is written
LONGEST, MOST = 2000, 200  # characters of a formula, and formulas: a hostile text may have more
# What a formula has for its looks on paper, and macros with the looks of others.
SIZES = re.compile(
    r"\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits)(?![A-Za-z])\.?"
    r"|\\!"
)
ALIKE = {
    **dict.fromkeys(("dfrac", "tfrac", "cfrac"), "frac"),
    **dict.fromkeys(("operatorname", "mathsf", "mathtt", "boldsymbol", "bm", "mbox"), "mathrm"),
}
ALIAS = re.compile(rf"\\({'|'.join(ALIKE)})\*?(?![A-Za-z])")
SPACE = "\\ "
SPACES = {"between-macro-and-chars": False, "between-latex-constructs": True, "in-equations": None}
CATEGORIES = ["latex-base", "advanced-symbols"]  # of the library's macros: no page layout
FUNCTION = re.compile(
    r"(\s*)(\\(?:log|ln|exp|sin|cos|tan|tanh|max|min|arg|lim|det))(?![A-Za-z])\s*(?=[\\A-Za-z0-9])"
)
COMPOUND = re.compile(r"[\s+\-−=·×⋅/±<>≤≥,]")  # with any of it a term of a fraction is in brackets
SIMPLE = re.compile(r"[\w.]+")
BRACKETED = re.compile(r"\([^()]*\)")


class UnknownMacroError(Exception):
    """A macro whose look is not known."""


def formulas_in(texts: Iterable[str]) -> tuple[str, ...]:
    """What stands between the delimiters of mathematics, longest first."""
    spans = {
        " ".join(span.split())
        for text in texts
        for match in DELIMITED.finditer(text)
        for span in match.groups()
        if span and MARKUP.search(span)
    }
    return tuple(sorted(spans, key=lambda span: (-len(span), span)))[:MOST]


def readable(text: str, formulas: tuple[str, ...] = ()) -> str:
    """The text with its mathematics as a reader sees it.

    `formulas` are such as its source has between delimiters, and itself without them.
    """
    if "$" in text or "\\" in text or ":math:" in text:
        text = DELIMITED.sub(_undelimited, text)
    return _any_of(formulas).sub(lambda match: shown(match[0]), text) if formulas else text


def _undelimited(match: re.Match[str]) -> str:
    formula = next(span for span in match.groups() if span)
    seen = shown(formula)
    return seen if seen != formula else match[0]


@lru_cache(maxsize=32)
def _any_of(formulas: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the formulas, whatever white space a line break has become; no part of a word."""
    return re.compile("|".join(map(_pattern, formulas)))


def _pattern(formula: str) -> str:
    before, after = (r"(?<!\w)" * formula[0].isalnum(), r"(?!\w)" * formula[-1].isalnum())
    return before + r"\s+".join(map(re.escape, formula.split())) + after


@lru_cache(maxsize=256)
def shown(formula: str) -> str:
    """A formula as a reader sees it, or as it is."""
    if len(formula) > LONGEST or not MARKUP.search(formula):
        return formula
    from pylatexenc.latexwalker import LatexWalker, LatexWalkerError

    walker = LatexWalker(_simple(formula), latex_context=_parsed_macros(), tolerant_parsing=False)
    try:
        text = _converter().nodelist_to_text(walker.get_latex_nodes()[0])
    except (UnknownMacroError, LatexWalkerError, RecursionError, AttributeError, TypeError):
        # The last two are what the library says to a macro without its argument.
        return formula
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line) or formula


def _simple(formula: str) -> str:
    """The formula without sizes, with one macro of those that look alike, spaces that are seen."""
    formula = ALIAS.sub(lambda match: rf"\{ALIKE[match[1]]}", SIZES.sub("", formula))
    return FUNCTION.sub(lambda match: SPACE * bool(match[1]) + match[2] + SPACE, formula)


@cache
def _parsed_macros() -> Any:
    """How many arguments macros take; `^` and `_` take one."""
    from pylatexenc.latexwalker import get_default_latex_context_db
    from pylatexenc.macrospec import MacroStandardArgsParser, SpecialsSpec

    macros = get_default_latex_context_db().filter_context(keep_categories=["latex-base"])
    scripts = [SpecialsSpec(sign, args_parser=MacroStandardArgsParser("{")) for sign in "^_"]
    macros.add_context_category("scripts", specials=scripts, prepend=True)
    return macros


@cache
def _converter() -> LatexNodes2Text:
    """The library's macros for mathematics, with fractions, scripts and roots in one line."""
    from pylatexenc.latex2text import (
        EnvironmentTextSpec,
        LatexNodes2Text,
        MacroTextSpec,
        SpecialsTextSpec,
        get_default_latex_context_db,
    )

    looks = get_default_latex_context_db().filter_context(keep_categories=CATEGORIES)
    macros = [
        MacroTextSpec("frac", simplify_repl=_fraction),
        MacroTextSpec("sqrt", simplify_repl=_root),
        *(MacroTextSpec(name, discard=False) for name in ("text", "textrm", "textit", "textbf")),
    ]
    scripts = [SpecialsTextSpec(sign, simplify_repl=_script) for sign in "^_"]
    looks.add_context_category("one line", macros=macros, specials=scripts, prepend=True)
    looks.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=_unknown))
    looks.set_unknown_environment_spec(EnvironmentTextSpec("", simplify_repl=_unknown))
    return LatexNodes2Text(looks, strict_latex_spaces=SPACES, keep_comments=True)


def _fraction(node: Any, l2tobj: LatexNodes2Text) -> str:
    return "/".join(_term(_argument(node, number, l2tobj)) for number in (0, 1))


def _root(node: Any, l2tobj: LatexNodes2Text) -> str:
    index = _argument(node, 0, l2tobj) if node.nodeargd.argnlist[0] else ""
    return _raised("^", index).lstrip("^") + "√" + _term(_argument(node, 1, l2tobj))


def _term(text: str) -> str:
    return f"({text})" if COMPOUND.search(text) and not BRACKETED.fullmatch(text) else text


def _script(node: Any, l2tobj: LatexNodes2Text) -> str:
    """A raised or lowered text, in the characters that look so where there are such."""
    return _raised(node.specials_chars, "".join(_argument(node, 0, l2tobj).split()))


def _raised(sign: str, text: str) -> str:
    forms = _scripts()[sign]
    if all(char in forms for char in text):
        return "".join(forms[char] for char in text)
    is_one = len(text) == 1 or SIMPLE.fullmatch(text) or BRACKETED.fullmatch(text)
    return sign + (text if is_one else f"({text})")


def _argument(node: Any, number: int, l2tobj: LatexNodes2Text) -> str:
    return str(l2tobj.nodelist_to_text([node.nodeargd.argnlist[number]])).strip()


@cache
def _scripts() -> dict[str, dict[str, str]]:
    """The raised and lowered form of each character that has one, from Unicode's own table."""
    forms: dict[str, dict[str, str]] = {"^": {"⊤": "ᵀ"}, "_": {}}
    signs = {"<super>": "^", "<sub>": "_"}
    for code in range(0x80, 0x2E00):
        kind, _, plain = unicodedata.decomposition(chr(code)).partition(" ")
        if kind in signs and " " not in plain:
            forms[signs[kind]][chr(int(plain, 16))] = chr(code)
    for of_sign in forms.values():
        of_sign["-"] = of_sign["\u2212"]
    return forms


def _unknown(node: Any) -> str:
    raise UnknownMacroError(str(node))
