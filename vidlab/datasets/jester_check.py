"""Look through a user's copies of Jester and Something-Something: every list, every clip.

::

    data_dir/jester/                    20bn-jester-v1/ and jester-v1-*.csv
    data_dir/something-something-v1/    20bn-something-something-v1/ and something-something-v1-*.csv
    data_dir/something-something-v2/    20bn-something-something-v2/ and something-something-v2-*.json
"""  # noqa: E501

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vidlab.datasets import jester
from vidlab.datasets.base import DataError, Found
from vidlab.datasets.frame_folders import list_frames, read_frame
from vidlab.datasets.video_check import LAYOUTS, Progress, found

_READERS = {
    "jester": jester.jester,
    "something-something-v1": jester.something_something_v1,
    "something-something-v2": jester.something_something_v2,
}
_THREADS = 4  # pictures are decoded, and folders listed, without Python's lock


def check(data_dir: Path | None, progress: Progress | None = None) -> list[Found]:
    """A row for each set.

    Of each frame folder the first, the middle and the last picture are decoded; films are opened.
    """
    return [_check(name, data_dir, progress) for name in _READERS]


def _check(name: str, data_dir: Path | None, progress: Progress | None) -> Found:
    remedy = f"optional: unpack the videos and the lists of {name} into DATA_DIR/{name}" + LAYOUTS
    if data_dir is None:
        return Found(name, False, "-", "no data_dir given", remedy)
    root = data_dir / name
    if not root.is_dir():
        return Found(name, False, str(root), "there is no such folder", remedy)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each problem is listed below
            corpus = _READERS[name](root, wrong="skip")
    except DataError as error:
        return Found(name, False, str(root), str(error), remedy)
    problems = list(corpus.table.problems)
    classes = len(corpus.table.class_names)
    detail = f"{len(corpus.table):,} clips of {classes} class{'es' if classes > 1 else ''}"
    if corpus.unlabelled:
        detail += f", {len(corpus.unlabelled):,} without a label"
    paths = corpus.table.paths + corpus.unlabelled
    try:
        wrong = (
            _films(paths, name, progress) if paths[0].suffix else _folders(paths, name, progress)
        )
    except ImportError as error:
        detail, remedy = f"{detail}, not opened: {error}", "pip install 'vidlab[video]'"
        return found(name, False, root, detail, remedy, problems)
    detail += f", {len(wrong):,} cannot be used" if wrong else ", looked into all clips"
    problems += wrong
    remedy = "optional: mend or remove what the problems name" if problems else ""
    return found(name, not problems, root, detail, remedy, problems)


def _folders(paths: Sequence[Path], name: str, progress: Progress | None) -> list[str]:
    wrong = []
    with ThreadPoolExecutor(_THREADS) as pool:
        looks: Iterator[str] = pool.map(_look_into, paths)
        for done, problem in enumerate(looks, 1):
            wrong += [problem] if problem else []
            if progress is not None:
                progress(name, done, len(paths))
    return wrong


def _look_into(folder: Path) -> str:
    """The first thing that is wrong with a frame folder, or nothing."""
    try:
        frames = list_frames(folder)
        for path in dict.fromkeys((frames[0], frames[len(frames) // 2], frames[-1])):
            read_frame(path, 8)
    except DataError as error:
        return str(error)
    return ""


def _films(paths: Sequence[Path], name: str, progress: Progress | None) -> list[str]:
    # These bring torch, which a look at nothing does not need.
    from vidlab.datasets.video_clips import unreadable_videos
    from vidlab.video import Video

    step = None if progress is None else lambda done, total: progress(name, done, total)
    return list(unreadable_videos([Video(path) for path in paths], progress=step).values())
