"""Jester and Something-Something as 20BN released them: labelled short videos of hands.

::

    20bn-jester-v1/<id>/00001.jpg, 00002.jpg, ...           jester-v1-labels.csv    one class a line
    jester-v1-train.csv, jester-v1-validation.csv           id;label
    jester-v1-test.csv                                      id

    20bn-something-something-v1/<id>/00001.jpg, ...         something-something-v1-*.csv likewise

    20bn-something-something-v2/<id>.webm                   something-something-v2-labels.json
    something-something-v2-{train,validation,test}.json     [{"id", "label", "template", ...}, ...]

    frames/<id>/00001.jpg, ...                              labels.csv, train.csv, validation.csv

The last form, for recordings of your own, is read by each of the first two as well; version 2 may
also have its lists as ``labels/train.json``, ``labels/labels.json`` and so on::

    corpus = jester("FOLDER/jester")
    train = FrameClips(corpus.table, SegmentPlan(8, size=112, take="random"),
                       rows=corpus.split["train"], seed=0)

(:mod:`vidlab.datasets.frame_clips`; of version 2, films, ``VideoClips`` takes the same plan.)

J. Materzynska et al., *The Jester dataset*, ICCV workshops 2019. R. Goyal et al., *The "something
something" video database*, ICCV 2017. Who a clip shows is not published, so every clip is a group
of its own: whether a person is in two parts nobody can check.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vidlab.datasets import label_lists
from vidlab.datasets.base import DataError
from vidlab.datasets.label_lists import Entry
from vidlab.datasets.splits import Split, official
from vidlab.datasets.video_folders import VideoTable, few

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Labelled:
    """The videos of one release.

    Attributes:
        table: its rows are frame folders or films, training first; only those with a label.
        split: the official parts.
        unlabelled: folders or films of the test part that come without a label.
        sha256: of all its lists, for a run's record.
    """

    table: VideoTable
    split: Split
    unlabelled: tuple[Path, ...]
    sha256: str


@dataclass(frozen=True)
class _Layout:
    name: str
    folders: tuple[str, ...]  # where the videos may be
    lists: tuple[str, ...]  # how a list may be called: labels, train, validation, test
    ending: str  # of a video; empty for a folder of frames


_OWN = _Layout("own recordings", ("frames",), ("{}.csv",), "")
_JESTER = _Layout("Jester", ("20bn-jester-v1", "frames"), ("jester-v1-{}.csv", "{}.csv"), "")
_V1 = _Layout(
    "Something-Something v1",
    ("20bn-something-something-v1", "frames"),
    ("something-something-v1-{}.csv", "{}.csv"),
    "",
)
_V2 = _Layout(
    "Something-Something v2",
    ("20bn-something-something-v2", "videos"),
    ("something-something-v2-{}.json", "labels/{}.json", "{}.json"),
    ".webm",
)


def jester(root: Path | str, *, wrong: str = "error") -> Labelled:
    """Jester v1: 27 gestures, 118,562 clips to train and 14,787 to validate, 12 frames a second.

    Args:
        root: the folder with the lists and the frames.
        wrong: what to do with lines that cannot be used, and listed clips that are not there:
            "error", or "skip" to warn and go on without them.

    Raises:
        DataError: a list or folder that is missing or malformed; with ``wrong="error"`` any line
            with an unknown label, an id that is listed twice or is no plain name, or a clip that
            is not there. Messages name file and line.
    """
    return _read(Path(root), _JESTER, wrong)


def something_something_v1(root: Path | str, *, wrong: str = "error") -> Labelled:
    """Something-Something v1: 174 classes, 108,499 clips. As :func:`jester`."""
    return _read(Path(root), _V1, wrong)


def something_something_v2(root: Path | str, *, wrong: str = "error") -> Labelled:
    """Something-Something v2: 174 classes, 220,847 films. As :func:`jester`.

    A film's class is its ``template`` without the brackets around "something".
    """
    return _read(Path(root), _V2, wrong)


def own_frames(root: Path | str, *, wrong: str = "error") -> Labelled:
    """Frame folders of your own, in the layout of Jester. As :func:`jester`."""
    return _read(Path(root), _OWN, wrong)


def _read(root: Path, layout: _Layout, wrong: str) -> Labelled:
    if wrong not in ("error", "skip"):
        raise ValueError(f"wrong is {wrong!r}; allowed: error, skip")
    videos = _first((root / name for name in layout.folders), Path.is_dir)
    if videos is None:
        raise DataError(f"{root} has no folder {' or '.join(layout.folders)} with the videos")
    paths = {what: _list_file(root, layout, what) for what in ("labels", *PARTS)}
    for what in ("labels", "train", "validation"):
        if paths[what] is None:
            names = " or ".join(pattern.format(what) for pattern in layout.lists)
            raise DataError(f"{root} has no {names}")
    digest = hashlib.sha256()
    texts = {what: label_lists.read_text(path, digest) for what, path in paths.items() if path}
    class_names = label_lists.read_classes(paths["labels"], texts["labels"])
    entries, problems = [], []
    for part in PARTS:
        if paths[part] is not None:
            found, odd = label_lists.read_part(paths[part], texts[part], part)
            entries += found
            problems += odd
    kept, more = _usable(entries, class_names, _names(videos), layout.ending)
    problems += more
    if problems:
        what = f"{layout.name}: {len(problems):,} wrong lines: {few(problems)}"
        if wrong == "error":
            raise DataError(f'{what}; wrong="skip" goes on without them')
        warnings.warn(f"{what}; left out", stacklevel=3)
    return _labelled(layout, videos, class_names, kept, problems, digest.hexdigest())


def _labelled(
    layout: _Layout,
    videos: Path,
    class_names: tuple[str, ...],
    entries: list[Entry],
    problems: list[str],
    digest: str,
) -> Labelled:
    rows = [entry for entry in entries if entry.label is not None]
    path = {entry.id: videos / f"{entry.id}{layout.ending}" for entry in entries}
    for part in PARTS[:2]:
        if not any(entry.part == part for entry in rows):
            raise DataError(f"{layout.name}: no clip of the part {part!r} is in {videos}")
    number = {name: k for k, name in enumerate(class_names)}
    table = VideoTable(
        name=layout.name,
        root=videos,
        class_names=class_names,
        paths=tuple(path[entry.id] for entry in rows),
        labels=tuple(number[entry.label] for entry in rows),
        groups=tuple(entry.id for entry in rows),
        problems=tuple(problems),
    )
    parts = {part: [k for k, e in enumerate(rows) if e.part == part] for part in PARTS}
    parts = {part: indices for part, indices in parts.items() if indices}
    return Labelled(
        table,
        official(parts, table.groups, how=f"official parts of {layout.name}"),
        tuple(path[entry.id] for entry in entries if entry.label is None),
        digest,
    )


def _usable(
    entries: list[Entry], class_names: tuple[str, ...], there: set[str], ending: str
) -> tuple[list[Entry], list[str]]:
    """Entries of known classes whose videos are there, each id once; and what the others lack."""
    known, first = set(class_names), {}
    kept, problems = [], []
    for entry in entries:
        if entry.label is not None and entry.label not in known:
            problems.append(f"{entry.where}: unknown label {entry.label[:80]!r}")
        elif entry.id in first:
            problems.append(f"{entry.where}: {entry.id} is listed before ({first[entry.id]})")
        elif f"{entry.id}{ending}" not in there:
            what = f"film {entry.id}{ending}" if ending else f"frame folder {entry.id}"
            problems.append(f"{entry.where}: {what} is missing")
        else:
            kept.append(entry)
        first.setdefault(entry.id, entry.where)
    return kept, problems


def _names(folder: Path) -> set[str]:
    """What a folder holds: one look at it, not one at each of 150,000 clips."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except OSError as error:
        raise DataError(f"{folder} cannot be listed ({error.strerror})") from error


def _list_file(root: Path, layout: _Layout, what: str) -> Path | None:
    return _first((root / pattern.format(what) for pattern in layout.lists), Path.is_file)


def _first(paths: Iterable[Path], wanted) -> Path | None:
    return next((path for path in paths if wanted(path)), None)
