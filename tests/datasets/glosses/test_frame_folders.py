"""Folders of pictures: their order, what is broken in them, and a cache that survives anything."""

import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from vidlab.datasets import frame_folders
from vidlab.datasets.base import DataError
from vidlab.datasets.frame_folders import list_clip, list_frames, read_film, read_frame


@pytest.fixture
def clip(signs, tmp_path):
    signs.write_frames(tmp_path / "clip", "fn{}-0.png", count=12)
    return tmp_path / "clip"


def gif():
    buffer = io.BytesIO()
    Image.new("L", (20, 20)).save(buffer, "GIF")
    return buffer.getvalue()


def entries(cache):
    return sorted(cache.glob("*"))


def test_numbers_count_as_numbers_and_other_files_are_no_frames(clip):
    for odd in (".hidden.png", "._fn3-0.png", "Thumbs.db", "notes.txt"):
        (clip / odd).write_text("x")
    names = [path.name for path in list_frames(clip)]
    assert names == [f"fn{t}-0.png" for t in range(12)]


def test_a_clip_needs_a_frame_a_gloss_and_one_between_equal_ones(clip):
    assert len(list_clip(clip, ["A", "B"] * 6)) == 12
    assert len(list_clip(clip, ["A", "A", "B", "B", "A", "A", "B", "C"])) == 12  # 8 + 3 needed
    with pytest.raises(DataError, match="holds 12 frames for 8 glosses; at least 15 are needed"):
        list_clip(clip, ["A"] * 8)


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match=r"nowhere cannot be listed \(No such file or directory\)"):
        list_frames(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"holds no pictures; expected .png or .jpg"):
        list_frames(tmp_path)


def test_pictures_become_square_rgb(tmp_path):
    y, x = np.mgrid[:40, :60]
    picture = np.stack([x * 4, y * 6, np.full_like(x, 77)], -1).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    frame = read_frame(tmp_path / "a.png", 20)
    assert (frame.shape, frame.dtype) == ((20, 20, 3), np.uint8)
    # Each new pixel is a mean over 2 × 3 old ones (the triangle of the filter is symmetric).
    expected = picture.reshape(20, 2, 20, 3, 3).mean((1, 3))
    np.testing.assert_allclose(frame[1:-1, 1:-1], expected[1:-1, 1:-1], atol=1)
    for mode, suffix in (("L", "png"), ("P", "png"), ("RGBA", "png"), ("CMYK", "jpg")):
        Image.fromarray(picture).convert(mode).save(tmp_path / f"{mode}.{suffix}")
        assert read_frame(tmp_path / f"{mode}.{suffix}", 20).shape == (20, 20, 3)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (lambda data: b"no picture at all", "neither PNG nor JPEG"),
        (lambda data: b"", "neither PNG nor JPEG"),
        (lambda data: data[: len(data) // 2], "truncated|unrecognized|broken"),
        (lambda data: gif(), "neither PNG nor JPEG"),  # Pillow could read it; we would not
        (None, "No such file or directory"),
    ],
)
def test_broken_pictures_are_named(clip, contents, reason):
    path = clip / "fn7-0.png"
    if contents is None:
        path.unlink()
    else:
        path.write_bytes(contents(path.read_bytes()))
    with pytest.raises(DataError, match=rf"frame .*fn7-0.png cannot be read \(.*({reason})"):
        read_frame(path, 8)
    if contents is not None:
        with pytest.raises(DataError, match="fn7-0.png cannot be read"):
            read_film(list_frames(clip), 8)


def test_a_picture_that_would_fill_the_memory_is_refused(clip):
    Image.new("1", (9_000, 9_000)).save(clip / "fn0-0.png")
    with pytest.raises(DataError, match=r"fn0-0.png cannot be read \(9000 × 9000 pixels"):
        read_frame(clip / "fn0-0.png", 8)


def test_the_cache_returns_what_was_read(clip, tmp_path, monkeypatch):
    cache, frames = tmp_path / "cache", list_frames(clip)
    plain = read_film(frames, 16)
    np.testing.assert_array_equal(read_film(frames, 16, cache), plain)
    (entry,) = entries(cache)
    np.testing.assert_array_equal(np.load(entry, allow_pickle=False), plain)
    # The second time no picture is opened.
    monkeypatch.setattr(frame_folders, "read_frame", None)
    np.testing.assert_array_equal(read_film(frames, 16, cache), plain)


def test_what_changes_is_made_anew(clip, tmp_path):
    cache = tmp_path / "cache"
    first = read_film(list_frames(clip), 16, cache)
    assert read_film(list_frames(clip), 8, cache).shape == (12, 8, 8, 3)
    assert len(entries(cache)) == 2
    (clip / "fn11-0.png").unlink()
    assert len(read_film(list_frames(clip), 16, cache)) == 11
    # Same name, same number of bytes, other contents, another time.
    path = clip / "fn0-0.png"
    data, times = path.read_bytes(), path.stat()
    other = (clip / "fn1-0.png").read_bytes()
    path.write_bytes(other + bytes(max(len(data) - len(other), 0)))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1_000_000_000))
    assert (read_film(list_frames(clip), 16, cache)[0] != first[0]).any()
    # Another clip with files of the same names, lengths and times is another film.
    shutil.copytree(clip, tmp_path / "other")
    read_film(list_frames(tmp_path / "other"), 16, cache)
    assert len(entries(cache)) == 5


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "shape", "pickle"])
def test_a_damaged_entry_is_made_again(clip, tmp_path, damage):
    cache, frames = tmp_path / "cache", list_frames(clip)
    plain = read_film(frames, 16, cache)
    (entry,) = entries(cache)
    if damage == "cut":
        entry.write_bytes(entry.read_bytes()[:-1])
    elif damage in ("empty", "text"):
        entry.write_text("" if damage == "empty" else "not an array")
    elif damage == "shape":
        np.save(entry, plain[:-1])
    else:
        np.save(entry, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.testing.assert_array_equal(read_film(frames, 16, cache), plain)
    np.testing.assert_array_equal(np.load(entry, allow_pickle=False), plain)


def test_an_interruption_leaves_no_half_entry(clip, tmp_path, monkeypatch):
    cache, frames = tmp_path / "cache", list_frames(clip)

    def interrupted(file, film, **_):
        file.write(b"\x93NUMPY half of it")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read_film(frames, 16, cache)
    assert entries(cache) == []
    assert len(read_film(frames, 16, cache)) == 12


def test_a_cache_that_cannot_be_written_is_named(clip, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(DataError, match=r"cache .*cache cannot be written \(File exists\)"):
        read_film(list_frames(clip), 16, tmp_path / "cache")
