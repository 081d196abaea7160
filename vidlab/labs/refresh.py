"""Bring lab notebooks into the form they are committed in: no outputs but those of checked cells.

    python -m vidlab.labs.refresh notebooks/10-sequences/radialctc.ipynb
    python -m vidlab.labs.refresh --check notebooks/*/*.ipynb

Small diffs are the point: no pictures, no widget state, no times, no counts of executions. Cells
tagged ``nbval-skip`` (training, and what depends on it) are not run; the printed output of cells
that begin with ``# NBVAL_CHECK_OUTPUT`` is kept for ``make notebooks`` to compare with.
"""

from __future__ import annotations

import copy
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from vidlab.labs.record import write_text

MARK = "# NBVAL_CHECK_OUTPUT"
CELL_KEYS = ("tags",)  #: of a cell's metadata, what is committed
NOTEBOOK_KEYS = ("kernelspec", "language_info", "vidlab")  #: the same for the notebook


def refresh(path: Path) -> None:
    """Run the checked part of a notebook and rewrite the file in its committed form.

    Raises:
        CellExecutionError: a cell failed; the file is left as it was.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    part = nbformat.v4.new_notebook(metadata=dict(notebook.metadata))
    part.cells = [cell for cell in notebook.cells if "nbval-skip" not in _tags(cell)]
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, VIDLAB_RUN_DIR=folder, VIDLAB_NOTEBOOK=str(path.resolve()))
        NotebookClient(part, timeout=600).execute(cwd=folder, env=environment)
    normalise(notebook)
    write_text(path, nbformat.writes(notebook) + "\n")


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Bring a notebook into the committed form, in place, without executing anything.

    What checked cells printed is kept as it is; whether it still is what they print is for
    ``make notebooks`` to find out.
    """
    checked = 0
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in CELL_KEYS}
        if cell.cell_type != "code":
            cell.pop("attachments", None)
            continue
        kept = [o for o in cell.outputs if o.output_type == "stream" and o.name == "stdout"]
        is_checked = cell.source.startswith(MARK)
        checked += is_checked
        cell.outputs = kept if is_checked else []
        cell.execution_count = checked if is_checked else None
    kept_keys = {key: notebook.metadata[key] for key in NOTEBOOK_KEYS if key in notebook.metadata}
    notebook.metadata = nbformat.from_dict(kept_keys)


def fault(path: Path) -> str | None:
    """One sentence on the first thing that keeps a file from its committed form, or None."""
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    before = copy.deepcopy(notebook)
    normalise(notebook)
    how = f"mend it with: python -m vidlab.labs.refresh {path}"
    for number, (old, new) in enumerate(zip(before.cells, notebook.cells, strict=True), 1):
        changed = [key for key in old if old[key] != new.get(key)]
        if changed:
            return f"{path}: cell {number} is not in its committed form ({changed[0]}); {how}"
    extra = [key for key in before.metadata if key not in notebook.metadata]
    if extra:
        return f"{path}: its metadata hold {', '.join(extra)}; {how}"
    if nbformat.writes(notebook) + "\n" != text:
        return f"{path}: its JSON is written in another way; {how}"
    return None


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def main() -> int:
    """Refresh the notebooks named on the command line; with --check only say which need it."""
    names = sys.argv[1:]
    only_check = "--check" in names
    paths = [Path(name) for name in names if name != "--check"]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing or not paths:
        what = f"no such file: {', '.join(missing)}" if missing else "name one notebook or more"
        print(f"refresh: {what}", file=sys.stderr)
        return 2
    if only_check:
        faults = [sentence for path in paths if (sentence := fault(path))]
        print("\n".join(faults), file=sys.stderr, end="\n" * bool(faults))
        return int(bool(faults))
    for path in paths:
        try:
            refresh(path)
        except CellExecutionError as error:
            print(
                f"{path}: not refreshed, a cell failed: {error.ename}: {error.evalue}",
                file=sys.stderr,
            )
            return 1
        print(f"{path}: refreshed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
