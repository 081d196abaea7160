"""How a batch looks while it runs: a live table in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vidlab.batch.sweep import Job
from vidlab.labs.text import duration, one_line

_MOST_ROWS = 16


@contextmanager
def shown(console: Console, workers: int) -> Iterator[Callable[[tuple], None]]:
    """Yields what takes the events of `run_batch`."""
    view = View(workers)
    if not console.is_terminal:

        def log(event: tuple) -> None:
            view.take(event)
            line = view.line(event)
            if line:
                console.print(Text(line), soft_wrap=True)

        yield log
        return
    with Live(view, console=console, refresh_per_second=2, transient=True) as live:

        def take(event: tuple) -> None:
            view.take(event)
            if event[0] in ("end", "stopping"):
                live.console.print(Text(view.line(event)), soft_wrap=True)

        yield take


@dataclass
class _Row:
    began: float
    cell: str = "starting"
    share: float = 0.0  # of the notebook's cells, those that are done
    progress: str = ""
    memory: int = 0


@dataclass
class View:
    """What is known of the jobs of a batch; rich draws it anew, so the clocks go on."""

    workers: int
    jobs: dict[str, Job] = field(default_factory=dict)
    rows: dict[str, _Row] = field(default_factory=dict)
    before: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    took: dict[str, list[float]] = field(default_factory=dict)  # by lab, of finished runs
    waiting: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def take(self, event: tuple) -> None:
        """Note an event of `run_batch`."""
        kind = event[0]
        if kind == "plan":
            self.jobs = {job.key: job for job in event[1]}
            self.waiting, self.before = list(self.jobs), len(event[2])
        elif kind == "start":
            # A job whose worker died starts again somewhere else.
            self.rows[event[1]] = _Row(time.monotonic())
            if event[1] in self.waiting:
                self.waiting.remove(event[1])
        elif kind == "job" and event[1] in self.rows:
            self._note(self.rows[event[1]], event[2])
        elif kind == "end":
            outcome = event[1]
            self.rows.pop(outcome.key, None)
            if outcome.key in self.waiting:
                self.waiting.remove(outcome.key)
            self.ended[outcome.status] = self.ended.get(outcome.status, 0) + 1
            if outcome.status == "finished":
                self.took.setdefault(self.jobs[outcome.key].lab, []).append(outcome.seconds)

    def line(self, event: tuple) -> str:
        """The event as a line of a log, empty for those that a log does not need."""
        if event[0] == "plan":
            return f"{len(event[1])} runs to make, {len(event[2])} finished before"
        if event[0] == "stopping":
            return "stopping: the runs have a few seconds to save their state"
        if event[0] == "start":
            return f"started   {self._title(event[1])}"
        if event[0] == "end":
            outcome = event[1]
            words = f"{outcome.status:<9} {self._title(outcome.key)} ({duration(outcome.seconds)})"
            why = f": {one_line(outcome.message, 160)}" if outcome.message else ""
            return f"{words}{why}   [{self.head()}]"
        return ""

    def head(self) -> str:
        """How far the batch is."""
        done = sum(self.ended.values())
        parts = [f"{self.before + done}/{self.before + len(self.jobs)} ended"]
        parts += [f"{n} {status}" for status, n in self.ended.items() if status != "finished"]
        left = self.eta()
        if left is not None:
            parts.append(f"about {duration(left)} left")
        return " · ".join(parts)

    def eta(self) -> float | None:
        """Seconds until all is done, by what finished runs took; None before the first."""
        every = [seconds for times in self.took.values() for seconds in times]
        if not every or not (self.waiting or self.rows):
            return None

        def usual(key: str) -> float:
            times = self.took.get(self.jobs[key].lab) or every
            return sum(times) / len(times)

        moment = time.monotonic()
        work = sum(map(usual, self.waiting))
        work += sum(max(0.0, usual(k) - (moment - row.began)) for k, row in self.rows.items())
        return work / max(1, min(self.workers, len(self.waiting) + len(self.rows)))

    def _title(self, key: str) -> str:
        return one_line(self.jobs[key].title(), 100)

    @staticmethod
    def _note(row: _Row, event: tuple) -> None:
        if event[0] == "cell":
            _, number, total, heading = event
            row.cell = f"{number}/{total} {one_line(heading or '', 30)}"
            row.share, row.progress = (number - 1) / max(1, total), ""
        elif event[0] == "progress":
            row.progress = one_line(str(event[1]).replace("  ", " · "), 60)
        elif event[0] == "memory":
            row.memory = event[1]

    def __rich__(self) -> Group:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in ("run", "time", "memory", "cell", "progress"):
            table.add_column(name, overflow="ellipsis", no_wrap=True)
        moment = time.monotonic()
        for key, row in list(self.rows.items())[:_MOST_ROWS]:
            seconds = int(moment - row.began)
            clock = f"{seconds // 60:02d}:{seconds % 60:02d}"
            memory = f"{row.memory / (1 << 30):.1f} GB"
            table.add_row(*map(Text, (self._title(key), clock, memory, row.cell, row.progress)))
        seconds = int(moment - self.began)
        head = Text(f"{seconds // 60:02d}:{seconds % 60:02d} · {self.head()}", style="bold")
        return Group(table, head) if self.rows else Group(head)
