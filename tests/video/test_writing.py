"""What is written can be read back; a failed write leaves nothing behind; previews move."""

from __future__ import annotations

import base64
import io
import os

import numpy as np
import pytest
import torch
from PIL import Image

from vidlab.video import Video, VideoError, preview, write_video


@pytest.fixture
def frames(tools) -> torch.Tensor:
    pictures = np.stack([tools.picture(k, 64, 96) for k in range(25)])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)


def priority():
    """How the system schedules this thread; None where it does not say."""
    return os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "h264"), ("a.mkv", "h264"), ("a.webm", "vp9"), ("a.mp4", "av1"), ("a.avi", "mjpeg")],
)
@pytest.mark.parametrize("size", [(64, 96), (63, 95)])
def test_round_trip(frames, tmp_path, tools, name, codec, size):
    frames = frames[:, :, : size[0], : size[1]]
    before = priority()
    try:
        path = write_video(tmp_path / name, frames, 30, codec=codec)
    except VideoError as error:
        pytest.skip(str(error)) if "no encoder" in str(error) else pytest.fail(str(error))
    assert priority() == before  # SVT-AV1 would make us a real-time process, where it may
    video = Video(path)
    assert (len(video), video.info.codec) == (25, codec)
    assert video.info.fps == pytest.approx(30, rel=1e-3)
    assert video.frame_size == size
    read = video.frames(range(25))
    assert [tools.number(frame) for frame in read] == list(range(25))
    assert (read.float() - frames.float()).abs().mean() < 8


def test_key_frames_and_quality(frames, tmp_path):
    import av

    path = write_video(tmp_path / "a.mp4", frames)
    with av.open(str(path)) as container:
        packets = sorted((p.pts, p.is_keyframe) for p in container.demux(video=0) if p.size)
    assert [k for k, (_, key) in enumerate(packets) if key] == [0, 10, 20]
    assert Video(path).info.pyav_because in (None, "decord is not installed or cannot open it")
    small = write_video(tmp_path / "b.mp4", frames, crf=45)
    assert small.stat().st_size < 0.7 * path.stat().st_size


def test_any_kind_of_frames(frames, tmp_path):
    numbers = frames.numpy()
    a = write_video(tmp_path / "a.mp4", frames).read_bytes()
    b = write_video(tmp_path / "b.mp4", numbers).read_bytes()
    seen = []
    c = write_video(
        tmp_path / "c.mp4", (f for f in frames), progress=lambda *at: seen.append(at)
    ).read_bytes()
    assert a == b == c
    assert seen == [(10, None), (20, None), (25, None)]
    assert len(Video(write_video(tmp_path / "one.mp4", frames[:1]))) == 1


def test_a_failed_write_leaves_the_old_file(frames, tmp_path):
    path = write_video(tmp_path / "a.mp4", frames)
    before = path.read_bytes()

    def broken():
        yield from frames[:12]
        raise RuntimeError("the camera fell")

    with pytest.raises(RuntimeError, match="fell"):
        write_video(path, broken())
    with pytest.raises(ValueError, match=r"frame 1 has shape \(3, 64, 90\), frame 0 \(3, 64, 96\)"):
        write_video(path, [frames[0], frames[1, :, :, :90]])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.mp4"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"frames": torch.zeros(4, 3, 8, 8)}, ValueError, "frame 0 is float32"),
        ({"frames": torch.zeros(4, 1, 8, 8, dtype=torch.uint8)}, ValueError, r"\(1, 8, 8\)"),
        ({"frames": torch.zeros(3, 8, 8, dtype=torch.uint8)}, ValueError, "expected .T, 3, H, W"),
        ({"frames": []}, ValueError, "no frames"),
        ({"fps": 0}, ValueError, "fps is 0"),
        ({"fps": float("nan")}, ValueError, "fps is nan"),
        ({"codec": "theora"}, ValueError, "expected one of h264, vp9, av1, mjpeg"),
        ({"codec": "vp9"}, ValueError, "vp9 is written to .webm, .mkv, .mp4, not '.mp4x'"),
        ({"crf": 99}, ValueError, "crf is 99; expected 0 to 51"),
    ],
)
def test_what_cannot_be_written(frames, tmp_path, change, error, sentence):
    name = "a.mp4x" if change.get("codec") == "vp9" else "a.mp4"
    with pytest.raises(error, match=sentence):
        write_video(tmp_path / name, **({"frames": frames} | change))
    assert os.listdir(tmp_path) == []


def test_no_place_to_write(frames, tmp_path):
    with pytest.raises(VideoError, match="there is no folder"):
        write_video(tmp_path / "no" / "a.mp4", frames)
    (tmp_path / "b.mp4").mkdir()
    with pytest.raises(VideoError, match="is a folder"):
        write_video(tmp_path / "b.mp4", frames)


def test_preview(frames):
    shown = preview(frames, fps=5, max_side=48)
    page = shown._repr_html_()
    data = base64.b64decode(page.split("base64,")[1].split('"')[0])
    image = Image.open(io.BytesIO(data))
    assert (image.n_frames, image.size, image.format) == (25, (48, 32), "WEBP")
    assert image.info["loop"] == 0
    means = []
    for k in range(25):
        image.seek(k)
        assert image.info.get("duration", 200) == 200
        means.append(np.asarray(image.convert("RGB"), np.float32).mean())
    wanted = frames.float().mean((1, 2, 3)).numpy()
    np.testing.assert_allclose(means, wanted, atol=4)
    assert 'alt="25 frames of 96x64 pixels, 5 a second"' in page
    assert preview(frames).width == 96  # small frames are not blown up


def test_a_preview_is_safe_and_checked(frames):
    page = preview(frames, alt='"><script>alert(1)</script>')._repr_html_()
    assert "<script" not in page
    with pytest.raises(ValueError, match="expected uint8"):
        preview(frames.float())
    with pytest.raises(ValueError, match="201 frames; expected 1 to 200"):
        preview(frames[:1].expand(201, -1, -1, -1))
    with pytest.raises(ValueError, match="fps is 0"):
        preview(frames, fps=0)
    with pytest.raises(ValueError, match="max_side is 0"):
        preview(frames, max_side=0)
