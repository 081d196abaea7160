"""The committed form of a notebook."""

import subprocess
import sys

import nbformat
import pytest

from vidlab.labs.refresh import fault, refresh

PRINTED = nbformat.v4.new_output("stream", text="old")


def notebook(path, *sources, skip=()):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for index in skip:
        cells[index].metadata["tags"] = ["nbval-skip"]
    for cell in cells:
        cell.outputs = [PRINTED]
        cell.execution_count = 9
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.mark.lab
def test_only_checked_cells_keep_what_they_print(tmp_path):
    path = notebook(
        tmp_path / "lab.ipynb",
        "x = 3\nprint('unchecked')",
        "# NBVAL_CHECK_OUTPUT\nimport sys\nprint(x + 1)\nprint('noise', file=sys.stderr)\nx",
        "raise SystemError('never run')",
        skip=[2],
    )
    refresh(path)
    one, two, three = nbformat.read(path, 4).cells
    assert [output.text for output in two.outputs] == ["4\n"]
    assert two.execution_count == 1
    for cell in (one, three):
        assert cell.outputs == []
        assert cell.execution_count is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["lab.ipynb"]


@pytest.mark.lab
def test_a_failing_cell_leaves_the_file_as_it_was(tmp_path):
    path = notebook(tmp_path / "lab.ipynb", "1 / 0")
    before = path.read_bytes()
    command = [sys.executable, "-m", "vidlab.labs.refresh", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "a cell failed: ZeroDivisionError" in done.stderr
    assert path.read_bytes() == before


@pytest.mark.lab
def test_the_check_names_the_file_the_cell_and_the_remedy(tmp_path):
    path = notebook(tmp_path / "lab.ipynb", "x = 3", "# NBVAL_CHECK_OUTPUT\nprint(x)")
    command = [sys.executable, "-m", "vidlab.labs.refresh", "--check", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{path}: cell 1 is not in its committed form" in done.stderr
    assert f"python -m vidlab.labs.refresh {path}" in done.stderr
    refresh(path)
    assert fault(path) is None


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda node: node.cells[0].outputs.append(PRINTED), "cell 1"),
        (lambda node: node.cells[0].metadata.update(collapsed=True), "cell 1"),
        (lambda node: node.cells[0].update(execution_count=4), "cell 1"),
        (lambda node: node.metadata.update(widgets={}), "widgets"),
    ],
)
def test_what_is_not_normal(tmp_path, spoil, what):
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 3")])
    path = tmp_path / "lab.ipynb"
    nbformat.write(node, path)
    assert fault(path) is None
    spoil(node)
    nbformat.write(node, path)
    assert what in fault(path)


def test_the_way_of_writing_counts(tmp_path):
    path = tmp_path / "lab.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    path.write_text(path.read_text().replace("\n", ""))
    assert "written in another way" in fault(path)


def test_usage():
    for arguments, sentence in (([], "name one notebook"), (["nowhere.ipynb"], "no such file")):
        command = [sys.executable, "-m", "vidlab.labs.refresh", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert sentence in done.stderr
