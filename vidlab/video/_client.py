"""The caller's side of the decoding process: start it, ask it, kill it when it is silent.

One process serves all videos of a Python process; threads that read at once get one each, up to
``PROCESSES``. A forked child starts its own.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import mmap
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from vidlab.video.errors import VideoError

START_TIMEOUT = 60.0  # loading the libraries from a cold disk
PROCESSES = min(os.cpu_count() or 1, 8)
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])


class _Gone(Exception):
    """The process is dead or silent; the message says which."""


class Worker:
    """One decoding process and the memory it shares with us."""

    def __init__(self) -> None:
        self.file = _shared_file()
        self.buffer: mmap.mmap | None = None
        path = os.pathsep.join(filter(None, [_PACKAGE_ROOT, os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vidlab.video._worker", str(self.file.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            pass_fds=(self.file.fileno(),),
            # Both libraries bring their own FFmpeg: bound at once, neither calls the other's.
            env=os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "LD_BIND_NOW": "1"},
        )
        _all.add(self)
        self.unread = b""
        try:
            self._receive(START_TIMEOUT)  # its greeting
        except BaseException:
            self.kill()
            raise

    def ask(self, request: dict, timeout: float) -> dict:
        """Send a request and wait for its answer, as long as the process shows signs of work."""
        try:
            self.process.stdin.write(json.dumps(request | {"timeout": timeout}).encode() + b"\n")
        except OSError as error:
            raise _Gone(self._epitaph()) from error
        while "beat" in (reply := self._receive(timeout)):
            pass
        return reply

    def _receive(self, timeout: float) -> dict:
        out = self.process.stdout.fileno()
        poll = select.poll()
        poll.register(out, select.POLLIN)
        end = time.monotonic() + timeout
        while b"\n" not in self.unread:
            left = end - time.monotonic()
            if left <= 0 or not poll.poll(1000 * left):
                raise _Gone(f"decoding made no progress for {timeout:g} s and was stopped")
            data = os.read(out, 1 << 16)
            if not data:
                raise _Gone(self._epitaph())
            self.unread += data
        line, self.unread = self.unread.split(b"\n", 1)
        return json.loads(line)

    def _epitaph(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(5)
            if code < 0:
                name = signal.Signals(-code).name
                return f"the decoding process was ended by {name}"
            return f"the decoding process ended with status {code}"
        return "the decoding process closed its line"

    def room(self, size: int) -> mmap.mmap:
        """Shared memory of at least ``size`` bytes."""
        if self.buffer is None or len(self.buffer) < size:
            os.ftruncate(self.file.fileno(), size)
            self.buffer = mmap.mmap(self.file.fileno(), size)
        return self.buffer

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Close our ends; a process that is idle ends when its line closes."""
        _all.discard(self)
        for stream in (self.process.stdin, self.process.stdout, self.file):
            with contextlib.suppress(OSError):
                stream.close()


_slots = threading.BoundedSemaphore(PROCESSES)
_all: set[Worker] = set()
_idle: list[Worker] = []  # the one used last at the end: it has its files open


class Request:
    """A decoding process, held for one request; used as ``with Request(path) as worker``.

    Leaving it by any exception but a plain refusal kills the process: its line may hold half an
    answer.

    Raises:
        VideoError: the process was silent for too long, or died; names the file.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> Worker:
        _slots.acquire()
        try:
            self.worker = _idle_worker()
            if self.worker is None:
                _require_av()
                self.worker = Worker()
        except _Gone as error:
            _slots.release()
            raise VideoError(f"{self.path}: cannot start decoding: {error}", self.path) from error
        except BaseException:
            _slots.release()
            raise
        return self.worker

    def __exit__(self, kind, error, _) -> bool:
        try:
            if error is None or isinstance(error, VideoError):
                _idle.append(self.worker)
            else:
                self.worker.kill()
        finally:
            _slots.release()
        if isinstance(error, _Gone):
            raise VideoError(f"{self.path}: {error}", self.path) from None
        return False


def _idle_worker() -> Worker | None:
    with contextlib.suppress(IndexError):  # none is left
        while (worker := _idle.pop()).process.poll() is not None:
            worker.let_go()
        return worker
    return None


def end_idle(keep: int = 1) -> None:
    """End the processes that wait for work but the ``keep`` used last."""
    while len(_idle) > keep:
        with contextlib.suppress(IndexError):  # another thread was quicker
            _idle.pop(0).kill()


def _require_av() -> None:
    if os.name != "posix":
        raise VideoError("reading video files needs Linux or macOS (on Windows: use WSL)")
    if importlib.util.find_spec("av") is None:
        raise ImportError("reading video files needs PyAV: pip install 'vidlab[video]'")


def _shared_file():
    """A nameless file in memory where the system has such and lets us, else on disk."""
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            return os.fdopen(os.memfd_create("vidlab-video"), "r+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _after_fork() -> None:
    """A child must neither talk to its parent's processes nor keep their lines open."""
    global _slots
    _slots = threading.BoundedSemaphore(PROCESSES)
    for worker in list(_all):
        worker.let_go()
        worker.process.returncode = 0  # not our child: nothing to wait for
    _idle.clear()


def _at_exit() -> None:
    for worker in list(_all):
        worker.kill()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
