"""Text -> its characters as a reader sees them: none that hide something, no ligatures or widths.

Words are compared so. Knows nothing of words.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

# Characters whose plain form says something else: 10²³ is not 1023, 1½ is not 11/2, ① counts.
NO_FORMS = ("<super>", "<sub>", "<fraction>", "<circle>")
# Blocks, not properties: those of Unicode name other characters (emoji alone: no mathematics, whose
# variants selectors choose), and the library that has them takes 7 ms of a search to load.
EMOJI = "\u00a9\u00ae\u203c-\u2fff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
# Scripts in which the joiners U+200C and U+200D change what a person sees.
JOINED = "\u0600-\u109f\u1780-\u18af\ua8e0-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff"
HAN = "\u3400-\u9fff\U00020000-\U0003ffff"
# Scripts in which no spaces stand between words: Han, kana, Thai, Lao, Khmer, Burmese; marks that
# belong to the character before them among these.
UNSPACED = re.compile(f"[{HAN}\u3005-\u3007\u3040-\u30ff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+")
SELECTOR = "\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef"
KEPT = (
    # A flag of a region: the black flag, its letters as tags, the end tag.
    r"(?P<kept>\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
    rf"|(?<=[{EMOJI}\ufe0f])\u200d(?=[{EMOJI}])|(?<=[{JOINED}])[\u200c\u200d]"
    # One selector behind a character that has variants; those of Han characters are others.
    rf"|(?<=[{EMOJI}0-9#*{JOINED}{HAN}])[\u180b-\u180d\ufe00-\ufe0f]"
    rf"|(?<=[{HAN}])[\U000e0100-\U000e01ef])"
)
HIDDEN = (
    # Soft hyphen, joiners, zero-width characters, fillers, controls of direction, selectors, tags.
    r"[\u00ad\u034f\u115f\u1160\u180e\u200b-\u200d\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    rf"{SELECTOR}\U000e0000-\U000e007f]"
)
INVISIBLE = re.compile(f"{KEPT}|{HIDDEN}")
MARKS = re.compile("[\u061c\u200e\u200f]")  # of use in a text with right-to-left letters only
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


def without_invisible(text: str) -> str:
    """The text without characters that hide something in it: tags, zero-width, direction.

    What scripts and emoji need stays: joiners in Persian, Hindi or a family emoji, one variation
    selector, marks of direction beside Hebrew or Arabic.
    """
    if text.isascii():
        return text
    shown = INVISIBLE.sub(lambda match: match["kept"] or "", text)
    if not RIGHT_TO_LEFT.search(shown):
        shown = MARKS.sub("", shown)
    # What has been taken out may be what something else was kept for.
    return shown if shown == text else without_invisible(shown)


def folded(text: str) -> str:
    """The text without what no reader sees: hidden characters, ligatures, full-width letters."""
    if text.isascii():
        return text
    shown = without_invisible(text)
    if unicodedata.is_normalized("NFKC", shown):  # most texts: it takes a hundredth of the time
        return shown
    plain = "".join(map(_plain, shown))
    return unicodedata.normalize("NFC", plain)


def in_pairs(text: str) -> str:
    """The text with spaces around every two neighbouring characters of scripts without spaces.

    "日本語" is "日本 本語", as in Lucene's CJK analyzer: a dictionary would find better words, but
    needs one for each language.
    """
    if text.isascii():
        return text
    return UNSPACED.sub(lambda match: f" {_pairs(match[0])} ", text)


def _pairs(text: str) -> str:
    return " ".join(map("".join, pairwise(text))) or text


def _plain(char: str) -> str:
    is_other = unicodedata.decomposition(char).startswith(NO_FORMS)
    return char if is_other else unicodedata.normalize("NFKC", char)
