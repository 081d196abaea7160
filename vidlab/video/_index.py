"""Which frames a file really holds: found by reading its packets, not its header.

Frame k is the packet with the k-th smallest presentation time, so a number means the same frame
however a decoder gets there. Runs in the decoding process only.
"""

from __future__ import annotations

import bisect
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import av

# Containers that hold video. Left out on purpose: playlists and other lists of further files
# (hls, concat, dash), and text shown as video (tty).
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,gif,ivf,nut,mxf,"
    "dv,rm,h264,hevc,av1,obu,mjpeg,yuv4mpegpipe,apng,wtv"
)
MAX_SIDE = 16384
MAX_PIXELS = 1 << 26
MAX_PACKETS = 10_000_000
# An AVI file has one clock, of decoding; for these codecs it does not give the order of showing.
_REORDERED = {"h264", "hevc", "vvc", "mpeg2video", "mpeg1video", "vc1", "wmv3"}
# How DivX and XviD say that a packet may hold two frames and the next one none (as in UCF101 and
# HMDB51): then the packets' times do not give the order of showing either.
_PACKED = re.compile(rb"DivX\d+(?:b|Build)\d+p")


class Refused(Exception):
    """A file, or one frame of it, cannot be read; the message says why."""

    def __init__(self, message: str, frame: int | None = None) -> None:
        super().__init__(message)
        self.frame = frame


@dataclass
class Index:
    """What the packets of a file say.

    Attributes:
        pts: presentation times of the frames in ticks, ascending; distinct unless ``counted``.
        keys: key frames as ``(pts, earliest, pos)``, ascending. Where a file is sought in by time
            of decoding, not of showing, ``earliest`` (the smaller of both) finds them; ``pos`` is
            the packet's place.
        time_base: seconds a tick.
        counted: times do not tell the order; frames are numbered as the decoder gives them.
        leading: some packets behind a key frame are shown before it (open groups of pictures).
        discards: some packets are decoded but not shown (an edit list).
        longest: most frames from one key frame to the next.
        last_duration: ticks for which the last frame is shown, 0 if the file does not say.
        header_frames, rate, width, height, codec, container: what the header says.
    """

    pts: list[int]
    keys: list[tuple[int, int, int | None]]
    time_base: Fraction
    counted: bool
    leading: bool
    discards: bool
    longest: int
    last_duration: int
    header_frames: int | None
    rate: float | None
    width: int
    height: int
    codec: str
    container: str

    def key_of(self, number: int) -> int:
        """Number of the key frame to start from for frame ``number``; -1: from the beginning."""
        if self.counted:
            return -1
        return bisect.bisect_right(self.keys, self.pts[number], key=lambda key: key[0]) - 1

    def number_of(self, key: int) -> int:
        """Number of the frame that is the ``key``-th key frame; 0 for -1, the beginning."""
        return bisect.bisect_left(self.pts, self.keys[key][0]) if key >= 0 else 0

    def has_key(self, pts: int | None, pos: int | None, last: int) -> bool:
        """Whether a packet is a key frame, the ``last``-th or one before."""
        if pts is None:
            return False
        at = bisect.bisect_left(self.keys, pts, key=lambda key: key[0])
        return at <= last and (self.keys[at][0], self.keys[at][2]) == (pts, pos)

    def times(self) -> list[float]:
        """When each frame is shown, in seconds after the first."""
        return [float((tick - self.pts[0]) * self.time_base) for tick in self.pts]

    def steady(self) -> bool:
        """Whether frames follow each other at one rate, to the container's rounding."""
        count = len(self.pts)
        if count < 3:
            return True
        step = (self.pts[-1] - self.pts[0]) / (count - 1)
        return all(
            abs(tick - self.pts[0] - k * step) <= 1.0 + 1e-6 for k, tick in enumerate(self.pts)
        )


def open_container(path: str):
    """The container and its video stream.

    Raises:
        Refused: not a video, no video stream, or a picture of an impossible size.
    """
    try:
        container = av.open(
            f"file:{path}",
            mode="r",
            metadata_errors="replace",
            options={"protocol_whitelist": "file", "format_whitelist": CONTAINERS},
        )
    except (av.FFmpegError, OSError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else None
        if isinstance(error, PermissionError):
            raise Refused("the file may not be read: permission denied") from error
        raise Refused(
            "this is not a video that can be opened" + (f" ({why})" if why else "")
        ) from error
    streams = [
        s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic
    ]
    if not streams:
        container.close()
        raise Refused("the file holds no video stream")
    stream = streams[0]
    try:
        if stream.codec_context is None:
            raise Refused("the file's video codec is unknown")
        check_size(stream.codec_context.width, stream.codec_context.height)
    except Refused:
        container.close()
        raise
    return container, stream


def check_size(width: int, height: int) -> None:
    """Refuse pictures whose header promises more than memory should be risked for."""
    if width < 1 or height < 1:
        raise Refused(f"the header gives the picture no possible size ({width}x{height})")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise Refused(
            f"the header gives a picture of {width}x{height} pixels; at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS} in all are allowed"
        )


def scan(path: str, beat: Callable[[], None]) -> Index:
    """Read all packets, decode none.

    Args:
        path: the file.
        beat: called now and then to say that the scan goes on.
    """
    packets: list[tuple[int | None, int | None, bool, int | None]] = []
    discards, last_duration, packed = False, (-1, 0), False
    container, stream = open_container(path)
    with container:
        source = container.demux(stream)
        while len(packets) < MAX_PACKETS:
            try:
                packet = next(source)
            except (StopIteration, av.FFmpegError):
                break  # a damaged tail ends the video there
            beat()
            if packet.size == 0:
                continue
            if packet.is_discard:
                discards = True
                continue
            if not packets and stream.codec_context.name == "mpeg4":
                packed = _PACKED.search((stream.codec_context.extradata or b"") + bytes(packet))
            packets.append((packet.pts, packet.dts, packet.is_keyframe, packet.pos))
            if packet.pts is not None and packet.pts > last_duration[0]:
                last_duration = packet.pts, packet.duration or 0
        if not packets:
            raise Refused("the video stream holds no frames")
        container_name = container.format.name
        codec = stream.codec_context.codec.canonical_name
        pts = sorted(p[0] for p in packets if p[0] is not None)
        counted = (
            len(set(pts)) < len(packets)
            or stream.time_base is None
            or bool(packed)
            or ("avi" in container_name and codec in _REORDERED)
        )
        rate = stream.average_rate or stream.guessed_rate
        ordered = [] if counted else packets
        return Index(
            pts=pts,
            keys=sorted(
                (when, when if dts is None else min(when, dts), pos)
                for when, dts, key, pos in ordered
                if key
            ),
            time_base=stream.time_base or Fraction(1, 1000),
            counted=counted,
            leading=_leading(ordered),
            discards=discards,
            longest=_longest(ordered),
            last_duration=last_duration[1],
            header_frames=stream.frames or None,
            rate=float(rate) if rate else None,
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            codec=codec,
            container=container_name,
        )


def _leading(packets: list[tuple]) -> bool:
    """Whether a packet comes after a key frame in the file but is shown before it."""
    newest = None
    for pts, _, key, _ in packets:
        if key:
            newest = pts
        elif newest is None or pts < newest:
            return True
    return False


def _longest(packets: list[tuple]) -> int:
    """Most packets from one key frame to the next."""
    starts = [0, *(k for k, packet in enumerate(packets) if packet[2]), len(packets)]
    return max(end - start for start, end in pairwise(starts))
