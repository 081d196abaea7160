"""Look through a user's folders of videos: every file is opened, every problem is kept.

::

    data_dir/ucf101/   UCF-101/ and ucfTrainTestlist/
    data_dir/hmdb51/   hmdb51_org/ and testTrainMulti_7030_splits/
    data_dir/videos/   <class>/<file>
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vidlab.datasets import ucf_hmdb, video_folders
from vidlab.datasets.base import DataError, Found
from vidlab.datasets.video_folders import VideoTable

# progress(data set, files done, files in all)
Progress = Callable[[str, int, int], None]

SHOWN = 20  # problems that are kept word for word; the rest are counted

_REMEDY = {
    "ucf101": "optional: unpack UCF101.rar and UCF101TrainTestSplits-RecognitionTask.zip into "
    "DATA_DIR/ucf101",
    "hmdb51": "optional: unpack hmdb51_org.rar, the archives in it, and "
    "test_train_splits.rar into DATA_DIR/hmdb51",
    "videos": "optional: your own videos as DATA_DIR/videos/<class>/<file>",
}
LAYOUTS = "; the layouts are in data/README.md"


def check(data_dir: Path | None, progress: Progress | None = None) -> list[Found]:
    """A row each for UCF101, HMDB51 and the user's own folder of videos.

    All missing and unreadable files are looked for, however many there are.
    """
    return [_check(name, data_dir, progress) for name in _REMEDY]


def _check(name: str, data_dir: Path | None, progress: Progress | None) -> Found:
    remedy = _REMEDY[name] + LAYOUTS
    if data_dir is None:
        return Found(name, False, "-", "no data_dir given", remedy)
    root = data_dir / name
    if not root.is_dir():
        return Found(name, False, str(root), "there is no such folder", remedy)
    read = {"ucf101": ucf_hmdb.ucf101, "hmdb51": ucf_hmdb.hmdb51, "videos": video_folders.scan}
    try:
        table = read[name](root)
    except DataError as error:
        return Found(name, False, str(root), str(error), remedy)
    problems = list(table.problems)
    if name != "videos":
        problems += _split_problems(root, table)
    classes = len(table.class_names)
    detail = f"{len(table):,} videos of {classes} class{'es' if classes > 1 else ''}"
    try:
        unreadable = _unreadable(table, name, progress)
    except ImportError as error:
        detail, remedy = f"{detail}, not opened: {error}", "pip install 'vidlab[video]'"
        return found(name, False, root, detail, remedy, problems)
    detail += f", {len(unreadable):,} cannot be read" if unreadable else ", all opened"
    problems += unreadable
    remedy = "optional: mend or remove what the problems name" if problems else ""
    return found(name, not problems, root, detail, remedy, problems)


def found(name: str, ok: bool, root: Path, detail: str, remedy: str, problems: list[str]) -> Found:
    """A row that keeps the first problems word for word and counts them all."""
    if problems:
        detail += f", {len(problems):,} problem{'s' if len(problems) > 1 else ''}"
    return Found(
        name,
        ok,
        str(root),
        detail,
        remedy,
        problems=tuple(problems[:SHOWN]),
        problem_count=len(problems),
    )


def _split_problems(root: Path, table: VideoTable) -> list[str]:
    """What is wrong in the three official splits; a video that several miss is named once."""
    lists = ucf_hmdb.ucf101_lists if table.name == "UCF101" else ucf_hmdb.hmdb51_lists
    problems, missed = [], set()
    for number in (1, 2, 3):
        listed, wrong = lists(root, table, number)
        fresh = [entry for entry in listed if entry.video not in missed]
        problems += wrong + ucf_hmdb.missing_videos(fresh, table)
        missed.update(entry.video for entry in listed)
    return problems


def _unreadable(table: VideoTable, name: str, progress: Progress | None) -> list[str]:
    # These bring torch, which a look at nothing does not need.
    from vidlab.datasets.video_clips import unreadable_videos
    from vidlab.video import Video

    step = None if progress is None else lambda done, total: progress(name, done, total)
    videos = [Video(path) for path in table.paths]
    return list(unreadable_videos(videos, progress=step).values())
