"""Bytes -> text: UTF-8 first, then byte-order marks, then detection by charset-normalizer.

Knows nothing of formats. Offsets everywhere else refer to the text that `decode` returns.
"""

from __future__ import annotations

import codecs

from ragqa.errors import DocumentError

# UTF-32 before UTF-16: the little-endian mark of the one begins with that of the other.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WIDE = ["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_7"]
WESTERN = "cp1252"
HUNGARIAN = frozenset("áéíóöőúüűÁÉÍÓÖŐÚÜŰ".encode("cp1250"))
HUNGARIAN_ONLY = frozenset("őűŐŰ".encode("cp1250"))
SAMPLE_BYTES = 200_000  # detection reads no more: it is slow, and this is plenty of evidence


def decode(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """Return `(text, encoding)`: the text with "\\n" line endings and the encoding used.

    With `encoding` given (as stored in the index), that one is used; a file that no longer
    fits it is detected anew. Raises DocumentError for binary data.
    """
    name = encoding or _known_encoding(data)
    if name is not None:
        try:
            return _normalize(data.decode(name)), name
        except (UnicodeDecodeError, LookupError):
            if encoding is None and name != "utf-8":
                raise DocumentError(f"starts like {name} text but is not") from None
    if b"\0" in data:
        raise DocumentError("a binary file, not text")
    name = _detect(data)
    return _normalize(data.decode(name, errors="replace")), name


def _known_encoding(data: bytes) -> str | None:
    """The encoding that needs no guessing: a byte-order mark or UTF-8."""
    for mark, name in MARKS:
        if data.startswith(mark):
            return name
    return None if b"\0" in data else "utf-8"


def _detect(data: bytes) -> str:
    """Guess an 8-bit or East Asian encoding from the bytes."""
    from charset_normalizer import from_bytes

    if _is_damaged_utf8(data):
        return "utf-8"
    # Without a mark and without zero bytes these would only be found by mistake.
    matches = from_bytes(data[:SAMPLE_BYTES], cp_exclusion=WIDE)
    best = matches.best()
    if best is None:
        raise DocumentError("in an encoding that could not be detected, or a binary file")
    tied = next((m for m in matches if WESTERN in m.could_be_from_charset), None)
    if tied and tied.chaos <= best.chaos and tied.coherence >= best.coherence - 0.1:
        # Equal evidence comes in alphabetical order, cp1250 first; cp1254 won on merit.
        return best.encoding if best.encoding == "cp1254" or _is_hungarian(data) else WESTERN
    return best.encoding


def _is_hungarian(data: bytes) -> bool:
    """True when the accented letters are those of Hungarian: its ő and ű are õ and û in cp1252."""
    letters = {byte for byte in data if byte >= 0xC0}
    return letters <= HUNGARIAN and not letters.isdisjoint(HUNGARIAN_ONLY)


def _is_damaged_utf8(data: bytes) -> bool:
    """True when nearly all that is not ASCII is valid UTF-8."""
    others = [char for char in data.decode("utf-8", errors="replace") if char > "\x7f"]
    return others.count("\ufffd") * 10 <= len(others)


def _normalize(text: str) -> str:
    """One kind of line ending."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
