"""Waiting for a notebook that runs in a worker thread, and ending it early when it must end.

This thread owns what may end it: the time-out, Ctrl-C and SIGTERM. It interrupts the kernel first,
so that the lab can save a checkpoint, and kills it when that does not help.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vidlab.labs.kernel import Control, Stopped, kill_group, signal_kernel

GRACE_S = 10.0  # how long an interrupted kernel may take to save what it has

OnEvent = Callable[[tuple], None]


@dataclass
class Stop:
    """Why a run has to end early; ``hard`` when it has to end at once."""

    reason: str | None = None
    by: str | None = None
    hard: bool = False

    def ask(self, by: str, reason: str) -> None:
        if self.reason is None:
            self.reason, self.by = reason, by
        else:
            self.hard = True


def wait(control: Control, stop: Stop, timeout: float | None, on_event: OnEvent):
    """Relay events until the worker is done; returns the exception it ended with, or None."""
    deadline = None if timeout is None else time.monotonic() + timeout
    interrupted_at = killed_at = None
    while True:
        with contextlib.suppress(queue.Empty):
            event = control.events.get(timeout=0.2)
            if event[0] == "done":
                return event[1]
            on_event(event)
        moment = time.monotonic()
        if deadline is not None and moment > deadline and stop.reason is None:
            stop.ask("timeout", f"over its time-out of {timeout:g} s")
        if stop.reason is not None and interrupted_at is None:
            interrupted_at = moment
            control.reason = stop.reason
            on_event(("note", f"{stop.reason}: the lab has {GRACE_S:.0f} s to save its state"))
            signal_kernel(control, signal.SIGINT)
        if interrupted_at is not None and killed_at is None:
            if stop.hard or moment > interrupted_at + GRACE_S:
                killed_at = moment
                kill_group(control)
        elif killed_at is not None and moment > killed_at + GRACE_S:
            return Stopped()  # the worker hangs; the kernel is dead all the same


@contextlib.contextmanager
def stop_signals(handle: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal call ``handle``, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # One that is ignored (nohup, a job in the background) stays ignored.
    numbers = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: handle()) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
