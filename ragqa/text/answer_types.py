"""Question -> what the words that answer it look like: a number, a date, somebody's name.

For English. Only what nearly always holds: where nothing is known, anything goes. Knows nothing of
documents or models.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ragqa.text.sentences import numbers_of

NUMBER_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    "|hundreds?|thousands?|millions?|billions?|trillions?|dozens?|half|thirds?|quarters?|once"
    "|twice|several|none|no|nobody|nothing|all|every|both|first|second|few|many|most|more|single"
    "|pairs?|couple|unlimited|infinite"
)
MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
)
QUANTITY = re.compile(rf"\d|\b(?:{NUMBER_WORDS})\b", re.I)
MONEY = re.compile(r"[$€£¥₹]|\b(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?|francs?|cents?)\b", re.I)
# Digits that are one: a year, 14.3., 2025-03-14, 14:30, the 14th, the 90s, 44 BC; not 14 rooms.
DATE_DIGITS = (
    r"\b(?:1\d|20)\d\d(?!\d)|\b\d{1,4}[-/]\d{1,2}(?:[-/]\d{1,4})?\b|\b\d{1,2}\.\d{1,2}\."
    r"|\b\d{1,2}:\d\d\b|\b\d{1,2}(?:st|nd|rd|th)\b|\b\d{2,4}s\b|\b\d+ (?:BCE?|CE|AD)\b"
    r"|\b(?:AD|in) \d{1,3}\b(?! \w)"
)
# What is a date whatever stands around it; a number of four digits may count something.
SURE_DATE = re.compile(
    rf"\b(?:{MONTHS}|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b|\d:\d\d|\d[-/.]\d+[-/.]\d"
)
DATE = re.compile(
    rf"{DATE_DIGITS}|\b(?:{MONTHS}|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
    r"|(?i:spring|summer|autumn|winter|centur\w+|decade|today|yesterday|last|ago|after|before|during|since|until|when|while|as"
    r"|christmas|easter|midnight|noon|morning|evening|war|never|early|late))\b"
)
YEAR = re.compile(r"\d\d|centur|decade")
LETTER = re.compile(r"[^\W\d_]")
ASKS_HOW_MANY = re.compile(
    r"(?:(?:in|for|after|at|to|of|by|with|about|since|within|until|on) )?"
    r"(?:how (?:many|old|far|tall|high|wide|deep|heavy)|(?:what|which) percent(?:age)?)\b",
    re.I,
)
ASKS_WHEN = re.compile(
    r"when (?:\w+ly )?(?:did|was|were|had|has)\b"
    r"|(?:on |by )?(?:what|which) date\b(?! (?:format|picker|type|field|column))",
    re.I,
)
ASKS_FOR_A_YEAR = re.compile(r"(?:\w+ )?(?:what|which) (?:years?|century|decade)\b", re.I)
ASKS_WHO = re.compile(r"who(?:m|se)?\b", re.I)
PHRASE = 4  # words: fewer name a topic
# A few words answer the one, not the other.
QUESTION_WORD = re.compile(r"\b(?:who|whom|whose|when|where|which|what|how)\b", re.I)
EXPLANATION = re.compile(
    r"\W*(?:why|explain|describe|compare|is|are|was|were|do|does|did|can|could|should|will|has|have"
    r"|how(?! (?:many|much|long|old|far|large|big|often|fast|high|tall|wide|deep|expensive|heavy"
    r"|small|close)))\b",
    re.I,
)
STEPS = re.compile(r"\bhow (?:to|(?:do|can|should|would|does) (?:i|we|you|one))\b|\bsteps?\b", re.I)
# Within a date: "July|1, 1890", "July 1|, 1890", "1|July", "1st|of July".
IN_DATE = re.compile(
    rf"\b(?:{MONTHS})\.?(?: \d{{1,2}}(?:st|nd|rd|th)?)?,?\x00,? ?\d"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)?\x00(?: of)? (?:{MONTHS})\b"
)
OUTSIDE = " \t\n\r\"'`.,:;!?()[]¿¡…“”‘’«»*_-"  # of a question: says nothing of what is asked for


class AnswerType(NamedTuple):
    """What an answer holds, and whether dates stay whole."""

    holds: re.Pattern[str] | None = None
    whole_dates: bool = False

    def is_in(self, text: str) -> bool:
        """Whether a text holds something of the kind."""
        return self.holds is None or bool(self.holds.search(text))


def answer_type(question: str) -> AnswerType:
    """What is asked for."""
    asked = question.strip(OUTSIDE)
    if ASKS_WHO.match(asked):
        return AnswerType(LETTER)
    if ASKS_WHEN.match(asked):
        return AnswerType(DATE, whole_dates=True)
    if ASKS_FOR_A_YEAR.match(asked):
        return AnswerType(YEAR)
    if ASKS_HOW_MANY.match(asked):
        return AnswerType(QUANTITY)
    return AnswerType()


def kind_of_value(text: str) -> tuple[bool, ...]:
    """What two values must share to be values of one thing: a number, a date, a price, a share."""
    is_date, is_price = (bool(one.search(text)) for one in (SURE_DATE, MONEY))
    return bool(numbers_of(text)), is_date, is_price, "%" in text


def asks_for_steps(question: str) -> bool:
    """Whether it asks what is to be done."""
    return bool(STEPS.search(question))


def asks_for_a_fact(question: str) -> bool:
    """Whether a few words can answer it: who, when, how many; not why, how, whether, or a topic.

    Many put a fact's question without a question word: "largest city of the north in 1900".
    """
    is_phrase = len(question.split()) >= PHRASE
    asks = is_phrase or bool(QUESTION_WORD.search(question))
    return asks and not EXPLANATION.match(question)
