"""Lone surrogates: halves of characters, which a string may hold and UTF-8 may not.

A command line, JSON (`"\\ud800"`) and YAML bring them along; tokenizers, SQLite and streams refuse
them. Knows nothing of where a text comes from or goes.
"""

from __future__ import annotations


def encodable(text: str) -> str:
    """The text with `?` for each lone surrogate."""
    return text.encode("utf-8", "replace").decode()
