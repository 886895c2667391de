"""What does a search cost in an index of 10,000, 100,000 and 1,000,000 passages?

    python benchmarks/scale.py [--sizes 10000 100000 1000000] [--work DIR] [--json OUT] [--plot OUT]

Makes an index of each size with the store's own writer. Vectors are those of real passages,
perturbed; texts are real sentences put together anew; word codes are those of real passages. The
passages come from `corpus/` and, where RAGQA_EVAL_DATA is set, from the collections `nq_oracle`
and `mlquestions`; the questions are those of tests/eval/questions.jsonl. Then, in a process of its
own for each size: the time to open the index, to search the vectors, the full text and both
(`retrieve`, as `ragqa search` does, the question's encoding included), each the median of all
questions in a warm process; the share of the ten nearest passages (found by comparing with all)
that the vector search finds; the resident memory at the end, models included; the size on disk.

1,000,000 passages take some 40 minutes to write, 8 GB of disk and 6 GB of memory.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import pickle
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragqa.documents import read_document
from ragqa.documents.folder import find_documents
from ragqa.documents.passages import split
from ragqa.embedding import load_embedder
from ragqa.embedding.base import Encoding
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.query import make_query
from ragqa.records import Block, Document, Passage, Run
from ragqa.retrieval.hybrid import retrieve
from ragqa.store.base import FileFacts
from ragqa.store.cache import text_hash
from ragqa.store.snapshot import LocalSnapshot
from ragqa.store.writer import LocalWriter
from ragqa.text.bm25 import question_words
from ragqa.text.sentences import split_sentences

ROOT = Path(__file__).parent.parent
QUESTIONS = ROOT / "tests" / "eval" / "questions.jsonl"
PER_DOCUMENT = 20
BATCH = 2_000
NOISE = 0.75  # length of what is added to a vector of length 1: neighbours keep a cosine of 0.8
NEAREST = 10
VECTORS = "exact.npy"
Vectors = npt.NDArray[np.float32]


def real_passages(count_tokens: Callable[[Sequence[str]], list[int]], limit: int) -> list[str]:
    """The passages of the notes, and of two public collections where they are there."""
    texts = []
    for file in find_documents(ROOT / "corpus"):
        document = read_document(file.path, file.path.read_bytes())
        texts += [passage.text for passage in split(document, count_tokens, limit)]
    data = Path(os.environ.get("RAGQA_EVAL_DATA", "/nowhere")) / "data"
    for name, key in (
        ("nq_oracle/dev.jsonl.gz", "passage"),
        ("mlquestions/corpus.jsonl.gz", "text"),
    ):
        if (data / name).exists():
            with gzip.open(data / name, "rt", encoding="utf-8") as lines:
                texts += [json.loads(line)[key] for line in lines]
    return list(dict.fromkeys(texts))


def questions() -> list[str]:
    """What is asked."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


def perturbed(vectors: Vectors, chosen: npt.NDArray[np.int64], seed: int) -> Vectors:
    """The chosen vectors [n, dimension], each moved by noise of length `NOISE`, normalized."""
    noise = np.random.default_rng(seed).standard_normal((len(chosen), vectors.shape[1]))
    moved = vectors[chosen] + noise.astype(np.float32) * (NOISE / vectors.shape[1] ** 0.5)
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), dtype=np.float32)


def recombined(sentences: Sequence[str], sizes: Sequence[int], seed: int) -> Iterator[str]:
    """Texts of random sentences, each as long as a real passage, no two alike."""
    chance = random.Random(seed)
    seen = set()
    while True:
        wanted, text = chance.choice(sizes), ""
        while len(text) < wanted or hash(text) in seen:
            text += chance.choice(sentences) + " "
        seen.add(hash(text))
        yield text.strip()


def document_of(number: int, texts: Sequence[str]) -> tuple[FileFacts, Document, list[Passage]]:
    """A document of these passages, as a reader would give it."""
    passages = []
    for place, text in enumerate(texts):
        block = Block("paragraph", (), text, text, 0, place + 1, (Run(0, 0, len(text)),))
        passages.append(Passage(None, (), (block,)))
    path = Path(f"/synthetic/{number}.txt")
    blocks = tuple(passage.blocks[0] for passage in passages)
    facts = FileFacts(str(path), 1, 1, 1, f"{number}")
    return facts, Document(path, "", blocks), passages


def make_index(directory: Path, size: int, base: list[Encoding], texts: list[str]) -> float:
    """Write an index of `size` synthetic passages, and its vectors as an array; the seconds."""
    started = time.perf_counter()
    embedder = load_embedder(BUNDLED_EMBEDDER)
    vectors = np.stack([encoding.vector for encoding in base])
    exact = np.lib.format.open_memmap(
        directory / VECTORS, "w+", np.float32, (size, vectors.shape[1])
    )
    sentences = [sentence for text in texts for sentence in split_sentences(text)]
    made = recombined(sentences, [len(text) for text in texts], size)
    with LocalWriter(directory / "index") as writer:
        cache = writer.open_cache(embedder.fingerprint)
        for start in range(0, size, BATCH):
            chosen = np.random.default_rng(start).integers(0, len(base), min(BATCH, size - start))
            exact[start : start + len(chosen)] = perturbed(vectors, chosen, start)
            batch = [next(made) for _ in chosen]
            encoded = [(exact[start + i], base[number].words) for i, number in enumerate(chosen)]
            cache.add([text_hash(text) for text in batch], encoded)
            for first in range(0, len(batch), PER_DOCUMENT):
                parts = batch[first : first + PER_DOCUMENT]
                writer.put(*document_of((start + first) // PER_DOCUMENT, parts))
            print(f"{start + len(chosen):,} of {size:,}", end="\r", file=sys.stderr)
        names = {"embedder": embedder.fingerprint, "embedder_model": embedder.name}
        writer.publish(names, embedder.dimension)
    exact.flush()
    return time.perf_counter() - started


def nearest(exact: Path, asked: Vectors) -> npt.NDArray[np.int64]:
    """The places of the `NEAREST` nearest vectors for each question, by comparing with all."""
    stored = np.load(exact, mmap_mode="r")
    best = np.full((len(asked), NEAREST), -1, dtype=np.int64)
    scores = np.full((len(asked), NEAREST), -np.inf, dtype=np.float32)
    for start in range(0, len(stored), 50_000):
        part = asked @ np.asarray(stored[start : start + 50_000]).T
        top = np.argpartition(-part, NEAREST, axis=1)[:, :NEAREST]
        both = np.concatenate([scores, np.take_along_axis(part, top, 1)], axis=1)
        places = np.concatenate([best, top + start], axis=1)
        order = np.argsort(-both, axis=1)[:, :NEAREST]
        best, scores = np.take_along_axis(places, order, 1), np.take_along_axis(both, order, 1)
    return best


def milliseconds(action: Callable[[Any], object], arguments: Sequence[Any]) -> dict[str, float]:
    """Median and 95th percentile of the time for each argument, in a warm process."""
    times = []
    for argument in arguments:
        started = time.perf_counter()
        action(argument)
        times.append((time.perf_counter() - started) * 1000)
    return {"p50": statistics.median(times), "p95": float(np.percentile(times, 95))}


def resident_megabytes() -> float:
    """Memory that this process holds now, mapped files that it has touched included."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def measure(directory: Path) -> dict[str, Any]:
    """All figures of one index; to be run in a process of its own."""
    embedder = load_embedder(BUNDLED_EMBEDDER)
    asked = questions()
    vectors = np.stack([embedder.encode_question(question).vector for question in asked])
    started = time.perf_counter()
    with LocalSnapshot(directory / "index") as reader:

        def search(question: str) -> object:
            query = make_query(question, embedder, reader)
            return retrieve(query, embedder, reader, NEAREST)

        reader.dense(vectors[0], NEAREST)
        opened = time.perf_counter() - started
        for question in asked:  # once, so that the pages that they need are in memory
            search(question)
        words = [question_words(question) for question in asked]
        figures: dict[str, Any] = {
            "open_seconds": opened,
            "vectors_ms": milliseconds(lambda v: reader.dense(v, NEAREST), list(vectors)),
            "full_text_ms": milliseconds(lambda w: reader.lexical(w, 50), words),
            "search_ms": milliseconds(search, asked),
            "resident_mb": resident_megabytes(),
        }
        # Ids count from 1 in the order of writing, places in the array from 0.
        found = [{number - 1 for number, _ in reader.dense(v, NEAREST)} for v in vectors]
    truth = nearest(directory / VECTORS, vectors)
    hits = [len(near & set(true.tolist())) for near, true in zip(found, truth, strict=True)]
    figures["recall_at_10"] = sum(hits) / len(hits) / NEAREST
    files = [f for f in (directory / "index").iterdir() if f.is_file()]
    figures["disk_mb"] = {f.name: f.stat().st_size / 1e6 for f in files if f.stat().st_size > 1e5}
    return figures


def table(results: Sequence[dict[str, Any]]) -> str:
    """One line a size."""
    lines = [
        f"{'passages':>10}{'open s':>8}{'vectors ms':>12}{'recall@10':>11}{'full text ms':>14}"
        f"{'search ms':>11}{'p95':>7}{'memory MB':>11}{'disk MB':>9}{'write s':>9}"
    ]
    for item in results:
        lines.append(
            f"{item['passages']:>10,}{item['open_seconds']:>8.2f}{item['vectors_ms']['p50']:>12.1f}"
            f"{item['recall_at_10']:>11.3f}{item['full_text_ms']['p50']:>14.1f}"
            f"{item['search_ms']['p50']:>11.1f}{item['search_ms']['p95']:>7.0f}"
            f"{item['resident_mb']:>11.0f}{sum(item['disk_mb'].values()):>9.0f}"
            f"{item['write_seconds']:>9.0f}"
        )
    return "\n".join(lines)


def plot(results: Sequence[dict[str, Any]], target: Path) -> None:
    """Time against size, both logarithmic; a dashed line shows what linear growth would be."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = [item["passages"] for item in results]
    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for name in ("search_ms", "full_text_ms", "vectors_ms"):
        times = [item[name]["p50"] for item in results]
        axes.loglog(sizes, times, "o-", label=name.removesuffix("_ms").replace("_", " "))
    first = results[0]["search_ms"]["p50"]
    linear = [first * size / sizes[0] for size in sizes]
    axes.loglog(sizes, linear, "k--", alpha=0.4, label="linear growth")
    axes.set(xlabel="passages", ylabel="milliseconds, median", title="Time of a warm search")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend()
    figure.savefig(target)


def encoded_passages(work: Path) -> tuple[list[Encoding], list[str]]:
    """The real passages and their encodings, kept in `work` for the next run."""
    kept = work / "passages.pickle"
    if kept.exists():
        base, texts = pickle.loads(kept.read_bytes())
        return base, texts
    embedder = load_embedder(BUNDLED_EMBEDDER)
    texts = real_passages(embedder.count_tokens, embedder.max_tokens)
    print(f"encoding {len(texts):,} real passages", file=sys.stderr)
    base = embedder.encode(texts)
    kept.write_bytes(pickle.dumps((base, texts)))
    return base, texts


def main() -> None:
    """Make the indexes that are not there, measure each in its own process, print, plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--work", type=Path, help="where to keep the indexes for another run")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        results = [measured(work, size) for size in options.sizes]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(table(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2), encoding="utf-8")
    if options.plot:
        plot(results, options.plot)


def measured(work: Path, size: int) -> dict[str, Any]:
    """The figures of an index of that size; it is made if it is not there."""
    directory = work / str(size)
    written = directory / "seconds"
    if not written.exists():
        directory.mkdir(exist_ok=True)
        seconds = make_index(directory, size, *encoded_passages(work))
        written.write_text(str(seconds), encoding="utf-8")
    command = [sys.executable, __file__, "--measure", str(directory)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds = float(written.read_text(encoding="utf-8"))
    return {"passages": size, "write_seconds": seconds, **json.loads(done.stdout)}


if __name__ == "__main__":
    main()
