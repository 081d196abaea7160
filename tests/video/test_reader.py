"""Frames are exactly those that PyAV decodes, however asked for; errors say what is wrong."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import torch

from vidlab.video import Video, VideoError, probe

NAMES = [
    "h264.mp4", "bframes.mp4", "bframes.mkv", "bframes.avi", "stream.ts", "open_gop.mp4",
    "one_key.mp4", "vp9.webm", "av1.mp4", "mjpeg.avi", "mpeg4.avi", "odd.mp4", "one.mp4",
    "varying.mp4", "varying.mkv", "turned90.mp4", "turned180.mp4", "turned270.mp4",
]  # fmt: skip
DECORD = {
    "h264.mp4", "bframes.mp4", "bframes.mkv", "one_key.mp4", "vp9.webm", "av1.mp4", "mjpeg.avi",
    "odd.mp4", "one.mp4",
}  # fmt: skip


def reference(tools, path) -> np.ndarray:
    frames = tools.plain(path)
    turns = next((t for t in (90, 180, 270) if f"turned{t}" in path.name), 0)
    return np.rot90(frames, -turns // 90, axes=(2, 3))


def check_barcodes(tools, frames, numbers, turned: int = 0) -> None:
    upright = torch.rot90(frames, turned // 90, (2, 3))
    assert [tools.number(frame) for frame in upright] == list(numbers)


@pytest.mark.parametrize("backend", ["auto", "pyav"])
@pytest.mark.parametrize("name", NAMES)
def test_frames_equal_plain_decoding(clip, tools, name, backend):
    path = clip(name)
    wanted = reference(tools, path)
    video = Video(path, backend=backend)
    count = len(wanted)
    assert len(video) == video.info.frames == count
    turned = video.info.rotation
    assert turned == next((t for t in (90, 180, 270) if f"turned{t}" in name), 0)
    assert (video.info.height, video.info.width) == wanted.shape[2:]
    in_order = video.frames(range(count))
    assert in_order.dtype == torch.uint8
    np.testing.assert_array_equal(in_order.numpy(), wanted)
    check_barcodes(tools, in_order, range(count), turned)
    # Any order with repeats, and single frames after jumps back and forth.
    numbers = np.random.default_rng(1).integers(0, count, 25)
    np.testing.assert_array_equal(video.frames(numbers).numpy(), wanted[numbers])
    for number in (count - 1, 0, count // 2, count // 2 - 1, count - 1):
        number = max(number, 0)
        np.testing.assert_array_equal(video.frames([number])[0].numpy(), wanted[number])


@pytest.mark.parametrize("name", ["bframes.mp4", "bframes.mkv", "bframes.avi", "stream.ts"])
def test_these_clips_have_frames_out_of_order(clip, name):
    import av

    with av.open(str(clip(name))) as container:
        kinds = [frame.pict_type for frame in container.decode(video=0)]
    assert kinds.count(av.video.frame.PictureType.B) > 20


def test_which_files_decord_reads(clip):
    pytest.importorskip("decord")
    assert {name for name in NAMES if Video(clip(name)).info.backend == "decord"} == DECORD
    assert probe(clip("turned90.mp4")).pyav_because == "it is rotated"
    assert probe(clip("open_gop.mp4")).pyav_because == "its groups of pictures are open"
    assert probe(clip("varying.mp4")).pyav_because == "its frame rate varies"
    with pytest.raises(VideoError, match=r"varying.mp4: not read with decord: its frame rate var"):
        probe(clip("varying.mp4"), backend="decord")


@pytest.mark.parametrize("size", [(24, 33), (100, 20), 30, 90])
@pytest.mark.parametrize("name", ["h264.mp4", "odd.mp4", "turned90.mp4"])
def test_sizes(clip, tools, name, size):
    path = clip(name)
    both = [Video(path, size=size, backend=backend) for backend in ("auto", "pyav")]
    height, width = both[0].frame_size
    native = both[0].info.height, both[0].info.width
    if isinstance(size, tuple):
        assert (height, width) == size
    else:
        assert min(height, width) == size
        assert height / width == pytest.approx(native[0] / native[1], rel=0.05)
    numbers = [3, 17, 2, 39]
    frames = [video.frames(numbers) for video in both]
    assert frames[0].shape == (4, 3, height, width)
    assert torch.equal(*frames)  # the two libraries scale alike
    if min(height, width) >= 24:
        check_barcodes(tools, frames[0], numbers, both[0].info.rotation)


def test_info(clip):
    info = probe(clip("bframes.mp4"))
    assert (info.frames, info.header_frames, info.fps, info.duration) == (40, 40, 25.0, 1.6)
    assert (info.height, info.width, info.codec) == (48, 80, "h264")
    assert probe(clip("one.mp4")).frames == 1
    assert probe(clip("one.mp4")).duration == pytest.approx(0.04)
    varying = probe(clip("varying.mkv"))
    assert varying.fps == pytest.approx(39 / (39 * 0.04 + 0.5), rel=1e-3)


def test_times(clip, tools, tmp_path):
    video = Video(clip("varying.mp4"))
    wanted = np.array([40 * k + 13 * (k % 3) for k in range(40)]) / 1000
    np.testing.assert_allclose(video.times(), wanted, atol=1e-4)
    seconds = [0, 0.0524, 0.0531, 1.2, *wanted[[5, 7, 30]]]
    expected = [0, 0, 1, 30, 5, 7, 30]
    assert [tools.number(f) for f in video.at(seconds)] == expected
    steady = Video(clip("bframes.mp4"))
    assert [tools.number(f) for f in steady.at([k / 25 for k in range(40)])] == list(range(40))
    rounded = Video(tools.write_clip(tmp_path / "ntsc.mkv", rate=30))  # 0, 0.033, 0.067, 0.1 …
    assert [tools.number(f) for f in rounded.at([k / 30 for k in range(40)])] == list(range(40))
    for wrong in (-0.01, 1.6, float("nan")):
        with pytest.raises(VideoError, match=r"runs from 0 to 1.6 s"):
            steady.at([0.1, wrong])


def test_chunks_and_iteration(clip, tools):
    video = Video(clip("h264.mp4"))
    chunks = list(video.chunks(16))
    assert [len(chunk) for chunk in chunks] == [16, 16, 8]
    np.testing.assert_array_equal(torch.cat(chunks).numpy(), tools.plain(clip("h264.mp4")))
    assert [tools.number(frame) for frame in video] == list(range(40))
    with pytest.raises(ValueError, match="batch is 0"):
        next(video.chunks(0))


def test_a_long_read_goes_in_pieces(clip, tools, monkeypatch):
    monkeypatch.setattr("vidlab.video.reader.PIECE_FRAMES", 7)
    seen = []
    numbers = [*range(39, -1, -1), 3, 3]
    frames = Video(clip("bframes.mp4")).frames(numbers, progress=lambda *at: seen.append(at))
    check_barcodes(tools, frames, numbers)
    assert seen[-1] == (42, 42)
    assert len(seen) == 6
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_lazy_and_reusable(clip, tmp_path, tools):
    Video(tmp_path / "not yet there.mp4")
    with Video(clip("h264.mp4")) as video:
        len(video)
        copy = pickle.loads(pickle.dumps(video))
        assert torch.equal(copy.frames([5]), video.frames([5]))
    changing = tools.write_clip(tmp_path / "c.mp4", frames=12)
    video = Video(changing)
    assert len(video) == 12
    tools.write_clip(changing, frames=15)
    with pytest.raises(VideoError, match="has changed since"):
        video.frames([0])
    video.close()
    assert len(video) == 15


@pytest.mark.parametrize("indices", [[40], [-1], [3, 40, 2], np.array([-7])])
def test_numbers_out_of_range(clip, indices):
    with pytest.raises(VideoError, match=r"h264.mp4: there is no frame -?\d+; allowed are 0 to 39"):
        Video(clip("h264.mp4")).frames(indices)


@pytest.mark.parametrize("indices", [[1.0], ["1"], [True], [[1, 2]], np.array([0.5])])
def test_numbers_that_are_none(clip, indices):
    with pytest.raises(TypeError, match="expected"):
        Video(clip("h264.mp4")).frames(indices)
    assert Video(clip("h264.mp4"), size=30).frames([]).shape == (0, 3, 30, 50)


@pytest.mark.parametrize("size", [0, -3, (0, 4), (3, 4, 5), (4,) * 4, 10**6, ()])
def test_sizes_out_of_range(size):
    with pytest.raises(ValueError, match="size is"):
        Video("a.mp4", size=size)


def test_settings_that_cannot_be():
    with pytest.raises(TypeError, match="size is 2.5"):
        Video("a.mp4", size=2.5)
    with pytest.raises(ValueError, match="backend is 'opencv'; expected one of auto, decord, pyav"):
        Video("a.mp4", backend="opencv")
    with pytest.raises(ValueError, match="timeout is 0"):
        Video("a.mp4", timeout=0)


def test_no_video_there(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("no video\n" * 200)
    playlist = tmp_path / "list.mp4"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/hostname\n")
    concat = tmp_path / "concat.mp4"
    concat.write_text("ffconcat version 1.0\nfile h264.mp4\n")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    os.mkfifo(tmp_path / "pipe")
    for name, sentence in {
        "missing.mp4": "there is no such video",
        ".": "this is a folder",
        "empty.mp4": "the file is empty",
        "pipe": "not a regular file",
        "text.mp4": "not a video that can be opened",
        "list.mp4": "not a video that can be opened",
        "concat.mp4": "not a video that can be opened",
        "zero\0byte": "there is no such video",
    }.items():
        path = str(tmp_path / name)
        with pytest.raises(VideoError, match=sentence) as caught:
            probe(path)
        assert caught.value.path == path
        assert str(caught.value).startswith(path)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (str(again), again.path) == (str(caught.value), path)


def test_sound_only(tmp_path):
    import wave

    path = tmp_path / "sound.mkv"
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert wave  # a plain wave file is not in the list of containers
    with pytest.raises(VideoError, match="holds no video stream"):
        probe(path)


def test_a_damaged_frame_is_named(tmp_path, tools):
    path = tools.write_clip(tmp_path / "d.mp4", frames=40, size=(96, 160), options={"bf": "0"})
    wanted = tools.plain(path)
    import av

    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][13]
        at, length = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[at + 12 : at + length] = b"\xff" * (length - 12)
    path.write_bytes(data)
    for backend in ("auto", "pyav"):
        video = Video(path, backend=backend)
        assert len(video) == 40
        whole = [*range(13), *range(20, 40)]
        np.testing.assert_array_equal(video.frames(whole).numpy(), wanted[whole])
        for number in (13, 19):  # what follows builds on it, up to the next key frame
            with pytest.raises(VideoError, match=f"d.mp4: frame {number}") as caught:
                video.frames([2, number, 30])
            assert caught.value.frame == number
        np.testing.assert_array_equal(video.frames([12, 20]).numpy(), wanted[[12, 20]])


def test_a_damaged_middle_does_not_cost_the_rest(tmp_path, tools):
    """The look at a file decodes a frame in the middle; that one may be the damaged one."""
    import av

    path = tools.write_clip(tmp_path / "m.mp4", frames=40, size=(96, 160), options={"bf": "0"})
    wanted = tools.plain(path)
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][21]
        at, length = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[at + 12 : at + length] = b"\xff" * (length - 12)
    path.write_bytes(data)
    video = Video(path)
    whole = [*range(21), *range(30, 40)]
    np.testing.assert_array_equal(video.frames(whole).numpy(), wanted[whole])
    with pytest.raises(VideoError, match=r"m.mp4: frame 21 is damaged"):
        video.frames([21])


def test_a_frame_of_the_group_before_is_not_trusted(clip, tmp_path):
    """A packet that is taken for a key frame must not hide damage in the real one before it."""
    import av

    path = tmp_path / "forged.mkv"
    data = bytearray(clip("bframes.mkv").read_bytes())
    with av.open(str(clip("bframes.mkv"))) as container:
        packets = {p.pts: bytes(p) for p in container.demux(video=0) if p.size}
    payloads = [packets[pts] for pts in sorted(packets)]
    key, forged = payloads[10], payloads[12]
    assert data.index(payloads[14]) < data.index(forged)  # 14 comes first, but is shown later
    data[data.index(forged) + 4] = 0x65  # says that it is a key frame
    at = data.index(key)
    data[at + len(key) // 2 : at + len(key)] = b"\xff" * (len(key) - len(key) // 2)
    path.write_bytes(data)
    with pytest.raises(VideoError, match=r"forged.mkv: frame 14"):
        Video(path).frames([14])


def test_cut_short(tmp_path, tools):
    path = tools.write_clip(
        tmp_path / "cut.mkv", frames=60, size=(96, 160), gop=6, options={"bf": "0"}
    )
    wanted = tools.plain(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    video = Video(path)
    assert 20 < len(video) < 60
    np.testing.assert_array_equal(video.frames(range(len(video))).numpy(), wanted[: len(video)])


def test_an_end_that_never_came(tmp_path, tools):
    """A download that was broken off: the file has its size, the end of it is zeros."""
    import av

    path = tools.write_clip(tmp_path / "part.mp4", frames=40, size=(96, 160), options={"bf": "0"})
    wanted = tools.plain(path)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        places = [(p.pos, p.size) for p in packets[33:]]
    data = bytearray(path.read_bytes())
    for at, length in places:
        data[at : at + length] = bytes(length)
    path.write_bytes(data)
    video = Video(path)
    assert (len(video), video.info.header_frames) == (33, 40)
    assert video.info.pyav_because == "it is damaged"
    np.testing.assert_array_equal(video.frames(range(33)).numpy(), wanted[:33])


def test_a_header_that_lies_about_size(clip, tmp_path, tools):
    data = bytearray(clip("h264.mp4").read_bytes())
    at = data.rindex(b"avc1") + 28  # the sample entry's width and height; the stream has its own
    assert data[at : at + 4] == b"\0\x50\0\x30"
    data[at : at + 4] = (60000).to_bytes(2, "big") * 2
    path = tmp_path / "huge.mp4"
    path.write_bytes(data)
    np.testing.assert_array_equal(
        Video(path).frames(range(40)).numpy(), tools.plain(clip("h264.mp4"))
    )
    raw = tools.write_clip(tmp_path / "raw.avi", "rawvideo", frames=2)
    data = bytearray(raw.read_bytes())
    at = data.index(b"strf") + 12
    assert data[at : at + 8] == bytes((80, 0, 0, 0, 48, 0, 0, 0))
    for sides, sentence in (
        ((20000, 48), "20000x48 pixels; at most"),
        ((60000, 60000), "no possible size"),
    ):
        data[at : at + 8] = b"".join(side.to_bytes(4, "little") for side in sides)
        raw.write_bytes(data)
        with pytest.raises(VideoError, match=rf"raw.avi: the header gives .*{sentence}"):
            probe(raw)
