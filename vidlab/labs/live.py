"""How a run looks while it runs: one live line in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.text import Text

from vidlab.labs.text import one_line

_LOG_INTERVAL = 10.0  # seconds between progress lines where nothing can be redrawn


@contextmanager
def shown(console: Console) -> Iterator[Callable[[tuple], None]]:
    """Yields what takes the events of `run_lab`."""
    state = _State()
    if not console.is_terminal:
        yield lambda event: _log(console, state, event)
        return
    with Live(state, console=console, refresh_per_second=4, transient=True) as live:

        def take(event: tuple) -> None:
            if event[0] == "note":
                live.console.print(Text(event[1]))
            state.take(event)

        yield take


@dataclass
class _State:
    """Where the run is; rich draws it anew four times a second, so the clock goes on."""

    began: float = field(default_factory=time.monotonic)
    logged: float = field(default_factory=time.monotonic)
    cell: str = "starting the kernel"
    heading: str = ""
    progress: str = ""

    def take(self, event: tuple) -> None:
        if event[0] == "cell":
            _, number, total, heading = event
            self.cell, self.progress = f"cell {number}/{total}", ""
            self.heading = one_line(heading or "", 60)
        elif event[0] == "progress":
            # Two spaces set apart the columns of a progress line.
            self.progress = one_line(event[1].replace("  ", " · "), 120)

    def line(self) -> str:
        seconds = int(time.monotonic() - self.began)
        clock = f"{seconds // 60:02d}:{seconds % 60:02d}"
        return " · ".join(filter(None, [clock, self.cell, self.heading, self.progress]))

    def __rich__(self) -> Text:
        return Text(self.line(), no_wrap=True, overflow="ellipsis")


def _log(console: Console, state: _State, event: tuple) -> None:
    """One line for each new heading and note, and for progress at most every ten seconds."""
    before = state.heading
    state.take(event)
    moment = time.monotonic()
    if event[0] == "note":
        line = event[1]
    elif event[0] == "cell" and state.heading != before:
        line = state.line()
    elif event[0] == "progress" and moment - state.logged >= _LOG_INTERVAL:
        state.logged = moment
        line = state.line()
    else:
        return
    console.print(Text(line), soft_wrap=True)
