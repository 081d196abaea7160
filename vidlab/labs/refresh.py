"""Bring lab notebooks into the form they are committed in: no outputs but those of checked cells.

    python -m vidlab.labs.refresh notebooks/10-sequences/radialctc.ipynb

Cells tagged ``nbval-skip`` (training, and what depends on it) are not run; the printed output of
cells that begin with ``# NBVAL_CHECK_OUTPUT`` is kept for ``make notebooks`` to compare with.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

MARK = "# NBVAL_CHECK_OUTPUT"


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
    checked = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        kept = [o for o in cell.outputs if o.output_type == "stream" and o.name == "stdout"]
        is_checked = cell.source.startswith(MARK)
        checked += is_checked
        cell.outputs = kept if is_checked else []
        cell.execution_count = checked if is_checked else None
        cell.metadata.pop("execution", None)
    notebook.metadata.pop("widgets", None)
    partial = path.with_name(f".{path.name}.part")
    nbformat.write(notebook, partial)
    os.replace(partial, path)


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def main() -> int:
    """Refresh the notebooks named on the command line."""
    paths = [Path(name) for name in sys.argv[1:]]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing or not paths:
        what = f"no such file: {', '.join(missing)}" if missing else "name one notebook or more"
        print(f"refresh: {what}", file=sys.stderr)
        return 2
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
