"""A Sphinx extension: formulas become MathML, which browsers show without any script."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

from vidlab.labs.mathml import tex_to_mathml


def _inline(translator, node: nodes.math) -> None:
    translator.body.append(tex_to_mathml(node.astext(), block=False))
    raise nodes.SkipNode


def _block(translator, node: nodes.math_block) -> None:
    # Reached by keyboard, since a long formula scrolls.
    translator.body.append('<div class="formula" tabindex="0" role="group" aria-label="formula">')
    translator.body.append(tex_to_mathml(node.astext(), block=True))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
