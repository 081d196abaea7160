"""Clips of folders of videos: the right frames, the right cut, and nothing left out in silence."""

import pickle
import warnings

import pytest
import torch
from torch.utils.data import DataLoader

from vidlab.datasets.base import DataError
from vidlab.datasets.clips import collate_clips
from vidlab.datasets.video_clips import ClipPlan, VideoClips, unreadable_videos
from vidlab.datasets.video_folders import scan
from vidlab.video import Video, VideoError, _client


@pytest.fixture
def folder(tiny, tmp_path):
    """Two classes; videos of 9 to 12 frames."""
    for k, name in enumerate(("run/a.avi", "run/b.AVI", "swim/a.avi", "swim/c.avi")):
        tiny.write_clip(tmp_path / "videos" / name, 9 + k)
    return tmp_path / "videos"


def test_a_table_of_a_folder(folder):
    (folder / "run" / "notes.txt").write_text("x")
    (folder / "empty").mkdir()
    table = scan(folder)
    assert table.class_names == ("run", "swim")
    assert [p.name for p in table.paths] == ["a.avi", "b.AVI", "a.avi", "c.avi"]
    assert table.labels == (0, 0, 1, 1)
    assert table.groups == ("run/a.avi", "run/b.AVI", "swim/a.avi", "swim/c.avi")
    found = "\n".join(table.problems)
    assert "notes.txt is not a video file: ignored" in found
    assert "empty holds no videos: the class is left out" in found


def test_nothing_to_list(tmp_path):
    with pytest.raises(DataError, match="no is not a folder"):
        scan(tmp_path / "no")
    with pytest.raises(DataError, match="holds no videos; expected .*/<class>/<file>"):
        scan(tmp_path)


def test_plans_take_the_frames_they_say():
    one = ClipPlan(4, 2, take="views")
    assert one.indices(15).tolist() == [[4, 6, 8, 10]]  # in the middle: four before and after
    views = ClipPlan(4, take="views", views=3).indices(100)
    assert views[:, 0].tolist() == [16, 48, 80]
    assert ((views[:, 1:] - views[:, :-1]) == 1).all()
    assert ClipPlan(4, take="views", views=3).indices(4).tolist() == [[0, 1, 2, 3]] * 3
    spread = ClipPlan(4, take="uniform").indices(100)[0]
    assert (spread.diff() - 25).abs().max() <= 1
    assert ClipPlan(4, take="uniform").indices(2).tolist() == [[0, 0, 1, 1]]
    with pytest.raises(ValueError, match="4 different frames were asked for; it has 2"):
        ClipPlan(4, take="uniform", short="error").indices(2)
    noise = torch.Generator().manual_seed(0)
    starts = {ClipPlan(4, 2).indices(10, noise)[0, 0].item() for _ in range(200)}
    assert starts == {0, 1, 2, 3}  # the last clip is 3 5 7 9


@pytest.mark.parametrize(
    ("short", "want"), [("loop", [0, 1, 2, 0, 1, 2, 0, 1]), ("last", [0, 1, 2, 2, 2, 2, 2, 2])]
)
@pytest.mark.parametrize("take", ["random", "views"])
def test_short_videos(take, short, want):
    noise = torch.Generator().manual_seed(0)
    assert ClipPlan(8, take=take, short=short).indices(3, noise).tolist() == [want]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"frames": 0}, "frames is 0; allowed: whole numbers in 1 .. 10000"),
        ({"stride": 1.5}, "stride is 1.5"),
        ({"size": True}, "size is True"),
        ({"take": "any"}, "take is 'any'; allowed: random, views, uniform"),
        ({"short": "any"}, "short is 'any'; allowed: loop, last, error"),
        ({"views": 3}, "views is 3 but take is 'random', which takes one"),
    ],
)
def test_bad_plans(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        ClipPlan(**settings)


def test_the_frames_of_a_clip(folder, tiny):
    data = VideoClips(scan(folder), ClipPlan(4, 2, size=16, take="views"))
    assert len(data) == 4
    assert data.class_names == ("run", "swim")
    sample = data[3]  # 12 frames: 2 4 6 8 leave two before and three behind
    assert sample.frames.shape == (4, 3, 16, 16)
    assert sample.frames.dtype == torch.uint8
    assert (sample.label, sample.index) == (1, 3)
    assert tiny.numbers(sample.frames) == [2, 4, 6, 8]
    assert data[-1].index == 3
    with pytest.raises(IndexError):
        data[4]


def test_views_come_stacked(folder, tiny):
    data = VideoClips(scan(folder), ClipPlan(3, size=8, take="views", views=2))
    assert data[0].frames.shape == (2, 3, 3, 8, 8)
    assert tiny.numbers(data[0].frames) == [[1, 2, 3], [4, 5, 6]]  # of 9 frames
    batch = collate_clips([data[0], data[1]])
    assert batch.clips.shape == (2, 2, 3, 3, 8, 8)


def test_random_clips_depend_on_seed_epoch_and_index_alone(folder, tiny):
    table = scan(folder)
    data, same = (VideoClips(table, ClipPlan(2, size=8), seed=5) for _ in range(2))
    seen = set()
    for epoch in range(30):
        data.set_epoch(epoch)
        same.set_epoch(epoch)
        assert torch.equal(data[3].frames, same[3].frames)
        seen.add(tiny.numbers(data[3].frames)[0])
    assert len(seen) > 7  # of 11 places
    other = VideoClips(table, ClipPlan(2, size=8), seed=6)
    differ = 0
    for epoch in range(10):
        data.set_epoch(epoch)
        other.set_epoch(epoch)
        differ += not torch.equal(data[3].frames, other[3].frames)
    assert differ > 5


def test_the_cut_is_in_the_middle_or_random(tiny, tmp_path):
    # 32 x 64, left half black, becomes 8 x 16: the middle 8 are half black.
    tiny.write_clip(tmp_path / "c" / "a.avi", 3, height=32, width=64, marked=True)
    table = scan(tmp_path)
    middle = VideoClips(table, ClipPlan(1, size=8, take="views"))[0].frames
    assert middle.shape == (1, 3, 8, 8)
    assert middle[..., :3].max() < 12
    assert middle[..., 5:].min() > 12
    data, black = VideoClips(table, ClipPlan(1, size=8), seed=0), set()
    for epoch in range(40):
        data.set_epoch(epoch)
        frames = data[0].frames
        black.add(int((frames[0, 0, 0] < 12).sum()))
    assert {0, 8} <= black  # once wholly right, once wholly left
    assert len(black) > 4


def test_unreadable_files_are_left_out_counted_and_named(folder, tiny):
    tiny.break_file(folder / "run" / "broken.avi")
    (folder / "swim" / "b_empty.avi").touch()
    table = scan(folder)
    calls = []
    with pytest.warns(UserWarning, match=r"left out, as 2 of 6 videos cannot be read: .*broken"):
        data = VideoClips(
            table, ClipPlan(2, size=8, take="views"), progress=lambda *call: calls.append(call)
        )
    assert calls == [(k, 6) for k in range(1, 7)]
    assert len(data) == len(data.labels) == len(data.groups) == 4
    assert data.labels == (0, 0, 1, 1)
    assert data.groups == ("run/a.avi", "run/b.AVI", "swim/a.avi", "swim/c.avi")
    assert [path.name for path, _ in data.skipped] == ["broken.avi", "b_empty.avi"]
    assert "empty" in data.skipped[1][1]
    assert [data[i].label for i in range(4)] == [0, 0, 1, 1]
    assert tiny.numbers(data[3].frames) == [5, 6]  # c.avi, 12 frames
    with pytest.raises(DataError, match="videos: 2 of 6 videos cannot be read"):
        VideoClips(table, ClipPlan(2), unreadable="error")


def test_many_are_opened_at_once_and_told_in_order(tiny, tmp_path):
    bad = {3, 20, 39}
    for k in range(40):
        path = tmp_path / "c" / f"{k:02d}.avi"
        tiny.break_file(path) if k in bad else tiny.write_clip(path, 2)
    videos, calls = [Video(path) for path in scan(tmp_path).paths], []
    reasons = unreadable_videos(videos, progress=lambda *call: calls.append(call))
    assert set(reasons) == bad
    assert all(f"{k:02d}.avi" in why for k, why in reasons.items())
    assert calls == [(k, 40) for k in range(1, 41)]
    assert [len(video) for k, video in enumerate(videos) if k not in bad] == [2] * 37
    assert len(_client._idle) == 1


def test_stopping_the_look_stops_it(tiny, tmp_path):
    for k in range(60):
        tiny.write_clip(tmp_path / "c" / f"{k:02d}.avi", 2)
    videos = [Video(path) for path in scan(tmp_path).paths]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unreadable_videos(videos, progress=stop)
    assert sum(video._info is not None for video in videos) < 40


def test_nothing_is_opened_before_it_is_read(folder, tiny):
    tiny.break_file(folder / "run" / "broken.avi")
    plan = ClipPlan(2, size=8, take="views", short="error")
    data = VideoClips(scan(folder), plan, unreadable="later")
    assert len(data) == 5
    assert data.skipped == ()
    assert tiny.numbers(data[4].frames) == [5, 6]
    with pytest.raises(VideoError, match="broken.avi"):
        data[2]


def test_all_unreadable(tiny, tmp_path):
    tiny.break_file(tmp_path / "run" / "a.avi")
    with pytest.raises(DataError, match="1 of 1 videos cannot be read"):
        VideoClips(scan(tmp_path), ClipPlan(2))


def test_damage_inside_is_found_by_a_deep_look(folder, tiny):
    path = folder / "run" / "a.avi"
    data = bytearray(path.read_bytes())
    at = data.find(b"00dc", data.find(b"movi") + 60)  # the second frame
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    data[at + 8 : at + 8 + size] = bytes(size)
    path.write_bytes(data)
    with pytest.warns(UserWarning, match="1 of 4 videos cannot be read"):
        clips = VideoClips(scan(folder), ClipPlan(2, take="views"), deep=True)
    assert [p.name for p, _ in clips.skipped] == ["a.avi"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lax = VideoClips(scan(folder), ClipPlan(9, take="views"))
    if len(lax) == 4:  # a look at the packets alone does not see it; reading does
        with pytest.raises(VideoError, match="a.avi"):
            lax[0]


def test_rows_of_a_split(folder):
    table = scan(folder)
    data = VideoClips(table, ClipPlan(2, size=8, take="views"), rows=(3, 0))
    assert data.groups == ("swim/c.avi", "run/a.avi")
    assert (data[0].label, data[0].index) == (1, 0)
    with pytest.raises(ValueError, match="row 4 is not in videos; allowed: 0 .. 3"):
        VideoClips(table, ClipPlan(2), rows=[4])
    with pytest.raises(DataError, match="there are no videos in this part"):
        VideoClips(table, ClipPlan(2), rows=[])


def test_short_videos_can_be_refused(folder):
    with pytest.raises(
        DataError, match=r"2 of 4 videos have fewer than the 11 frames .*a.avi \(9\)"
    ):
        VideoClips(scan(folder), ClipPlan(6, 2, short="error", take="views"))


def test_bad_arguments(folder):
    with pytest.raises(ValueError, match="unreadable is 'maybe'; allowed: skip, error, later"):
        VideoClips(scan(folder), ClipPlan(2), unreadable="maybe")
    with pytest.raises(ValueError, match="seed is -1"):
        VideoClips(scan(folder), ClipPlan(2), seed=-1)


def test_loads_in_worker_processes(folder):
    data = VideoClips(scan(folder), ClipPlan(2, size=8), seed=1)
    data.set_epoch(3)
    assert len(pickle.loads(pickle.dumps(data))) == 4
    here = list(DataLoader(data, 2, collate_fn=collate_clips))
    there = list(DataLoader(data, 2, collate_fn=collate_clips, num_workers=1))
    for one, two in zip(here, there, strict=True):
        torch.testing.assert_close(one.clips, two.clips)
        assert one.labels.tolist() == two.labels.tolist()
