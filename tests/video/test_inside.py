"""Inside of the decoding process: what it must not do twice, or take for damage."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from vidlab.video import Video, VideoError

# Decoders print to the standard error of the whole process: a process of its own for each test.
PROLOGUE = """
import json, os, sys
from vidlab.video import _worker
replies, log = _worker._own_streams()
import av
from vidlab.video import _index, _probe, _pyav
from vidlab.video._complaints import Complaints
av.logging.restore_default_callback()
av.logging.set_libav_level(av.logging.INFO)
path, complaints, beat = sys.argv[1], Complaints(log), lambda: None
index = _index.scan(path, beat)
pictures = _pyav.Pictures(0, index.height, index.width)
reader = _pyav.PyavReader(path, index, pictures, complaints, beat)
"""


def inside(path, code: str) -> object:
    """What ``code`` leaves in ``result``."""
    code = PROLOGUE + code + "\nos.write(replies, json.dumps(result).encode())"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "name", ["h264.mp4", "bframes.mp4", "vp9.webm", "av1.mp4", "mjpeg.avi", "stream.ts"]
)
def test_sound_files_need_no_careful_pass(clip, name):
    """Careful decoding is slow: a decoder's small talk about colours must not bring it about."""
    assert inside(clip(name), "result = reader.quick([0, 3, 25, 39], lambda *_: None)") is True


def test_tagged_colours_need_no_careful_pass(tools, tmp_path):
    path = tools.write_clip(tmp_path / "hd.mp4", options={"colorspace": "bt709"})
    assert inside(path, "result = reader.quick([0, 25], lambda *_: None)") is True


def test_a_complaint_is_damage(clip, tmp_path):
    """Often the only sign: here a frame that comes out, not marked, with much of it wrong."""
    import av

    data = bytearray(clip("mjpeg.avi").read_bytes())
    with av.open(str(clip("mjpeg.avi"))) as container:
        packet = bytes([p for p in container.demux(video=0) if p.size][13])
    at = data.index(packet) + len(packet) // 4
    data[at : at + 60] = b"\xff" * 60
    path = tmp_path / "half.avi"
    path.write_bytes(data)
    assert inside(path, "result = [reader.quick([n], lambda *_: None) for n in (12, 13, 14)]") == [
        True, False, True
    ]  # fmt: skip
    with pytest.raises(VideoError, match=r"half.avi: frame 13 is damaged"):
        Video(path, backend="pyav").frames([13])


def test_colours_that_change_on_the_way(tools):
    """How a frame is made RGB does not depend on the tags of the one before."""
    import av

    from vidlab.video._pyav import Pictures

    pictures, found = Pictures(0, 48, 80), {}
    for space in (av.video.reformatter.Colorspace.SMPTE240M, 2):  # 2: unspecified
        frame = av.VideoFrame.from_ndarray(tools.picture(5, 48, 80), format="rgb24")
        frame = frame.reformat(format="yuv420p")
        frame.colorspace, frame.time_base = space, Fraction(1, 25)
        fresh = Pictures(0, 48, 80)(frame)
        np.testing.assert_array_equal(pictures(frame), fresh)
        found[space] = fresh.astype(int)
    first, second = found.values()
    assert np.abs(first - second).mean() > 0.5  # so the tags do matter


@pytest.mark.parametrize("name", ["bframes.mp4", "bframes.mkv", "vp9.webm", "stream.ts"])
def test_a_seek_goes_to_the_nearest_key_frame(clip, name):
    code = (
        "result = []\n"
        "for key in range(len(index.keys)):\n"
        "    container, stream, packets = reader._open_at(key, False)\n"
        "    result.append(next(packets).pts == index.keys[key][0])"
    )
    landed = inside(clip(name), code)
    assert len(landed) >= 3
    assert all(landed)


def test_a_later_key_frame_is_too_late(clip):
    code = (
        "at = index.keys[2][0], index.keys[2][2]\n"
        "result = [index.has_key(*at, last) for last in (1, 2, 3)]"
    )
    assert inside(clip("bframes.mp4"), code) == [False, True, True]


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        ("", None),
        ("__len__ = lambda self: 41", "decord counts its frames differently"),
        (
            "get_frame_timestamp = lambda self, n: real.get_frame_timestamp(n) * 1.01",
            "decord gives its frames other times",
        ),
        (
            "get_batch = lambda self, n: real.get_batch([k + 1 for k in n])",
            "decord gives other pictures",
        ),
    ],
)
def test_a_decord_that_is_wrong_is_found_out(clip, lie, found):
    """Decord numbers frames by the container's promise, and that may be kept otherwise."""
    pytest.importorskip("decord")
    code = (
        "real = _worker._decord_reader(path, index.height, index.width)\n"
        "class Reader:\n"
        "    __len__ = lambda self: len(real)\n"
        "    get_frame_timestamp = lambda self, n: real.get_frame_timestamp(n)\n"
        "    get_batch = lambda self, n: real.get_batch(n)\n"
        f"    {lie or 'pass'}\n"
        "info = {'height': index.height, 'width': index.width}\n"
        "result = _probe.decord_disagrees(Reader(), path, info, index, complaints, beat)"
    )
    assert inside(clip("bframes.mp4"), code) == found


@pytest.mark.parametrize(("most", "batches"), [(1, [1] * 5), (23040, [2, 2, 1]), (10**6, [5])])
def test_decord_is_asked_for_a_little_at_a_time(clip, most, batches):
    """No frame is lost between batches, and each of them is a sign of work."""
    pytest.importorskip("decord")
    numbers, shape = [1, 2, 3, 17, 30], (5, 48, 80, 3)
    code = (
        "import numpy as np\n"
        "real, asked, beats = _worker._decord_reader(path, 48, 80), [], []\n"
        "class Reader:\n"
        "    def get_batch(self, numbers):\n"
        "        asked.append(len(numbers))\n"
        "        return real.get_batch(numbers)\n"
        "server = _worker._Server(complaints, replies, -1)\n"
        "server.beat = lambda: beats.append(1)\n"
        f"_worker.BATCH_BYTES, out = {most}, np.zeros({shape}, np.uint8)\n"
        f"server._fill(out, Reader(), {numbers})\n"
        "result = [asked, len(beats), out.flatten().tolist()]"
    )
    path = clip("bframes.mp4")
    asked, beats, data = inside(path, code)
    assert asked == batches
    assert beats == len(batches)
    wanted = Video(path).frames(numbers).permute(0, 2, 3, 1)
    assert data == wanted.flatten().tolist()


def test_a_file_is_looked_at_once(clip):
    """Another process that reads it, a DataLoader's, goes by what the first one found."""
    video = Video(clip("bframes.avi"), size=(24, 40))  # numbered by decoding: a look costs most
    wanted = video.frames([30, 31])
    request = {
        "path": video.path, "backend": "pyav", "numbers": [30, 31], "size": [24, 40],
        "stamp": video._stamp, "bytes": wanted.numel(),
        "known": {"rotation": 0, "damaged": False},
    }  # fmt: skip
    code = (
        "_probe.look = None\n"
        f"fd = os.memfd_create('x'); os.ftruncate(fd, {wanted.numel()})\n"
        "server = _worker._Server(complaints, replies, fd); server.timeout = 1e9\n"
        f"server.last_beat = 1e18; reply = server.read(json.loads({json.dumps(request)!r}))\n"
        f"result = [reply, list(os.pread(fd, {wanted.numel()}, 0))]"
    )
    reply, data = inside(video.path, code)
    assert reply == {}
    assert data == wanted.permute(0, 2, 3, 1).flatten().tolist()


def write_packed(path, tools, frames: int = 41, size: tuple[int, int] = (48, 80)) -> None:
    """An AVI as DivX and XviD wrote them: P and B in one packet, the next one all but empty."""
    import av

    try:
        encoder = av.CodecContext.create("mpeg4", "w")
    except Exception:
        pytest.skip("this build of PyAV has no encoder mpeg4")
    encoder.height, encoder.width, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.gop_size, encoder.max_b_frames = 12, 1
    encoder.options = {"b_strategy": "0"}
    coded = []
    for number in range(frames):
        picture = av.VideoFrame.from_ndarray(tools.picture(number, *size), format="rgb24")
        coded += [bytes(packet) for packet in encoder.encode(picture)]
    coded += [bytes(packet) for packet in encoder.encode(None)]
    start = b"\0\0\1\xb6"  # of a picture; its type is in the next two bits
    types = ["IPB"[data[data.index(start) + 4] >> 6] for data in coded]
    assert "B" in types
    says = b"\0\0\1\xb2DivX503b1393p"  # user data that announces packed pictures
    empty = start + bytes([0b01010000, 0b01001111])  # a P picture that is "not coded"
    packets, keys = [], []
    for k, data in enumerate(coded):
        if types[k] == "B":
            continue
        follows = k + 1 < len(coded) and types[k + 1] == "B"
        data = data.replace(start, says + start, 1) if types[k] == "I" else data
        packets += [data + coded[k + 1], empty] if follows else [data]
        keys += [types[k] == "I", False] if follows else [types[k] == "I"]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        for number, (data, key) in enumerate(zip(packets, keys, strict=True)):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            packet.is_keyframe = key
            container.mux(packet)


@pytest.mark.parametrize("backend", ["auto", "pyav"])
def test_packed_pictures(tools, tmp_path, backend):
    """UCF101 and HMDB51 have such files."""
    path = tmp_path / "packed.avi"
    write_packed(path, tools)
    wanted = tools.plain(path)
    assert [tools.number(frame) for frame in wanted] == list(range(41))
    video = Video(path, backend=backend)
    assert len(video) == 41
    np.testing.assert_array_equal(video.frames(range(41)).numpy(), wanted)
    numbers = [20, 3, 40, 12, 11]
    np.testing.assert_array_equal(video.frames(numbers).numpy(), wanted[numbers])
    assert inside(path, "result = reader.quick([5, 6, 30], lambda *_: None)") is True
