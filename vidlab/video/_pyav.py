"""Decoding with PyAV, by presentation time: the reference that every other path must equal.

A quick pass decodes on several threads. When anything looks wrong, a careful pass decodes one
packet at a time, finds which one is damaged, and refuses every frame that depends on it.
Runs in the decoding process only.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable, Iterator

import av
import numpy as np

from vidlab.video._complaints import Complaints
from vidlab.video._index import Index, Refused, check_size, open_container

THREADS = min(os.cpu_count() or 1, 8)
_TURNS = {
    0: [],
    90: [("transpose", "clock")],
    180: [("transpose", "clock")] * 2,
    270: [("transpose", "cclock")],
}
_SMALL = 640 * 480  # pixels; for so small a picture threads cost more than they save
# The deepest reordering of frames that a decoder does.
_DELAY = 17
Store = Callable[[int, np.ndarray], None]


class Pictures:
    """Decoded frames as RGB arrays ``(H, W, 3)``: turned, then scaled (bicubic) to one size."""

    def __init__(self, rotation: int, height: int, width: int) -> None:
        self._steps = [
            *_TURNS[rotation],
            ("scale", f"{width}:{height}:flags=bicubic"),
            ("format", "rgb24"),
        ]
        self._graph = None
        self._made_for = None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        shape, colours = (frame.width, frame.height), (frame.colorspace, frame.color_range)
        made_for = shape, frame.format.name, colours
        if made_for != self._made_for:  # a stream may change its size or colours on the way
            check_size(frame.width, frame.height)
            self._graph, self._made_for = self._build(frame), made_for
        self._graph.push(frame)
        return self._graph.pull().to_ndarray()

    def _build(self, frame: av.VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        last = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base,
        )
        for name, arguments in [*self._steps, ("buffersink", None)]:
            step = graph.add(name, arguments)
            last.link_to(step)
            last = step
        graph.configure()
        return graph


def turn_of(frame: av.VideoFrame) -> int:
    """Degrees clockwise, a multiple of 90, by which a frame is turned for display."""
    return round(-frame.rotation / 90) * 90 % 360


class PyavReader:
    """Frames of one file at one size.

    Args:
        careful: decode packet by packet from the start, as for a file known to be damaged.
    """

    def __init__(
        self,
        path: str,
        index: Index,
        pictures: Pictures,
        complaints: Complaints,
        beat: Callable[[], None],
        careful: bool = False,
    ) -> None:
        self.path, self.index, self.pictures = path, index, pictures
        self.complaints, self.beat, self.careful = complaints, beat, careful
        self.threads = index.width * index.height > _SMALL
        self._run: Iterator[tuple[int, av.VideoFrame]] | None = None
        self._at = -1
        self._seekable = True

    def read(self, wanted: list[int], store: Store) -> None:
        """Give ``store(number, picture)`` every frame of ``wanted`` (ascending, distinct).

        Raises:
            Refused: a frame is damaged; with its number.
        """
        if not self.careful:
            if self.quick(wanted, store):
                return
            self.careful = True
            self.close()
        self._carefully(wanted, store)

    def close(self) -> None:
        if self._run is not None:
            self._run.close()
        self._run, self._at = None, -1

    # The quick pass.

    def quick(self, wanted: list[int], store: Store) -> bool:
        """Whether all frames came and nothing complained."""
        self.complaints.clear()
        try:
            for number in wanted:
                frame = self._advance(number)
                if frame is None:
                    return False
                store(number, self.pictures(frame))
        except (av.FFmpegError, Refused):
            return False
        return not self.complaints.any()

    def _advance(self, number: int) -> av.VideoFrame | None:
        """Decode on, or from the nearest key frame, to one frame; None: not sound or not there."""
        key = self.index.key_of(number)
        key_number = self.index.number_of(key)
        if self._run is None or number <= self._at or key_number > self._at + 1:
            self.close()
            self._run = self._decode(key)
        for at, frame in self._run:
            self.beat()
            self._at = at
            if frame.is_corrupt or at > number:
                break
            if at == number:
                return frame
        self.close()
        return None

    def _decode(self, key: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Numbered frames from a key frame on."""
        container, stream, packets = self._open_at(key, self.threads)
        with container:
            count = 0
            for packet in packets:
                self.beat()
                for frame in stream.codec_context.decode(packet):
                    number = count if self.index.counted else self._number(frame)
                    count += 1
                    if number is not None:
                        yield number, frame

    def _number(self, frame: av.VideoFrame) -> int | None:
        pts = self.index.pts
        at = bisect.bisect_left(pts, frame.pts) if frame.pts is not None else len(pts)
        return at if at < len(pts) and pts[at] == frame.pts else None

    def _open_at(self, key: int, threads: bool):
        """Container, stream and packets, the last None to flush; from a key frame on, or all."""
        for wished in [key, -1] if self._seekable and key >= 0 else [-1]:
            container, stream = open_container(self.path)
            stream.codec_context.thread_type = "AUTO" if threads else "NONE"
            stream.codec_context.thread_count = THREADS if threads else 1
            if wished < 0:
                return container, stream, _packets(container, stream, None)
            for target in dict.fromkeys(self.index.keys[wished][:2]):
                try:
                    container.seek(target, stream=stream, backward=True, any_frame=False)
                    source = _packets(container, stream, None)
                    first = next(source)
                    # An index that lies may put us behind the key frame, or give other times there.
                    if first is not None and self.index.has_key(first.pts, first.pos, wished):
                        return container, stream, _packets(container, stream, first, source)
                except av.FFmpegError:
                    pass
            container.close()
            self._seekable = False
        raise AssertionError("the last way to open always returns")

    # The careful pass.

    def _carefully(self, wanted: list[int], store: Store) -> None:
        waiting = list(wanted)
        while waiting:
            key = self.index.key_of(waiting[0])
            run = [n for n in waiting if self.index.key_of(n) == key]
            waiting = waiting[len(run) :]
            good, first_bad = self.group(key, set(run), store)
            for number in run:
                if number not in good:
                    raise Refused(_damage(number, first_bad), number)

    def group(self, key: int, wanted: set[int], store: Store | None) -> tuple[set[int], int | None]:
        """Decode one group of pictures packet by packet.

        ``store`` gets damaged frames too: only the answer says which to trust.

        Returns:
            The wanted frames that are whole, and the frame (if known) at which damage began.
        """
        container, stream, packets = self._open_at(key, False)
        start = self.index.keys[key][0] if key >= 0 and self._seekable else None
        order: list[tuple[int | None, bool, bool]] = []  # tick, key frame, failed: as decoded
        corrupt: set[int | None] = set()
        came: dict[int, int | None] = {}
        missing, count, last, begun = set(wanted), 0, None, start is None
        av.logging.set_libav_level(av.logging.ERROR)
        with container:
            for packet in packets:
                self.beat()
                self.complaints.clear()
                frames, failed = [], False
                try:
                    frames = stream.codec_context.decode(packet)
                except av.FFmpegError:
                    failed = True
                tick = packet.pts if packet is not None else None
                # Frames shown before the key frame lean on what we have not read: no damage.
                leading = start is not None and tick is not None and tick < start
                failed = (failed or self.complaints.any()) and not leading
                # Before the key frame in the file, yet to be shown after it: not of this group.
                begun = begun or tick == start
                failed = failed or not (begun or leading)
                order.append((tick, packet is not None and packet.is_keyframe, failed))
                for frame in frames:
                    number = count if self.index.counted else self._number(frame)
                    count += 1
                    if frame.is_corrupt and (start is None or frame.pts >= start):
                        corrupt.add(frame.pts)
                    if number in missing:
                        missing.remove(number)
                        came[number] = frame.pts
                        if store is not None:
                            store(number, self.pictures(frame))
                if not missing:
                    # What these frames lean on may come out, and show itself damaged, after them.
                    last = len(order) + _DELAY if last is None else last
                    if len(order) >= last:
                        break
        av.logging.set_libav_level(av.logging.INFO)
        if self.index.counted:
            # Without reliable times nothing behind the first damage can be numbered.
            damaged = bool(corrupt) or any(failed for *_, failed in order)
            return (set() if damaged else set(came)), None
        bad, first_bad = _spoiled(order, corrupt)
        good = {number for number, tick in came.items() if tick not in bad}
        return good, self._nearest(first_bad) if first_bad is not None else None

    def _nearest(self, tick: int) -> int | None:
        at = bisect.bisect_left(self.index.pts, tick)
        return at if at < len(self.index.pts) else None


def _spoiled(
    order: list[tuple[int | None, bool, bool]], corrupt: set[int | None]
) -> tuple[set[int | None], int | None]:
    """Ticks of the damaged packets and of all behind them up to a sound key frame; the first."""
    bad, first, spoiled = set(), None, False
    for tick, key, failed in order:
        if key:
            spoiled = False
        spoiled = spoiled or failed or (tick is not None and tick in corrupt)
        if spoiled:
            bad.add(tick)
            first = tick if first is None else first
    return bad, first


def _packets(container, stream, first, rest=None) -> Iterator[av.Packet | None]:
    """Packets with content, then None; a demuxer that fails on the way ends the stream there."""
    if first is not None:
        yield first
    source = rest if rest is not None else container.demux(stream)
    while True:
        try:
            packet = next(source)
        except (StopIteration, av.FFmpegError):
            break
        if packet is None:
            break
        if packet.size:
            yield packet
    yield None


def _damage(number: int, first_bad: int | None) -> str:
    if first_bad is None or first_bad == number:
        return f"frame {number} is damaged"
    return f"frame {number} cannot be decoded: it builds on frame {first_bad}, which is damaged"
