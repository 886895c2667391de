"""Reports, tables and sizes."""

from __future__ import annotations

import pytest

from ragqa import render
from ragqa.records import FailedFile, IndexReport


def test_a_report_in_one_line() -> None:
    report = IndexReport(1, 2, 3, 4, 5, (FailedFile("/a\nb", "why\x1b[1m"),), 6, 7, 8, 1.25)
    counts = "1 added, 2 changed, 3 moved, 4 removed, 5 unchanged, 1 failed"
    assert render.report_plain(report) == f"{counts}; 6 passages, 7 embedded; 1.2 s\n"
    would = render.report_plain(report, dry_run=True)
    assert would == f"would be: {counts}; 6 passages, 7 to embed; 1.2 s\n"
    assert render.failed_lines(report) == ["failed: /a b: why"]


def test_a_table() -> None:
    rows = [("a", "1"), ("", ""), ("long\n name", "\x1b[1mx\ny"), ("b", "")]
    assert render.table_plain(rows) == "a           1\n\nlong  name  x y\nb\n"
    assert render.table_plain([]) == ""


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.0 kB"), (99_999, "100.0 kB"), (100_000, "0.1 MB"), (90_868_376, "90.9 MB")],
)
def test_sizes(size: int, text: str) -> None:
    assert render.size_text(size) == text
