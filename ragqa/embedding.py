"""Text -> vectors: the `Embedder` protocol and its adapters.

The bundled MiniLM runs in onnxruntime, which starts in a third of a second; any other
sentence-transformers model runs in that library, which takes seconds to import. Both load at the
first text that they are given, so that an index run with nothing to embed loads neither. Knows
nothing of documents, and of an index only what its `meta` says of its embedder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ragqa import late_interaction, models
from ragqa.errors import IndexDamagedError, ModelError
from ragqa.surrogates import encodable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Vectors = npt.NDArray[np.float32]
Made = TypeVar("Made")


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


GRAPH = Path(__file__).parent / "data" / "minilm.onnx"
TokenIds = list[int]
Places = npt.NDArray[np.intp]
SEP = 102
# Small batches of like length stay in the processor's cache: 8 is faster than 32 or 64.
BATCH = 8
SHARE = 4  # batches that each thread has at least, where there are texts enough
# The names by which sentence-transformers looks for the prompt of a document, in its order.
DOCUMENT_PROMPTS = ("document", "passage", "corpus")


class Embedder(Protocol):
    """What the pipeline needs of an embedder."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def fingerprint(self) -> str:
        """Name, weights and runtime: vectors of equal fingerprints can be compared."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens that the model reads of a text, special tokens included."""

    def load(self) -> None:
        """Load it now rather than at its first use, perhaps in another thread."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included, nothing cut off."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Normalized vectors of passages, float32 [len(texts), dimension]."""

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Vectors and words of passages, in one pass through the model."""

    def encode_question(self, text: str) -> QuestionEncoding:
        """Vector and words of a question."""

    def word_starts(self, text: str) -> list[int]:
        """Where in a text, which `encode` would not cut, those words begin that it has codes of."""


LoadEmbedder = Callable[[str], Embedder]


def load_embedder(model: str, threads: int = 0) -> Embedder:
    """The embedder of that catalogue name, folder or hub name (downloaded before).

    Raises UsageError when there is none, ModelError when its files are damaged. The model itself
    is loaded at its first use. `threads` 0 means one for each core.
    """
    if known := models.entry(model, "embedder"):
        return MiniLM(known.name, threads)
    return SentenceTransformerEmbedder(model)


def matching_embedder(meta: Mapping[str, str], wanted: str, load: LoadEmbedder) -> Embedder:
    """The embedder that an index was made with; for a new index the wanted or the bundled one.

    Raises IndexDamagedError when another one is wanted.
    """
    made_with = meta.get("embedder_model", "")
    embedder = load(wanted or made_with or models.BUNDLED_EMBEDDER)
    if "embedder" in meta and embedder.fingerprint != meta["embedder"]:
        raise IndexDamagedError(
            f"the index was made with the embedder {meta['embedder']}, not {embedder.fingerprint}",
            "leave --embedder out, or make another index with --index DIR or -c NAME",
        )
    return embedder


class MiniLM:
    """all-MiniLM-L6-v2: our graph, the weights of the package that carries them."""

    dimension = 384
    max_tokens = 256

    def __init__(self, name: str, threads: int = 0) -> None:
        self.name = name
        self._threads = threads or os.cpu_count() or 1
        self._folder = models.embedder_folder(name)
        self._pieces: dict[int, tuple[bool, bool]] = {}  # those that were met so far
        self._asked: tuple[str, QuestionEncoding] | None = None  # the last question
        runtime = f"onnxruntime+words-{late_interaction.fingerprint()}"
        self.fingerprint = f"{name}@{models.embedder_hash(name)[:16]}/{runtime}"

    def load(self) -> None:
        """Load tokenizer and graph."""
        _ = self._tokenizer, self._session

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _session(self) -> Any:
        # From 1.29 on, onnxruntime's wheels send usage data to Microsoft unless they are told not
        # to before they are imported (https://github.com/microsoft/onnxruntime/pull/27379).
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        graph = GRAPH.read_bytes()
        tensors = _mapped_tensors(self._folder / "model.safetensors")
        weights = {name: tensor for name, tensor in tensors.items() if name.encode() in graph}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # `_in_batches` has the threads
        options.log_severity_level = 3
        # Threads that wait busily would take the cores from what comes next: FAISS, SQLite, numpy.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in weights.values()]
        options.add_external_initializers(list(weights), values)
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        encoded = self._tokenizer.encode_batch_fast([encodable(text) for text in texts])
        return [len(item.ids) for item in encoded]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors in the order of `texts`."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for batch, (found,) in self._in_batches(self._tokenized(texts), ["embedding"], _as_it_is):
            vectors[batch] = found
        return vectors

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Vectors and word codes in the order of `texts`."""

        def encodings(batch: list[TokenIds], found: list[Vectors]) -> list[Encoding]:
            words = map(self._words, batch, found[1])
            return list(map(Encoding, found[0], map(late_interaction.codes_of, words)))

        encoded: dict[int, Encoding] = {}
        outputs = ["embedding", "tokens"]
        for batch, made in self._in_batches(self._tokenized(texts), outputs, encodings):
            encoded.update(zip(batch, made, strict=True))
        return [encoded[i] for i in range(len(texts))]

    def _in_batches(
        self,
        tokenized: Sequence[TokenIds],
        outputs: list[str],
        finish: Callable[[list[TokenIds], list[Vectors]], Made],
    ) -> Iterator[tuple[list[int], Made]]:
        """Places of texts of like length, with what `finish` makes of the model's outputs.

        Each core runs batches of its own: a fifth faster than all cores at one batch.
        """
        from threadpoolctl import threadpool_limits

        def run(places: list[int]) -> Made:
            batch = [tokenized[i] for i in places]
            return finish(batch, self._run(batch, outputs))

        _ = self._session  # by one thread, not by several at once
        batches = list(_batches(tokenized, self._threads))
        with ThreadPoolExecutor(self._threads) as pool, threadpool_limits(1, "blas"):
            yield from zip(batches, pool.map(run, batches), strict=True)

    def encode_question(self, text: str) -> QuestionEncoding:
        """The same of a question: MiniLM has no prompts, it is one more text.

        An answer needs that of its question several times.
        """
        if self._asked is None or self._asked[0] != text:
            vector, words = self.vector_and_words(text)
            self._asked = text, QuestionEncoding(vector, late_interaction.projected(words))
        return self._asked[1]

    def vector_and_words(self, text: str) -> tuple[Vectors, Vectors]:
        """The vector [dimension] of a text, and those of its words [words, dimension]."""
        (tokenized,) = self._tokenized([text])
        vectors, tokens = self._run([tokenized], ["embedding", "tokens"])
        return vectors[0], self._words(tokenized, tokens[0])

    def _tokenized(self, texts: Sequence[str]) -> list[TokenIds]:
        """Token ids of each text, cut to what the model reads."""
        tokenized = [
            item.ids[: self.max_tokens]
            for item in self._tokenizer.encode_batch_fast([encodable(text) for text in texts])
        ]
        for ids in tokenized:
            ids[-1] = SEP  # which cutting may have removed
        return tokenized

    def word_starts(self, text: str) -> list[int]:
        """Where the words begin, in characters."""
        found = self._tokenizer.encode(encodable(text))
        kept, starts = self._word_pieces(found.ids)
        return [found.offsets[piece][0] for piece in kept[starts]]

    def _words(self, ids: TokenIds, tokens: Vectors) -> Vectors:
        """The vectors of a text's words [n, dimension]."""
        kept, starts = self._word_pieces(ids)
        return late_interaction.words_of_tokens(tokens[kept], starts)

    def _word_pieces(self, ids: TokenIds) -> tuple[Places, Places]:
        """The pieces that are of words, not punctuation, and which of them begin one."""
        visible, continues = np.array([self._piece(number) for number in ids]).T
        kept = np.flatnonzero(visible)
        # A piece that goes on with a word belongs to the piece just before it.
        begins = ~continues[kept] | (np.diff(kept, prepend=-1) > 1)
        return kept, np.flatnonzero(begins)

    def _piece(self, number: int) -> tuple[bool, bool]:
        """Of a piece of the vocabulary: has it a letter or digit, does it go on with a word?"""
        if number not in self._pieces:
            piece = self._tokenizer.id_to_token(number) or ""
            # "[UNK]", for an emoji say, and its like are no words: all unknown ones would match.
            visible = any(map(str.isalnum, piece)) and not piece.startswith("[")
            self._pieces[number] = visible, piece.startswith("##")
        return self._pieces[number]

    def _run(self, batch: list[TokenIds], outputs: list[str]) -> list[Vectors]:
        width = max(map(len, batch))
        ids = np.zeros((len(batch), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        found: list[Vectors] = self._session.run(
            outputs, {"input_ids": ids, "attention_mask": mask}
        )
        return found


def _mapped_tensors(path: Path) -> dict[str, Vectors]:
    """The float32 tensors of a safetensors file, mapped: the library's own reader would copy them.

    https://github.com/huggingface/safetensors#format: the header's length, the header, the data.
    """
    data = np.memmap(path, mode="c", dtype=np.uint8)
    start = 8 + int(data[:8].view("<u8")[0])
    header: dict[str, Any] = json.loads(bytes(data[8:start]))
    return {
        name: data[start:][slice(*about["data_offsets"])].view(np.float32).reshape(about["shape"])
        for name, about in header.items()
        if about.get("dtype") == "F32"
    }


def _as_it_is(batch: list[TokenIds], found: list[Vectors]) -> list[Vectors]:
    return found


def _batches(tokenized: Sequence[TokenIds], threads: int) -> Iterator[list[int]]:
    """Places of texts of like length, at most `BATCH` at a time, some for each thread.

    Long ones come first, so that all threads end at about the same time.
    """
    order = sorted(range(len(tokenized)), key=lambda i: -len(tokenized[i]))
    size = max(1, min(BATCH, len(order) // (SHARE * threads)))
    for start in range(0, len(order), size):
        yield order[start : start + size]


class SentenceTransformerEmbedder:
    """Any model that the sentence-transformers library loads, from this machine's disk."""

    def __init__(self, model: str) -> None:
        self._folder = models.embedder_folder(model)
        self.name = model
        digest = models.embedder_hash(str(self._folder))
        self.fingerprint = f"{self._folder.name}@{digest[:16]}/sentence-transformers"

    @cached_property
    def _model(self) -> Any:
        models.quiet_libraries()
        from sentence_transformers import SentenceTransformer

        try:
            # On the GPU, where the library finds one.
            return SentenceTransformer(str(self._folder), local_files_only=True)
        except Exception as error:  # each library below has errors of its own
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(
                f"cannot load the embedder {self.name}: {reason}",
                "name a complete sentence-transformers folder",
            ) from error

    def load(self) -> None:
        """Load the model and its library. Raises ModelError."""
        _ = self._model

    @property
    def _prompt(self) -> str:
        """What the library puts before a document."""
        prompts = self._model.prompts
        return next((prompts[name] or "" for name in DOCUMENT_PROMPTS if name in prompts), "")

    @cached_property
    def dimension(self) -> int:
        """Length of a vector."""
        return len(self.encode_question("").vector)

    @property
    def max_tokens(self) -> int:
        """The model's limit; 512 where it states none."""
        return int(self._model.max_seq_length or 512)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text and the model's document prompt, by its own tokenizer."""
        prompted = [self._prompt + encodable(text) for text in texts]
        encoded = self._model.tokenizer(prompted, truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, with the model's own document prompt where it has one."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        readable = [encodable(text) for text in texts]
        vectors = self._model.encode_document(readable, show_progress_bar=False)
        return self._normalized(vectors)

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Vectors alone: which word pieces make a word differs from model to model."""
        return [Encoding(vector, late_interaction.NO_CODES) for vector in self.embed(texts)]

    def encode_question(self, text: str) -> QuestionEncoding:
        """The vector of a question, with the model's own query prompt where it has one."""
        vectors = self._model.encode_query([encodable(text)], show_progress_bar=False)
        return QuestionEncoding(self._normalized(vectors)[0], late_interaction.NO_WORDS)

    def word_starts(self, text: str) -> list[int]:
        """None: there are no codes of words."""
        return []

    @staticmethod
    def _normalized(vectors: Any) -> Vectors:
        values = np.asarray(vectors, dtype=np.float32)
        norms = np.linalg.norm(values, axis=1, keepdims=True)
        return np.asarray(values / np.maximum(norms, 1e-12), dtype=np.float32)
