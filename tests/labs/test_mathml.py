from html import escape
from xml.etree import ElementTree

import pytest

from vidlab.labs.mathml import hide_formulas, show_formulas, tex_to_mathml


def found(markdown):
    """How many formulas a text has, and the text around them."""
    formulas = []
    hidden = hide_formulas(markdown, formulas)
    for index in range(len(formulas)):
        hidden = hidden.replace(f"\ue000{index}\ue001", "@")
    return hidden


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("a $x_1$ and $y$, b", "a @ and @, b"),
        ("$$\na\n\\\\\nb\n$$", "@"),
        ("\\begin{align}a&=b\\end{align}", "@"),
        ("it costs $5 and $10", "it costs $5 and $10"),
        ("from $5 to 6$ a", "from @ a"),
        ("a \\$x\\$ b", "a \\$x\\$ b"),
        ("`$x$` and $y$", "`$x$` and @"),
        ("``a ` $x$`` and $y$", "``a ` $x$`` and @"),
        ("```python\nprint('$x$')\n```\n$y$", "```python\nprint('$x$')\n```\n@"),
        ("```\n$x$", "```\n$x$"),
        ("~~~\n$x$\n```\n$z$\n~~~\n$y$", "~~~\n$x$\n```\n$z$\n~~~\n@"),
        ('<img alt="$x$"> $y$', '<img alt="$x$"> @'),
        ("a < b $x$ and c > d", "a < b @ and c > d"),
        ("| $|x|$ | 1 |", "| @ | 1 |"),
        ("$x\n\ny$", "$x\n\ny$"),
        ("$ x $", "$ x $"),
        ("$a \\$ b$", "@"),
    ],
)
def test_where_formulas_are(markdown, expected):
    assert found(markdown) == expected


@pytest.mark.parametrize(
    "tex",
    [
        r"\mathcal{L}_{ctc} = -\log p(\mathbf{l}|\mathbf{v})",
        r"\tilde{y}_t^k = \frac{1}{p(l|v)} \sum_{s:\,l'_s=k} \frac{\alpha_t(s)\beta_t(s)}{y_t^k}",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\pi^* = \arg\max_\pi p(\pi|v,l)",
        r"\kappa = U + 1 + \lfloor (T-U)\,\eta \rfloor",
        r"\lVert v_t - W_{\pi_t} \rVert_2^2 \le \text{if } x",
        r"\begin{cases} 1 & x > 0 \\ 0 & x < 0 \end{cases}",
    ],
)
@pytest.mark.parametrize("block", [True, False])
def test_formulas_become_mathml(tex, block):
    mathml = tex_to_mathml(tex, block=block)
    tree = ElementTree.fromstring(mathml)
    assert tree.tag.endswith("math")
    assert tree.get("display") == ("block" if block else "inline")
    assert not any("&" in (e.text or "") or "\\" in (e.text or "") for e in tree.iter())


@pytest.mark.parametrize(
    "tex",
    [
        r"\frac{1}{",
        r"\left( x",
        r"\nosuchcommand x",
        r"a < \text{<script>alert(1)</script>}",
        r"\text{a < b & c}",
    ],
)
def test_what_cannot_be_converted_stays_visible(tex):
    assert tex_to_mathml(tex, block=False) == f'<code class="tex">${escape(tex)}$</code>'
    assert "<script" not in tex_to_mathml(tex, block=True)


def test_marks_are_put_back_but_not_into_attributes():
    mark, link = "\ue0000\ue001", "%EE%80%800%EE%80%81"
    html = f'<h2 id="Loss-{mark}">Loss {mark}<a href="#Loss-{link}">¶</a></h2>'
    assert show_formulas(html, ["<math/>"]) == (
        '<h2 id="Loss-formula-0">Loss <math/><a href="#Loss-formula-0">¶</a></h2>'
    )
