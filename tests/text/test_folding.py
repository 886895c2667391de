"""Characters as a reader sees them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.text.folding import folded, in_pairs, without_invisible

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # man, woman, girl, joined
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


def as_tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(char)) for char in text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a" + as_tags("hidden") + "b", "ab"),
        ("in\u200bvis\u200dib\u200cle\ufeff \u2060te\u00adxt\u200e", "invisible text"),
        ("\u202edesrever\u202c \u2066x\u2069", "desrever x"),
        ("\U0001f600\ufe0f\ufe01\U000e0110", "\U0001f600\ufe0f"),
    ],
)
def test_what_no_font_shows_is_taken_out(text: str, shown: str) -> None:
    assert without_invisible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        FAMILY,
        SCOTLAND,
        "\u2764\ufe0f 1\ufe0f\u20e3",
        "می\u200cخواهم",  # Persian
        "क\u094d\u200dष",  # Hindi
        "ب\u200d",
        "葛\U000e0100",  # Japanese, a form of its own
        "שלום\u200f!",
        "naïve café 東京 ﬁ",
    ],
)
def test_what_scripts_and_emoji_need_stays(text: str) -> None:
    assert without_invisible(text) == text


@given(st.text() | st.text("ab\u200d\ufe0f\u200e\U0001f600\U000e0067\u0915"))
def test_what_is_left_is_part_of_the_text_and_stays(text: str) -> None:
    rest, shown = iter(text), without_invisible(text)
    assert all(char in rest for char in shown)
    assert without_invisible(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ﬁnal oﬀer", "final offer"),
        ("sup\u00adport", "support"),
        ("１２", "12"),
        ("cafe\u0301", "café"),
    ],
)
def test_ligatures_widths_and_accents_are_as_they_are_typed(text: str, shown: str) -> None:
    assert folded(text) == shown


@pytest.mark.parametrize("text", ["10²³", "1½", "H₂O", "①"])
def test_a_raised_number_stays_raised(text: str) -> None:
    assert folded(text) == text


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("plain text", "plain text"),
        ("größer", "größer"),
        ("日本語の BERT と", " 日本 本語 語の  BERT  と "),
        ("機械学習モデル。", " 機械 械学 学習 習モ モデ デル 。"),
        ("ไทย", " ไท ทย "),
        ("한국어 모델", "한국어 모델"),
    ],
)
def test_scripts_without_spaces_are_looked_for_in_pairs(text: str, pairs: str) -> None:
    assert in_pairs(text) == pairs


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)
