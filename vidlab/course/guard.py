"""What runs in the kernel around an answer, and around its check: it may fail, and has a limit.

The next exercise is graded whatever happened in this one.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

FAILED = "\x1efailed "  #: begins a line that says why an answer or a check failed
OVER_TIME = "it took longer than"  #: begins what is said of one that did not end


class OutOfTime(BaseException):
    """No `Exception`: an answer that catches those goes on catching them for ever."""


def guarded(code: str, name: str, space: dict, seconds: float) -> None:
    """Run code; if it fails, print why behind :data:`FAILED` on a line of its own.

    Args:
        code: Python.
        name: stands for a file's name in error messages.
        space: the global variables that it works with.
        seconds: of wall time, after which a loop in Python is ended. One within a compiled
            function ends only with that function: whoever runs the notebook has a limit, too.
    """
    try:
        with _at_most(seconds):
            exec(compile(code, name, "exec"), space)
    except KeyboardInterrupt:
        raise  # the time of the whole notebook is over
    except OutOfTime:
        print(f"\n{FAILED}{OVER_TIME} {seconds:g} s")
    except BaseException as error:
        traceback.print_exc(limit=-3)
        print(f"\n{FAILED}{type(error).__name__}: {error}{_line(error, name)}")


def _line(error: BaseException, name: str) -> str:
    """Where in the code, if the message does not say so by itself."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == name]
    return f" (line {lines[-1]})" if lines else ""


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "setitimer"):  # Windows, where there is no sandbox either
        yield
        return

    def ring(*_) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
