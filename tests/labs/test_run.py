"""Whole runs in real kernels. A kernel costs seconds, so the tests of one run share it."""

import json
import sys
import threading
import time

import nbformat
import pytest
import torch

from vidlab.labs import supervise
from vidlab.labs.catalogue import CatalogueError
from vidlab.labs.kernel import last_heading
from vidlab.labs.parameters import ParameterError
from vidlab.labs.record import read_record
from vidlab.labs.run import run_lab
from vidlab.labs.runs import RunRefused

pytestmark = pytest.mark.lab

HOSTILE = "A <script>alert('title')</script> & co"
CELLS = [
    "LAB",
    "lab",
    "## Train\n\n$y_t^k$ rises.",
    "from IPython.display import display\n"
    "bundle = {'text/plain': 'epoch 1/2', 'text/html': '<i>epoch 1/2</i>'}\n"
    "mark = {'vidlab': {'progress': True}}\n"
    "handle = display(bundle, raw=True, metadata=mark, display_id=True)\n"
    "handle.update({'text/plain': 'epoch 2/2'}, raw=True, metadata=mark)\n"
    "display({'text/plain': 'no progress'}, raw=True)",
    "with lab.section('train ctc'):\n    lab.metric('accuracy/ctc', 0.5)\n"
    "lab.data(name='none', source='made up')",
    "%tag hide-input\nfrom matplotlib import pyplot\n"
    "figure, axes = pyplot.subplots(); axes.plot([1, 2])\n"
    "lab.figure(figure, 'loss', 'Loss <b>falls</b>')",
    "import os, sys\nprint('python', sys.executable)\nprint('cwd', os.getcwd())\n"
    "print('notebook', os.environ['VIDLAB_NOTEBOOK'])\nos.system('echo to the terminal')",
    "### Verdict\n```\n# not a heading\n```",
    "lab.claim('one', 'It <i>holds</i>', paper=1, observed=0.5, holds=True)\n"
    "lab.claim('two', 'It does not', paper='x', observed={'a': 1}, holds=False)\n"
    "lab.finish()",
]


@pytest.fixture(scope="module")
def labs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogue")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDLAB_NOTEBOOKS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def good(labs, write_lab, tmp_path_factory):
    """(result, events, out) of a run in which all is well, in a folder with braces and blanks."""
    out = tmp_path_factory.mktemp("out") / "my {runs}"
    write_lab(labs, CELLS, id="good", title=HOSTILE)
    events = []
    result = run_lab("good", {"seed": 5, "etas": [1]}, out=out, on_event=events.append)
    return result, events, out


def outputs(result):
    node = nbformat.read(result.run_dir / "lab.ipynb", as_version=4)
    return "\n".join(
        output.get("text", "") or str(output.get("data", ""))
        for cell in node.cells
        for output in cell.get("outputs", [])
    )


def test_the_record_of_a_good_run(good):
    result, _, out = good
    record = read_record(result.run_dir / "record.json")
    assert record == result.record
    assert record["status"] == "finished"
    assert record["error"] is None
    assert record["seed"] == 5
    assert record["parameters"]["etas"] == [1.0]
    assert record["parameters"]["epochs"] == 2  # the profile's number
    assert record["parameters"]["output_dir"] == str(out)
    assert record["metrics"] == {"accuracy/ctc": 0.5}
    assert [claim["holds"] for claim in record["claims"]] == [True, False]
    assert list(record["timings"]["sections"]) == ["train ctc"]
    assert record["run_id"] == result.run_dir.name
    assert record["title"] == HOSTILE
    assert record["resumed"] == 0


def test_the_folder_of_a_good_run(good):
    result, _, out = good
    assert result.run_dir.parent == out / "good"
    names = sorted(path.name for path in result.run_dir.iterdir())
    assert names == ["checkpoints", "figures", "lab.html", "lab.ipynb", "record.json"]
    assert [path.name for path in (result.run_dir / "figures").iterdir()] == ["loss.png"]
    assert set(result.paths) == {"notebook", "html", "record"}


def test_events_tell_where_it_is(good):
    _, events, _ = good
    cells = [event for event in events if event[0] == "cell"]
    # The parameters, the injected ones, and seven code cells; Markdown does not count.
    assert [event[1] for event in cells] == list(range(1, 10))
    assert {event[2] for event in cells} == {9}
    headings = [event[3] for event in cells]
    assert headings == ["Welcome"] * 4 + ["Train"] * 4 + ["Verdict"]
    assert [e[1] for e in events if e[0] == "progress"] == ["epoch 1/2", "epoch 2/2"]
    sixth = events.index(("progress", "epoch 1/2"))
    assert ("cell", 5, 9, "Train") in events[:sixth]
    assert ("cell", 6, 9, "Train") in events[sixth:]


def test_the_kernel_is_this_interpreter_in_the_run_folder(good, labs):
    result, _, _ = good
    text = outputs(result)
    assert f"python {sys.executable}" in text
    assert f"cwd {result.run_dir}" in text
    assert f"notebook {labs / '10-test' / 'good.ipynb'}" in text


def test_the_notebook_keeps_source_and_final_progress(good):
    result, _, _ = good
    node = nbformat.read(result.run_dir / "lab.ipynb", as_version=4)
    nbformat.validate(node)
    assert node.metadata.vidlab.id == "good"
    assert node.metadata.papermill.input_path == "good.ipynb"
    assert node.metadata.papermill.output_path == "lab.ipynb"
    text = outputs(result)
    assert "epoch 2/2" in text
    assert "epoch 1/2" not in text


def test_the_page_of_a_good_run(good):
    result, _, _ = good
    html = (result.run_dir / "lab.html").read_text()
    assert "A &lt;script&gt;alert" in html  # the card
    assert "<script" not in html
    assert "<i>holds</i>" not in html
    assert "It &lt;i&gt;holds&lt;/i&gt;" in html
    assert 'alt="Loss &lt;b&gt;falls&lt;/b&gt;"' in html
    assert "<figcaption" in html
    assert "✓ holds" in html
    assert "✗ does not hold" in html
    assert "<math " in html
    assert "<summary>code</summary>" in html


def test_a_cell_that_raises(labs, write_lab, tmp_path):
    cells = ["LAB", "lab.metric('a/b', 1)", "# Part\n\n## Divide\n\nby zero", "1 / 0", "print('x')"]
    write_lab(labs, cells, id="raises")
    result = run_lab("raises", {}, out=tmp_path)
    record = read_record(result.run_dir / "record.json")
    assert record["status"] == "failed"
    # The fifth that ran: parameters, injected, Lab, metric, this one.
    assert record["error"] == {
        "cell": 5,
        "heading": "Divide",
        "message": "ZeroDivisionError: division by zero",
    }
    assert record["metrics"] == {"a/b": 1}
    assert record["finished"] is not None
    assert result.stopped_by is None
    node = nbformat.read(result.run_dir / "lab.ipynb", as_version=4)
    failed = [cell for cell in node.cells if cell.source == "1 / 0"]
    assert failed[0].execution_count == 5
    assert failed[0].outputs[0].ename == "ZeroDivisionError"
    assert "ZeroDivisionError" in (result.run_dir / "lab.html").read_text()


def test_a_kernel_that_dies_before_the_lab_began(labs, write_lab, tmp_path):
    write_lab(labs, ["## Boom", "import os\nos.kill(os.getpid(), 9)"], id="dies")
    result = run_lab("dies", {"seed": 4, "eta": 1}, out=tmp_path)
    record = read_record(result.run_dir / "record.json")
    assert record["status"] == "failed"
    assert record["error"] == {
        "cell": 3,
        "heading": "Boom",
        "message": "the kernel died (out of memory, or killed)",
    }
    assert record["seed"] == 4
    assert record["parameters"]["eta"] == 1.0
    assert record["device"] == {"name": "cpu", "type": "unknown"}
    assert (result.run_dir / "lab.html").is_file()
    assert not list(result.run_dir.glob(".lab*"))


def test_the_time_out_lets_the_lab_save(labs, write_lab, tmp_path):
    cell = (
        "import time\ntry:\n    time.sleep(600)\nexcept KeyboardInterrupt:\n"
        "    open('saved', 'w').close()\n    raise"
    )
    write_lab(labs, ["## Sleep", cell], id="sleeps")
    events = []
    began = time.monotonic()
    result = run_lab("sleeps", {}, out=tmp_path, timeout=12, on_event=events.append)
    assert 12 <= time.monotonic() - began < 300  # the cell alone would take 600 s
    assert result.record["status"] == "interrupted"
    assert result.stopped_by == "timeout"
    error = {"cell": 3, "heading": "Sleep", "message": "over its time-out of 12 s"}
    assert result.record["error"] == error
    assert (result.run_dir / "saved").is_file()
    assert any(event[0] == "note" and "over its time-out of 12 s" in event[1] for event in events)
    assert (result.run_dir / "lab.ipynb").is_file()


def test_a_cell_that_ignores_the_interrupt_is_killed(labs, write_lab, tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "GRACE_S", 1.0)
    cell = (
        "import signal, subprocess, sys, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "while True:\n    time.sleep(0.1)"
    )
    write_lab(labs, [cell, "open('second', 'w')"], id="stubborn")
    result = run_lab("stubborn", {}, out=tmp_path, timeout=12)
    assert result.record["status"] == "interrupted"
    assert result.record["error"]["message"] == "over its time-out of 12 s"
    assert not (result.run_dir / "second").exists()
    import psutil

    child = int((result.run_dir / "child").read_text())
    for _ in range(50):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie":
            break
        time.sleep(0.1)
    else:
        pytest.fail("the process that the kernel had started lives on")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("print('all well, but nothing recorded')", "the notebook ended without lab.finish()"),
        ("raise SystemExit", "the notebook ended without lab.finish()"),
        ("raise ValueError('two\\nlines \\x1b[31mred')", "ValueError: two lines red"),
    ],
)
def test_runs_that_end_without_a_result(labs, write_lab, tmp_path, cell, message):
    write_lab(labs, [cell], id="useless")
    result = run_lab("useless", {}, out=tmp_path)
    assert result.record["status"] == "failed"
    assert result.record["error"]["message"] == message


def test_a_lab_in_a_thread_and_by_path(labs, write_lab, tmp_path):
    """Batches run labs outside of the main thread, where no signals can be caught."""
    path = write_lab(tmp_path / "elsewhere", ["raise ValueError('seen')"], id="mine")
    results = []
    worker = threading.Thread(
        target=lambda: results.append(run_lab(str(path), {}, out=tmp_path / "out"))
    )
    worker.start()
    worker.join(60)
    assert results[0].record["error"]["message"] == "ValueError: seen"
    assert results[0].run_dir.parent == tmp_path / "out" / "mine"


def test_older_notebooks_without_cell_ids(labs, write_lab, tmp_path, recwarn):
    path = write_lab(labs, ["raise ValueError('seen')"], id="older")
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        del cell["id"]
    path.write_text(json.dumps(notebook))
    result = run_lab("older", {}, out=tmp_path)
    assert result.record["error"]["message"] == "ValueError: seen"
    assert not [w for w in recwarn if "id" in str(w.message)]


@pytest.fixture
def idle(labs, write_lab):
    write_lab(labs, [], id="idle")


@pytest.mark.usefixtures("idle")
class TestRefusals:
    """Everything is checked before a kernel starts: nothing is left behind."""

    def refused(self, tmp_path, error, words, parameters=None, **options):
        options = {"out": tmp_path / "out"} | options
        with pytest.raises(error) as caught:
            run_lab("idle", parameters or {}, **options)
        assert words in str(caught.value)
        assert not list(tmp_path.glob("out/*/*"))

    def test_unknown_lab(self, tmp_path):
        with pytest.raises(CatalogueError, match="unknown lab idel; did you mean idle"):
            run_lab("idel", {}, out=tmp_path)

    def test_unknown_parameter(self, tmp_path):
        self.refused(tmp_path, ParameterError, "did you mean eta?", {"etaa": 1})

    def test_out_of_range(self, tmp_path):
        self.refused(tmp_path, ParameterError, "got 1.7; allowed: a number in 0 .. 1", {"eta": 1.7})

    def test_output_dir_is_out(self, tmp_path):
        self.refused(tmp_path, ParameterError, "with --out", {"output_dir": "x"})

    def test_data_dir_is_missing(self, tmp_path):
        self.refused(tmp_path, ParameterError, "which is no folder", {"data_dir": "/no/such"})

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
    def test_no_cuda(self, tmp_path):
        self.refused(tmp_path, ParameterError, "finds no CUDA device", {"device": "cuda"})

    @pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
    def test_bad_timeout(self, tmp_path, timeout):
        self.refused(tmp_path, RunRefused, "a positive number of seconds", timeout=timeout)

    def test_out_is_a_file(self, tmp_path):
        file = tmp_path / "file"
        file.write_text("")
        self.refused(tmp_path, RunRefused, "cannot write to", out=file)
        self.refused(tmp_path, RunRefused, "cannot write to", out=file / "below")

    def test_the_labs_folder_is_a_file(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "idle").write_text("")
        self.refused(tmp_path, RunRefused, "cannot write to")

    def test_nothing_to_resume(self, tmp_path):
        self.refused(tmp_path, RunRefused, "nothing to resume", resume="newest")
        self.refused(tmp_path, RunRefused, "there are none", resume="20260101T000000-0000")


@pytest.mark.parametrize(
    ("markdown", "heading"),
    [
        ("# One\n\ntext\n\n## Two ##\n", "Two"),
        ("text", None),
        ("```\n# comment\n```", None),
        ("# One\n~~~\n# a\n```\n# b\n~~~", "One"),
        ("#hash", None),
    ],
)
def test_headings(markdown, heading):
    assert last_heading(markdown) == heading
