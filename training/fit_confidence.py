"""Fit the weights of `confidence` (ragqa/data/confidence.json) on questions held out of training.

    python training/fit_confidence.py DATA/squad-dev.jsonl DATA/nq-dev.jsonl ... [--limit N]

Questions files are those that `examples.py` wrote; our questions on our notes (dev half) come on
top. Of a question with an answer, a twin without its passage is asked too, so that about
half of these have none. Every set weighs the same. Prints what five-fold cross-validation finds.
Features are kept beside each file (`.features`), so that only new weights of the reader, new
questions or other code cost time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from ragqa.answering.confidence import WEIGHTS
from ragqa.embedding import load_embedder
from ragqa.generators.llama_cpp import LlamaCppGenerator
from ragqa.models.catalogue import BUNDLED_GENERATOR
from ragqa.models.local import span_adapter
from ragqa.pipeline import Session, build_index
from ragqa.records import GivenText
from ragqa.retrieval.given import hits_of_texts
from ragqa.store import index_at
from ragqa.store.snapshot import LocalSnapshot
from ragqa.system.files import data_file

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "corpus"
QUESTIONS = ROOT / "tests" / "eval" / "questions.jsonl"
RETRIEVED = 5  # the first features, which are there without a reader too


def rows_of(path: Path, session: Session, limit: int) -> Iterator[dict[str, Any]]:
    """Features and answerability of each question with passages, and of its twin."""
    for line in path.read_text(encoding="utf-8").splitlines()[:limit]:
        row = json.loads(line)
        yield features(row["question"], row["passages"], row["answerable"], session)
        if row["answerable"]:
            others = [p for n, p in enumerate(row["passages"], 1) if n != row["gold_passage"]]
            if others and not any(a in p["text"] for a in row["answers"] for p in others):
                yield features(row["question"], others, False, session)


def features(
    question: str, passages: list[dict[str, str]], answerable: bool, session: Session
) -> dict[str, Any]:
    """What `confidence` weighs for one question on given passages."""
    given = [GivenText(f"passage:{n}", p["title"], p["text"]) for n, p in enumerate(passages, 1)]
    query = session.query(question)
    hits = hits_of_texts(query, given, session.embedder)
    found = session.assess(query, hits).signals
    return {"features": found.features, "answerable": answerable}


def corpus_rows(session: Session) -> Iterator[dict[str, Any]]:
    """The same for our own questions, whose passages are searched for."""
    for row in map(json.loads, QUESTIONS.read_text(encoding="utf-8").splitlines()):
        if row["split"] == "dev":
            query = session.query(row["question"])
            found = session.assess(query, session.search(query)).signals
            yield {"features": found.features, "answerable": row["answerable"]}


def state_of(questions: Path, adapter: Path, limit: int) -> str:
    """Changes with anything that features are made of: questions, adapter, code."""
    code = sorted(data_file("").parent.rglob("*.py"))
    parts = [path.read_bytes() for path in (questions, adapter, *code)]
    return hashlib.sha256(b"\0".join([*parts, str(limit).encode()])).hexdigest()


def remembered(path: Path, rows: Iterator[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The rows, from the file at `path` where they were computed in the same state."""
    if path.exists():
        saved = json.loads(path.read_text())
        if saved["key"] == key:
            return list(saved["rows"])
    made = list(rows)
    path.write_text(json.dumps({"key": key, "rows": made}))
    return made


def fit(sets: dict[str, list[dict[str, Any]]], count: int) -> dict[str, Any]:
    """Weights for the first `count` features; prints figures of held-out folds."""
    x = np.array([row["features"][:count] for rows in sets.values() for row in rows])
    y = np.array([row["answerable"] for rows in sets.values() for row in rows])
    names = np.array([name for name, rows in sets.items() for _ in rows])
    weight = np.array([1 / len(rows) for rows in sets.values() for _ in rows])
    weight *= len(y) / weight.sum()
    mean, spread = x.mean(0), x.std(0)
    model = LogisticRegression(C=1.0)
    z = (x - mean) / spread
    five = StratifiedKFold(5, shuffle=True, random_state=0)
    folds = cross_val_predict(
        model, z, y, cv=five, method="predict_proba", params={"sample_weight": weight}
    )[:, 1]
    for name in sets:
        of = names == name
        refused = folds[of] < 0.5
        right = (refused & ~y[of]).sum()
        print(
            f"{name:<14} {count} features, n {of.sum()}, AUC {roc_auc_score(y[of], folds[of]):.3f},"
            f" refusal precision {right / max(refused.sum(), 1):.3f}"
            f" recall {right / (~y[of]).sum():.3f}"
        )
    model.fit(z, y, sample_weight=weight)
    weights = model.coef_[0] / spread
    bias = float(model.intercept_[0] - (weights * mean).sum())
    return {"bias": round(bias, 4), "weights": [round(float(w), 4) for w in weights]}


def main() -> None:
    """Compute features, fit, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=1_000_000)
    parser.add_argument("--adapter", type=Path, default=span_adapter())
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    name = BUNDLED_GENERATOR
    reader = LlamaCppGenerator(name, 4096, options.threads, options.adapter)
    session = Session(load_embedder("all-MiniLM-L6-v2"), span_model=reader)
    sets = {}
    for path in options.files:
        made = rows_of(path, session, options.limit)
        key = state_of(path, options.adapter, options.limit)
        sets[path.stem] = remembered(path.with_suffix(".features"), made, key)
        print(f"{path.stem}: {len(sets[path.stem])} questions", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        build_index(index_at(Path(folder)), [CORPUS], load_embedder, lambda *_: None)
        with LocalSnapshot(Path(folder)) as index:
            session.snapshot = index
            place = options.files[0].parent / "corpus-dev.features"
            key = state_of(QUESTIONS, options.adapter, options.limit)
            sets["corpus-dev"] = remembered(place, corpus_rows(session), key)
    fitted = {
        "retrieval": fit(sets, RETRIEVED),
        "reading": fit(sets, len(sets["corpus-dev"][0]["features"])),
    }
    data_file(WEIGHTS).write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(fitted, indent=2))


if __name__ == "__main__":
    main()
