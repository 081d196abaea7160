"""What the book is made of, without Sphinx: which run is used, lab pages, the graph, the API."""

import json
import shutil
from types import SimpleNamespace

import nbformat
import pytest
import yaml

from vidlab.book import build, pages
from vidlab.book.runs import BookError, finished_run, runs_of
from vidlab.cli import main
from vidlab.labs.catalogue import LabEntry, read_entry, scan
from vidlab.labs.record import read_record, write_record

CELLS = [
    "LAB",
    "# See [another](../10-sequences/radialctc.ipynb), $x^2$",
    "lab.claim('holds-1', 'One is less than two.', paper='1 < 2', observed=1, holds=True)",
    "print(output_dir)\nlab.finish()",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory, write_lab):
    """A catalogue of one lab and its run."""
    home = tmp_path_factory.mktemp("book")
    path = write_lab(home / "labs", CELLS, id="tiny", title="Tiny <b>")
    entry = read_entry(path)
    (run,) = runs_of([entry], home / "runs")
    return SimpleNamespace(home=home, entry=entry, run=run)


def test_a_finished_run_is_used_again(world):
    started = []
    again = runs_of([world.entry], world.home / "runs", on_run=started.append)
    assert again[0].folder == world.run.folder
    assert not started


def changed(world, tmp_path, change):
    """A copy of the run with a changed record."""
    shutil.copytree(world.home / "runs", tmp_path / "runs")
    path = tmp_path / "runs" / "tiny" / world.run.folder.name / "record.json"
    record = read_record(path)
    change(record)
    write_record(path, record)
    return finished_run(world.entry, tmp_path / "runs")


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["versions"].update(source="0123456789ab"),
        lambda record: record["parameters"].update(seed=7),
        lambda record: record.update(status="interrupted"),
    ],
    ids=["other code", "other seed", "unfinished"],
)
def test_another_run_is_not(world, tmp_path, change):
    assert changed(world, tmp_path, lambda record: None).entry.id == "tiny"
    shutil.rmtree(tmp_path / "runs")
    assert changed(world, tmp_path, change) is None


def test_a_run_of_an_older_notebook_is_not_used(world, tmp_path, write_lab):
    entry = read_entry(write_lab(tmp_path, [*CELLS[:-1], "lab.finish()"], id="tiny"))
    assert finished_run(entry, world.home / "runs") is None


def test_a_lab_that_fails_stops_the_book_with_a_sentence(tmp_path, write_lab):
    entry = read_entry(write_lab(tmp_path, ["LAB", "1 / 0"], id="broken"))
    with pytest.raises(BookError, match="the book needs a run of broken, which failed"):
        runs_of([entry], tmp_path / "runs")


def test_a_lab_page_holds_the_run_and_nothing_of_the_machine(world, tmp_path):
    pages.write_lab(world.run, tmp_path)
    text = (tmp_path / "tiny.ipynb").read_text()
    notebook = nbformat.reads(text, 4)
    nbformat.validate(notebook)
    assert str(world.home) not in text
    assert "runs/tiny/" in text
    assert "](radialctc.ipynb)" in text
    assert "1 of its 1 claims hold, 0 do not" in notebook.cells[1].source
    assert "claim-holds-1" in text  # where the scoreboard's link leads
    assert all(
        "application/vnd.jupyter.widget-view+json" not in output.get("data", {})
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )


EVIL = """a machine

```{eval-rst}
.. automodule:: evil
```

<script>alert(1)</script> `x`{=html} $x$ {eval-rst}`x` :::
"""


def test_nothing_of_a_runs_record_is_markup(world, tmp_path):
    run = changed(world, tmp_path, lambda record: record["device"].update(name=EVIL))
    pages.write_lab(run, tmp_path)
    text = (tmp_path / "tiny.ipynb").read_text()
    facts = nbformat.reads(text, 4).cells[1].source
    assert "a machine" in facts
    assert len(facts.splitlines()) == 4  # as with any other name
    for sign in ("```", "automodule::", "<", "$", "{eval-rst}", "{="):
        assert sign not in facts
    assert "<script>alert" not in text


def test_only_outputs_are_taken_from_a_runs_notebook(world, tmp_path):
    """Cells and metadata can make Sphinx execute code; the check of a run sees the top cells."""
    run = changed(world, tmp_path, lambda record: None)
    path = run.folder / "lab.ipynb"
    notebook = json.loads(path.read_text())
    notebook["metadata"]["mystnb"] = {"execution_mode": "force"}
    notebook["cells"][0]["metadata"]["mystnb"] = {"markdown_format": "myst"}
    notebook["cells"][0]["attachments"] = {"evil.md": {"text/plain": "evil"}}
    cell = {"cell_type": "markdown", "metadata": {}, "source": EVIL}
    notebook |= {"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [cell]}]}
    path.write_text(json.dumps(notebook))
    run = finished_run(world.entry, tmp_path / "runs")
    assert run is not None
    pages.write_lab(run, tmp_path)
    text = (tmp_path / "tiny.ipynb").read_text()
    assert "runs/tiny/" in text  # printed by a cell
    assert "mystnb" not in text
    assert "evil" not in text


def test_a_book_executes_nothing_beside_its_runs(world, tmp_path, monkeypatch):
    """Sphinx meets a hostile name, and modules of its own that lie where it is started."""
    pytest.importorskip("sphinx_book_theme")
    run = changed(world, tmp_path, lambda record: record["device"].update(name=EVIL))
    stage = tmp_path / "stage"
    (stage / "labs").mkdir(parents=True)
    shutil.copy(build.book_folder() / "conf.py", stage)
    shutil.copytree(build.book_folder() / "_static", stage / "_static")
    (stage / "_toc.yml").write_text("root: scoreboard\nentries:\n- file: labs/tiny\n")
    (stage / "scoreboard.md").write_text("# Scoreboard\n")
    pages.write_lab(run, stage / "labs")
    for name in ("evil", "myst_nb"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'executed')!r}, 'a').write({name!r})\n"
        )
    monkeypatch.chdir(tmp_path)
    build._sphinx(stage, tmp_path / "pages", partial=True)
    page = (tmp_path / "pages" / "labs" / "tiny.html").read_text()
    assert not (tmp_path / "executed").exists()
    assert "a machine ```{eval-rst} .. automodule:: evil ```" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page


def entry(id, *prerequisites, title="A lab"):
    return LabEntry(id, title, "A paper", "10-part", prerequisites, 60, 600, "", None)


def test_the_graph_draws_each_lab_right_of_what_it_needs():
    graph = pages.prerequisites_graph(
        [entry("c", "b"), entry("a"), entry("b", "a", title="<img src=x onerror=alert(1)>")]
    )
    columns = [graph.index(f'href="labs/{name}.html"') for name in "abc"]
    assert all(columns)
    places = {
        name: float(graph[at:].split('rect x="')[1].split('"')[0])
        for name, at in zip("abc", columns, strict=True)
    }
    assert places["a"] < places["b"] < places["c"]
    assert graph.count("marker-end") == 2
    assert "<img" not in graph
    assert "c after b" in graph


def test_a_circle_of_prerequisites_ends():
    assert pages.prerequisites_graph([entry("a", "b"), entry("b", "a")]).count("<rect") == 2


def test_the_table_of_contents_names_every_lab_and_page():
    toc = yaml.safe_load((build.book_folder() / "_toc.yml").read_text())
    files = {chapter["file"] for part in toc["parts"] for chapter in part["chapters"]}
    labs = {f"labs/{entry.id}" for entry in scan()[0]}
    assert {file for file in files if file.startswith("labs/")} == labs
    prose = {path.stem for path in build.book_folder().glob("*.md")} - {toc["root"]}
    library = {"api/index", *(f"api/{name}" for name in pages.API)}
    assert files == labs | prose | library | {"scoreboard"}


def test_the_source_of_a_partial_book(world, tmp_path):
    stage = tmp_path / "stage"
    build.write_source([world.run], stage)
    toc = yaml.safe_load((stage / "_toc.yml").read_text())
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    assert not [file for file in files if file.startswith("labs/") and file != "labs/tiny"]
    board = (stage / "generated" / "scoreboard.html").read_text()
    assert "One is less than two." in board
    assert 'href="labs/tiny.html#claim-holds-1"' in board
    assert "vidlab.nn.ctc" in (stage / "api" / "nn.md").read_text()
    assert "._packed" not in (stage / "api" / "nn.md").read_text()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_no_book_is_never_replaced(tmp_path, kind):
    out = tmp_path / "precious"
    kept = out / "thesis.txt" if kind == "folder" else out
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("years of work")
    with pytest.raises(BookError, match="precious is there and holds no book; choose a new"):
        build.build_book([], out, tmp_path / "runs")
    assert kept.read_text() == "years of work"
    assert not (tmp_path / "runs").exists()


def test_a_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BookError, match=r"pip install 'vidlab\[book\]'"):
        build.build_book([], tmp_path / "out", tmp_path / "runs")


def test_an_empty_catalogue_makes_no_book(lab_folder, tmp_path, capsys):
    assert main(["book", "--out", str(tmp_path / "pages"), "--runs", str(tmp_path / "runs")]) == 1
    assert f"there are no labs in {lab_folder}" in capsys.readouterr().err


def test_the_command_names_an_unknown_lab(lab_folder, write_lab, capsys):
    write_lab(lab_folder, CELLS, id="tiny")
    assert main(["book", "--lab", "tinny"]) == 2
    assert "did you mean tiny?" in capsys.readouterr().err
