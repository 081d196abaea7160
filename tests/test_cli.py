"""The command line: what it prints where, and its exit status."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import psutil
import pytest

import vidlab
from vidlab.cli import main
from vidlab.labs import report
from vidlab.labs.record import new_record, now, read_record, write_record

# Trains in one "step" that is skipped when its checkpoint is there.
TRAIN = (
    "import time\nstep = lab.checkpoint_dir / 'step'\n"
    "if not step.exists():\n    step.write_text('half')\n    time.sleep(600)\n"
    "lab.metric('accuracy/ctc', 0.75)"
)
FINISH = "lab.claim('a', 'It [b]holds[/b]', paper=1, observed=0.5, holds=True)\nlab.finish()"
QUICK = ["LAB", FINISH]


@pytest.fixture
def call(capfd):
    """Runs a command line in this process: (exit status, stdout, stderr)."""

    def run(*args):
        capfd.readouterr()
        status = main(list(args))
        return (status, *capfd.readouterr())

    return run


def start(*args, grace=None):
    """The real command in a process of its own, as if started in a terminal."""
    # A test run in the background ignores SIGINT, and so would its children.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"from vidlab.labs import supervise; supervise.GRACE_S = {grace} or supervise.GRACE_S\n"
        "from vidlab.cli import main; sys.exit(main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, process=None, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if process is not None and process.poll() is not None:
            pytest.fail(f"the command ended too early: {process.communicate()}")
        if time.monotonic() > deadline:
            pytest.fail("waited in vain")
        time.sleep(0.05)
    return found


def runs(out):
    return sorted(Path(out).glob("tiny/*"))


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["run", "tinny"], "unknown lab tinny; did you mean tiny? There are: tiny."),
        (["list", "tinny"], "unknown lab tinny; did you mean tiny? There are: tiny."),
        (["run", "tiny", "-p", "etaa=1"], "unknown parameter etaa of lab tiny; did you mean eta?"),
        (["run", "tiny", "-p", "eta=1.7"], "eta: got 1.7; allowed: a number in 0 .. 1."),
        (["run", "tiny", "-p", "eta=abc"], "eta: got 'abc'; allowed: a number in 0 .. 1."),
        (["run", "tiny", "-p", "etas="], "got ''; allowed: a list of numbers in 0 .. 1."),
        (["run", "tiny", "-p", "eta"], "-p eta: allowed is NAME=VALUE"),
        (["run", "tiny", "-p", "eta=1", "-p", "eta=0"], "parameter eta was given twice."),
        (["run", "tiny", "--seed", "1", "-p", "seed=1"], "parameter seed was given twice."),
        (["run", "tiny", "--seed", "1.5"], "seed: got '1.5'; allowed: a whole number in 0 .. "),
        (["run", "tiny", "--profile", "huge"], "got 'huge'; allowed: quick | full."),
        (["run", "tiny", "--device", "tpu"], "got 'tpu'; allowed: auto | cpu | cuda."),
        (["run", "tiny", "--timeout", "0"], "timeout: got 0; allowed: a positive number"),
        (["run", "tiny", "--timeout", "soon"], "'soon' is not a valid float"),
        (["run", "tiny", "--resume"], "nothing to resume: no unfinished run of tiny"),
        (["run", "tiny", "--resume", "x"], "no run x in"),
        (["run"], "Missing argument 'LAB' (see vidlab run --help)"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run", "tiny", "--frob"], "No such option"),
        (["data", "check", "--data-dir", "/no/such"], "/no/such is not a folder"),
        (["report", "/no/such"], "/no/such: there is no such file or folder"),
        (["report", str(Path(__file__).parent / "nn")], "nn; `vidlab run LAB` makes one"),
        (["report", "--format", "pdf"], "'pdf' is not one of"),
        (["report", "--out", "x.pdf"], "x.pdf does not end in .html, .csv, .json or .txt"),
    ],
)
def test_wrong_usage_is_one_line(lab_folder, write_lab, tmp_path, call, args, sentence):
    write_lab(lab_folder, [])
    args += ["--out", str(tmp_path / "out")] if args[:2] == ["run", "tiny"] else []
    status, stdout, stderr = call(*args)
    assert status == 2
    assert stdout == ""
    assert stderr.count("\n") == 1
    assert sentence in stderr
    assert runs(tmp_path / "out") == []


def test_no_command_shows_the_help(call):
    status, stdout, stderr = call("--help")
    assert status == 0
    assert all(command in stdout for command in ("list", "run", "report", "data", "doctor"))
    assert "vidlab run radialctc" in stdout
    assert stderr == ""


@pytest.mark.parametrize(
    "command", [["list"], ["run"], ["report"], ["data"], ["data", "check"], ["doctor"]]
)
def test_every_command_has_examples(call, command):
    status, stdout, _ = call(*command, "--help")
    assert status == 0
    assert re.search(r"Examples?:\n +vidlab " + " ".join(command), stdout)


def test_the_version_is_the_projects(call):
    text = (Path(vidlab.__file__).parents[1] / "pyproject.toml").read_text()
    assert vidlab.__version__ == tomllib.loads(text)["project"]["version"]
    assert call("--version") == (0, f"vidlab {vidlab.__version__}\n", "")


def test_python_dash_m(lab_folder):
    done = subprocess.run(
        [sys.executable, "-m", "vidlab", "run"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")


def test_list(lab_folder, write_lab, call):
    write_lab(lab_folder, [], title="A [red]tiny[/red] lab")
    (lab_folder / "10-test" / "broken.ipynb").write_text("{")
    status, stdout, stderr = call("list")
    assert status == 0
    header, row = (re.split(r"\s{2,}", line.strip()) for line in stdout.splitlines())
    assert header == ["id", "title", "part", "paper", "quick", "full"]
    assert row == [
        "tiny",
        "A [red]tiny[/red] lab",
        "10-test",
        "Someone, A Paper, 2022",
        "60 s",
        "2 h",
    ]
    assert stderr.count("\n") == 1
    assert "broken.ipynb: not a notebook" in stderr
    status, stdout, _ = call("list", "--json")
    assert [entry["id"] for entry in json.loads(stdout)] == ["tiny"]


def test_list_one_lab(lab_folder, write_lab, call):
    write_lab(lab_folder, [], metadata={"prerequisites": ["other"]})
    status, stdout, _ = call("list", "tiny")
    assert status == 0
    assert "do first: other" in stdout
    assert re.search(r"epochs +int \| None +1 \.\. 500 +None +None = the profile's number", stdout)
    status, stdout, _ = call("list", "tiny", "--json")
    eta = next(p for p in json.loads(stdout)["parameters"] if p["name"] == "eta")
    assert (eta["type"], eta["default"], eta["low"], eta["high"]) == ("float", 0.4, 0.0, 1.0)


def test_an_empty_catalogue(lab_folder, call):
    status, stdout, stderr = call("list")
    assert (status, stdout) == (0, "")
    assert "there are no labs in" in stderr


@pytest.fixture
def finished(lab_folder, write_lab, tmp_path, monkeypatch):
    """A folder with `runs/` in it, of one finished run and one that is not; worked in."""
    write_lab(lab_folder, [])
    parameters = {"profile": "quick", "seed": 0, "device": "cpu", "eta": 0.4}
    for run_id, status in (("r1", "finished"), ("r2", "failed")):
        record = new_record(run_id, lab="tiny", title="T", paper="P", parameters=parameters)
        claim = {"id": "a", "statement": "It [b]holds[/b]", "paper": 1, "observed": 0.5}
        record["claims"] = [{**claim, "holds": True, "note": "=1+1"}]
        folder = tmp_path / "runs" / "tiny" / run_id
        folder.mkdir(parents=True)
        (folder / "lab.html").write_text("")
        record |= {"status": status, "finished": now()}
        write_record(folder / "record.json", record)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_report_shows_the_runs(finished, call):
    status, stdout, stderr = call("report")
    assert status == 0
    assert re.search(r"^a +It \[b\]holds\[/b\] +1 +✓ holds", stdout, re.MULTILINE)
    assert stdout.endswith("1 claims: 1 holds, 0 do not hold, 0 not tested\n")
    assert stderr == (
        "vidlab: left out: runs/tiny/r2/record.json: the run is failed, not finished.\n"
    )
    assert call("report", "runs/tiny/r1/record.json") == (0, stdout, "")


def test_report_finds_the_runs_where_the_environment_puts_them(finished, call, monkeypatch):
    _, expected, _ = call("report")
    (finished / "runs").rename(finished / "others")
    monkeypatch.setenv("VIDLAB_OUT", "others")
    assert call("report")[:2] == (0, expected)


def test_report_writes_what_the_files_name_says(finished, call):
    for name, begin in (
        ("b.html", "<!doctype html>"), ("b.csv", "lab,title,part,"),
        ("b.json", '{\n "count": "1 claims'), ("b.txt", "T (tiny)"),
    ):  # fmt: skip
        status, stdout, _ = call("report", "--out", name)
        assert (status, stdout) == (0, "")
        assert (finished / name).read_text().startswith(begin)
    assert sorted(path.name for path in finished.glob("*b.*")) == [
        "b.csv", "b.html", "b.json", "b.txt"
    ]  # fmt: skip
    assert 'href="runs/tiny/r1/lab.html#claim-a"' in (finished / "b.html").read_text()
    for form in ("csv", "json"):
        assert call("report", "--format", form)[1] == (finished / f"b.{form}").read_text()
    call("report", "--format", "csv", "--out", "b.txt")
    assert (finished / "b.txt").read_text() == (finished / "b.csv").read_text()


def test_report_of_unfinished_runs_alone_says_so(finished, call):
    status, stdout, stderr = call("report", "runs/tiny/r2")
    assert (status, stdout) == (2, "")
    assert stderr.splitlines()[-1] == "vidlab: no run that finished made a claim"


def test_data_check(call):
    status, stdout, _ = call("data", "check")
    assert status == 0
    assert "data digits" in stdout
    status, stdout, _ = call("data", "check", "--json")
    found = json.loads(stdout)
    assert found["ok"] is True
    assert {item["name"] for item in found["found"]} >= {"digits", "mnist"}


def test_broken_shipped_data_is_status_1(call, monkeypatch, tmp_path):
    from vidlab.datasets import base

    monkeypatch.setattr(base, "shipped_data", lambda: tmp_path)
    status, stdout, _ = call("data", "check")
    assert status == 1
    assert "mend" in stdout
    assert call("doctor", "--out", str(tmp_path), "--json")[0] == 1


def test_doctor(lab_folder, write_lab, tmp_path, call):
    write_lab(lab_folder, [])
    status, stdout, _ = call("doctor", "--out", str(tmp_path / "out"), "--json")
    report = json.loads(stdout)
    assert (status, report["ok"]) == (0, True)
    checks = {check["name"]: check for check in report["checks"]}
    assert set(checks) >= {"python", "vidlab", "torch", "papermill", "device", "machine"}
    assert set(checks) >= {"chromium", "catalogue", "output", "extra video", "data digits"}
    assert checks["catalogue"]["detail"].startswith("1 labs in")
    status, stdout, _ = call("doctor", "--out", str(tmp_path / "out"))
    assert status == 0
    assert "torch" in stdout


def test_doctor_finds_what_is_wrong(lab_folder, tmp_path, call):
    file = tmp_path / "file"
    file.write_text("")
    status, stdout, _ = call("doctor", "--out", str(file), "--json")
    checks = {check["name"]: check for check in json.loads(stdout)["checks"]}
    assert status == 1
    assert checks["output"]["ok"] is False
    assert checks["catalogue"]["ok"] is False
    assert "VIDLAB_NOTEBOOKS" in checks["catalogue"]["remedy"]


@pytest.mark.lab
def test_a_run_prints_claims_and_paths(lab_folder, write_lab, tmp_path, call):
    write_lab(lab_folder, QUICK)
    status, stdout, stderr = call("run", "tiny", "--out", str(tmp_path), "-p", "eta=1e-1")
    assert (status, stderr) == (0, "")
    assert re.search(r"^a +It \[b\]holds\[/b\] +1 +0\.5 +✓ holds", stdout, re.MULTILINE)
    assert "claims:   1 hold, 0 do not hold, 0 not tested" in stdout
    (folder,) = runs(tmp_path)
    for name in ("lab.ipynb", "lab.html", "record.json"):
        assert re.search(rf"^\w+ +{re.escape(str(folder / name))}$", stdout, re.MULTILINE)
    assert read_record(folder / "record.json")["parameters"]["eta"] == 0.1


@pytest.mark.lab
def test_json_is_all_that_is_on_stdout(lab_folder, write_lab, tmp_path, call):
    cells = ["LAB", "import os\nprint('noise')\nos.write(1, b'noise')\nos.write(2, b'noise')"]
    write_lab(lab_folder, cells)
    status, stdout, stderr = call("run", "tiny", "--out", str(tmp_path), "--json", "--seed", "3")
    record = json.loads(stdout)
    assert status == 1
    assert (record["status"], record["seed"]) == ("failed", 3)
    assert Path(record.pop("paths")["record"]).is_file()
    assert record == read_record(runs(tmp_path)[0] / "record.json")
    assert "noise" not in stderr
    assert stderr.splitlines()[-1].startswith("vidlab: tiny failed: the notebook ended without")


@pytest.mark.lab
def test_a_failure_is_one_line(lab_folder, write_lab, tmp_path, call):
    write_lab(lab_folder, ["## Divide", "1 / 0"])
    status, stdout, stderr = call("run", "tiny", "--out", str(tmp_path))
    assert status == 1
    page = runs(tmp_path)[0] / "lab.html"
    assert stderr == (
        'vidlab: tiny failed in cell 3, under "Divide": '
        f"ZeroDivisionError: division by zero (see {page})\n"
    )
    assert "Divide" in stdout  # the progress, one line a heading


@pytest.mark.lab
def test_ctrl_c_and_resume(lab_folder, write_lab, tmp_path, call):
    write_lab(lab_folder, ["LAB", "## Train", TRAIN, FINISH])
    out = ["--out", str(tmp_path)]
    process = start("run", "tiny", "--seed", "7", "-p", "eta=0.1", *out)
    wait_for(lambda: list(tmp_path.glob("tiny/*/checkpoints/step")), process)
    (folder,) = runs(tmp_path)

    status, _, stderr = call("run", "tiny", "--resume", *out)
    assert status == 2
    assert f"run {folder.name} is still at work" in stderr

    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stderr == (
        'vidlab: tiny interrupted in cell 4, under "Train" (stopped by the user); '
        f"go on with: vidlab run tiny --resume {folder.name} --out {tmp_path}\n"
    )
    record = read_record(folder / "record.json")
    assert record["status"] == "interrupted"
    assert record["error"]["message"] == "stopped by the user"
    names = {path.name for path in folder.iterdir()}
    assert names >= {"lab.ipynb", "lab.html"}
    assert not [name for name in names if name.startswith(".")]

    status, _, stderr = call("run", "tiny", "--resume", "--seed", "8", *out)
    assert status == 2
    assert "with its own parameters (seed is 7, got 8)" in stderr

    status, _, stderr = call("run", "tiny", "--resume", "--seed", "7", *out)
    assert (status, stderr) == (0, "")
    assert runs(tmp_path) == [folder]
    finished = read_record(folder / "record.json")
    assert finished["status"] == "finished"
    assert finished["error"] is None
    assert finished["resumed"] == 1
    assert finished["started"] == record["started"]
    assert (finished["seed"], finished["parameters"]["eta"]) == (7, 0.1)
    assert finished["metrics"] == {"accuracy/ctc": 0.75}

    status, _, stderr = call("run", "tiny", "--resume", folder.name, *out)
    assert status == 2
    assert f"run {folder.name} is finished" in stderr


@pytest.mark.lab
def test_a_killed_command_leaves_a_run_to_resume(lab_folder, write_lab, tmp_path, call):
    write_lab(lab_folder, ["LAB", TRAIN, FINISH])
    process = start("run", "tiny", "--out", str(tmp_path))
    wait_for(lambda: list(tmp_path.glob("tiny/*/checkpoints/step")), process)
    process.kill()
    process.communicate()
    (folder,) = runs(tmp_path)
    record = read_record(folder / "record.json")
    assert record["status"] == "running"
    assert not (folder / "lab.ipynb").exists()
    wait_for(lambda: not psutil.pid_exists(record["pid"]), seconds=60)  # the kernel goes, too
    status, _, stderr = call("run", "tiny", "--resume", "--out", str(tmp_path))
    assert (status, stderr) == (0, "")
    assert read_record(folder / "record.json")["status"] == "finished"
    assert (folder / "lab.ipynb").is_file()
    assert not list(folder.glob(".*"))


@pytest.mark.lab
def test_a_second_ctrl_c_ends_it_at_once(lab_folder, write_lab, tmp_path):
    cell = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "open('ready', 'w').close()\nwhile True: time.sleep(0.1)"
    )
    write_lab(lab_folder, [cell])
    process = start("run", "tiny", "--out", str(tmp_path), grace=600)
    wait_for(lambda: list(tmp_path.glob("tiny/*/ready")), process)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)  # far less than the grace
    assert process.returncode == 130
    record = read_record(runs(tmp_path)[0] / "record.json")
    assert record["status"] == "interrupted"


@pytest.mark.lab
def test_sigterm_is_an_interrupt(lab_folder, write_lab, tmp_path):
    write_lab(lab_folder, ["import time\nopen('ready', 'w').close()\ntime.sleep(600)"])
    process = start("run", "tiny", "--out", str(tmp_path), "--json")
    wait_for(lambda: list(tmp_path.glob("tiny/*/ready")), process)
    os.kill(process.pid, signal.SIGTERM)
    stdout, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert json.loads(stdout)["status"] == "interrupted"


def test_what_to_type_next_works_where_the_name_is_not_on_the_path(monkeypatch, tmp_path):
    program = tmp_path / ".venv" / "bin" / "vidlab"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(program)])
    monkeypatch.setenv("PATH", "/nowhere")
    assert report._command() == ".venv/bin/vidlab"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    assert report._command() == "vidlab"
