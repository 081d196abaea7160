"""TeX in Markdown as MathML, which browsers show without any script.

Formulas are first replaced by marks that Markdown leaves alone, and put back into the finished
page: so neither `_` nor `|` inside a formula can be taken for Markdown.
"""

from __future__ import annotations

import re
from html import escape
from xml.etree import ElementTree

_ENVIRONMENTS = "equation|align|aligned|gather|multline|split|cases|eqnarray"
# In this order: what is not looked into (code, tags, escapes), then formulas. An inline formula
# neither begins nor ends with a space and is not followed by a digit, so that "$5 and $10" stays.
_PIECES = re.compile(
    r"(?P<fence>^[ ]{0,3}(?P<tick>`{3,}|~{3,})[^\n]*\n(?:.*?\n)??[ ]{0,3}(?P=tick)[`~]*[ \t]*$)"
    r"|(?P<open_fence>^[ ]{0,3}(?:`{3,}|~{3,})[^\n]*\n.*\Z)"
    r"|(?P<code>(?<!`)(?P<run>`+)(?!`).+?(?<!`)(?P=run)(?!`))"
    r"|(?P<escaped>\\[\\$`])"
    r"|(?P<tag><[A-Za-z/!][^<>]*>)"
    r"|\$\$(?P<block>.+?)\$\$"
    rf"|(?P<environment>\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}}.*?\\end\{{(?P=name)\}})"
    r"|\$(?P<inline>(?![\s$])(?:[^$\\\n]|\\.|\n(?!\s*\n))+?(?<!\s))\$(?!\d)",
    re.DOTALL | re.MULTILINE,
)
_MARK = "\ue000{}\ue001"  # private-use characters: no text of ours has them
_MARKS = re.compile("\ue000(\\d+)\ue001")
_QUOTED_MARKS = re.compile(r"%EE%80%80(\d+)%EE%80%81")  # the same in a link
_TAG = re.compile(
    "math|mrow|mi|mn|mo|mtext|mspace|ms|mfrac|msqrt|mroot|mstyle|merror|mpadded|mphantom|mfenced|"
    "menclose|msub|msup|msubsup|munder|mover|munderover|mmultiscripts|mprescripts|none|mtable|mtr|"
    "mlabeledtr|mtd"
)


def hide_formulas(markdown: str, formulas: list[str]) -> str:
    """The Markdown with each formula replaced by a mark; its MathML is appended to ``formulas``."""

    def replace(match: re.Match) -> str:
        groups = match.groupdict()
        tex = groups["block"] or groups["environment"] or groups["inline"]
        if tex is None:
            return match[0]
        block = groups["inline"] is None
        mathml = tex_to_mathml(tex, block=block)
        # A long formula scrolls by itself; <math> cannot.
        formulas.append(f'<span class="formula">{mathml}</span>' if block else mathml)
        return _MARK.format(len(formulas) - 1)

    return _PIECES.sub(replace, markdown)


def show_formulas(html: str, formulas: list[str]) -> str:
    """Put the formulas back where `hide_formulas` left its marks."""

    # An attribute (a heading's anchor) keeps only the number; a formula cannot stand there.
    def plain(match: re.Match) -> str:
        return _MARKS.sub(r"formula-\1", match[0])

    html = _QUOTED_MARKS.sub(r"formula-\1", html)
    html = re.sub(r"<[a-z][^<>]*\ue000[^<>]*>", plain, html)
    return _MARKS.sub(lambda match: formulas[int(match[1])], html)


def tex_to_mathml(tex: str, *, block: bool) -> str:
    """One formula as MathML; one that cannot be converted as its TeX source, visibly."""
    from latex2mathml.converter import convert

    # Two spellings the converter lacks.
    known = re.sub(r"\\(begin|end)\{aligned\}", r"\\\1{split}", tex.strip())
    known = re.sub(r"\\arg(?![a-zA-Z])", r"\\operatorname{arg}", known)
    try:
        mathml = convert(known, display="block" if block else "inline")
        tree = ElementTree.fromstring(mathml)
    except Exception:  # the converter raises a dozen kinds, some of them by accident
        return _visible(tex, block)
    names = {element.tag.rpartition("}")[2] for element in tree.iter()}
    # A bar that opens or closes is no relation: without the room around one.
    mathml = mathml.replace('<mo stretchy="false">&#x0007C;', '<mo lspace="0" rspace="0">&#x0007C;')
    left_over = any("\\" in (element.text or "") for element in tree.iter())
    if left_over or not all(_TAG.fullmatch(name) for name in names):
        return _visible(tex, block)
    return mathml


def _visible(tex: str, block: bool) -> str:
    sign = "$$" if block else "$"
    return f'<code class="tex">{sign}{escape(tex)}{sign}</code>'
