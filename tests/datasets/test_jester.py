"""Jester and Something-Something: lists in every released form, wrong lists, clips of frames."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from vidlab.datasets import jester_check
from vidlab.datasets.base import DataError
from vidlab.datasets.clips import collate_clips
from vidlab.datasets.frame_clips import FrameClips, SegmentPlan
from vidlab.datasets.jester import (
    jester,
    own_frames,
    something_something_v1,
    something_something_v2,
)
from vidlab.datasets.video_clips import ClipPlan, VideoClips

CLASSES = ("Swiping Left", "Swiping Right", "Thumb Up")
LISTS = {
    "train": ("34870;Swiping Left", "56557;Thumb Up", "129112;Swiping Right", "7;Swiping Left"),
    "validation": ("9999;Swiping Right", "21;Thumb Up"),
    "test": ("70000",),
}
FORMS = {
    "jester": (jester, "20bn-jester-v1", "jester-v1-{}.csv"),
    "v1": (
        something_something_v1,
        "20bn-something-something-v1",
        "something-something-v1-{}.csv",
    ),
    "own": (own_frames, "frames", "{}.csv"),
    "jester, own names": (jester, "frames", "{}.csv"),
}


def write_frames(folder, count, *, size=(16, 12)):
    """Grey pictures: frame k has brightness 10 + 8 * k, give or take what JPEG makes of it."""
    folder.mkdir(parents=True)
    for k in range(count):
        grey = Image.fromarray(np.full(size[::-1], 10 + 8 * k, np.uint8))
        grey.convert("RGB").save(folder / f"{k + 1:05d}.jpg", quality=95)


def shown(frames):
    """Which frame each of ``(..., 3, H, W)`` is."""
    return ((frames.float().mean((-3, -2, -1)) - 10) / 8).round().int().tolist()


def make(root, videos, pattern):
    root.mkdir()
    (root / pattern.format("labels")).write_text("\n".join(CLASSES) + "\n")
    for part, lines in LISTS.items():
        (root / pattern.format(part)).write_text("\r\n".join(lines) + "\r\n")
        for k, line in enumerate(lines):
            write_frames(root / videos / line.partition(";")[0], 9 + 3 * k)
    return root


@pytest.fixture
def folder(tmp_path):
    return make(tmp_path / "jester", "20bn-jester-v1", "jester-v1-{}.csv")


def add(root, part, line):
    path = root / f"jester-v1-{part}.csv"
    path.write_text(path.read_text() + line + "\n")


@pytest.mark.parametrize("form", FORMS)
def test_the_released_layouts(tmp_path, form):
    read, videos, pattern = FORMS[form]
    corpus = read(make(tmp_path / "data", videos, pattern))
    table = corpus.table
    assert table.class_names == CLASSES
    assert [p.name for p in table.paths] == ["34870", "56557", "129112", "7", "9999", "21"]
    assert table.labels == (0, 2, 1, 0, 1, 2)
    assert table.problems == ()
    assert corpus.split["train"] == (0, 1, 2, 3)
    assert corpus.split["validation"] == (4, 5)
    assert not corpus.split.leaky
    assert "test" not in corpus.split.parts, "its clips have no labels"
    assert [p.name for p in corpus.unlabelled] == ["70000"]
    assert all(p.is_dir() for p in table.paths + corpus.unlabelled)
    assert re.fullmatch("[0-9a-f]{64}", corpus.sha256)


def test_a_test_list_with_labels_is_a_part(folder):
    (folder / "jester-v1-test.csv").write_text("70000;Thumb Up\n")
    corpus = jester(folder)
    assert corpus.split["test"] == (6,)
    assert corpus.unlabelled == ()
    (folder / "jester-v1-test.csv").unlink()
    assert tuple(jester(folder).split.parts) == ("train", "validation")


def test_the_fingerprint_is_that_of_the_lists(folder):
    before = jester(folder).sha256
    assert jester(folder).sha256 == before
    path = folder / "jester-v1-validation.csv"
    path.write_text(path.read_text().replace("21;Thumb Up", "21;Swiping Left"))
    assert jester(folder).sha256 != before


WRONG = {
    "8;Waving": "jester-v1-train.csv, line 5: unknown label 'Waving'",
    "8": "jester-v1-train.csv, line 5: 8 has no label",
    "8;Thumb Up": "jester-v1-train.csv, line 5: frame folder 8 is missing",
    "7;Thumb Up": "line 5: 7 is listed before (jester-v1-train.csv, line 4)",
    "../x;Thumb Up": "line 5: '../x' is no plain id",
    "/etc;Thumb Up": "line 5: '/etc' is no plain id",
    "..;Thumb Up": "line 5: '..' is no plain id",
    "a\\b;Thumb Up": "is no plain id",
    "-7;Thumb Up": "line 5: '-7' is no plain id",
    ";Thumb Up": "line 5: '' is no plain id",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_named_or_left_out(folder, line):
    (folder.parent / "x").mkdir()  # what a path out of the folder would reach
    add(folder, "train", line)
    with pytest.raises(DataError, match=re.escape(WRONG[line])):
        jester(folder)
    with pytest.warns(UserWarning, match="Jester: 1 wrong lines"):
        corpus = jester(folder, wrong="skip")
    assert len(corpus.table) == 6
    assert WRONG[line] in corpus.table.problems[0]


def test_an_id_in_two_parts_is_a_problem(folder):
    add(folder, "validation", "34870;Swiping Left")
    with pytest.raises(DataError, match=r"34870 is listed before \(jester-v1-train.csv, line 1\)"):
        jester(folder)


def test_lists_that_cannot_be_used_are_named(folder, tmp_path):
    labels = folder / "jester-v1-labels.csv"
    for text, message in (
        (b"\n \n", "lists no class"),
        (b"Thumb Up\nThumb  Up\n", "class 'Thumb Up' is listed 2 times"),
        (b"Thumb Up\n\xff\xfe\n", "line 2: is not UTF-8 text"),
    ):
        labels.write_bytes(text)
        with pytest.raises(DataError, match=message):
            jester(folder)
    labels.unlink()
    with pytest.raises(DataError, match="has no jester-v1-labels.csv or labels.csv"):
        jester(folder)
    with pytest.raises(DataError, match="has no folder 20bn-jester-v1 or frames with the videos"):
        jester(tmp_path / "nothing")
    with pytest.raises(ValueError, match="wrong is 'maybe'; allowed: error, skip"):
        jester(folder, wrong="maybe")


def test_a_part_without_clips_is_named(folder):
    (folder / "jester-v1-validation.csv").write_text("404;Thumb Up\n")
    with (
        pytest.warns(UserWarning, match="frame folder 404 is missing"),
        pytest.raises(DataError, match="no clip of the part 'validation' is in"),
    ):
        jester(folder, wrong="skip")


# Clips of frames


def clips(folder, plan, **options):
    corpus = jester(folder)
    return FrameClips(corpus.table, plan, rows=corpus.split["train"], **options)


def test_one_frame_of_each_part(folder):
    made = clips(folder, SegmentPlan(frames=3, size=8))
    assert made[0].frames.shape == (3, 3, 8, 8)
    assert made[0].frames.dtype == torch.uint8
    assert [sample.label for sample in made] == [0, 2, 1, 0]
    assert made.groups == ("34870", "56557", "129112", "7")
    # 9, 12, 15 and 18 pictures.
    assert [shown(s.frames) for s in made] == [[1, 4, 7], [1, 5, 9], [2, 7, 12], [2, 8, 14]]
    assert collate_clips([made[0], made[-1]]).clips.shape == (2, 3, 3, 8, 8)
    assert shown(clips(folder, SegmentPlan(frames=18, size=8))[0].frames)[:4] == [0, 0, 1, 1]


def test_random_frames_stay_within_their_parts_and_follow_seed_and_epoch(folder):
    made = clips(folder, SegmentPlan(frames=3, size=4, take="random"), seed=1)
    seen = []
    for epoch in range(30):
        made.set_epoch(epoch)
        seen.append(shown(made[1].frames))
    assert {tuple(k // 4 for k in row) for row in seen} == {(0, 1, 2)}
    assert len(set(map(tuple, seen))) > 10
    again = clips(folder, SegmentPlan(frames=3, size=4, take="random"), seed=1)
    again.set_epoch(29)
    assert shown(again[1].frames) == seen[29]


def test_dense_plans_of_films_work_on_frames(folder):
    made = clips(folder, ClipPlan(frames=4, stride=2, size=8, take="views", views=2))
    assert made[3].frames.shape == (2, 4, 3, 8, 8)
    assert [shown(view) for view in made[3].frames] == [[2, 4, 6, 8], [8, 10, 12, 14]]
    short = clips(folder, ClipPlan(frames=12, size=8, take="views", short="error"))
    assert shown(short[1].frames) == list(range(12))
    with pytest.raises(DataError, match="34870: 12 frames of stride 1"):
        short[0]


def test_the_cache_changes_nothing(folder, tmp_path):
    plan = SegmentPlan(frames=4, size=8)
    plain, cached = clips(folder, plan), clips(folder, plan, cache=tmp_path / "cache")
    for _ in range(2):
        for index in range(4):
            assert torch.equal(plain[index].frames, cached[index].frames)
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 4


def test_folders_without_pictures(folder):
    videos = folder / "20bn-jester-v1"
    for path in (videos / "56557").iterdir():
        path.unlink()
    plan = SegmentPlan(frames=2, size=8)
    with pytest.warns(UserWarning, match="1 of 4 clips cannot be used: frame folder .*56557 holds"):
        made = clips(folder, plan)
    assert made.groups == ("34870", "129112", "7")
    assert made.skipped[0][0] == videos / "56557"
    with pytest.raises(DataError, match="56557 holds no pictures"):
        clips(folder, plan, unreadable="error")
    later = clips(folder, plan, unreadable="later")
    assert len(later) == 4
    assert shown(later[0].frames) == [2, 6]
    with pytest.raises(DataError, match="56557 holds no pictures"):
        later[1]
    (videos / "7" / "00005.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"00005.jpg cannot be read \(neither PNG nor JPEG\)"):
        made[2]


def test_bad_arguments_are_named(folder):
    corpus = jester(folder)
    with pytest.raises(ValueError, match=r"row 6 is not in Jester; allowed: 0 .. 5"):
        FrameClips(corpus.table, SegmentPlan(), rows=[6])
    with pytest.raises(DataError, match="there are no clips in this part"):
        FrameClips(corpus.table, SegmentPlan(), rows=[])
    with pytest.raises(ValueError, match="unreadable is 'no'; allowed: skip, error, later"):
        FrameClips(corpus.table, SegmentPlan(), unreadable="no")
    with pytest.raises(ValueError, match=r"frames is 0; allowed: whole numbers in 1 .. 10000"):
        SegmentPlan(frames=0)
    with pytest.raises(ValueError, match="take is 'views'; allowed: random, middle"):
        SegmentPlan(take="views")


# Version 2: films and JSON

TEMPLATES = ("Holding [something] next to [something]", "Pushing [something] from left to right")
NAMES = ("Pushing something from left to right", "Holding something next to something")


def write_film(path, frames):
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=12)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for k in range(frames):
            image = np.full((16, 32, 3), 10 + 8 * k, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def make_v2(root, pattern, *, film=True):
    lists = {
        "labels": {NAMES[1]: "1", NAMES[0]: "0"},
        "train": [
            {"id": "78687", "label": "holding a potato ...", "template": TEMPLATES[0]},
            {"id": "42", "label": "pushing a cup", "template": TEMPLATES[1], "placeholders": ["a"]},
        ],
        "validation": [{"id": "74225", "template": TEMPLATES[1]}],
        "test": [{"id": "1420"}],
    }
    videos = root / "20bn-something-something-v2"
    videos.mkdir(parents=True)
    for what, entries in lists.items():
        path = root / pattern.format(what)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(entries))
        for entry in entries if what != "labels" else ():
            if film:
                write_film(videos / f"{entry['id']}.webm", 16)
            else:
                (videos / f"{entry['id']}.webm").touch()
    return root


@pytest.mark.parametrize("pattern", ["something-something-v2-{}.json", "labels/{}.json", "{}.json"])
def test_version_2(tmp_path, pattern):
    corpus = something_something_v2(make_v2(tmp_path / "v2", pattern, film=False))
    assert corpus.table.class_names == NAMES, "in the order of their numbers"
    assert [p.name for p in corpus.table.paths] == ["78687.webm", "42.webm", "74225.webm"]
    assert corpus.table.labels == (1, 0, 0)
    assert (corpus.split["train"], corpus.split["validation"]) == ((0, 1), (2,))
    assert [p.name for p in corpus.unlabelled] == ["1420.webm"]


def test_films_take_the_same_plan(tmp_path):
    corpus = something_something_v2(make_v2(tmp_path / "v2", "labels/{}.json"))
    made = VideoClips(corpus.table, SegmentPlan(4, size=16), rows=corpus.split["train"])
    assert made[0].frames.shape == (4, 3, 16, 16)
    assert shown(made[0].frames) == [1, 5, 9, 13]
    train = VideoClips(corpus.table, SegmentPlan(4, size=16, take="random"), seed=3)
    several = set()
    for epoch in range(6):
        train.set_epoch(epoch)
        several.add(tuple(shown(train[1].frames)))
    assert len(several) > 2
    assert {tuple(k // 4 for k in row) for row in several} == {(0, 1, 2, 3)}


@pytest.mark.parametrize(
    ("what", "text", "message"),
    [
        ("train", "[{]", "train.json: is not JSON (line 1)"),
        ("train", "[" * 100_000, "train.json: is not JSON (too deep or too long)"),
        ("train", "{}", 'train.json: expected [{"id"'),
        ("train", '[{"id": "../42", "template": "x"}]', "entry 1: '../42' is no plain id"),
        ("train", '[["42"]]', "entry 1: \"['42']\" is no plain id"),
        ("train", '[{"id": 42, "template": 7}]', "entry 1: the label of 42 is no text"),
        ("train", '[{"id": 42}]', "entry 1: 42 has no label"),
        ("train", '[{"id": 43, "template": "[x]"}]', "entry 1: unknown label 'x'"),
        (
            "validation",
            json.dumps([{"id": 5, "template": TEMPLATES[0]}]),
            "validation.json, entry 1: film 5.webm is missing",
        ),
        ("labels", '["a"]', 'labels.json: expected {"name": "0", ...}'),
        ("labels", '{"a": "0", "b": "2"}', "labels.json: class 1 is missing"),
    ],
)
def test_wrong_json_is_named(tmp_path, what, text, message):
    root = make_v2(tmp_path / "v2", "labels/{}.json", film=False)
    (root / "labels" / f"{what}.json").write_text(text)
    with pytest.raises(DataError, match=re.escape(message)):
        something_something_v2(root)


# vidlab data check


def test_a_look_at_nothing_says_what_to_get(tmp_path):
    names = ["jester", "something-something-v1", "something-something-v2"]
    for data_dir in (None, tmp_path):
        rows = jester_check.check(data_dir)
        assert [row.name for row in rows] == names
        assert not any(row.ok for row in rows)
        assert all("DATA_DIR/" in row.remedy for row in rows)


def test_a_look_into_every_clip(folder, tmp_path):
    make_v2(tmp_path / "something-something-v2", "labels/{}.json")
    steps = []
    rows = jester_check.check(tmp_path, lambda *step: steps.append(step))
    assert [row.ok for row in rows] == [True, False, True]
    wanted = "6 clips of 3 classes, 1 without a label, looked into all clips"
    assert rows[0].detail == wanted
    assert rows[2].detail == "3 clips of 2 classes, 1 without a label, looked into all clips"
    assert steps[6] == ("jester", 7, 7)
    assert steps[-1] == ("something-something-v2", 4, 4)

    (folder / "20bn-jester-v1" / "21" / "00001.jpg").write_bytes(b"no picture")
    (tmp_path / "something-something-v2/20bn-something-something-v2/42.webm").write_bytes(b"x")
    add(folder, "train", "404;Thumb Up")
    rows = jester_check.check(tmp_path)
    assert [row.ok for row in rows] == [False, False, False]
    assert rows[0].problem_count == 2
    assert "404 is missing" in rows[0].problems[0]
    assert "00001.jpg cannot be read" in rows[0].problems[1]
    assert rows[2].problem_count == 1
    assert "42.webm" in rows[2].problems[0]
    (folder / "jester-v1-train.csv").unlink()
    assert "has no jester-v1-train.csv" in jester_check.check(tmp_path)[0].detail
