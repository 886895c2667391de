"""How well do dense search, BM25, their fusions and ragqa find the documents that answer?

    python benchmarks/retrieval.py [DIR ...] [--json OUT] [--queries N] [--bootstrap 1000]
                                   [--split dev|test|all]

A DIR is one of these, recognized by its files (`.jsonl` may be `.jsonl.gz`):

- BEIR (Thakur et al. 2021, arXiv:2104.08663): `corpus.jsonl` (`_id`, `title`, `text`),
  `queries*.jsonl` (`_id`, `text`), and `qrels*.tsv` or `qrels/*.tsv` (`query-id`, `corpus-id`,
  `score`; of `qrels/` only `test.tsv` where there is one). Queries without a relevant document are
  left out, and a document that has the query's own id is not counted as found, as in BEIR.
- FAQ: `documents.jsonl` (`id`, `question`, `text`), its question being a document's title, and
  `questions*.jsonl` (`question`, `document`). All documents are
  searched, whatever course they are of.
- Questions with their passages: `*.jsonl` (`question`, `passage`, perhaps `title`). All distinct
  passages are the documents; a question that is marked as not `answerable` is left out.
- An archive of files: `docs.tar.xz` and `questions.jsonl` (`question`, `answer`). Nobody judged
  these files: one counts as relevant when its text contains the answer, white space and case
  aside. Questions whose answer is in no file, or in more than ten, are left out and counted.
- `corpus/` of this repository with tests/eval/questions.jsonl; --split is for these alone.

Without DIR: `corpus/`, and what there is of SETS in `$RAGQA_EVAL_DATA/data`.

Each record becomes a file of its own, and all are indexed as `ragqa index` does it. Then each
question is searched by dense vectors alone, by BM25 alone, by reciprocal rank fusion of these two
lists of documents (RRF; Cormack, Clarke and Büttcher, SIGIR 2009; k = 60) and as `ragqa search`
does it with `-k 100` (where 100 passages are proposed by each of its searches; for k up to 50 it
is 50). Passages become documents by first occurrence, a folded near-duplicate directly after the
document that it was folded into.

nDCG@10 (gains are not exponential, as in trec_eval), recall and MRR@10 are by ir-measures
(MacAvaney et al., ECIR 2022). The intervals are percentile bootstrap intervals over the questions
(Efron and Tibshirani 1993, chapter 13; Sakai, SIGIR 2006). p is of Fisher's randomization test of
ragqa against the other method, paired by question, two-sided, which Smucker, Allan and Carterette
(CIKM 2007) recommend for such comparisons; it is not corrected for comparing several times. All of
it is the same in each run.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import platform
import random
import statistics
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from ragqa import __version__
from ragqa.documents.decoding import decode
from ragqa.documents.folder import find_documents
from ragqa.embedding import load_embedder
from ragqa.embedding.base import Embedder
from ragqa.errors import DocumentError, RagqaError, UsageError
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.pipeline import build_index
from ragqa.query import make_query
from ragqa.records import Hit
from ragqa.retrieval.hybrid import DEFAULT_WEIGHTS, DENSE_ONLY, LEXICAL_ONLY, retrieve
from ragqa.store import index_at
from ragqa.store.snapshot import LocalSnapshot

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "corpus"
QUESTIONS = ROOT / "tests" / "eval" / "questions.jsonl"
SETS = ("mlquestions", "faq", "nq_oracle", "hf_docs")  # below $RAGQA_EVAL_DATA/data

OURS = "ragqa"
METHODS = ("dense", "bm25", "rrf", OURS)
WEIGHTS = {"dense": DENSE_ONLY, "bm25": LEXICAL_ONLY, OURS: DEFAULT_WEIGHTS}
PASSAGES = 100  # that a method finds for a question
DOCUMENTS = 100  # that are looked at
RRF_K = 60
MEASURES = {"nDCG@10": "nDCG@10", "R@5": "R@5", "R@10": "R@10", "R@100": "R@100", "MRR@10": "RR@10"}
WITH_INTERVAL = ("nDCG@10", "MRR@10")
MAX_HOLDERS = 10  # files that contain an answer
RESAMPLES = 10_000  # of the randomization test
SEED = 17
PROGRESS_SECONDS = 30.0

Values = Mapping[str, Sequence[float]]  # of each measure, one value for each question
Run = Mapping[str, Sequence[str]]  # question id -> documents, best first
Judgements = Mapping[str, Mapping[str, int]]  # question id -> document -> grade, 0: not relevant
Observer = Callable[[str, int, int], None]


# Collections ---------------------------------------------------------------------------------


class Record(NamedTuple):
    """What becomes a file: id, title ("" for none) and text."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Collection:
    """A folder of documents, questions (id -> text), and which documents answer them.

    Documents go by their path below the folder. `uncounted` names, for a question, documents that
    are passed over; `left_out` says why questions were left out, and how many.
    """

    folder: Path
    queries: dict[str, str]
    relevant: Judgements
    left_out: Mapping[str, int] = field(default_factory=dict)
    uncounted: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Format(NamedTuple):
    """A kind of source: how it is recognized, and how it is read into an empty folder."""

    name: str
    is_in: Callable[[Path], bool]
    read: Callable[[Path, Path, str], Collection]


def format_of(source: Path) -> Format:
    """The format that a folder has; UsageError when it is none that is known."""
    if not source.is_dir():
        raise UsageError(f"no such folder: {source}")
    for known in FORMATS:
        if known.is_in(source):
            return known
    names = ", ".join(known.name for known in FORMATS)
    raise UsageError(f"no documents with questions in {source}", f"known are: {names} (see --help)")


def is_notes(source: Path) -> bool:
    """True for the sample notes of this repository."""
    return source.resolve() == CORPUS


def read_notes(source: Path, folder: Path, split: str) -> Collection:
    """The sample notes where they are, with the answerable questions of one split, or of all."""
    asked = list(records([QUESTIONS], "id", "question", "answerable", "split"))
    chosen = [item for item in asked if split in ("all", item["split"])]
    answerable = [item for item in chosen if item["answerable"]]
    return Collection(
        source.resolve(),
        {item["id"]: item["question"] for item in answerable},
        {
            item["id"]: dict.fromkeys([item["file"], *item.get("also", ())], 1)
            for item in answerable
        },
        {
            "not answerable": len(chosen) - len(answerable),
            f"not of the split {split}": len(asked) - len(chosen),
        },
    )


def is_beir(source: Path) -> bool:
    """True where there are a corpus, queries and judgements."""
    return all((jsonl(source, "corpus"), jsonl(source, "queries*"), qrels_files(source)))


def read_beir(source: Path, folder: Path, split: str) -> Collection:
    """A data set in the layout of BEIR."""
    items = records(jsonl(source, "corpus"), "_id", "text")
    names = write_documents(
        (Record(item["_id"], item.get("title") or "", item["text"]) for item in items), folder
    )
    judged = read_qrels(qrels_files(source))
    asked = {
        item["_id"]: item["text"] for item in records(jsonl(source, "queries*"), "_id", "text")
    }
    queries = {number: asked[number] for number in asked if any(judged.get(number, {}).values())}
    relevant = {
        number: {
            # What is relevant and not in the corpus is never found: it lowers the recall.
            name: grade
            for document, grade in judged[number].items()
            for name in names.get(document, [f"absent/{document}"])
        }
        for number in queries
    }
    left_out = {"without a relevant document": len(asked) - len(queries)}
    uncounted = {number: names[number] for number in queries if number in names}
    return Collection(folder, queries, relevant, left_out, uncounted)


def qrels_files(source: Path) -> list[Path]:
    """The files of judgements: those of the test split where it has a file of its own."""
    test = source / "qrels" / "test.tsv"
    return (
        [test]
        if test.is_file()
        else sorted([*source.glob("qrels*.tsv"), *test.parent.glob("*.tsv")])
    )


def read_qrels(paths: Iterable[Path]) -> dict[str, dict[str, int]]:
    """Query id -> document id -> grade."""
    judged: dict[str, dict[str, int]] = {}
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                try:
                    judged.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
                except (KeyError, TypeError, ValueError):
                    columns = "query-id, corpus-id and a whole score"
                    raise UsageError(f"{path} has a line without {columns}") from None
    return judged


def is_faq(source: Path) -> bool:
    """True where there are documents and questions that name them."""
    return bool(jsonl(source, "documents") and jsonl(source, "questions*"))


def read_faq(source: Path, folder: Path, split: str) -> Collection:
    """Frequently asked questions; of documents with the same id each is relevant."""
    items = records(jsonl(source, "documents"), "id", "question", "text")
    names = write_documents(
        (Record(item["id"], item["question"], item["text"]) for item in items), folder
    )
    asked = list(records(jsonl(source, "questions*"), "question", "document"))
    kept = {f"q{n}": item for n, item in enumerate(asked) if item["document"] in names}
    return Collection(
        folder,
        {number: item["question"] for number, item in kept.items()},
        {number: dict.fromkeys(names[item["document"]], 1) for number, item in kept.items()},
        {"document missing": len(asked) - len(kept)},
    )


def is_archive(source: Path) -> bool:
    """True where there are an archive of files and questions."""
    return (source / "docs.tar.xz").is_file() and bool(jsonl(source, "questions"))


def read_archive(source: Path, folder: Path, split: str) -> Collection:
    """An archive of files; those that contain a question's answer are relevant."""
    with tarfile.open(source / "docs.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    texts = dict(_normalized_texts(folder))
    queries: dict[str, str] = {}
    relevant: dict[str, dict[str, int]] = {}
    left_out = Counter({"answer in no file": 0, f"answer in more than {MAX_HOLDERS} files": 0})
    for n, item in enumerate(records(jsonl(source, "questions"), "question", "answer")):
        answer = normalized(item["answer"])
        holders = [name for name, text in texts.items() if answer in text]
        if 0 < len(holders) <= MAX_HOLDERS:
            queries[f"q{n}"] = item["question"]
            relevant[f"q{n}"] = dict.fromkeys(holders, 1)
        else:
            reason = f"more than {MAX_HOLDERS} files" if holders else "no file"
            left_out[f"answer in {reason}"] += 1
    return Collection(folder, queries, relevant, left_out)


def _normalized_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Path below the folder and normalized text of each file that ragqa would read."""
    for file in find_documents(folder):
        try:
            text, _ = decode(file.path.read_bytes())
        except (OSError, DocumentError):
            continue
        yield file.path.relative_to(folder).as_posix(), normalized(text)


def normalized(text: str) -> str:
    """Lower case, one space for each run of white space."""
    return " ".join(text.lower().split())


def is_passages(source: Path) -> bool:
    """True where the first record of each file has a question and its passage."""
    firsts = [next(records([path]), {}) for path in jsonl(source, "*")]
    return bool(firsts) and all({"question", "passage"} <= first.keys() for first in firsts)


def read_passages(source: Path, folder: Path, split: str) -> Collection:
    """Questions with a passage each; all distinct passages together are searched."""
    asked = list(records(jsonl(source, "*"), "question", "passage"))
    texts = list(dict.fromkeys((item.get("title") or "", item["passage"]) for item in asked))
    ids = {text: f"d{n}" for n, text in enumerate(texts)}
    names = write_documents((Record(ids[text], *text) for text in texts), folder)
    kept = {f"q{n}": item for n, item in enumerate(asked) if item.get("answerable", True)}
    gold = {n: ids[item.get("title") or "", item["passage"]] for n, item in kept.items()}
    return Collection(
        folder,
        {number: item["question"] for number, item in kept.items()},
        {number: dict.fromkeys(names[gold[number]], 1) for number in kept},
        {"not answerable": len(asked) - len(kept)},
    )


FORMATS = (
    Format("notes of this repository", is_notes, read_notes),
    Format("BEIR", is_beir, read_beir),
    Format("FAQ", is_faq, read_faq),
    Format("archive with questions", is_archive, read_archive),
    Format("questions with passages", is_passages, read_passages),
)


def jsonl(source: Path, stem: str) -> list[Path]:
    """The JSON Lines files of this name (a pattern), compressed ones too."""
    return sorted([*source.glob(f"{stem}.jsonl"), *source.glob(f"{stem}.jsonl.gz")])


def records(paths: Iterable[Path], *fields: str) -> Iterator[dict[str, Any]]:
    """The records of some files; UsageError for one that is no object with these fields."""
    for path in paths:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    item = json.loads(line)
                except ValueError:
                    item = None
                if not isinstance(item, dict) or not item.keys() >= set(fields):
                    wanted = f" with {', '.join(fields)}" if fields else ""
                    raise UsageError(f"{path}:{number} is not a JSON object{wanted}")
                yield item


def write_documents(items: Iterable[Record], folder: Path) -> dict[str, list[str]]:
    """Write a file for each record; id -> names of its files (several where an id comes again)."""
    names: dict[str, list[str]] = {}
    for item in items:
        known = names.setdefault(item.id, [])
        title = " ".join(item.title.split())
        again = f"~{len(known) + 1}" if known else ""
        name = f"{file_stem(item.id)}{again}{'.md' if title else '.txt'}"
        text = f"# {title}\n\n{item.text}" if title else item.text
        (folder / name).write_text(text, encoding="utf-8", errors="replace")
        known.append(name)
    return names


def file_stem(identifier: str) -> str:
    """A file name for an id: no two are alike, and none is hidden or marked as a repetition."""
    return quote(identifier, safe="").replace(".", "%2E").replace("~", "%7E")


def sampled(collection: Collection, count: int) -> Collection:
    """The collection with `count` of its questions, always the same ones; 0: all of them."""
    if not 0 < count < len(collection.queries):
        return collection
    chosen = set(random.Random(SEED).sample(list(collection.queries), count))
    kept = {number: text for number, text in collection.queries.items() if number in chosen}
    return replace(collection, queries=kept)


# Searching -----------------------------------------------------------------------------------


def ranked(
    method: str, question: str, embedder: Embedder, reader: LocalSnapshot, count: int
) -> list[str]:
    """The paths of the files that a method finds, best first, each once; from `count` passages."""
    query = make_query(question, embedder, reader)
    return paths_of(retrieve(query, embedder, reader, count, weights=WEIGHTS[method]))


def paths_of(hits: Iterable[Hit]) -> list[str]:
    """The files of the hits, each once; those with a folded twin follow the hit's own."""
    return list(dict.fromkeys(path for hit in hits for path in (hit.path, *hit.also_in)))


def fused(rankings: Iterable[Sequence[str]]) -> list[str]:
    """Reciprocal rank fusion: each list gives its n-th document 1 / (60 + n)."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for place, document in enumerate(ranking, start=1):
            scores[document] = scores.get(document, 0.0) + 1 / (RRF_K + place)
    return sorted(scores, key=lambda document: -scores[document])


def runs_of(
    collection: Collection, embedder: Embedder, reader: LocalSnapshot, observe: Observer
) -> dict[str, Run]:
    """What each method finds for each question."""
    runs: dict[str, dict[str, list[str]]] = {method: {} for method in METHODS}
    for method in WEIGHTS:
        for done, (number, question) in enumerate(collection.queries.items()):
            observe(f"searching, {method}", done, len(collection.queries))
            paths = ranked(method, question, embedder, reader, PASSAGES)
            uncounted = collection.uncounted.get(number, ())
            names = [Path(path).relative_to(collection.folder).as_posix() for path in paths]
            runs[method][number] = [name for name in names if name not in uncounted][:DOCUMENTS]
    for number in collection.queries:
        both = [runs[method][number] for method in ("dense", "bm25")]
        runs["rrf"][number] = fused(both)[:DOCUMENTS]
    return dict(runs)


# Figures -------------------------------------------------------------------------------------


def scores(run: Run, relevant: Judgements) -> dict[str, list[float]]:
    """Each measure for each question of the run, in its order."""
    try:
        import ir_measures
    except ImportError:
        raise UsageError("ir-measures is missing", "run: pip install '.[bench]'") from None

    measures = {name: ir_measures.parse_measure(theirs) for name, theirs in MEASURES.items()}
    judged = {number: dict(relevant[number]) for number in run}
    # trec_eval orders by score and looks at nothing else: all scores of a question must differ.
    listed = {
        number: {document: float(-place) for place, document in enumerate(documents)}
        for number, documents in run.items()
    }
    values = {
        (item.measure, item.query_id): float(item.value)
        for item in ir_measures.iter_calc(list(measures.values()), judged, listed)
    }
    return {
        name: [values.get((measure, number), 0.0) for number in run]
        for name, measure in measures.items()
    }


def interval(values: Sequence[float], resamples: int) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean."""
    generator = np.random.default_rng(SEED)
    array = np.asarray(values)
    means = [
        generator.choice(array, len(array)).mean()  # with replacement
        for _ in range(resamples)
    ]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Fisher's randomization test: how often would so large a mean difference come by chance?

    If the two systems were the same, each difference could as well have the other sign. The
    observed assignment counts as one of the random ones, so that p is never 0.
    """
    generator = np.random.default_rng(SEED)
    differences = np.asarray(ours) - np.asarray(theirs)
    observed = abs(differences.sum()) - 1e-9  # sums in another order differ in their last bits
    as_large = 0
    for _ in range(RESAMPLES):
        signs = generator.integers(0, 2, len(differences)) * 2 - 1
        as_large += bool(abs(signs @ differences) >= observed)
    return (as_large + 1) / (RESAMPLES + 1)


def figures(values: Values, ours: Values | None, resamples: int) -> dict[str, Any]:
    """Means, intervals, and p against `ours` (None for ragqa itself) of one method."""
    shown: dict[str, Any] = {name: statistics.fmean(values[name]) for name in MEASURES}
    shown["interval"] = {name: interval(values[name], resamples) for name in WITH_INTERVAL}
    if ours is not None:
        shown["p"] = {name: p_value(ours[name], values[name]) for name in WITH_INTERVAL}
    return shown


def measure(
    source: Path, embedder: Embedder, split: str, count: int, resamples: int
) -> dict[str, Any]:
    """All figures for one source."""
    known, observe = format_of(source), progress(source.name)
    with tempfile.TemporaryDirectory() as temporary:
        folder, directory = (Path(temporary).resolve() / name for name in ("documents", "index"))
        folder.mkdir()
        whole = known.read(source, folder, split)
        collection = sampled(whole, count)
        if not collection.queries:
            raise UsageError(f"no question in {source} has a relevant document")
        report = build_index(index_at(directory), [collection.folder], lambda _: embedder, observe)
        with LocalSnapshot(directory) as reader:
            documents, passages = reader.counts()
            runs = runs_of(collection, embedder, reader, observe)
    values = {method: scores(run, collection.relevant) for method, run in runs.items()}
    return {
        "set": source.resolve().name,
        "format": known.name,
        "documents": documents,
        "unreadable": len(report.failed),
        "passages": passages,
        "queries": len(collection.queries),
        "queries_to_sample_from": len(whole.queries),
        "left_out": dict(collection.left_out),
        "methods": {
            method: figures(values[method], None if method == OURS else values[OURS], resamples)
            for method in METHODS
        },
    }


def progress(name: str) -> Observer:
    """Says on stderr, now and then, how far the work on a set is."""
    said = 0.0

    def observe(stage: str, done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said >= PROGRESS_SECONDS:
            said = time.monotonic()
            print(f"{name}: {stage} {done}/{total or '?'}", file=sys.stderr)

    return observe


# Output --------------------------------------------------------------------------------------


def table(facts: Mapping[str, Any]) -> str:
    """One set: a line that says what it is, then a line for each method."""
    left_out = ", ".join(f"{n} {reason}" for reason, n in facts["left_out"].items() if n)
    counts = ", ".join(f"{facts[name]} {name}" for name in ("documents", "passages", "queries"))
    if facts["queries"] < (whole := facts["queries_to_sample_from"]):
        counts += f" of {whole}"
    lines = [f"{facts['set']} ({facts['format']}): {counts}; left out: {left_out or 'none'}"]
    lines.append(
        f"{'method':<7} {'nDCG@10 [95 % CI]':<22} {'R@5':>6} {'R@10':>6} {'R@100':>6}"
        f"  {'MRR@10 [95 % CI]':<22} {'p nDCG':>7} {'p MRR':>7}"
    )
    for method, row in facts["methods"].items():
        ndcg, mrr = (_with_interval(row[name], row["interval"][name]) for name in WITH_INTERVAL)
        recalls = " ".join(f"{row[name]:>6.3f}" for name in ("R@5", "R@10", "R@100"))
        ps = " ".join(f"{_shown_p(row.get('p', {}).get(name)):>7}" for name in WITH_INTERVAL)
        lines.append(f"{method:<7} {ndcg} {recalls}  {mrr} {ps}")
    return "\n".join(lines)


def _with_interval(mean: float, limits: tuple[float, float]) -> str:
    return f"{mean:.3f} [{limits[0]:.3f}, {limits[1]:.3f}]".ljust(22)


def _shown_p(p: float | None) -> str:
    if p is None:
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def default_sources() -> list[Path]:
    """The sample notes, and what there is of the sets outside the repository."""
    sources = [CORPUS]
    data = os.environ.get("RAGQA_EVAL_DATA", "")
    for name in SETS:
        folder = Path(data) / "data" / name
        if data and folder.is_dir():
            sources.append(folder)
        else:
            where = folder if data else "RAGQA_EVAL_DATA is not set"
            print(f"absent: {name} ({where})", file=sys.stderr)
    return sources


def measure_all(options: argparse.Namespace) -> None:
    """Print a table for each source; keep the figures as soon as there are any."""
    sources = options.folders or default_sources()
    for source in sources:
        format_of(source)
    scores({}, {})  # as with a wrong source: what is missing is told before hours of work
    embedder = load_embedder(BUNDLED_EMBEDDER)
    where = machine()
    print(f"{where['machine']}, {where['cores']} cores, Python {where['python']}")
    sets: list[dict[str, Any]] = []
    for source in sources:
        facts = measure(source, embedder, options.split, options.queries, options.bootstrap)
        print(f"\n{table(facts)}", flush=True)
        sets.append(facts)
        if options.json:
            everything = {
                "ragqa": __version__,
                "embedder": embedder.fingerprint,
                "machine": where,
                "seed": SEED,
                "bootstrap": options.bootstrap,
                "randomizations": RESAMPLES,
                "sets": sets,
            }
            options.json.write_text(json.dumps(everything, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path, metavar="DIR")
    parser.add_argument("--split", choices=("dev", "test", "all"), default="all")
    parser.add_argument("--queries", type=int, default=0, metavar="N", help="a sample of so many")
    parser.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="resamples")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures to this file")
    try:
        measure_all(parser.parse_args(arguments))
    except RagqaError as error:
        print(f"error: {error.message}{error.hint and f'; {error.hint}'}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
