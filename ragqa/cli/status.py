"""What `status` and `models list` tell, as text; of the catalogue also what there is to tell."""

from __future__ import annotations

import time
from typing import Any

from ragqa.errors import RagqaError
from ragqa.models.catalogue import CATALOGUE
from ragqa.models.hashes import checked_hash
from ragqa.render import size_text


def status_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The state of a collection as two columns of text."""
    sizes = facts["bytes"]
    rows = [
        ("index", f"{facts['index']} (generation {facts['generation']})"),
        *(("folder", folder) for folder in facts["folders"]),
        ("documents", str(facts["documents"])),
        ("passages", str(facts["passages"])),
        ("embedder", str(facts["models"]["embedder"])),
        ("generator", str(facts["models"]["generator"])),
        ("refusals", _refusals(facts["calibrated_threshold"])),
        ("size", f"{size_text(sum(sizes.values()))} ({', '.join(_sizes(sizes))})"),
        ("last run", _last_run(facts["last_run"])),
        ("encodings", ", ".join(f"{n} {name}" for name, n in facts["encodings"].items()) or "-"),
    ]
    rows += [("guessed", f"{i['path']}: {i['encoding']}") for i in facts["guessed_encodings"]]
    rows += [("warning", f"{item['path']}: {item['warning']}") for item in facts["warnings"]]
    rows += [("failed", f"{item['path']}: {item['reason']}") for item in facts["failed"]]
    return rows


def model_facts() -> list[dict[str, Any]]:
    """The catalogue, with the state of each file on this machine."""
    facts = []
    for entry in CATALOGUE:
        path, state = None, "verified"
        try:
            path = str(entry.path())
            checked_hash(entry.path(), entry)
        except RagqaError as error:
            state = error.message
        facts.append(
            {
                "name": entry.name,
                "kind": entry.kind,
                "path": path,
                "size": entry.size,
                "licence": entry.licence,
                "languages": entry.languages,
                "sha256": entry.sha256,
                "state": state,
                "source": entry.source,
                "summary": entry.summary,
            }
        )
    return facts


def model_rows(facts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The same as two columns of text, a blank line between models."""
    rows: list[tuple[str, str]] = []
    for fact in facts:
        rows += [("", "")] if rows else []
        rows.append((fact["kind"], f"{fact['name']}: {fact['summary']}"))
        rows += [(f"  {name}", str(fact[name] or "-")) for name in ("source", "path")]
        rows.append(("  size", size_text(fact["size"])))
        rows += [(f"  {name}", fact[name]) for name in ("licence", "languages")]
        rows.append(("  sha256", f"{fact['sha256']} ({fact['state']})"))
    return rows


def _refusals(threshold: float | None) -> str:
    if threshold is None:
        return "by the threshold of the settings (to fit one to this index: ragqa calibrate)"
    return f"below a probability of {threshold:.3f}, fitted by ragqa calibrate (--threshold first)"


def _sizes(sizes: dict[str, int]) -> list[str]:
    return [f"{name} {size_text(size)}" for name, size in sizes.items()]


def _last_run(run: dict[str, Any] | None) -> str:
    if run is None:
        return "never finished"
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run["at"]))
    names = ("added", "changed", "moved", "removed", "unchanged", "failed")
    counts = ", ".join(f"{run[name]} {name}" for name in names)
    return f"{when}, {run['seconds']:.1f} s: {counts}"
