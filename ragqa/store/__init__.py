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
