"""Fit the weights of `confidence` (ragqa/data/confidence.json) on questions held out of training.

    python training/fit_confidence.py DATA/squad-dev.jsonl DATA/nq-dev.jsonl ... [--limit N]

Questions files are those that `examples.py` wrote; our questions on our folders (dev halves of the
sets in tests/eval), which are searched for, come on top. Every set weighs the same. Prints how
well the weights tell what has an answer, in five-fold cross-validation, and in each set by weights
that were fitted on the others: what to expect of documents of another kind.
Features are kept beside the files (`.features`), so that only new weights of the reader, new
questions or other code cost time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from confidence_rows import Row, files_in, given_rows, remembered, searched_rows, state_of
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from ragqa.answering.confidence import WEIGHTS
from ragqa.embedding import load_embedder
from ragqa.generators.llama_cpp import LlamaCppGenerator
from ragqa.models.catalogue import BUNDLED_GENERATOR
from ragqa.models.local import span_adapter
from ragqa.pipeline import Session
from ragqa.system.files import data_file

ROOT = Path(__file__).parent.parent
EVAL = ROOT / "tests" / "eval"
SEARCHED = {  # name -> a folder, and the files of questions on it
    "corpus-dev": (
        ROOT / "corpus",
        (EVAL / "questions.jsonl", EVAL / "complete.jsonl", EVAL / "wordings.jsonl"),
    ),
    "everyday-dev": (
        EVAL / "everyday" / "docs",
        (EVAL / "everyday" / "questions.jsonl", EVAL / "everyday" / "wordings.jsonl"),
    ),
    "vault-dev": (
        EVAL / "vault" / "docs",
        (EVAL / "vault" / "questions.jsonl", EVAL / "vault" / "wordings.jsonl"),
    ),
}
RETRIEVED = 5  # the first features, which are there without a reader too
FOLDS = 5
BINS = 10  # of the expected calibration error
REFUSED_BELOW = 0.5

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


# Fitting --------------------------------------------------------------------------------------


class Weights(NamedTuple):
    """Those of a logistic regression, for features as they are."""

    bias: float
    weights: Floats

    def probabilities(self, x: Floats) -> Floats:
        """That each row has an answer."""
        made: Floats = 1 / (1 + np.exp(-(self.bias + x @ self.weights)))
        return made


class Rows(NamedTuple):
    """The rows of all sets: their features, whether they have an answer, whose they are."""

    x: Floats
    y: Bools
    names: npt.NDArray[np.str_]

    def fitted(self, chosen: Bools) -> Weights:
        """Weights for these rows alone; every set among them weighs the same."""
        x, y, names = self.x[chosen], self.y[chosen], self.names[chosen]
        counts = {name: (names == name).sum() for name in set(names)}
        share = np.array([1 / counts[name] for name in names])
        mean, spread = x.mean(0), x.std(0)
        spread[spread == 0] = 1  # what is the same in all rows says nothing
        model = LogisticRegression(C=1.0)
        model.fit((x - mean) / spread, y, sample_weight=share * len(y) / share.sum())
        weights = model.coef_[0] / spread
        return Weights(float(model.intercept_[0] - weights @ mean), weights)


def rows_of(sets: Mapping[str, Sequence[Row]], count: int) -> Rows:
    """The rows of all sets, with the first `count` features."""
    pairs = [(name, row) for name, rows in sets.items() for row in rows]
    return Rows(
        np.array([row["features"][:count] for _, row in pairs]),
        np.array([row["answerable"] for _, row in pairs]),
        np.array([name for name, _ in pairs]),
    )


def in_folds(rows: Rows) -> Floats:
    """Probabilities of all rows, each by weights that were fitted without its fold."""
    found = np.zeros(len(rows.y))
    for kept, held in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(rows.x, rows.y):
        chosen = np.isin(np.arange(len(rows.y)), kept)
        found[held] = rows.fitted(chosen).probabilities(rows.x[held])
    return found


def without_own_set(rows: Rows) -> Floats:
    """Probabilities of all rows, each by weights that were fitted on the other sets."""
    found = np.zeros(len(rows.y))
    for name in set(rows.names):
        own = rows.names == name
        found[own] = rows.fitted(~own).probabilities(rows.x[own])
    return found


# Figures --------------------------------------------------------------------------------------


def figures(probabilities: Floats, y: Bools) -> dict[str, float]:
    """How well probabilities tell what has an answer, and how true they are."""
    refused = probabilities < REFUSED_BELOW
    right = float((refused & ~y).sum())
    return {
        "AUC": float(roc_auc_score(y, probabilities)),
        "Brier": float(np.mean((probabilities - y) ** 2)),
        "ECE": calibration_error(probabilities, y),
        "precision": right / max(int(refused.sum()), 1),
        "recall": right / max(int((~y).sum()), 1),
    }


def calibration_error(probabilities: Floats, y: Bools) -> float:
    """How far, on average, a probability is from the share that has an answer, in ten bins."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = [abs((probabilities[bins == b] - y[bins == b]).sum()) for b in range(BINS)]
    return float(sum(gaps)) / len(y)


def table(title: str, probabilities: Floats, rows: Rows) -> str:
    """The figures of each set; precision and recall are those of refusals at 0.5."""
    lines = [
        title,
        f"{'set':<14}{'n':>7}{'no answer':>11}{'AUC':>8}{'Brier':>8}{'ECE':>8}"
        f"{'precision':>11}{'recall':>8}",
    ]
    for name in dict.fromkeys(rows.names):
        own = rows.names == name
        y = rows.y[own]
        shown = figures(probabilities[own], y)
        lines.append(
            f"{name:<14}{len(y):>7}{(~y).sum():>11}{shown['AUC']:>8.3f}{shown['Brier']:>8.3f}"
            f"{shown['ECE']:>8.3f}{shown['precision']:>11.3f}{shown['recall']:>8.3f}"
        )
    return "\n".join(lines)


def fit(sets: Mapping[str, Sequence[Row]], count: int) -> dict[str, Any]:
    """Weights for the first `count` features; prints figures of held-out rows."""
    rows = rows_of(sets, count)
    print(table(f"\n{count} features, {FOLDS} folds of all sets", in_folds(rows), rows))
    print(table(f"\n{count} features, fitted on the other sets", without_own_set(rows), rows))
    fitted = rows.fitted(np.ones(len(rows.y), dtype=bool))
    weights = [round(float(weight), 4) for weight in fitted.weights]
    return {"bias": round(fitted.bias, 4), "weights": weights}


# The command ----------------------------------------------------------------------------------


def all_sets(options: argparse.Namespace) -> dict[str, list[Row]]:
    """The rows of the files, and of the folders that are searched."""
    reader = LlamaCppGenerator(BUNDLED_GENERATOR, 4096, options.threads, options.adapter)
    session = Session(load_embedder("all-MiniLM-L6-v2"), span_model=reader)
    limit, kept = options.limit, options.files[0].parent
    sets = {}
    for path in options.files:
        key = state_of([path, options.adapter], limit)
        made = given_rows(path, session, limit)
        sets[path.stem] = remembered(path.with_suffix(".features"), made, key)
        print(f"{path.stem}: {len(sets[path.stem])} rows", flush=True)
    for name, (folder, files) in SEARCHED.items():
        key = state_of([*files, *files_in(folder), options.adapter], limit)
        made = searched_rows(folder, files, session, limit)
        sets[name] = remembered(kept / f"{name}.features", made, key)
        print(f"{name}: {len(sets[name])} rows", flush=True)
    return sets


def main() -> None:
    """Compute features, fit, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=1_000_000, help="questions of each set")
    parser.add_argument("--adapter", type=Path, default=span_adapter())
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path, default=data_file(WEIGHTS))
    options = parser.parse_args()
    sets = all_sets(options)
    every = len(sets["corpus-dev"][0]["features"])
    fitted = {"retrieval": fit(sets, RETRIEVED), "reading": fit(sets, every)}
    options.out.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(fitted, indent=2))


if __name__ == "__main__":
    main()
