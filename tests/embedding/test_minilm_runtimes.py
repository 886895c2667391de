"""MiniLM computed in onnxruntime, and in torch with products in bfloat16: the same vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ragqa.embedding import minilm as module
from ragqa.embedding.minilm import MANY, MiniLM
from ragqa.embedding.minilm_runtimes import Bfloat16Torch, Ids, OnnxGraph, mapped
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.models.local import embedder_folder
from tests.hits import corpus_hits

WEIGHTS = embedder_folder(BUNDLED_EMBEDDER) / "model.safetensors"


@pytest.fixture(scope="module")
def both() -> tuple[OnnxGraph, Bfloat16Torch]:
    return OnnxGraph(WEIGHTS), Bfloat16Torch(WEIGHTS, 2)


def _padded(*lengths: int) -> tuple[Ids, Ids]:
    """Random texts of these lengths."""
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
    ids = np.random.default_rng(len(lengths)).integers(1000, 30000, mask.shape)
    ids[:, 0] = 101
    return ids * mask, mask


@pytest.mark.parametrize("lengths", [(1,), (2, 2), (5, 256, 31), (256,), tuple(range(1, 9))])
def test_both_give_the_same_vectors(
    both: tuple[OnnxGraph, Bfloat16Torch], lengths: tuple[int, ...]
) -> None:
    ids, mask = _padded(*lengths)
    (vectors, tokens), (others, other_tokens) = (one.run(ids, mask) for one in both)
    assert others.dtype == other_tokens.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(others, axis=1), 1, atol=1e-5)
    assert (vectors * others).sum(1).min() > 0.9999
    real = mask.astype(bool)
    np.testing.assert_allclose(other_tokens[real], tokens[real], atol=0.05)


def test_every_tensor_of_the_file_is_mapped_as_the_library_reads_it() -> None:
    from safetensors.numpy import load_file

    expected, found = load_file(WEIGHTS), mapped(WEIGHTS)
    floats = {name for name, tensor in expected.items() if tensor.dtype == np.float32}
    assert found.keys() == floats
    for name in floats:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(
    ("passages", "multiplies", "many"),
    [(MANY, True, True), (MANY - 1, True, False), (MANY, False, False), (0, True, False)],
)
def test_many_passages_are_encoded_in_bfloat16_where_that_is_fast(
    monkeypatch: pytest.MonkeyPatch, passages: int, multiplies: bool, many: bool
) -> None:
    ran: list[str] = []

    def noted(self: Any, ids: Ids, mask: Ids) -> Any:
        ran.append(type(self).__name__)
        return original[type(self)](self, ids, mask)

    original: Any = {kind: kind.run for kind in (OnnxGraph, Bfloat16Torch)}
    for kind in original:
        monkeypatch.setattr(kind, "run", noted)
    monkeypatch.setattr(module, "multiplies_bf16", lambda: multiplies)
    minilm = MiniLM(BUNDLED_EMBEDDER)
    minilm.load(passages)
    minilm.encode(["Gold melts."], passages)
    assert ran == ["Bfloat16Torch" if many else "OnnxGraph"]
    # Sentences and questions are few.
    minilm.embed(["Gold melts."])
    minilm.encode_question("Does gold melt?")
    assert ran[1:] == ["OnnxGraph", "OnnxGraph"]


@pytest.mark.parametrize("broken", ["multiplies_bf16", "Bfloat16Torch"])
def test_where_torch_or_llama_cpp_does_not_work_the_graph_will_do(
    monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fails(*_: object) -> None:
        raise OSError("libc10.so: cannot open shared object file")

    monkeypatch.setattr(module, "multiplies_bf16", lambda: True)
    monkeypatch.setattr(module, broken, fails)
    minilm = MiniLM(BUNDLED_EMBEDDER)
    minilm.load(MANY)
    (encoding,) = minilm.encode(["Gold melts."])
    np.testing.assert_array_equal(encoding.vector, minilm.embed(["Gold melts."])[0])


@pytest.mark.slow
def test_the_notes_have_the_same_vectors_and_all_but_the_same_codes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "multiplies_bf16", lambda: True)
    passages = [hit.passage.embedded_text for _, hits in corpus_hits().values() for hit in hits]
    texts = list(dict.fromkeys(passages))[:200]
    minilm = MiniLM(BUNDLED_EMBEDDER)
    few = minilm.encode(texts)
    minilm.load(MANY)
    many = minilm.encode(texts)
    assert min(float(a.vector @ b.vector) for a, b in zip(few, many, strict=True)) > 0.9999
    differing = [np.unpackbits(a.words ^ b.words).mean() for a, b in zip(few, many, strict=True)]
    assert np.mean(differing) < 0.005
