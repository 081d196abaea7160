"""What all tests share: one thread a process, a clean environment, small labs."""

import os
import signal

# Before torch is imported anywhere; kernels and command lines started by tests inherit it.
os.environ["OMP_NUM_THREADS"] = "1"
# A shell that starts us in the background has Ctrl-C ignored, by us and by all that we start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [os.path.dirname(os.path.dirname(__file__)), os.environ.get("PYTHONPATH")])
)

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = """\
profile: str = "quick"          # quick | full · how much to compute
seed: int = 0                   # 0 .. 2147483647 · data order, initial weights, sampling
device: str = "cpu"             # auto | cpu | cuda · where tensors live
output_dir: str = "runs"        # · where run folders are made
data_dir: str | None = None     # · folder with the full MNIST; None = shipped digits
eta: float = 0.4                # 0 .. 1 · share of frames
epochs: int | None = None       # 1 .. 500 · None = the profile's number
etas: list[float] = [0.0, 0.2]  # 0 .. 1 · each value
"""
MAKE_LAB = """\
import vidlab
lab = vidlab.Lab("{id}", globals(), profiles=dict(quick=dict(epochs=2), full=dict(epochs=9)))
"""

for name in ("VIDLAB_NOTEBOOKS", "VIDLAB_NOTEBOOK", "VIDLAB_RUN_DIR", "VIDLAB_OUT"):
    os.environ.pop(name, None)
os.environ.pop("JPY_SESSION_NAME", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what wants a GPU where there is none."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no GPU"))


# write(folder, cells, id=, title=, parameters=, part=) -> path of the notebook
WriteLab = Callable[..., Path]


def _write_lab(
    folder: Path,
    cells: list[str],
    *,
    id: str = "tiny",
    title: str = "A tiny lab",
    part: str = "10-test",
    parameters: str | None = PARAMETERS,
    metadata: dict | None = None,
) -> Path:
    """A lab of the given cells behind its parameters; '#…' makes Markdown, 'LAB' makes the Lab.

    A cell that begins with '%tag NAME' gets that tag.
    """
    notebook = new_notebook(cells=[new_markdown_cell("# Welcome")])
    if parameters is not None:
        notebook.cells.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    for source in cells:
        if source.startswith("#"):
            notebook.cells.append(new_markdown_cell(source))
            continue
        tags = []
        if source.startswith("%tag "):
            tag, source = source.removeprefix("%tag ").split("\n", 1)
            tags = [tag]
        source = MAKE_LAB.format(id=id) if source == "LAB" else source
        notebook.cells.append(new_code_cell(source, metadata={"tags": tags}))
    notebook.metadata["vidlab"] = {
        "id": id,
        "title": title,
        "paper": "Someone, A Paper, 2022",
        "part": part,
        "prerequisites": [],
        "budget": {"quick_s": 60, "full_s": 7200},
        "summary": "A lab for tests.",
    } | (metadata or {})
    path = folder / part / f"{id}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="session")
def write_lab() -> WriteLab:
    return _write_lab


@pytest.fixture
def lab_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty catalogue: `write_lab(lab_folder, ...)` adds a lab to it."""
    folder = tmp_path / "labs"
    folder.mkdir()
    monkeypatch.setenv("VIDLAB_NOTEBOOKS", str(folder))
    return folder
