"""How a batch looks while it runs: a live table in a terminal, plain lines anywhere else."""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vidlab.batch.jobs import Job, short
from vidlab.labs.text import duration, one_line

_MOST_ROWS = 16
_QUIET = 60.0  # seconds until a log gets a line though nothing ended
_COLUMNS = re.compile(r" {2,}")
_OVERDUE = 0.1  # of its usual time, that a run which takes longer is thought to need still
_NO_WORKERS = "the scheduler has no workers yet: waiting for some (Ctrl-C ends that)"
_STOPPING = (
    "stopping: what runs has a few seconds to save its state (once more ends it at once)",
    "ending the runs at once",
)


@contextmanager
def shown(console: Console, workers: int) -> Iterator[Callable[[tuple], None]]:
    """Yields what takes the events of `run_batch`."""
    view = View(workers)
    if not console.is_terminal:
        told = time.monotonic()

        def log(event: tuple) -> None:
            nonlocal told
            view.take(event)
            line = view.line(event)
            if line and event[0] == "end":
                line += f"   [{view.head()}]"
            elif not line and time.monotonic() > told + _QUIET:
                line = view.at_work()
            if line:
                told = time.monotonic()
                console.print(Text(line), soft_wrap=True)

        yield log
        return
    with Live(view, console=console, refresh_per_second=2, transient=True) as live:

        def take(event: tuple) -> None:
            view.take(event)
            line = "" if event[0] == "start" else view.line(event)
            if line:
                bad = event[0] == "end" and event[1].status != "finished"
                live.console.print(Text(line, style="red" if bad else ""))

        yield take


@dataclass
class _Row:
    began: float
    cell: str = "starting"
    heading: str = ""
    progress: str = ""
    memory: int = 0

    def doing(self) -> str:
        return f"{self.cell} {self.progress or self.heading}".rstrip()


@dataclass
class View:
    """What is known of the jobs of a batch; rich draws it anew, so the clocks go on."""

    workers: int  # runs at a time
    titles: dict[str, str] = field(default_factory=dict)  # what tells the jobs apart
    jobs: dict[str, Job] = field(default_factory=dict)
    rows: dict[str, _Row] = field(default_factory=dict)
    before: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    took: dict[tuple, list[float]] = field(default_factory=dict)  # by lab and profile
    waiting: dict[str, None] = field(default_factory=dict)
    stopping: int = 0
    began: float = field(default_factory=time.monotonic)

    def take(self, event: tuple) -> None:
        """Note an event of `run_batch`."""
        kind = event[0]
        if kind == "plan":
            self.jobs = {job.key: job for job in event[1]}
            self.titles = _titles([*event[1], *event[2]])
            self.waiting, self.before = dict.fromkeys(self.jobs), len(event[2])
        elif kind == "workers":
            self.workers = event[1]
        elif kind == "stopping":
            self.stopping += 1
        elif kind == "start":
            # A job whose worker died starts again somewhere else.
            self.rows[event[1]] = _Row(time.monotonic())
            self.waiting.pop(event[1], None)
        elif kind == "job" and event[1] in self.rows:
            _note(self.rows[event[1]], event[2])
        elif kind == "end":
            outcome = event[1]
            self.rows.pop(outcome.key, None)
            self.waiting.pop(outcome.key, None)
            self.ended[outcome.status] = self.ended.get(outcome.status, 0) + 1
            if outcome.status in ("finished", "timeout"):
                self.took.setdefault(self._kind(outcome.key), []).append(outcome.seconds)

    def line(self, event: tuple) -> str:
        """The event as a line of a log, empty for those that a log does not need."""
        if event[0] == "plan":
            return f"{_runs(len(event[1]))} to make, {len(event[2])} finished before"
        if event[0] == "workers":
            return f"{event[1]} at a time on the cluster" if event[1] else _NO_WORKERS
        if event[0] == "note":
            return event[1]
        if event[0] == "stopping":
            return _STOPPING[min(self.stopping, len(_STOPPING)) - 1]
        if event[0] == "start":
            return f"started   {self._title(event[1])}"
        if event[0] == "end" and event[1].status != "not started":
            outcome = event[1]
            why = f": {one_line(outcome.message, 160)}" if outcome.message else ""
            took = f" ({duration(outcome.seconds)})" if outcome.seconds else ""
            return f"{outcome.status:<9} {self._title(outcome.key)}{took}{why}"
        return ""

    def at_work(self) -> str:
        """What is at work, in a line for a log that would be silent for long."""
        rows = list(self.rows.items())
        told = [f"{self.titles.get(key, key)}: {row.doing()}" for key, row in rows[:3]]
        told += [f"and {len(rows) - 3} more"] if len(rows) > 3 else []
        return f"at work   {'; '.join(told) or 'nothing'}   [{self.head()}]"

    def head(self) -> str:
        """How far the batch is."""
        done = sum(self.ended.values())
        parts = [f"{self.before + done}/{self.before + len(self.jobs)} ended"]
        parts += [f"{n} {status}" for status, n in self.ended.items() if status != "finished"]
        left = self.eta()
        if self.stopping:
            parts.append("stopping")
        elif not self.workers and not self.rows:
            parts.append("waiting for workers")
        elif left is not None:
            parts.append(f"about {duration(left)} left" if left else "longer than usual")
        return " · ".join(parts)

    def eta(self) -> float | None:
        """Seconds until all is done, by what earlier runs took; None before the first of them.

        0 where nothing waits and each run at work has taken longer than usual already.
        """
        rows, waiting, took = list(self.rows.items()), list(self.waiting), list(self.took.values())
        every = [seconds for times in took for seconds in times]
        if not every or not (waiting or rows) or not (self.workers or rows):
            return None
        usual = {kind: sum(t) / len(t) for kind, t in list(self.took.items())}
        mean = sum(every) / len(every)
        moment = time.monotonic()
        places = []  # seconds until each of them is free
        overdue = 0
        for key, row in rows:
            whole = usual.get(self._kind(key), mean)
            left = whole - (moment - row.began)
            overdue += left <= 0
            places.append(max(left, _OVERDUE * whole))
        if overdue == len(rows) and not waiting:
            return 0.0
        places += [0.0] * (self.workers - len(places))
        heapq.heapify(places)
        for key in waiting:  # each at the place that is free first, as it will be
            heapq.heapreplace(places, places[0] + usual.get(self._kind(key), mean))
        return max(places)

    def _kind(self, key: str) -> tuple:
        job = self.jobs[key]
        return job.lab, job.values.get("profile")

    def _title(self, key: str) -> str:
        return one_line(self.jobs[key].title(), 100)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = list(self.rows.items())
        # A table that is higher than the terminal would be cut at its last line, the one that
        # says how far all is.
        shown = rows[: max(1, min(_MOST_ROWS, console.height - 5))]
        clocks = [_clock(row.began) for _, row in shown]
        sizes = [f"{row.memory / (1 << 30):.1f} GB" if row.memory else "" for _, row in shown]
        # One column names the run, the last one takes what is left: none may push out another.
        widths = [0, max(map(len, ["time", *clocks])), max(map(len, ["memory", *sizes]))]
        room = max(20, options.max_width - sum(widths) - 3 * 2)
        longest = max((len(self.titles.get(key, key)) for key, _ in shown), default=0)
        widths[0] = max(3, min(longest, room // 2))
        widths.append(room - widths[0])
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name, width in zip(("run", "time", "memory", "cell"), widths, strict=True):
            table.add_column(name, width=width, overflow="ellipsis", no_wrap=True)
        for (key, row), clock, size in zip(shown, clocks, sizes, strict=True):
            table.add_row(*map(Text, (self.titles.get(key, key), clock, size, row.doing())))
        if shown:
            yield table
        if len(rows) > len(shown):
            yield Text(f"… and {len(rows) - len(shown)} more at work")
        yield Text(f"{_clock(self.began)} · {self.head()}", style="bold")


def _note(row: _Row, event: tuple) -> None:
    if event[0] == "cell":
        _, number, total, heading = event
        row.cell, row.heading, row.progress = f"{number}/{total}", one_line(heading or "", 60), ""
    elif event[0] == "progress":
        # Two spaces or more set apart the columns of a progress line.
        row.progress = one_line(_COLUMNS.sub(" · ", str(event[1]).strip()), 100)
    elif event[0] == "memory":
        row.memory = event[1]


def _titles(jobs: list[Job]) -> dict[str, str]:
    """Each job in the words that tell it from the others: what all share is left out."""
    if len(jobs) < 2:
        return {job.key: one_line(job.title(), 100) for job in jobs}
    told = [{"": job.lab, **{k: f"{k}={short(v)}" for k, v in job.values.items()}} for job in jobs]
    names = dict.fromkeys(name for words in told for name in words)
    differ = [name for name in names if len({words.get(name) for words in told}) > 1]
    return {
        job.key: one_line(" ".join(words[name] for name in differ if name in words), 100)
        for job, words in zip(jobs, told, strict=True)
    }


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"


def _clock(began: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - began), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"
