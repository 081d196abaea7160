"""Folders of labelled videos: one folder a class. Tables list files and open none.

    table = scan("videos")                              # videos/<class>/<file>
    parts = split(table.groups, labels=table.labels, seed=0)

:mod:`vidlab.datasets.video_clips` takes clips from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vidlab.datasets.base import DataError

#: endings of file names that are taken for videos
ENDINGS = frozenset((".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm"))


@dataclass(frozen=True)
class VideoTable:
    """Labelled files, one row a video.

    Attributes:
        name: the data set.
        root: its folder.
        class_names: one a class, in order.
        paths: the files.
        labels: the class of each.
        groups: what each was cut from; a split must keep these together.
        problems: what is odd in the folder, one sentence each; none of it is in the rows.
    """

    name: str
    root: Path
    class_names: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[int, ...]
    groups: tuple[str, ...]
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)


def scan(root: Path | str, *, name: str = "videos") -> VideoTable:
    """List ``root/<class>/<file>``; each video is a group of its own.

    Raises:
        DataError: no such folder, or no video in it.
    """
    root = Path(root)
    rows, problems = list_classes(root)
    class_names = sorted(rows)
    table = VideoTable(
        name=name,
        root=root,
        class_names=tuple(class_names),
        paths=tuple(path for c in class_names for path in rows[c]),
        labels=tuple(label for label, c in enumerate(class_names) for _ in rows[c]),
        groups=tuple(f"{c}/{path.name}" for c in class_names for path in rows[c]),
        problems=tuple(problems),
    )
    if not len(table):
        raise DataError(
            f"{root} holds no videos; expected {root.name}/<class>/<file>.mp4 (or .avi…)"
        )
    return table


def list_classes(root: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """Class to its video files, in order, and what is odd: empty folders, things between.

    Raises:
        DataError: ``root`` is not a folder, or cannot be listed.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder")
    rows: dict[str, list[Path]] = {}
    problems: list[str] = []
    try:
        for folder in _visible(root):
            if not folder.is_dir():
                problems.append(f"{folder} is not a class folder: ignored")
                continue
            files = list(_visible(folder))
            videos = [f for f in files if f.suffix.lower() in ENDINGS and f.is_file()]
            odd = set(files).difference(videos)
            problems += [f"{path} is not a video file: ignored" for path in sorted(odd)]
            if videos:
                rows[folder.name] = videos
            else:
                problems.append(f"{folder} holds no videos: the class is left out")
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be listed ({error.strerror})") from error
    return rows, problems


def few(names: Iterable[str], limit: int = 3) -> str:
    """The first names, and how many more there are.

    >>> few(["a", "b", "c", "d", "e"])
    'a; b; c; and 2 more'
    """
    names = list(names)
    rest = [f"and {len(names) - limit:,} more"] if len(names) > limit else []
    return "; ".join([*names[:limit], *rest])


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
