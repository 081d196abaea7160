"""What the book's source folder holds beside its prose: lab pages, the graph of labs, the API."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

import nbformat

from vidlab.book.runs import LabRun
from vidlab.labs.catalogue import LabEntry, read_notebook
from vidlab.labs.scoreboard import Result, Row, read_board
from vidlab.labs.scoreboard_html import board_html
from vidlab.labs.text import duration, one_line

# In the order one meets them; `vidlab.recognise` is a module, the others are packages.
API = (
    "papers", "nn", "metrics", "datasets", "video", "recognise", "widgets", "viz", "train", "labs",
)  # fmt: skip
# A link from one notebook to another: ](../PART/ID.ipynb or ](ID.ipynb
_LAB_LINK = re.compile(r"\]\((?:\.\./[a-z0-9-]+/)?([a-z0-9-]+)\.ipynb")
_BOX = (210, 54)  # of a lab in the graph, in pixels
_GAP = (56, 18)
_SCOREBOARD = """# Scoreboard

Every claim of every lab, as measured by the runs this book was made of. The table is written by a
program that reads nothing but the runs' records; a claim that fails is as visible as one that
holds, and *not tested* means that this scale cannot tell. The quick profile is sized for a laptop
and far smaller than the papers' experiments; the full profile has their settings.

```{raw} html
:file: generated/scoreboard.html
```
"""


def write_lab(run: LabRun, folder: Path) -> None:
    """The page FOLDER/ID.ipynb of an executed lab, without what only a live kernel can use."""
    notebook = _with_outputs(read_notebook(run.entry.path), read_notebook(run.folder / "lab.ipynb"))
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(_facts(run)))
    text = nbformat.writes(notebook)
    # All pages lie in one folder, and a run happens on somebody's machine.
    text = _LAB_LINK.sub(r"](\1.ipynb", text).replace(_in_json(run.folder.parents[1]), "runs")
    (folder / f"{run.entry.id}.ipynb").write_text(text, encoding="utf-8")


def _with_outputs(committed: dict, executed: dict) -> nbformat.NotebookNode:
    """The committed notebook with the outputs of a run of it.

    Nothing else is taken from the run's folder, which somebody else may have made: what a cell
    says, and settings in metadata, can make Sphinx execute code.
    """
    ran = [cell for cell in executed["cells"] if not _is_injected(cell)]
    for cell, done in zip(committed["cells"], ran, strict=True):
        cell.get("metadata", {}).pop("papermill", None)
        if cell["cell_type"] == "code":
            cell["outputs"] = done.get("outputs", [])
            cell["execution_count"] = done.get("execution_count")
    committed["metadata"].pop("widgets", None)
    committed["metadata"].pop("papermill", None)
    committed["metadata"]["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    notebook = nbformat.reads(json.dumps(committed), as_version=4)
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        if "metadata" in output:
            output["metadata"] = {}
    return notebook


def _is_injected(cell: dict) -> bool:
    return "injected-parameters" in cell.get("metadata", {}).get("tags", [])


def _in_json(path: Path) -> str:
    return json.dumps(str(path))[1:-1]


def _facts(run: LabRun) -> str:
    """Where the numbers of a page come from."""
    record = run.record
    claims = [claim["holds"] for claim in record["claims"]]
    counts = (
        f"{claims.count(True)} of its {len(claims)} claims hold, {claims.count(False)} do not, "
        f"{claims.count(None)} are not settled at this scale"
    )
    return (
        f":::{{admonition}} This page is a run\n:class: tip\n"
        f"Profile `{record['profile']}`, seed {record['seed']}, "
        f"{_as_text(record['device']['name'])}, "
        f"{_as_text(record['finished'][:10])}, {duration(record['timings']['total_s'])}: {counts} "
        "([scoreboard](../scoreboard.md)). "
        f"Repeat it with `vidlab run {run.entry.id}`. Pictures with controls work here as they do "
        "in JupyterLab: click, drag, or use the keyboard.\n:::"
    )


def _as_text(text: str) -> str:
    """A record's text for Markdown: one line in which every sign stands for itself.

    Markdown with directives executes code; a character reference is never markup.
    """
    return "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in one_line(text, 200))


def prerequisites_graph(entries: Iterable[LabEntry]) -> str:
    """An inline SVG of which lab builds on which, drawn from the notebooks' metadata."""
    entries = list(entries)
    known = {entry.id: entry for entry in entries}
    columns: dict[int, list[LabEntry]] = {}
    for entry in entries:
        columns.setdefault(_depth(entry, known), []).append(entry)
    place = {
        entry.id: (_GAP[0] / 2 + depth * (_BOX[0] + _GAP[0]), 8 + row * (_BOX[1] + _GAP[1]))
        for depth, column in columns.items()
        for row, entry in enumerate(sorted(column, key=lambda e: (e.part, e.id)))
    }
    width = len(columns) * (_BOX[0] + _GAP[0])
    height = 16 + max(map(len, columns.values())) * (_BOX[1] + _GAP[1])
    arrows = "".join(
        _arrow(place[before], place[entry.id])
        for entry in entries
        for before in entry.prerequisites
        if before in place
    )
    boxes = "".join(_box(entry, place[entry.id]) for entry in entries)
    spoken = "; ".join(
        f"{e.id} after {' and '.join(e.prerequisites)}" for e in entries if e.prerequisites
    )
    return (
        f'<div class="vidlab-graph" tabindex="0" role="group" aria-label="graph of labs">'
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="group" '
        f'aria-label="{escape(f"Which lab builds on which: {spoken}.")}">'
        '<defs><marker id="vidlab-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 Z"/></marker></defs>'
        f"{arrows}{boxes}</svg></div>\n"
    )


def _depth(entry: LabEntry, known: dict[str, LabEntry], above: tuple[str, ...] = ()) -> int:
    """Labs to do before this one, along the longest path; a circle counts once."""
    before = [known[i] for i in entry.prerequisites if i in known and i not in above]
    return max((1 + _depth(e, known, (*above, entry.id)) for e in before), default=0)


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x0, y0 = start[0] + _BOX[0], start[1] + _BOX[1] / 2
    x1, y1 = end[0] - 2, end[1] + _BOX[1] / 2
    bend = (x0 + x1) / 2
    return (
        f'<path d="M{x0} {y0} C{bend} {y0} {bend} {y1} {x1} {y1}" marker-end="url(#vidlab-tip)"/>'
    )


def _box(entry: LabEntry, at: tuple[float, float]) -> str:
    x, y = at
    return (
        f'<a href="labs/{entry.id}.html"><title>{escape(entry.title)}</title>'
        f'<rect x="{x}" y="{y}" width="{_BOX[0]}" height="{_BOX[1]}" rx="8"/>'
        f'<text x="{x + 12}" y="{y + 23}" class="name">{entry.id}</text>'
        f'<text x="{x + 12}" y="{y + 42}">{entry.part} · {duration(entry.quick_s)}</text></a>'
    )


def write_api(folder: Path) -> None:
    """FOLDER/index.md and one page for each package, whose text is the docstrings'."""
    folder.mkdir()
    lines = []
    for name in API:
        module = importlib.import_module(f"vidlab.{name}")
        modules = _public_modules(module)
        (folder / f"{name}.md").write_text(_api_page(name, module, modules), encoding="utf-8")
        lines.append(f"- [`vidlab.{name}`]({name}.md): {_first_sentence(module)}")
    text = (
        "# The library\n\nWhat the notebooks call. Arrows go one way: `papers` and `widgets` know "
        "`nn` and `metrics`, never the other way round.\n\n"
    )
    (folder / "index.md").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


def _public_modules(package) -> list[str]:
    """The modules of a package that users call, with those of its sub-packages."""
    if not hasattr(package, "__path__"):
        return [package.__name__]
    found = pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    return sorted(m.name for m in found if not any(p.startswith("_") for p in m.name.split(".")))


def _api_page(name: str, module, modules: list[str]) -> str:
    parts = [f"# vidlab.{name}\n", _first_sentence(module) + "\n"]
    for dotted in modules:
        heading = [f"## {dotted.removeprefix('vidlab.')}\n"] if len(modules) > 1 else []
        parts += [*heading, f"```{{eval-rst}}\n.. automodule:: {dotted}\n   :members:\n```\n"]
    return "\n".join(parts)


def _first_sentence(module) -> str:
    return (module.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


def write_scoreboard(runs: Iterable[LabRun], more: Iterable[Path], stage: Path) -> None:
    """STAGE/scoreboard.md from the runs' records and ``more`` of them, files or folders."""
    folders = {run.record["run_id"]: run.folder for run in runs}

    def link(row: Row, result: Result) -> str | None:
        on_a_page = result.run_id in folders
        return f"labs/{row.lab}.html#claim-{row.claim}" if on_a_page else None

    records = [folder / "record.json" for folder in folders.values()]
    table = board_html(read_board([*records, *more]), links=link)
    (stage / "generated" / "scoreboard.html").write_text(table, encoding="utf-8")
    (stage / "scoreboard.md").write_text(_SCOREBOARD, encoding="utf-8")
