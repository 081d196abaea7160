"""Progress with an ETA that reads well live in Jupyter, in a saved notebook and in a log.

In a kernel one output is updated in place, so a saved notebook keeps a single last line. In a
terminal one line is redrawn. Anywhere else (a log file) a line is written now and then.
"""

from __future__ import annotations

import sys
import time
from html import escape

_LIVE_INTERVAL = 0.5  # seconds between redraws
_LOG_INTERVAL = 10.0  # seconds between lines of a log


class Progress:
    """A context manager that counts steps.

    Args:
        total: steps in all, >= 0.
        label: what is counted, shown in front.
        start: steps done before (a resumed run).

    >>> import io
    >>> with Progress(2, "train", stream=io.StringIO()) as progress:
    ...     progress.update(text="loss 0.5")
    ...     progress.update()
    >>> progress.line().startswith("train  100 %  2/2  done in")
    True
    """

    def __init__(self, total: int, label: str, *, start: int = 0, stream=None):
        if total < 0 or not 0 <= start <= total:
            raise ValueError(f"got total={total}, start={start}; allowed: 0 <= start <= total")
        self.total, self.label, self.done, self._start = total, label, start, start
        self._text, self._closed = "", False
        self._stream = stream or sys.stderr
        self._handle = None
        self._in_kernel = stream is None and _in_kernel()
        tty = not self._in_kernel and self._stream.isatty()
        self._live = tty
        self._interval = _LIVE_INTERVAL if tty or self._in_kernel else _LOG_INTERVAL
        self._began = self._drawn = time.monotonic()

    def __enter__(self) -> Progress:
        self._draw()
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._closed = True
        self._draw()
        if self._live:
            self._stream.write("\n")

    def update(self, steps: int = 1, text: str | None = None) -> None:
        """Count steps; ``text`` (a loss, say) is shown behind the numbers from now on."""
        self.done += steps
        if text is not None:
            self._text = text
        if time.monotonic() - self._drawn >= self._interval:
            self._draw()

    def line(self) -> str:
        """The progress as one line of plain text."""
        elapsed = time.monotonic() - self._began
        share = self.done / self.total if self.total else 1.0
        if self._closed:
            clock = f"{'done' if self.done >= self.total else 'stopped'} in {_seconds(elapsed)}"
        elif self.done > self._start:
            left = elapsed / (self.done - self._start) * (self.total - self.done)
            clock = f"{_seconds(elapsed)}, {_seconds(left)} left"
        else:
            clock = "starting"
        line = f"{self.label}  {100 * share:3.0f} %  {self.done}/{self.total}  {clock}"
        return f"{line}  {self._text}" if self._text else line

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        line = self.line()
        if self._in_kernel:
            self._show(line)
        elif self._live:
            self._stream.write(f"\r\x1b[2K{line}")
            self._stream.flush()
        else:
            self._stream.write(line + "\n")
            self._stream.flush()

    def _show(self, line: str) -> None:
        from IPython.display import display

        html = (
            f'<progress max="{self.total or 1}" value="{self.done if self.total else 1}" '
            f'aria-label="{escape(self.label)}" style="width:9em;margin-right:.8em"></progress>'
            f'<span style="font-variant-numeric:tabular-nums">{escape(line)}</span>'
        )
        bundle = {"text/plain": line, "text/html": html}
        metadata = {"vidlab": {"progress": True}}
        if self._handle is None:
            self._handle = display(bundle, raw=True, metadata=metadata, display_id=True)
        else:
            self._handle.update(bundle, raw=True, metadata=metadata)


def _in_kernel() -> bool:
    """True inside a Jupyter kernel (not in plain Python, nor in terminal IPython)."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def _seconds(seconds: float) -> str:
    """12.3 s, 4 min 5 s or 2 h 3 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
