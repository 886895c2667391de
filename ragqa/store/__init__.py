"""The index: passages, their full text and their vectors, switched as one transaction.

    layout    the directory, its files, how its databases are opened
    rows      records to rows and back
    vectors   the FAISS file
    publishing  the vectors of all passages, from the cache into that file
    cache     vectors and word codes by passage text, kept across runs
    answers   answers that were given before
    allowed   the passages of the documents that a filter lets through
    backlinks which documents link to which
    writer    one run of `index`: stage, embed, publish
    reader    a consistent snapshot for questions

Knows nothing of files, models or questions.
"""

from ragqa.store.allowed import PassageIds
from ragqa.store.answers import AnswerCache, digests_of
from ragqa.store.layout import index_exists, no_index
from ragqa.store.reader import IndexReader
from ragqa.store.rows import KnownDocument, StoredPassage
from ragqa.store.writer import FileFacts, IndexWriter, StoredDocument

__all__ = [
    "AnswerCache",
    "FileFacts",
    "IndexReader",
    "IndexWriter",
    "KnownDocument",
    "PassageIds",
    "StoredDocument",
    "StoredPassage",
    "digests_of",
    "index_exists",
    "no_index",
]
