"""How fast is ragqa, beside what its users could run instead? One command measures all of it.

    python benchmarks/speed.py [--only PART ...] [--runs N] [--docs FOLDER] [--json FILE]

Parts: `cold` and `warm` questions, `prompt` (reading and writing tokens), `embedding`, `reindex`,
`memory`. What is compared takes turns, N times; the table has medians with their range, and how
often the time (or the speed) of the row that stands for 1 goes into it. The baselines are those of
`baselines.py`; txtai and LlamaIndex are measured where they are installed:

    python benchmarks/speed.py --install-peers build/peers     (once, some minutes)
    python benchmarks/speed.py --peers build/peers

They get an environment of their own, which borrows torch and llama-cpp-python from this one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import pty
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragqa.api import Collection
from ragqa.documents import read_document
from ragqa.documents.folder import find_documents
from ragqa.documents.passages import split
from ragqa.embedding import load_embedder
from ragqa.generators.llama_cpp import LlamaCppGenerator
from ragqa.generators.lora_merge import OTHERWISE, WITH_BF16, prepared
from ragqa.generators.native import load_llama, scores_after
from ragqa.models.catalogue import BUNDLED_EMBEDDER, BUNDLED_GENERATOR
from ragqa.models.local import embedder_folder, generator_file
from ragqa.models.local import span_adapter as adapter
from ragqa.pipeline import ask
from ragqa.settings import load_settings
from ragqa.text.sentences import split_sentences

HERE = Path(__file__).parent
CORPUS = HERE.parent / "corpus"
RAGQA = [sys.executable, "-m", "ragqa"]
QUESTIONS = (
    "What does RMSNorm leave out?",
    "How many weights does LoRA with rank 8 train?",
    "Who proposed rotary position embeddings?",
    "What is a token?",
    "What does a lower perplexity mean?",
)
PEERS = {
    "txtai": ["txtai==9.14.0"],
    "llamaindex": [
        "llama-index-core==0.14.25",
        "llama-index-embeddings-huggingface==0.8.0",
        "llama-index-llms-llama-cpp==0.7.0",
    ],
}
FILES, FEW, MANY = 10_000, 1_000, 12_000
SAMPLE = 240  # passages that both embed
WRITTEN = 64  # tokens
DIGITS = {"ms": 1, "/s": 1, "": 5}
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\s")


@dataclass
class Row:
    """What was measured of one thing; `of` names the row that it is compared with."""

    part: str
    name: str
    unit: str
    of: str = ""
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle one of the values."""
        return statistics.median(self.values)


class Table:
    """The rows of all parts, in order."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}

    def add(self, part: str, name: str, value: float, unit: str = "s", of: str = "") -> None:
        """One more value of a row."""
        self.rows.setdefault((part, name), Row(part, name, unit, of)).values.append(value)

    def text(self) -> str:
        """All of it, for people."""
        lines, part = [], ""
        parts = list(dict.fromkeys(row.part for row in self.rows.values()))
        for row in sorted(self.rows.values(), key=lambda row: parts.index(row.part)):
            if row.part != part:
                lines += ["", f"{row.part:<48}{'median':>9}{'range':>17}{'ratio':>8}"]
                part = row.part
            low, high = min(row.values), max(row.values)
            digits = 0 if row.median >= 100 else DIGITS.get(row.unit, 2)
            spread = f"{low:.{digits}f}-{high:.{digits}f}" if len(row.values) > 1 else ""
            lines.append(
                f"  {row.name:<43}{row.unit:>3}{row.median:>9.{digits}f}{spread:>17}"
                f"{self._ratio(row):>8}"
            )
        return "\n".join(lines)

    def _ratio(self, row: Row) -> str:
        base = self.rows.get((row.part, row.of or row.name))
        is_base = any(other.of == row.name for other in self.rows.values() if other is not row)
        if not base or not (row.of or is_base):
            return ""
        return f"{row.median / base.median:.2f}"


# Running --------------------------------------------------------------------------------------


@dataclass
class Setting:
    """Where and how often things are measured."""

    work: Path
    docs: Path
    runs: int
    peers: Path | None

    @property
    def environment(self) -> dict[str, str]:
        """That of the commands: an index and a runtime folder of their own."""
        own = {"RAGQA_INDEX": str(self.work / "index"), "XDG_RUNTIME_DIR": str(self.work)}
        return {**os.environ, **own, "PYTHONPATH": str(HERE.parent)}

    def questions(self) -> Iterator[str]:
        """One for each run."""
        yield from (QUESTIONS[run % len(QUESTIONS)] for run in range(self.runs))

    def baselines(self) -> dict[str, str]:
        """The baselines that can run, each with its Python."""
        peers = dict.fromkeys(PEERS, str(self.peers / "bin" / "python")) if self.peers else {}
        return {"plain": sys.executable, **peers}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """The time that a command takes."""
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True)
    if done.returncode not in (0, 1):  # 1: a small model that writes may find no answer
        raise SystemExit(f"no answer: {' '.join(command)}")
    return time.perf_counter() - started


def first_and_end(command: list[str], setting: Setting, terminal: bool = False) -> list[float]:
    """When a command's first visible character is there, and when it ends, in seconds."""
    reading, writing = pty.openpty() if terminal else os.pipe()
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=setting.environment, stdout=writing, stderr=subprocess.DEVNULL
    ) as process:
        os.close(writing)
        first, seen = 0.0, b""
        with suppress(OSError):  # how a terminal ends
            while data := os.read(reading, 65536):
                seen += data
                first = first or (time.perf_counter() - started) * bool(CONTROL.sub(b"", seen))
    os.close(reading)
    if process.returncode or not first:
        raise SystemExit(f"no answer: {' '.join(command)}")
    return [first, time.perf_counter() - started]


def asked_of(name: str, python: str, setting: Setting, question: str) -> dict[str, float]:
    """What a baseline says of a question: when were the hits, the first and last token there."""
    index = str(setting.work / name)
    command = [python, str(HERE / "baselines.py"), name, "ask", index, question]
    started = time.time()
    done = subprocess.run(command, env=setting.environment, check=True, capture_output=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {key: found[key] - started for key in ("hits", "first", "end")}


# Parts ----------------------------------------------------------------------------------------


def cold(table: Table, setting: Setting) -> None:
    """Questions, each in a process of its own, with a warm disk cache."""
    part, of = "index a folder, from nothing", "plain"
    for name, python in setting.baselines().items():
        command = [python, str(HERE / "baselines.py"), name, "index", str(setting.docs)]
        command.append(str(setting.work / name))
        table.add(part, name, seconds(command, setting.environment), of=of)
        asked_of(name, python, setting, QUESTIONS[0])  # whatever it does the first time
    command = [*RAGQA, "index", str(setting.docs)]
    table.add(part, "ragqa", seconds(command, setting.environment), of=of)
    first_and_end([*RAGQA, "ask", QUESTIONS[0]], setting)
    for question in setting.questions():
        for name, python in setting.baselines().items():
            found = asked_of(name, python, setting, question)
            table.add("cold search", name, found["hits"], of="plain")
            table.add("cold ask", f"{name}, first token", found["first"], of="plain, first token")
            table.add("cold ask, to the end", name, found["end"], of="plain")
        took = seconds([*RAGQA, "search", question], setting.environment)
        table.add("cold search", "ragqa", took, of="plain")
        anew = [*RAGQA, "ask", "--no-cache", question]
        first, end = first_and_end([*anew, "--stream"], setting)
        table.add("cold ask", "ragqa, first sentence, pipe", first, of="plain, first token")
        first, _ = first_and_end(anew, setting, terminal=True)
        table.add("cold ask", "ragqa, first word, terminal", first, of="plain, first token")
        table.add("cold ask, to the end", "ragqa", end, of="plain")
        written = [*anew, "--answer", "generate", "--max-tokens", str(WRITTEN)]
        end = seconds(written, setting.environment)
        table.add("cold ask, to the end", "ragqa --answer generate", end, of="plain")
        first_and_end([*RAGQA, "ask", question], setting)
        _, end = first_and_end([*RAGQA, "ask", question], setting)
        table.add("cold ask, to the end", "ragqa, asked before", end, of="plain")


def warm(table: Table, setting: Setting) -> None:
    """Questions to `ragqa serve`, and the prompts of the answers read by llama.cpp alone."""
    subprocess.run(
        [*RAGQA, "index", str(setting.docs)],
        env=setting.environment,
        check=True,
        capture_output=True,
    )
    prompts = prompts_of(setting)
    shipped, ready = raw_llama(generator_file(BUNDLED_GENERATOR)[1]), raw_llama(prompts.file)
    with served(setting):
        first_and_end([*RAGQA, "ask", "--no-cache", QUESTIONS[0]], setting)
        for question in setting.questions():
            part, of = "warm", "ask, first sentence"
            for name, llama in (("as shipped", shipped), ("made ready", ready)):
                took = prefill_seconds(llama, prompts.tokens[question])
                table.add(part, f"llama.cpp, the same prompt, {name}", took, of=of)
            anew = [*RAGQA, "ask", "--no-cache", question]
            table.add(part, of, first_and_end([*anew, "--stream"], setting)[0])
            done = subprocess.run([*anew, "--json"], env=setting.environment, capture_output=True)
            timings = json.loads(done.stdout)["timings_ms"]
            for stage in ("retrieve", "rank", "prefill", "generate"):
                table.add(part, f"of it: {stage}", timings.get(stage, 0.0), "ms")
            table.add(part, "search", seconds([*RAGQA, "search", question], setting.environment))
            first_and_end([*RAGQA, "ask", question], setting)
            took = seconds([*RAGQA, "ask", question], setting.environment)
            table.add(part, "ask, asked before", took, of=of)
    alone = [sys.executable, "-c", "from ragqa.serve.client import served; served(['ask', 'x'])"]
    for _ in range(setting.runs):
        table.add("warm", "the client itself, to its request", seconds(alone, setting.environment))


@dataclass
class Prompts:
    """The reader's prompts for the questions, and the weights that read them."""

    file: Path
    tokens: dict[str, list[int]]


def prompts_of(setting: Setting) -> Prompts:
    """What the reader reads for each question."""
    found: dict[str, list[int]] = {}
    os.environ["RAGQA_INDEX"] = str(setting.work / "index")
    with Collection(load_settings({})).session() as session:
        model = session.span_model
        assert isinstance(model, LlamaCppGenerator)
        logits = model.logits

        def recorded(tokens: Any, past: int, last: int = 1) -> npt.NDArray[np.float32]:
            if past == 0:
                found[question] = list(tokens)
            return logits(tokens, past, last)

        model.logits = recorded  # type: ignore[method-assign]
        for question in QUESTIONS:
            ask(question, session)
        return Prompts(Path(model._llama.model_path), found)


def raw_llama(file: Path) -> Any:
    """llama.cpp as its Python package has it by default, with as many threads."""
    from llama_cpp import Llama

    threads = os.cpu_count()
    return Llama(str(file), n_ctx=4096, n_threads=threads, n_threads_batch=threads, verbose=False)


def prefill_seconds(llama: Any, tokens: list[int]) -> float:
    """The time of reading a prompt from its begin."""
    llama.reset()
    started = time.perf_counter()
    llama.eval(tokens)
    return time.perf_counter() - started


@contextmanager
def served(setting: Setting) -> Iterator[None]:
    """A running `ragqa serve`."""
    command = [*RAGQA, "serve"]
    with subprocess.Popen(command, env=setting.environment, stderr=subprocess.PIPE) as process:
        assert process.stderr
        process.stderr.readline()  # it listens
        try:
            yield
        finally:
            process.terminate()


def prompt(table: Table, setting: Setting) -> None:
    """Tokens per second of a prompt of about 500 and of what is written after it."""
    plain = raw_llama(generator_file(BUNDLED_GENERATOR)[1])
    writer = LlamaCppGenerator(BUNDLED_GENERATOR)
    readers = forms_of_the_reader()
    text = (HERE.parent / "README.md").read_text(encoding="utf-8")
    tokens = plain.tokenize(text.encode(), add_bos=False)[:500]
    message = plain.detokenize(tokens).decode()
    for run in range(setting.runs + 1):
        into = table if run else Table()  # the first one loads
        plain.reset()
        times = [time.perf_counter()]
        for _token in plain.generate(tokens, temp=0.0, repeat_penalty=1.0):
            times.append(time.perf_counter())
            if len(times) > WRITTEN:
                break
        _add_speeds(into, "llama.cpp", len(tokens), times)
        times = [time.perf_counter()]
        times += [time.perf_counter() for _ in writer.stream(message, WRITTEN)]
        _add_speeds(into, "ragqa, model that writes", len(tokens), times)
        for name, reader in readers.items():
            started = time.perf_counter()
            scores_after(reader, tokens, 0, 1)
            _add_speeds(into, f"ragqa, {name}", len(tokens), [started, time.perf_counter()])


def forms_of_the_reader() -> dict[str, Any]:
    """llama.cpp with the reader's adapter in the weights, in both forms, and beside them."""
    _, path, sha256 = generator_file(BUNDLED_GENERATOR)
    files = {form: prepared(path, sha256, adapter(), form) for form in (OTHERWISE, WITH_BF16)}
    threads = os.cpu_count() or 1
    found = {"reader, adapter beside": load_llama(path, 2048, threads, adapter())}
    for form, file in files.items():
        if file:
            found[f"reader, {form}"] = load_llama(file, 2048, threads, None)
    return found


def _add_speeds(table: Table, name: str, read: int, times: list[float]) -> None:
    table.add("tokens read", name, read / (times[1] - times[0]), "/s", "llama.cpp")
    if len(times) > 2:
        speed = (len(times) - 2) / (times[-1] - times[1])
        table.add("tokens written", name, speed, "/s", "llama.cpp")


def embedding(table: Table, setting: Setting) -> None:
    """The same passages, by sentence-transformers and by ragqa, which makes word codes, too."""
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(
        str(embedder_folder(BUNDLED_EMBEDDER)), device="cpu", local_files_only=True
    )
    few, many = load_embedder(BUNDLED_EMBEDDER), load_embedder(BUNDLED_EMBEDDER)
    many.load(MANY)
    texts = []
    for file in find_documents(setting.docs):
        document = read_document(file.path, file.path.read_bytes())
        passages = split(document, few.count_tokens, few.max_tokens)
        texts += [passage.embedded_text for passage in passages]
    texts = random.Random(1).sample(texts, min(SAMPLE, len(texts)))
    ways: dict[str, Callable[[], object]] = {
        "SentenceTransformer.encode": lambda: library.encode(texts, batch_size=32),
        "ragqa, 500 passages or more in a run": lambda: many.encode(texts),
        "ragqa, fewer": lambda: few.encode(texts),
    }
    for run in range(setting.runs + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            speed = len(texts) / (time.perf_counter() - started)
            if run:  # the first one loads
                table.add("passages embedded", name, speed, "/s", "SentenceTransformer.encode")
    expected = library.encode(texts, normalize_embeddings=True)
    for name, own in (("500 or more", many), ("fewer", few)):
        vectors = np.stack([encoding.vector for encoding in own.encode(texts)])
        least = float((expected * vectors).sum(1).min())
        table.add("passages embedded", f"least cosine between both, {name}", least, "")


def reindex(table: Table, setting: Setting) -> None:
    """A folder of many small files that has not changed, or in one file."""
    folder = setting.work / "many"
    write_notes(folder, FILES)
    command = [*RAGQA, "index", str(folder), "--index", str(setting.work / "many.index")]
    subprocess.run(command, env=setting.environment, check=True, capture_output=True)
    time.sleep(2.5)  # a file that was read just after it was written is read again
    subprocess.run(command, env=setting.environment, check=True, capture_output=True)
    again = [*RAGQA, "index", "--index", str(setting.work / "many.index")]
    for run in range(setting.runs):
        took = seconds(again, setting.environment)
        table.add(f"index again, {FILES:,} files", "nothing changed", took)
        file = folder / "00" / f"{run}.md"
        file.write_text(file.read_text() + f"\nChange {run}.\n")
        took = seconds(again, setting.environment)
        table.add(f"index again, {FILES:,} files", "one file changed", took)
        time.sleep(2.5)
        subprocess.run(again, env=setting.environment, check=True, capture_output=True)


def write_notes(folder: Path, count: int) -> None:
    """Notes of random sentences from the corpus, no two alike."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(CORPUS.rglob("*.md"))]
    sentences = [sentence for text in texts for sentence in split_sentences(text)]
    chance = random.Random(count)
    for number in range(count):
        inner = folder / f"{number // 500:02}"
        inner.mkdir(parents=True, exist_ok=True)
        said = " ".join(chance.choice(sentences) for _ in range(3))
        (inner / f"{number}.md").write_text(f"# Note {number}\n\n{said}\n", encoding="utf-8")


def memory(table: Table, setting: Setting) -> None:
    """The most memory that indexing holds, for few documents and for many."""
    for count in (FEW, MANY):
        folder = setting.work / f"notes{count}"
        write_notes(folder, count)
        command = [*RAGQA, "index", str(folder), "--index", str(setting.work / f"{count}.index")]
        name, of = f"{count:,} documents", f"{FEW:,} documents"
        table.add("most memory while indexing", name, peak_of(command, setting), "MB", of)


def peak_of(command: list[str], setting: Setting) -> float:
    """The most memory that a command holds (Linux); what wait4 says may be this process's own."""
    peak = 0.0
    with subprocess.Popen(
        command, env=setting.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            with suppress(OSError):
                for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM"):
                        peak = max(peak, int(line.split()[1]) / 1024)
            time.sleep(0.05)
    return peak


PARTS: dict[str, Callable[[Table, Setting], None]] = {
    "cold": cold,
    "warm": warm,
    "prompt": prompt,
    "embedding": embedding,
    "reindex": reindex,
    "memory": memory,
}


def install_peers(folder: Path) -> None:
    """An environment with txtai and LlamaIndex, which finds what else they need in this one."""
    import venv

    venv.create(folder, with_pip=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(str(Path(np.__file__).parents[1]) + "\n")
    wanted = [name for names in PEERS.values() for name in names]
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", *wanted], check=True)


def processor() -> str:
    """What the machine calls its processor."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    """Measure the parts that are wanted, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--docs", type=Path, default=CORPUS)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--install-peers", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.install_peers:
        install_peers(options.install_peers)
        return
    machine = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    table = Table()
    with tempfile.TemporaryDirectory() as work:
        setting = Setting(Path(work), options.docs.resolve(), options.runs, options.peers)
        for name in options.only:
            print(f"measuring: {name}", file=sys.stderr)
            PARTS[name](table, setting)
    print(machine + table.text())
    if options.json:
        rows = [{**asdict(row), "median": row.median} for row in table.rows.values()]
        options.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
