"""An executed notebook as one HTML page that asks the network for nothing."""

from __future__ import annotations

import copy
import logging
from pathlib import Path

from nbconvert import HTMLExporter
from nbformat import NotebookNode
from traitlets.config import Config

from vidlab.labs.mathml import hide_formulas, show_formulas

_TEMPLATE = Path(__file__).with_name("lab.html.j2")
# The widgets' HTML twin comes first: their live view needs a kernel.
_PRIORITY = [
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/latex",
    "text/plain",
]
_quiet = logging.getLogger("vidlab.html")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


def notebook_to_html(notebook: NotebookNode, title: str, folder: Path | None = None) -> str:
    """The page of a notebook (nbformat 4), executed or not.

    ``folder`` is where images that Markdown cells name lie; they are embedded. The tags
    remove-cell, remove-input and remove-output leave things out; hide-input, hide-output and
    hide-cell fold them up.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["title"] = title
    formulas: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = hide_formulas(cell.source, formulas)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/markdown" in data:
                data["text/markdown"] = hide_formulas(data["text/markdown"], formulas)
    exporter = HTMLExporter(
        template_file=str(_TEMPLATE), embed_images=True, config=_config(), log=_quiet
    )
    resources = {"metadata": {"name": title, "path": str(folder or "")}}
    html, _ = exporter.from_notebook_node(notebook, resources)
    return show_formulas(html, formulas)


def _config() -> Config:
    config = Config()
    config.NbConvertBase.display_data_priority = _PRIORITY
    config.HTMLExporter.preprocessors = ["nbconvert.preprocessors.TagRemovePreprocessor"]
    config.TagRemovePreprocessor.remove_cell_tags = ["remove-cell"]
    config.TagRemovePreprocessor.remove_input_tags = ["remove-input"]
    config.TagRemovePreprocessor.remove_all_outputs_tags = ["remove-output"]
    return config
