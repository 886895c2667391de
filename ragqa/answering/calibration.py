"""Confidence -> probability that the documents answer a question, fitted to one index.

Platt's recalibration (Platt 1999, "Probabilistic outputs for support vector machines"): a logistic
regression on the confidence's logit, and a threshold on what it gives, below which a question is
refused. It is kept beside the index that it was fitted to and outlives re-indexing; other models
have other confidences, so it does not count for them. Knows nothing of questions or of `ask`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ragqa.answering.confidence import Calibration, logit, weights_version
from ragqa.errors import RagqaError
from ragqa.system.files import replace_file

if TYPE_CHECKING:
    from ragqa.embedding.base import Embedder
    from ragqa.generators.base import Generator, TokenModel
    from ragqa.retrieval.rerankers.base import Reranker

FILE = "calibration.json"
FORMAT = 1
FEWEST = 40  # questions to fit and measure with
RIDGE, TOLERANCE = 1e-3, 1e-10  # the ridge keeps separable cases finite
AGAIN = "run: ragqa calibrate"


# Fitting ------------------------------------------------------------------------------------


def fit(
    confidences: Sequence[float], answerable: Sequence[bool], target_precision: float
) -> Calibration:
    """Fit to questions of which it is known whether the documents answer them.

    The threshold refuses as much as it may for `target_precision` of the refused questions to be
    unanswerable, by these probabilities; where none reaches that, it is the one with the best F1 of
    refusal. Raises RagqaError when the confidence cannot tell the questions apart.
    """
    if len(set(answerable)) < 2:
        raise RagqaError(
            "both answerable and unanswerable questions are needed", "give a file that has both"
        )
    intercept, slope = _logistic_regression(list(map(logit, confidences)), answerable)
    if slope <= 0:
        raise RagqaError(
            "the confidence does not tell answerable questions from others", "give more questions"
        )
    plain = Calibration(intercept, slope, 0.0)
    probabilities = np.array([plain.probability(confidence) for confidence in confidences])
    threshold = _threshold(probabilities, np.array(answerable, dtype=np.bool_), target_precision)
    return Calibration(intercept, slope, threshold)


def _logistic_regression(values: Sequence[float], positive: Sequence[bool]) -> tuple[float, float]:
    """Intercept and slope; targets are drawn in a little, as Platt has it."""
    from scipy.optimize import minimize
    from scipy.special import expit, log_expit

    x, yes = np.array(values), sum(positive)
    high, low = (yes + 1) / (yes + 2), 1 / (len(positive) - yes + 2)
    wanted = np.where(np.array(positive), high, low)

    def loss(weights: npt.NDArray[np.float64]) -> float:
        z = weights[0] + weights[1] * x
        fit = wanted @ log_expit(z) + (1 - wanted) @ log_expit(-z)
        return float(RIDGE / 2 * weights @ weights - fit)

    def gradient(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        errors = expit(weights[0] + weights[1] * x) - wanted
        return np.array([errors.sum(), errors @ x]) + RIDGE * weights

    found = minimize(loss, np.zeros(2), jac=gradient, method="BFGS", options={"gtol": TOLERANCE})
    return float(found.x[0]), float(found.x[1])


def _threshold(
    probabilities: npt.NDArray[np.float64], answerable: npt.NDArray[np.bool_], target: float
) -> float:
    """The highest threshold whose refusals are expected to be precise enough, else of the best F1.

    Precision is expected by the probabilities: chosen by the few questions themselves, it would be
    one that they happen to flatter. Thresholds lie midway between neighbouring probabilities.
    """
    order = np.argsort(probabilities, kind="stable")
    ordered, unanswerable = probabilities[order], ~answerable[order]
    refused = np.arange(1, len(ordered))
    apart = np.diff(ordered) > 0
    expected = np.cumsum(1 - ordered)[:-1] / refused
    f1 = 2 * np.cumsum(unanswerable)[:-1] / (refused + unanswerable.sum())
    precise = np.flatnonzero((expected >= target) & apart)
    at = int(precise[-1]) if len(precise) else int(np.argmax(np.where(apart, f1, -1)))
    return float(ordered[at] + ordered[at + 1]) / 2


# Keeping ------------------------------------------------------------------------------------


def model_names(
    embedder: Embedder, generator: Generator | TokenModel | None, reranker: Reranker | None
) -> dict[str, str | None]:
    """What a calibration belongs to."""
    return {
        "confidence": weights_version(),
        "embedder": embedder.fingerprint,
        "generator": generator.name if generator else None,
        "reranker": reranker.name if reranker else None,
    }


def save_calibration(
    directory: Path,
    calibration: Calibration,
    models: Mapping[str, str | None],
    facts: Mapping[str, Any],
) -> Path:
    """Put it beside the index, in one step; the file. Raises RagqaError when that cannot be done.

    `facts` tell who looks into the file how it was made.
    """
    kept = {
        "format": FORMAT,
        **calibration._asdict(),
        "models": dict(models),
        "index": str(directory.resolve()),
        **facts,
    }
    file = directory / FILE
    try:
        replace_file(file, json.dumps(kept, indent=2) + "\n")
    except OSError as error:
        raise _cannot_write(directory, error) from error
    return file


def require_writable(directory: Path) -> None:
    """RagqaError where no calibration can be kept: better now than after all the questions."""
    if not os.access(directory, os.W_OK):
        raise _cannot_write(directory, PermissionError(13, "Permission denied"))


def is_kept(directory: Path) -> bool:
    """Whether there is a calibration beside an index, be it one that does not count."""
    return (directory / FILE).exists()


def kept_threshold(directory: Path) -> float | None:
    """The threshold of the calibration of an index; None: it has none, or one that cannot count.

    For `status`, which loads no models: whether it was made with the ones in use is not looked at.
    """
    try:
        kept = json.loads((directory / FILE).read_text(encoding="utf-8"))
        threshold, version = float(kept["threshold"]), kept["models"]["confidence"]
        is_ours = kept["index"] == str(directory.resolve()) and version == weights_version()
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return threshold if is_ours and math.isfinite(threshold) else None


def load_calibration(
    directory: Path,
    models: Mapping[str, str | None],
    warn: Callable[[str], None] = lambda text: None,
) -> Calibration | None:
    """The calibration of an index for these models; None where there is none.

    One that is damaged or belongs to other models or another index does not count: `warn` is told.
    """
    try:
        kept = json.loads((directory / FILE).read_text(encoding="utf-8"))
        found = Calibration(*(float(kept[n]) for n in ("intercept", "slope", "threshold")))
        if kept["format"] != FORMAT or not all(map(math.isfinite, found)):
            raise ValueError("not of this format")
        made_with, index = dict(kept["models"]), str(kept["index"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        warn(f"the calibration of this index cannot be read; {AGAIN}")
        return None
    if index != str(directory.resolve()):
        warn(f"the calibration in {directory} is that of another index, {index}; {AGAIN}")
        return None
    if changed := [name for name in models if made_with.get(name) != models[name]]:
        warn(f"the calibration was made with another {changed[0]} and does not count; {AGAIN}")
        return None
    return found


def _cannot_write(directory: Path, error: OSError) -> RagqaError:
    reason = (error.strerror or str(error)).lower()
    return RagqaError(
        f"cannot keep a calibration in {directory}: {reason}", "check its permissions"
    )
