"""Question -> what the words that answer it look like: a number, a date, somebody's name.

For English. Only what nearly always holds: where nothing is known, anything goes. Knows nothing of
documents or models.
"""

from __future__ import annotations

import re
from typing import NamedTuple

NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    "|hundreds?|thousands?|millions?|billions?|trillions?|dozens?|half|thirds?|quarters?|once"
    "|twice|several|none|no|all|both|first|second|few|many|most"
)
MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
)
QUANTITY = re.compile(rf"\d|\b(?:{NUMBER_WORDS})\b", re.I)
DATE = re.compile(
    rf"\d|\b(?:{MONTHS}|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|spring|summer|autumn|winter"
    r"|century|centuries|decade|today|yesterday|last)\b"
)
YEAR = re.compile(r"\d\d|centur|decade")
LETTER = re.compile(r"[^\W\d_]")
ASKS_HOW_MANY = re.compile(
    r"\bhow (?:many|old|far|tall|high|wide|deep|heavy)\b|\b(?:what|which) (?:percentage|percent)\b",
    re.I,
)
ASKS_WHEN = re.compile(r"\W*when (?:did|was|were|had|has)\b|\b(?:what|which) date\b", re.I)
ASKS_FOR_A_YEAR = re.compile(r"\b(?:what|which) (?:year|century|decade)\b", re.I)
ASKS_WHO = re.compile(r"\W*who(?:m|se)?\b", re.I)
# Within a date: "July|1, 1890", "July 1|, 1890", "1|July".
IN_DATE = re.compile(
    rf"\b(?:{MONTHS})\.?(?: \d{{1,2}}(?:st|nd|rd|th)?)?,?\x00,? ?\d"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)?\x00 (?:{MONTHS})\b"
)


class AnswerType(NamedTuple):
    """What an answer holds, whether it may begin with a digit, and whether dates stay whole."""

    holds: re.Pattern[str] | None = None
    may_begin_with_digit: bool = True
    whole_dates: bool = False

    def is_in(self, text: str) -> bool:
        """Whether a text holds something of the kind."""
        return self.holds is None or bool(self.holds.search(text))


def answer_type(question: str) -> AnswerType:
    """What is asked for."""
    if ASKS_FOR_A_YEAR.search(question):
        return AnswerType(YEAR)
    if ASKS_WHEN.search(question):
        return AnswerType(DATE, whole_dates=True)
    if ASKS_HOW_MANY.search(question):
        return AnswerType(QUANTITY)
    if ASKS_WHO.match(question):
        return AnswerType(LETTER, may_begin_with_digit=False)
    return AnswerType()
