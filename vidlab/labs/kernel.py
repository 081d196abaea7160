"""Executing a notebook with papermill in a kernel that somebody else may stop.

`execute` runs in a worker thread. Whoever waits for it reads `Control.events` and may set
`Control.reason`; `signal_kernel` and `kill_group` work from any thread.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import re
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import papermill
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

MOST_PRINTED = 1 << 20  #: characters of a cell's output that are kept

_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$")

# The libraries below log what the record says better, in one sentence.
_quiet = logging.getLogger("vidlab.kernel")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class Stopped(Exception):
    """The notebook was stopped between two cells."""


@dataclass
class Control:
    """What the worker thread and the one who waits for it share.

    Events are ("cell", i, n, heading), ("progress", text) and at last ("done", error or None).
    """

    events: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    reason: str | None = None  # why no further cell may start
    manager: AsyncKernelManager | None = None
    group: int | None = None  # process group of the kernel
    cell: int | None = None  # index of the cell at work, in `places`
    places: list[tuple[int | None, str | None]] = field(default_factory=list)


@dataclass(frozen=True)
class Task:
    """One execution: the notebook (nbformat 4), the values to inject, and where it happens."""

    notebook: object
    parameters: dict[str, object]
    output: Path
    cwd: Path
    env: dict[str, str]
    log: IO[bytes]


class _OwnInterpreter(KernelSpecManager):
    """Knows one kernel, the interpreter that runs now, whatever else the machine has installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class _Client(PapermillNotebookClient):
    """Papermill's client, which also tells what happens and stops when it is asked to."""

    control: Control
    printed: tuple[int, int] = (-1, 0)  # a cell, and the characters that it printed

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] == "stream" and not self._room_for(msg["content"], cell_index):
            return None
        if msg["msg_type"] in ("display_data", "update_display_data"):
            content = msg["content"]
            ours = content.get("metadata", {}).get("vidlab")
            if isinstance(ours, dict) and ours.get("progress"):
                text = str(content.get("data", {}).get("text/plain", ""))
                self.control.events.put(("progress", text))
        return super().process_message(msg, cell, cell_index)

    def _room_for(self, content: dict, cell_index: int) -> bool:
        """Whether a cell may print more; the text that goes over the limit is cut, with a note."""
        before = self.printed[1] if self.printed[0] == cell_index else 0
        after = before + len(content["text"])
        self.printed = (cell_index, after)
        if before <= MOST_PRINTED < after:
            content["text"] = content["text"][: MOST_PRINTED - before] + "\n... (cut)\n"
        return before <= MOST_PRINTED

    def kernel_ready(self, notebook) -> None:
        self.control.group = getattr(self.km.provisioner, "pgid", None)

    def cell_starts(self, cell, cell_index: int) -> None:
        control = self.control
        if control.reason is not None:
            raise Stopped
        number, heading = control.places[cell_index]
        if number is not None:
            control.cell = cell_index
            total = max(n for n, _ in control.places if n is not None)
            control.events.put(("cell", number, total, heading))


class _Engine(NBClientEngine):
    """Runs the client above on a kernel of its own."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man, kernel_name, *, control: Control, task: Task, **_papermill_options
    ):
        control.places = cell_places(nb_man.nb.cells)
        with tempfile.TemporaryDirectory(prefix="vidlab-") as folder:
            control.manager = AsyncKernelManager(
                kernel_name=kernel_name,
                kernel_spec_manager=_OwnInterpreter(),
                transport=_transport(folder),
                # Not in the home folder, which may be read-only on a cluster.
                connection_file=os.path.join(folder, "kernel.json"),
                log=_quiet,
            )
            client = _Client(
                nb_man,
                km=control.manager,
                log=_quiet,
                startup_timeout=120,
                iopub_timeout=60,  # the default of 4 s is too short on a busy machine
                timeout=None,
            )
            client.control = control
            client.on_notebook_start = client.kernel_ready
            client.on_cell_start = client.cell_starts
            client.execute(
                cleanup_kc=True, cwd=str(task.cwd), env=task.env, stdout=task.log, stderr=task.log
            )


def _transport(folder: str) -> str:
    """Sockets in a folder of our own, which nobody else on the machine can read, where they fit."""
    # The path of a socket may have about 100 characters.
    return "ipc" if os.name == "posix" and len(folder) < 75 else "tcp"


papermill_engines.register("vidlab", _Engine)


def execute(task: Task, control: Control) -> None:
    """Run the notebook; its last event is ("done", the exception it ended with, or None).

    The output is written as it grows, and once more at the end, also after a failure.
    """
    error: BaseException | None = None
    try:
        node = parameterize_notebook(
            load_notebook_node(task.notebook),
            task.parameters,
            kernel_name="python3",
            language="python",
            engine_name="vidlab",
        )
        papermill.execute_notebook(
            node,
            # Papermill formats paths with str.format.
            str(task.output).replace("{", "{{").replace("}", "}}"),
            engine_name="vidlab",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            control=control,
            task=task,
        )
    except BaseException as caught:
        error = caught
    control.events.put(("done", error))


def signal_kernel(control: Control, number: int) -> None:
    """Send a signal to the kernel and its children; nothing happens when it is gone."""
    provisioner = control.manager.provisioner if control.manager is not None else None
    if provisioner is not None:
        with contextlib.suppress(OSError):
            run_sync(provisioner.send_signal)(number)


def kill_group(control: Control) -> None:
    """End at once whatever is left of the kernel and of the processes it started."""
    signal_kernel(control, getattr(signal, "SIGKILL", signal.SIGTERM))
    if control.group is not None and hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(control.group, signal.SIGKILL)


def cell_places(cells: list) -> list[tuple[int | None, str | None]]:
    """For each cell its number as In [number] (None when it is not run) and the heading above."""
    places: list[tuple[int | None, str | None]] = []
    number, heading = 0, None
    for cell in cells:
        runs = cell.cell_type == "code" and bool(cell.source.strip())
        number += runs
        if cell.cell_type == "markdown":
            heading = last_heading(cell.source) or heading
        places.append((number if runs else None, heading))
    return places


def last_heading(markdown: str) -> str | None:
    """The last heading of a Markdown text, outside of code fences."""
    found, fence = None, None
    for line in markdown.splitlines():
        mark = _FENCE.match(line)
        if mark and fence is None:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = None
        elif fence is None and (match := _HEADING.match(line)):
            found = match[1] or found
    return found
