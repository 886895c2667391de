"""Mathematics as a reader sees it, and texts that only look like it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.text.latex import formulas_in, readable, shown

PARTS = [
    "\\frac", "\\sqrt", "\\hat", "\\alpha", "\\text", "\\left(", "\\nosuch", "\\'", "\\", "{", "}",
    "[", "]", "^", "_", "&", "%", "$", "x", "1", " ", "\n", "é",
]  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "seen"),
    [
        (r"\alpha", "α"),
        (r"x_i^2", "xᵢ²"),
        (r"W_Q", "W_Q"),
        (r"W^\top", "Wᵀ"),
        (r"x_{<i}", "x_(<i)"),
        (r"\pi_{ref}", "π_ref"),
        (r"\frac{a}{b}", "a/b"),
        (r"\frac{x-\mu}{\sqrt{\sigma^2+\epsilon}}", "(x-μ)/(√(σ²+ϵ))"),
        (r"\tfrac{2}{3} \cdot 4d", "2/3 · 4d"),
        (r"\sqrt[3]{x}", "³√x"),
        (r"\mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right)V", "softmax(QKᵀ/√dₖ)V"),
        (r"6 \times 10^{23} \approx 1", "6 × 10²³ ≈ 1"),
        (r"\beta \log \sigma(x)", "β log σ(x)"),
        (r"p(\text{top-}k)", "p(top-k)"),
        (r"1{,}207", "1,207"),
        (r"100\%", "100%"),
    ],
)
def test_a_formula_as_a_reader_sees_it(formula: str, seen: str) -> None:
    assert shown(formula) == seen
    assert readable(f"It is ${formula}$.") == f"It is {seen}." or formula == seen
    assert readable(f"It is {formula}.", formulas_in([f"Where ${formula}$ is"])) == f"It is {seen}."


@pytest.mark.parametrize(
    "formula",
    [r"\nosuch{abc}", r"\frac{a", "{{{", r"\frac", "x^", r"\begin{cases} a \\ b \end{cases}",
     r"\input{/etc/passwd}", r"\href{http://x}{y}", "x" + "^2" * 1001],
)  # fmt: skip
def test_what_is_not_understood_stays(formula: str) -> None:
    assert shown(formula) == formula
    assert readable(f"It is ${formula}$.") == f"It is ${formula}$."


@pytest.mark.parametrize(
    "text",
    [
        r"It lies in C:\new\table or C:\alpha\beta.",
        r"The expression \d+\w*\b matches.",
        "The option max_tokens and the file a_b^c.",
        "Between $HOME/a_b and $PATH, $5 to $10_000, $1_000-$2_000.",
        r"A macro \alpha that nothing delimits.",
        "$ x_1 $ and $5$.",
    ],
)
def test_a_text_without_mathematics_stays(text: str) -> None:
    assert readable(text) == text
    assert readable(text, formulas_in([text])) == text


def test_mathematics_of_other_formats() -> None:
    text = r"Where \(x_1\) and \[\beta\] and $$y^2$$ and :math:`\gamma` stand."
    assert readable(text) == "Where x₁ and β and y² and γ stand."


def test_a_formula_is_no_part_of_a_word_and_may_have_been_in_two_lines() -> None:
    formulas = formulas_in(["The $x_i$ and $x_i +\nx_j$ but not $d$."])
    assert formulas == ("x_i + x_j", "x_i")
    assert readable("max_index is x_i + x_j or x_i", formulas) == "max_index is xᵢ + xⱼ or xᵢ"


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_whatever_it_is_there_is_an_end(formula: str) -> None:
    assert isinstance(shown(formula), str)


def test_the_library_is_loaded_for_mathematics_alone() -> None:
    script = "import sys; from ragqa.text.latex import readable; readable('$5 and C:\\\\new'); "
    script += "sys.exit('pylatexenc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
