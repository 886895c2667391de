"""Text -> is it addressed to whatever model reads the prompt?

Documents are data: a sentence that gives whoever reads the prompt an order is no evidence. Rules,
deterministic and conservative: what a text *says about* such orders (in quotation marks, "the
attacker tells it to ...") is none. They know orders, not lies: a false statement passes. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

from ragqa.text.folding import HAN

# Orders ----------------------------------------------------------------------------------------

# Words that may stand before an order: "IMPORTANT: please ..."
OPENING = (
    r"(?:please|now|stop|important|attention|warning|override|task|admin|system|assistant"
    r"|new (?:task|instructions?)|(?:system )?(?:note|message)|instructions?)"
)
FIRST = rf"^\W*(?:{OPENING}\b\W{{0,8}}){{0,4}}"  # where the sentence begins
CLAUSE = (  # where an order may begin within it
    r"(?:^\W*|[;:,.!?>]\W{0,8}|\b(?:and|then|please|you (?:must|should|will)) )"
    rf"(?:{OPENING}\b\W{{0,8}}){{0,4}}"
)
SOME = r".{0,60}?\b"  # a few words
ANSWER = r"(?:answer|reply|response|output)"
SAY = r"(?:say|answer|reply|respond|output|write|print|state|give|repeat)"
PUT = rf"(?:{SAY}|put|copy|include|mention|credit|add|insert|use)"
REPLY = r"(?:answer|reply|respond|output|print)"
NAMED_MODEL = r"(?:ais?|llms?|gpt|chatgpt|claude|(?:large )?language models?|chatbots?)"
MODEL = rf"(?:{NAMED_MODEL}|(?:ai )?(?:assistants?|models?|agents?|bots?))"
RULES = (
    r"(?:instructions?|directions?|directives?|rules?|guidelines?|prompts?|orders|commands"
    r"|constraints|restrictions)"
)
EARLIER = r"(?:previous|prior|earlier|preceding|above|foregoing)"
DROP = (
    r"(?:ignore|disregard|forget|neglect|set aside"
    r"|(?:do not|don't|never|stop) (?:follow|obey|use|answer|following|obeying))"
    r"(?: all| any| every| everything| of| the| these| those| my| other| and)*"
)
SHOW = (
    r"(?:print|reveal|show|output|repeat|display|list|leak|disclose|reproduce|recite|translate"
    r"|dump|write out)"
)
TOLD = r"(?:that )?you (?:were|have|got|follow|received|are)"
ASKED = (
    r"(?:when|whenever|if) (?:(?:you are |you're )?asked (?:about|on|any|anything)"
    r"|(?:the|a) user asks|users ask)\b"
)
GIVEN = r"(?:passages?|user's question|question|conversation|context)"

ANYWHERE = (
    rf"{ASKED}{SOME}(?:(?:must|should|always|only|please) )*{REPLY}\b",
    rf"your {ANSWER} (?:about|on|for) {SOME}(?:must|has to|is to|shall) be\b",
    rf"{ANSWER} (?:about|on|for|to) {SOME}(?:that )?you (?:must|have to|are to) give\b",
    rf"{ANSWER} (?:about|on|for) {SOME}that you give is\b",
    rf"(?:you|{MODEL}) (?:must|should|have to|will|are to) {REPLY} {SOME}{ASKED}",
    r"(?:your answer|your reply|the reply) (?:must|has to|is to) be:? \S+\W*$",
)
AT_CLAUSE = (
    # Away with what the model was told before.
    rf"{DROP}(?: your)? {EARLIER}(?: [\w-]+)? (?:{RULES}|passages?|context)\b"
    r"(?! (?:for|about|in|when)\b)",
    rf"{DROP} (?:your(?: [\w-]+)? |(?<=other )){RULES}\b",
    rf"{DROP} (?:{RULES}|passages) (?:above|before|of the user|{TOLD})\b",
    rf"{DROP} (?:above(?= and\b|[,;.]|$)|what (?:came|was said) before|user|question|passages"
    rf"|{TOLD})\b",
    rf"{DROP}(?<=other) (?:notes|documents|sources|texts)\b",
    # Another role.
    rf"you are now (?:an?|the|in|called|my) {SOME}(?:that|who|which|named|mode|{SAY}s?)\b",
    r"from (?:now|here) on,? (?:you are (?:an?|my|no longer|called|named|\w+, an?)\b"
    r"|your (?:name|role|answers?|only)\b|(?:you (?:must |will |should )?)?(?:only |always )*"
    rf"(?:{REPLY}|say|ignore|act|pretend|neglect)\b)",
    r"you are no longer (?:an?|the|bound|restricted|subject)\b",
    r"your new (?:role|persona|identity|task|job|name) is\b",
    rf"(?:switch to|enter|activate) \w+ mode\b{SOME}{SAY}\b",
    rf"as an? (?:\w+ )?{NAMED_MODEL}\b{SOME}you (?:will|must|are to) {SAY}\b",
    # What is to be said.
    rf"{PUT} {SOME}(?:in|into|as) your {ANSWER}\b",
    rf"in your {ANSWER},? {PUT}\b",
    r"(?:begin|start|end|finish|close|open|prefix|conclude) (?:your|every|each|all)"
    rf" {ANSWER}s?\b{SOME}(?:with|by)\b",
    r"(?:the )?(?:administrator|admin|operator|developer) (?:order|instruct|command|ask)s you to"
    rf" {SAY}\b",
    # Other texts and secrets.
    rf"{SHOW} {SOME}(?:your|hidden|secret)(?: [\w-]+)? (?:system )?(?:prompt|instructions|rules)\b",
    r"(?:reveal|repeat|leak|disclose|recite) (?:me )?(?:the |all )*(?:system|initial) prompt\b",
    rf"{SHOW} {SOME}{RULES} {TOLD}\b",
    rf"{SHOW} {SOME}(?:(?:everything|text|words) (?:above|before) this|other passages)\b",
    rf"(?:copy|send|post|append|add|include|insert|embed|put|attach) {SOME}{GIVEN}\b"
    rf"{SOME}(?:https?:|base64|url|link)",
    rf"(?:add|include|insert|append|embed|make|end|load|open|visit) {SOME}https?:"
    rf".{{0,80}}?{GIVEN}\b",
)
AT_START = (
    r"(?:act|behave|speak|pose|answer) as (?:an?|the|if you|though you)\b",
    r"pretend (?:to be|that you|you are)\b",
    r"assume the (?:persona|role|identity)\b",
    r"(?:say|answer|reply|respond|output|state) (?:only|just|solely|exactly|nothing but)\b",
    r"(?:reply|respond) (?:with|that)\b(?! (?:an? )?(?:http|\d))",
    rf"{REPLY} {SOME}{ASKED}",
    # Citations made to order.
    r"(?:do not |don't )?(?:cite|mark|attribute|credit) .{0,160}?\[\d",
    r"(?:use|treat|take|prefer|replace) (?:this (?:sentence|passage|text|note|as)|passages?"
    r"|(?:every|all) citations?)\b.{0,60}?\[\d",
)
# A call to the model.
CALLS = (
    rf"(?:dear|(?:attention|hey)[,:!]) (?:all )?(?:the )?{MODEL}\W*[,:!]",
    rf"(?:attention|hey) (?:all )?{NAMED_MODEL}\b(?: \w+)?\W*[,:!]",
    rf"(?:note|message|notice|instructions?|orders?|reminder) (?:to|for)(?: the| all| any)? {MODEL}"
    rf"(?: (?:reading|processing) this[\w ]*)?\W*(?::|$)",
    rf"(?:to|for) (?:the )?{NAMED_MODEL}:",
    rf"{MODEL} (?:(?:that|which|who) )?(?:read|process|summari[sz]e?)(?:ing)? (?:this|these)\b",
)
# The same in other languages: a verb, and within a few words what is to be ignored.
FOREIGN = (
    (r"ignorier\w*|vergiss|vergesst|missachte\w*", r"(?:vorherig|bisherig|obig|früher)\w* \w+"),
    (r"ignore[zr]?|oublie[zr]?", r"(?:instructions|consignes|règles) (?:précéd|antér|ci-dessus)"),
    (r"ignor[ae]|olvid[ae]", r"(?:instrucciones|reglas|órdenes) (?:anterior|previas)"),
    (r"ignora(?:te)?|dimentica(?:te)?", r"(?:istruzioni|regole) (?:preced|anterior)"),
    (r"ignor[ea]|esqueça", r"(?:instruções|regras|ordens) (?:anterior|acima)"),
    (r"negeer|vergeet", r"(?:eerdere|vorige|bovenstaande) \w+"),
    (r"(?:z?ignoruj|zapomnij)\w*", r"(?:poprzedni|wcześniejsz)\w* \w+"),
    (r"(?:про)?игнорируй\w*|забудь\w*", r"(?:предыдущ|прежн|прошл)\w* \w+"),
    (r"忽略|无视|忘记", r"(?:之前|以上|前面|上述|先前)\w*(?:指示|指令|说明|规则)"),
    (r"hagyd figyelmen kívül|felejtsd el", r"(?:korábbi|előző|fenti) \w+"),
)
# Verb last: first what is to be ignored.
FOREIGN_VERB_LAST = (
    (r"(?:これまで|以前|上記|前)の\w*(?:指示|命令|ルール)", r"無視|忘れ"),
    (r"(?:이전|위)의? \w*\s?(?:지시|명령|규칙)\w*", r"무시|잊"),
    (r"önceki \w*\s?(?:talimat|kural|komut)\w*", r"yok say|görmezden gel|unut"),
)
# Where a text pretends that the passages end.
THINGS = r"(?:passages?|contexts?|documents?|sources?|inputs?|notes)"
ENDS = (
    rf"^[\W_]+(?:end of|no (?:more|further)) (?:the )?{THINGS}[\W_]*$",
    rf"^no (?:more|further) {THINGS}\W*$",
    rf"^\W*(?:the )?{THINGS} ends?(?: here)?\W*$",
    rf"^</{THINGS}>",
    r"^<(?:instructions?|system|prompt)>",
)
# Tokens of chat templates: at the beginning of a sentence, or with a word or a token right behind
# them. A note that names one in passing is not meant.
TOKEN = r"(?:<\|[a-z_]{3,20}\|>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>|</think>)"
USED_TOKEN = re.compile(
    rf"^{TOKEN}\s*(?:$|[A-Z]|(?:assistant|system|user|model|human)\b)|[.!?]\s*{TOKEN}\s*[A-Z]"
    rf"|{TOKEN}\s*{TOKEN}"
)
# Markup that no reader took out: what stands in it is said all the same.
TAG = re.compile(r"</?(?!s>|system|instructions?|prompt|passages?|context)[a-z]\w*\b[^<>]*>", re.I)
COMMENT = re.compile(r"^\[//\]: # \((.*)$", re.S)
CALLOUT = re.compile(r"\[!\w+\][+-]?")  # "> [!note]+ Title", where no reader took it out
# What someone else says; a word or two in quotation marks are emphasis.
QUOTED = re.compile(
    r"“[^“”]{12,}”|«[^«»]{12,}»|„[^“”„]{12,}[“”]|\"[^\"]{12,}\"|`[^`]{12,}`|‘[^‘']{12,}'"
)
QUOTE_MARK = re.compile('["“”„«»`‘]')


def _any(patterns: Iterable[str]) -> str:
    return "(?:" + "|".join(patterns) + ")"


END = re.compile("|".join(ENDS))


@cache
def _orders() -> re.Pattern[str]:
    """What gives an order. Compiled when the first sentence is looked at: it takes a while."""
    of_a_model = (
        rf"\b{_any(ANYWHERE)}|{CLAUSE}{_any(AT_CLAUSE)}|{FIRST}{_any(AT_START)}|^\W*{_any(CALLS)}"
        # To people, too: "Tell the user to restart it." With "System:" before it, it is to a model.
        rf"|^\W*(?:{OPENING}\b\W{{0,8}}){{1,4}}tell the (?:user|reader)\b"
    )
    foreign = (
        rf"(?:\b|(?<=[{HAN}]))"
        + _any(f"(?:{verb}).{{0,40}}?(?:{what})" for verb, what in FOREIGN)
        + "|"
        + _any(f"(?:{what}).{{0,40}}?(?:{verb})" for what, verb in FOREIGN_VERB_LAST)
    )
    return re.compile(f"(?:{of_a_model})|(?:{foreign})")


def is_instruction(sentence: str) -> bool:
    """True when a sentence gives an order to whoever reads the prompt, or poses as its end."""
    return any(_verdict(sentence))


def closes_passages(sentence: str) -> bool:
    """True when what follows would pose as no passage: a false end, a chat template's token."""
    return _verdict(sentence)[0]


@lru_cache(maxsize=4096)  # a text is found again for other questions
def _verdict(sentence: str) -> tuple[bool, bool]:
    """Whether a sentence poses as the end of the passages, and whether it gives an order."""
    text = _readable(sentence)
    closes = bool(USED_TOKEN.search(text) or END.search(text.lower()))
    # Behind this character a text is shown from right to left.
    return closes, _is_order(text) or ("\u202e" in sentence and _is_order(text[::-1]))


def _is_order(text: str) -> bool:
    text = QUOTE_MARK.sub("", QUOTED.sub("…", text)).lower()
    return bool(_orders().search(text))


def _readable(sentence: str) -> str:
    """A sentence as a person takes it in: compatibility forms, no invisible characters."""
    if not sentence.isascii():
        folded = unicodedata.normalize("NFKC", sentence)
        sentence = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    sentence = COMMENT.sub(r"\1", TAG.sub(" ", CALLOUT.sub("", sentence)))
    return " ".join(sentence.replace("’", "'").split())
