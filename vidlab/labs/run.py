"""Running a lab unattended: check everything, execute, keep an honest record."""

from __future__ import annotations

import os
import socket
import threading
import time
import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import nbformat
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from vidlab.labs.catalogue import LabEntry, find_lab, read_notebook
from vidlab.labs.device import resolve_device
from vidlab.labs.html import notebook_to_html
from vidlab.labs.kernel import Control, Task, execute, kill_group
from vidlab.labs.parameters import ParameterError, Value, read_parameters, validate
from vidlab.labs.record import RecordError, new_record, now, read_record, write_record, write_text
from vidlab.labs.runs import NEWEST, RunRefused, check_writable, new_run_folder, resumable
from vidlab.labs.supervise import OnEvent, Stop, stop_signals, wait
from vidlab.labs.text import one_line


@dataclass(frozen=True)
class RunResult:
    """How a run ended. ``record["status"]`` is finished, failed or interrupted."""

    record: dict
    run_dir: Path
    stopped_by: str | None  # "user" or "timeout" when it was interrupted

    @property
    def paths(self) -> dict[str, str]:
        """Where the notebook, its HTML and the record lie (only those that could be made)."""
        names = {"notebook": "lab.ipynb", "html": "lab.html", "record": "record.json"}
        found = {key: self.run_dir / name for key, name in names.items()}
        return {key: str(path) for key, path in found.items() if path.is_file()}


@dataclass(frozen=True)
class _Plan:
    """A run that may start: everything in it is checked."""

    entry: LabEntry
    notebook: nbformat.NotebookNode
    parameters: dict[str, Value]  # one value for each declared parameter
    defaults: dict[str, Value]
    run_dir: Path
    first_record: dict


def run_lab(
    lab: str | Path,
    parameters: dict[str, object],
    *,
    out: Path,
    timeout: float | None = None,
    resume: str | None = None,
    on_event: OnEvent | None = None,
) -> RunResult:
    """Execute a lab in OUT/LAB/RUN_ID/ and return how it ended; a failing cell does not raise.

    Args:
        lab: id, part/id or path of a notebook.
        parameters: values by name; the others keep their defaults.
        out: folder of all runs, made when missing.
        timeout: seconds of wall time for the whole notebook.
        resume: a run's id, or NEWEST, to go on in its folder with its parameters.
        on_event: called in this thread with ("cell", i, n, heading), ("progress", text) and
            ("note", text).

    Raises CatalogueError, ParameterError or RunRefused before a kernel starts.
    """
    if timeout is not None and not 0 < timeout < 1e9:
        raise RunRefused(f"timeout: got {timeout:g}; allowed: a positive number of seconds.")
    plan = _plan(lab, parameters, Path(out).expanduser().resolve(), resume)
    on_event = on_event or (lambda event: None)
    began, stop = time.monotonic(), Stop()
    # Ctrl-C is ours to the very end, so that it cannot cut off the closing of the record either.
    with stop_signals(lambda: stop.ask("user", "stopped by the user")):
        write_record(plan.run_dir / "record.json", plan.first_record)
        control, error = _execute(plan, stop, timeout, on_event)
        outcome = _outcome(control, error, stop.reason)
        _keep_notebook(plan, outcome is None, on_event)
        record = _close_record(plan, outcome, time.monotonic() - began)
    interrupted = record["status"] == "interrupted"
    return RunResult(record, plan.run_dir, stop.by if interrupted else None)


def _plan(lab: str | Path, given: dict[str, object], out: Path, resume: str | None) -> _Plan:
    entry = find_lab(lab)
    declared = read_parameters(read_notebook(entry.path), str(entry.path))
    notebook = _notebook(entry.path)
    if "output_dir" in given:
        raise ParameterError("parameter output_dir: choose the folder of runs with --out.")
    values = validate(declared, given, entry.id)
    earlier = None
    if resume is not None:
        run_dir, earlier = resumable(out, entry.id, None if resume == NEWEST else resume)
        values = _earlier_values(declared, earlier, {name: values[name] for name in given})
    values["output_dir"] = str(out)
    if values["data_dir"] is not None:
        if not values["data_dir"].strip():
            raise ParameterError("parameter data_dir: got an empty name; leave it out instead.")
        folder = Path(values["data_dir"]).expanduser().resolve()
        if not folder.is_dir():
            raise ParameterError(f"parameter data_dir: got {str(folder)!r}, which is no folder.")
        values["data_dir"] = str(folder)  # the kernel works in another folder than this process
    if values["device"] == "cuda":
        resolve_device("cuda")
    check_writable(out)
    if earlier is None:
        try:
            run_dir = new_run_folder(out, entry.id)
        except OSError as error:
            raise RunRefused(f"cannot write to {out / entry.id} ({error.strerror}).") from None
    record = new_record(
        run_dir.name, lab=entry.id, title=entry.title, paper=entry.paper, parameters=values
    )
    if earlier is not None:
        record.update(started=earlier["started"], resumed=earlier["resumed"] + 1)
    defaults = {name: parameter.default for name, parameter in declared.items()}
    return _Plan(entry, notebook, values, defaults, run_dir, record)


def _earlier_values(declared: dict, earlier: dict, given: dict[str, Value]) -> dict[str, Value]:
    """The parameters of the run to resume, if nothing that was given contradicts them."""
    run_id = earlier["run_id"]
    try:
        values = validate(declared, earlier["parameters"], earlier["lab"])
    except ParameterError as error:
        raise RunRefused(f"run {run_id} was made by another version of the lab: {error}") from None
    for name, value in given.items():
        if value != values[name]:
            raise RunRefused(
                f"--resume continues run {run_id} with its own parameters ({name} is "
                f"{values[name]!r}, got {value!r}); leave {name} out, or start a new run."
            )
    return values


def _execute(plan: _Plan, stop: Stop, timeout: float | None, on_event: OnEvent):
    """Run the notebook to its end, whatever that is: (control, the exception it ended with)."""
    control = Control()
    with (plan.run_dir / "kernel.log").open("wb") as log:
        task = Task(
            notebook=plan.notebook,
            # What was left alone stays as the notebook has it: readers see what was changed.
            parameters={k: v for k, v in plan.parameters.items() if v != plan.defaults[k]},
            output=plan.run_dir / ".lab.partial.ipynb",
            cwd=plan.run_dir,
            env=_kernel_environment(plan),
            log=log,
        )
        worker = threading.Thread(target=execute, args=(task, control), daemon=True)
        worker.start()
        error = wait(control, stop, timeout, on_event)
        kill_group(control)
    return control, error


def _notebook(path: Path) -> nbformat.NotebookNode:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # older notebooks lack cell ids: they get some
        try:
            node = nbformat.read(path, as_version=4)
            return nbformat.validator.normalize(node)[1]
        except Exception as error:  # the library raises many kinds for a broken file
            raise RunRefused(f"{path}: not a valid notebook ({one_line(str(error))}).") from None


def _kernel_environment(plan: _Plan) -> dict[str, str]:
    env = dict(os.environ)
    env["VIDLAB_NOTEBOOK"] = str(plan.entry.path)
    env["VIDLAB_RUN_DIR"] = str(plan.run_dir)
    env["VIDLAB_CALLED_FROM"] = os.getcwd()  # where a user's relative file names count from
    # Threads that wait for each other on busy cores are far slower than fewer threads: half the
    # cores leave room for whatever else the machine does.
    env.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // 2)))
    try:
        metadata.distribution("vidlab")
    except metadata.PackageNotFoundError:
        # A clone that is not installed: the kernel works elsewhere and would not find it.
        clone = str(Path(__file__).resolve().parents[2])
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [clone, env.get("PYTHONPATH")]))
    return env


def _outcome(control, error: BaseException | None, reason: str | None) -> dict | None:
    """What to write as the record's error, with its "status"; None when all cells ran."""
    if error is None:
        return None
    number, heading = (None, None) if control.cell is None else control.places[control.cell]
    if reason is not None:
        status, message = "interrupted", reason
    elif isinstance(error, PapermillExecutionError):
        status, message = "failed", one_line(f"{error.ename}: {error.evalue}".rstrip(": "))
    elif isinstance(error, DeadKernelError) or "Kernel died" in str(error):
        status, message = "failed", "the kernel died (out of memory, or killed)"
    else:
        status, message = "failed", one_line(f"{type(error).__name__}: {error}")
    heading = None if heading is None else one_line(heading)
    return {"status": status, "cell": number, "heading": heading, "message": message}


def _keep_notebook(plan: _Plan, succeeded: bool, on_event: OnEvent) -> None:
    """Put lab.ipynb and lab.html in place, each in one step; drop an uninteresting kernel.log."""
    partial = plan.run_dir / ".lab.partial.ipynb"
    log = plan.run_dir / "kernel.log"
    if succeeded or log.stat().st_size == 0:
        log.unlink()
    try:
        node = nbformat.read(partial, as_version=4)
    except (OSError, ValueError):
        return  # the kernel never came up
    # Where it lay while it ran is nobody's business.
    node.metadata.get("papermill", {}).update(
        input_path=plan.entry.path.name, output_path="lab.ipynb"
    )
    write_text(plan.run_dir / "lab.ipynb", nbformat.writes(node))
    partial.unlink()
    try:
        html = notebook_to_html(node, plan.entry.title, plan.entry.path.parent)
        write_text(plan.run_dir / "lab.html", html)
    except Exception as error:  # a page that cannot be made must not cost the results
        on_event(("note", f"lab.html was not made ({one_line(str(error))})"))


def _close_record(plan: _Plan, outcome: dict | None, elapsed: float) -> dict:
    """Make the record say how the run ended; the lab itself could only say that it had begun."""
    path = plan.run_dir / "record.json"
    try:
        record = read_record(path)
    except RecordError:
        record = plan.first_record
    if outcome is None and record["status"] == "finished":
        return record
    if outcome is None:
        message = "the notebook ended without lab.finish()"
        outcome = {"status": "failed", "cell": None, "heading": None, "message": message}
    record["status"] = outcome["status"]
    record["error"] = {key: outcome[key] for key in ("cell", "heading", "message")}
    record["finished"] = record["updated"] = now()
    record["timings"]["total_s"] = round(elapsed, 3)
    record.update(pid=os.getpid(), host=socket.gethostname())
    write_record(path, record)
    return record
