"""What `index` did, tables of facts, and sizes. Knows nothing of how they came about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ragqa.text.clean import clean_line

if TYPE_CHECKING:
    from ragqa.records import IndexReport


def report_json(report: IndexReport) -> dict[str, Any]:
    """What `index` did, as the contract has it."""
    values = asdict(report)
    del values["warnings"]
    return values


def report_plain(report: IndexReport, dry_run: bool = False) -> str:
    """One line on what `index` did, or would do."""
    names = ("added", "changed", "moved", "removed", "unchanged")
    counts = ", ".join(f"{getattr(report, name)} {name}" for name in names)
    would = "would be: " if dry_run else ""
    verb = "to embed" if dry_run else "embedded"
    return (
        f"{would}{counts}, {len(report.failed)} failed; "
        f"{report.passages} passages, {report.embedded} {verb}; {report.seconds:.1f} s\n"
    )


def failed_lines(report: IndexReport) -> list[str]:
    """One line for each file that could not be read."""
    return [f"failed: {clean_line(f'{item.path}: {item.reason}')}" for item in report.failed]


def table_plain(rows: Iterable[tuple[str, str]]) -> str:
    """Two columns, the first as wide as its longest entry."""
    pairs = [(clean_line(name), clean_line(value)) for name, value in rows]
    width = max((len(name) for name, _ in pairs), default=0)
    return "".join(f"{name:<{width}}  {value}".rstrip() + "\n" for name, value in pairs)


def size_text(size: int) -> str:
    """Bytes as a person reads them (1 MB is 10^6 bytes)."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
