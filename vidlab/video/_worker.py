"""The process that decodes: `python -m vidlab.video._worker BUFFER_FD`, one line in, lines out.

All native decoding of files happens here, so that a hang or a crash takes nobody with it.
Requests and answers are lines of JSON on the standard streams; pictures go through memory shared
with the client. While it works it says so ("beat"); a client that hears nothing kills it. Kept
free of torch: it must start quickly.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import signal
import sys
import tempfile
import time
from collections import OrderedDict
from dataclasses import dataclass

# One file's decoding must not take all of a machine's memory.
MEMORY_LIMIT = 8 << 30
LOG_LIMIT = 1 << 20
BEAT_EVERY = 0.2
# So much is asked of decord at once. Memory of up to 32 MiB glibc keeps for the next batch; more it
# gets fresh from the system each time, page by page: a fifth of the work of reading full HD.
BATCH_BYTES = 24 << 20
OPEN_FILES = 4
GRACE = 5  # seconds after the client's time-out at which the worker ends itself


@dataclass
class Open:
    """An open file at one size: decord's reader, or None and PyAV's."""

    decord: object | None
    pyav: object | None


def main() -> None:
    replies, log = _own_streams()
    _limit_memory()
    import av  # after the limits

    from vidlab.video._complaints import Complaints
    from vidlab.video._index import Refused

    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.INFO)  # "concealing … errors" is but information
    server = _Server(Complaints(log), replies, int(sys.argv[1]))
    server.send({"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        server.begin(request["timeout"])
        try:
            reply = server.probe(request) if request["do"] == "probe" else server.read(request)
        except Refused as error:
            reply = {"error": str(error), "frame": error.frame}
        except MemoryError:
            reply = {"error": f"decoding needs more than {MEMORY_LIMIT >> 30} GiB of memory"}
        except Exception as error:  # whatever a damaged file brought about, in one sentence
            reply = {"error": f"decoding failed ({type(error).__name__}: {error})"}
        signal.setitimer(signal.ITIMER_REAL, 0)
        server.send(reply)


class _Server:
    """The open files and the line to the client."""

    def __init__(self, complaints, replies: int, buffer_fd: int) -> None:
        self.complaints, self.replies, self.buffer_fd = complaints, replies, buffer_fd
        self.open: OrderedDict[tuple, Open] = OrderedDict()
        self.looks: OrderedDict[tuple, tuple] = OrderedDict()
        self.buffer: mmap.mmap | None = None
        self.timeout, self.last_beat = 1.0, 0.0

    def begin(self, timeout: float) -> None:
        self.timeout, self.last_beat = timeout, time.monotonic()
        # The kernel ends a worker that hangs in native code even when its client is gone.
        signal.setitimer(signal.ITIMER_REAL, timeout + GRACE)
        self.complaints.clear()

    def beat(self) -> None:
        now = time.monotonic()
        if now - self.last_beat > BEAT_EVERY:
            self.last_beat = now
            signal.setitimer(signal.ITIMER_REAL, self.timeout + GRACE)
            self.send({"beat": True})

    def send(self, reply: dict) -> None:
        data = json.dumps(reply).encode() + b"\n"
        while data:
            data = data[os.write(self.replies, data) :]

    def probe(self, request: dict) -> dict:
        path = request["path"]
        info, index = self._look(path)
        if request["times"]:
            return {"times": index.times()}
        if info["pyav_because"] is None and request["backend"] != "pyav":
            from vidlab.video._probe import decord_disagrees

            reader = _decord_reader(path, info["height"], info["width"])
            because = "decord is not installed or cannot open it"
            if reader is not None:
                try:
                    because = decord_disagrees(
                        reader, path, info, index, self.complaints, self.beat
                    )
                except Exception:  # decord raises bare RuntimeError and more
                    because = "decord cannot read it"
            info = info | {"pyav_because": because}
        return {"info": info, "stamp": _stamp(path)}

    def read(self, request: dict) -> dict:
        import numpy as np

        from vidlab.video._index import Refused

        path, size, numbers = request["path"], tuple(request["size"]), request["numbers"]
        if _stamp(path) != request["stamp"]:
            raise Refused("the file has changed since it was first looked at; open it anew")
        shape = (len(numbers), *size, 3)
        if self.buffer is None or len(self.buffer) < request["bytes"]:
            self.buffer = mmap.mmap(self.buffer_fd, request["bytes"])
        out = np.frombuffer(self.buffer, np.uint8, int(np.prod(shape))).reshape(shape)
        entry = self._entry(request, path, size)
        if entry.decord is not None:
            with contextlib.suppress(Exception):
                self._fill(out, entry.decord, numbers)
                if not self.complaints.any():
                    return {}
            entry.decord = None  # PyAV says which frame is to blame, and keeps the file
        if entry.pyav is None:
            entry.pyav = self._pyav_reader(path, size, request["known"])
        place = {number: k for k, number in enumerate(numbers)}
        entry.pyav.read(numbers, lambda number, picture: _put(out, place[number], picture))
        return {}

    def _fill(self, out, decord_reader, numbers: list[int]) -> None:
        """decord's frames into ``out``, batch by batch; each batch is a sign of work."""
        step = max(1, BATCH_BYTES // out[0].nbytes)
        for start in range(0, len(numbers), step):
            _copy(decord_reader.get_batch(numbers[start : start + step]), out[start : start + step])
            self.beat()

    def _look(self, path: str) -> tuple:
        from vidlab.video._probe import look

        return _recent(
            self.looks, (path, *_stamp(path)), lambda: look(path, self.complaints, self.beat)
        )

    def _entry(self, request: dict, path: str, size: tuple[int, int]) -> Open:
        backend = request["backend"]

        def make() -> Open:
            if backend == "decord":
                return Open(_decord_reader(path, *size), None)
            return Open(None, self._pyav_reader(path, size, request["known"]))

        return _recent(self.open, (path, *_stamp(path), size, backend), make)

    def _pyav_reader(self, path: str, size: tuple[int, int], known: dict):
        from vidlab.video._index import scan
        from vidlab.video._pyav import Pictures, PyavReader

        # The client has looked at the file, perhaps through another process: packets are enough.
        index, pictures = scan(path, self.beat), Pictures(known["rotation"], *size)
        return PyavReader(path, index, pictures, self.complaints, self.beat, known["damaged"])


def _copy(batch, out) -> None:
    """decord's pictures straight from its memory: `asnumpy` would copy once more."""
    if batch.shape != out.shape:
        raise ValueError(f"decord gave {batch.shape} instead of {out.shape}")
    start = batch.handle.contents
    ctypes.memmove(out.ctypes.data, start.data + start.byte_offset, out.nbytes)


def _put(out, at: int, picture) -> None:
    out[at] = picture


def _recent(cache: OrderedDict, key: tuple, make) -> object:
    """The value of a key; the least recently used of more than a few is dropped."""
    if key not in cache:
        while len(cache) >= OPEN_FILES:
            cache.popitem(last=False)
        cache[key] = make()
    cache.move_to_end(key)
    return cache[key]


def _decord_reader(path: str, height: int, width: int):
    try:
        import decord
    except ImportError:
        return None
    decord.logging.set_level(decord.logging.INFO)
    # 0: as many as suits the machine; many cores would mean many stacks and frames in flight.
    threads = 0 if (os.cpu_count() or 1) <= 8 else 8
    try:
        return decord.VideoReader(path, width=width, height=height, num_threads=threads)
    except Exception:  # decord raises bare RuntimeError and more
        return None


def _stamp(path: str) -> list[int]:
    from vidlab.video._index import Refused

    try:
        status = os.stat(path)
    except OSError as error:
        raise Refused(f"the file cannot be found any more ({os.strerror(error.errno)})") from error
    return [status.st_mtime_ns, status.st_size, status.st_ino]


def _own_streams() -> tuple[int, int]:
    """Keep the answers' line to ourselves; what native libraries print goes to a file we watch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the client's business
    replies = os.dup(1)
    log = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (open as long as we live)
    fcntl.fcntl(log, fcntl.F_SETFL, fcntl.fcntl(log, fcntl.F_GETFL) | os.O_APPEND)
    os.dup2(log.fileno(), 2)
    os.dup2(2, 1)
    return replies, 2


def _limit_memory() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for what, limit in ((resource.RLIMIT_AS, MEMORY_LIMIT), (resource.RLIMIT_FSIZE, LOG_LIMIT)):
        with contextlib.suppress(ValueError, OSError):  # not every system has every limit
            _, hard = resource.getrlimit(what)
            wished = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(what, (wished, hard))


if __name__ == "__main__":
    main()
