"""What embedders give: vectors of passages and of questions, with what is kept of their words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ragqa import late_interaction

Vectors = npt.NDArray[np.float32]


class Encoding(NamedTuple):
    """What the index keeps of a passage: its vector [dimension], and codes of its words.

    Codes are uint8 [words, bytes] (see `ragqa.late_interaction`); no rows where the model has none.
    """

    vector: Vectors
    words: late_interaction.Codes


class QuestionEncoding(NamedTuple):
    """What is compared with it: the question's vector [dimension], its words [words, bits]."""

    vector: Vectors
    words: Vectors
