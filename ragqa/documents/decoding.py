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

    best = from_bytes(data[:SAMPLE_BYTES]).best()
    if best is None:
        raise DocumentError("in an encoding that could not be detected, or a binary file")
    return best.encoding


def _normalize(text: str) -> str:
    """One kind of line ending."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
