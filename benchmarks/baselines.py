"""What ragqa's speed is compared with: a plain script, and two libraries with the same models.

    python benchmarks/baselines.py NAME index FOLDER DIRECTORY
    python benchmarks/baselines.py NAME ask DIRECTORY QUESTION

NAME is `plain` (sentence-transformers, FAISS and llama-cpp-python, as anyone would put them
together), `txtai` or `llamaindex`. All use the bundled MiniLM and GGUF as they are shipped, a
thread for each core, passages of 150 words, 4 of them in the prompt, greedy decoding. Prints one
JSON object: `index`: how many passages; `ask`: when (seconds since the epoch) the hits, the first
and the last token were there, and how many tokens.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from ragqa.models.catalogue import BUNDLED_EMBEDDER, BUNDLED_GENERATOR
from ragqa.models.local import embedder_folder, generator_file

WORDS, SHOWN, MAX_TOKENS, CONTEXT = 150, 4, 64, 4096
THREADS = os.cpu_count() or 1
SUFFIXES = (".md", ".txt", ".html", ".rst")


def passages_of(folder: Path) -> list[str]:
    """The texts of a folder's files in pieces of `WORDS` words."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES):
        words = path.read_text(encoding="utf-8", errors="replace").split()
        found += [" ".join(words[i : i + WORDS]) for i in range(0, len(words), WORDS)]
    return found


def prompt_of(question: str, texts: Iterable[str]) -> str:
    """What the model is told."""
    passages = "\n\n".join(texts)
    return f"Answer the question from these passages.\n\n{passages}\n\nQuestion: {question}"


def bundled_embedder() -> str:
    """The bundled MiniLM."""
    return str(embedder_folder(BUNDLED_EMBEDDER))


def bundled_gguf() -> str:
    """The bundled GGUF, as shipped."""
    return str(generator_file(BUNDLED_GENERATOR)[1])


class Baseline(Protocol):
    """What is done with each."""

    def index(self, texts: list[str], directory: Path) -> None:
        """Embed, store."""

    def search(self, directory: Path, question: str) -> list[str]:
        """The texts of the nearest passages."""

    def answer(self, question: str, texts: list[str]) -> Iterator[str]:
        """The tokens of the answer."""


class Plain:
    """The libraries themselves."""

    def index(self, texts: list[str], directory: Path) -> None:
        """Embed, store."""
        import faiss
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(bundled_embedder(), device="cpu", local_files_only=True)
        vectors = model.encode(texts, batch_size=32, normalize_embeddings=True)
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        faiss.write_index(index, str(directory / "index.faiss"))
        (directory / "texts.json").write_text(json.dumps(texts))

    def search(self, directory: Path, question: str) -> list[str]:
        """The texts of the nearest passages."""
        import faiss
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(bundled_embedder(), device="cpu", local_files_only=True)
        index = faiss.read_index(str(directory / "index.faiss"))
        texts = json.loads((directory / "texts.json").read_text())
        vector = model.encode([question], normalize_embeddings=True)
        return [texts[i] for i in index.search(vector, SHOWN)[1][0]]

    def answer(self, question: str, texts: list[str]) -> Iterator[str]:
        """The tokens of the answer."""
        from llama_cpp import Llama

        llama = Llama(bundled_gguf(), n_ctx=CONTEXT, n_threads=THREADS, verbose=False)
        messages: Any = [{"role": "user", "content": prompt_of(question, texts)}]
        parts: Any = llama.create_chat_completion(
            messages, stream=True, temperature=0.0, max_tokens=MAX_TOKENS
        )
        for part in parts:
            if text := part["choices"][0]["delta"].get("content"):
                yield text


class Txtai:
    """https://github.com/neuml/txtai"""

    def index(self, texts: list[str], directory: Path) -> None:
        """Embed, store."""
        from txtai import Embeddings

        embeddings = Embeddings(path=bundled_embedder(), content=True)
        embeddings.index((i, text, None) for i, text in enumerate(texts))
        embeddings.save(str(directory))

    def search(self, directory: Path, question: str) -> list[str]:
        """The texts of the nearest passages."""
        from txtai import Embeddings

        embeddings = Embeddings()
        embeddings.load(str(directory))
        return [hit["text"] for hit in embeddings.search(question, SHOWN)]

    def answer(self, question: str, texts: list[str]) -> Iterator[str]:
        """The tokens of the answer."""
        from txtai import LLM

        llm = LLM(
            bundled_gguf(), method="llama.cpp", n_ctx=CONTEXT, n_threads=THREADS, verbose=False
        )
        messages = [{"role": "user", "content": prompt_of(question, texts)}]
        tokens: Iterator[str] = llm(messages, stream=True, maxlength=MAX_TOKENS, temperature=0.0)
        yield from tokens


class LlamaIndex:
    """https://github.com/run-llama/llama_index"""

    def _embedder(self) -> Any:
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        return HuggingFaceEmbedding(model_name=bundled_embedder(), device="cpu")

    def index(self, texts: list[str], directory: Path) -> None:
        """Embed, store."""
        from llama_index.core import VectorStoreIndex
        from llama_index.core.schema import TextNode

        nodes = [TextNode(text=text) for text in texts]
        index = VectorStoreIndex(nodes, embed_model=self._embedder())
        index.storage_context.persist(str(directory))

    def search(self, directory: Path, question: str) -> list[str]:
        """The texts of the nearest passages."""
        from llama_index.core import StorageContext, load_index_from_storage

        context = StorageContext.from_defaults(persist_dir=str(directory))
        index = load_index_from_storage(context, embed_model=self._embedder())
        return [hit.text for hit in index.as_retriever(similarity_top_k=SHOWN).retrieve(question)]

    def answer(self, question: str, texts: list[str]) -> Iterator[str]:
        """The tokens of the answer."""
        from llama_index.core.llms import ChatMessage
        from llama_index.llms.llama_cpp import LlamaCPP

        llm = LlamaCPP(
            model_path=bundled_gguf(),
            temperature=0.0,
            max_new_tokens=MAX_TOKENS,
            context_window=CONTEXT,
            verbose=False,
            model_kwargs={"n_threads": THREADS},
        )
        messages = [ChatMessage(role="user", content=prompt_of(question, texts))]
        yield from (part.delta or "" for part in llm.stream_chat(messages))


BASELINES: dict[str, type[Baseline]] = {"plain": Plain, "txtai": Txtai, "llamaindex": LlamaIndex}


def main() -> None:
    """Do what is asked for, print what came of it."""
    name, action, first, second = sys.argv[1:]
    baseline = BASELINES[name]()
    if action == "index":
        texts, directory = passages_of(Path(first)), Path(second)
        directory.mkdir(parents=True, exist_ok=True)
        baseline.index(texts, directory)
        print(json.dumps({"passages": len(texts)}))
        return
    hits = baseline.search(Path(first), second)
    times = [time.time()]
    times += [time.time() for _ in baseline.answer(second, hits)]
    found = {"hits": times[0], "first": times[1], "end": times[-1], "tokens": len(times) - 1}
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
