"""UCF101 and HMDB51, in the folders they are unpacked to, with their official splits.

::

    UCF-101/<Class>/v_<Class>_g08_c01.avi              hmdb51_org/<class>/<film>_<class>_u_nm_np1_ba_goo_0.avi
    ucfTrainTestlist/classInd.txt                      testTrainMulti_7030_splits/<class>_test_split1.txt
    ucfTrainTestlist/trainlist01.txt, testlist01.txt   (2 and 3 likewise)

K. Soomro, A. Zamir, M. Shah, *UCF101: a dataset of 101 human action classes from videos in the
wild*, 2012: the clips ``c01`` … of a group ``g08`` come from one video. H. Kuehne et al., *HMDB: a
large video database for human motion recognition*, ICCV 2011: a name ends in six attributes (body,
camera, people, view, quality, number); before them stand film and class.
"""  # noqa: E501

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from vidlab.datasets.base import DataError
from vidlab.datasets.splits import FOUR_TO_ONE, Split, official, split
from vidlab.datasets.video_folders import VideoTable, few, list_classes

UCF_VIDEOS, UCF_LISTS = "UCF-101", "ucfTrainTestlist"
HMDB_VIDEOS, HMDB_LISTS = "hmdb51_org", "testTrainMulti_7030_splits"
_UCF_NAME = re.compile(r"v_.+_(g\d+)_c\d+\.avi", re.IGNORECASE)
_HMDB_NAME = re.compile(
    r"(?P<start>.+)_[hulf]_(?:cm|nm)_np\d_(?:fr|ba|le|ri)_(?:goo|med|bad)_\d+\.avi", re.IGNORECASE
)
_HMDB_PARTS = {"0": None, "1": "train", "2": "test"}
_TEXT_LIMIT = 1 << 24  # bytes; the longest official list has less than 1 MB


@dataclass(frozen=True)
class Listed:
    """A line of a split file: the part, the video as ``class/file``, and where it stands."""

    part: str
    video: str
    where: str


def ucf101(root: Path | str) -> VideoTable:
    """List UCF101; a group is ``Class/gXX``, as in the official splits.

    Raises:
        DataError: no such folder, no video, or a class list that cannot be read.
    """
    root = Path(root)
    rows, problems = list_classes(root / UCF_VIDEOS)
    named = _ucf_classes(root / UCF_LISTS / "classInd.txt")
    for odd in sorted(set(rows).difference(named)) if named else ():
        problems.append(f"{root / UCF_VIDEOS / odd} is not a class of classInd.txt: left out")
    for lost in (name for name in named if name not in rows):
        problems.append(f"{root / UCF_VIDEOS / lost} is missing or empty (a class of classInd.txt)")
    class_names = [name for name in named if name in rows] or sorted(rows)
    kept = []
    for label, name in enumerate(class_names):
        for path in rows[name]:
            match = _UCF_NAME.fullmatch(path.name)
            if match is None:
                problems.append(f"{path} is not named v_<Class>_gXX_cYY.avi: left out")
            else:
                kept.append((path, label, f"{name}/{match[1].lower()}"))
    return _table("UCF101", root / UCF_VIDEOS, class_names, kept, problems)


def hmdb51(root: Path | str) -> VideoTable:
    """List HMDB51; a group is the source film: the file's name without attributes and class.

    One film gives clips to several classes. They are one group: its faces and rooms are the same.

    Raises:
        DataError: no such folder or no video.
    """
    root = Path(root)
    rows, problems = list_classes(root / HMDB_VIDEOS)
    class_names, kept = sorted(rows), []
    for label, name in enumerate(class_names):
        for path in rows[name]:
            match = _HMDB_NAME.fullmatch(path.name)
            if match is None:
                problems.append(f"{path} has no attributes in its name: it is a group of its own")
            film = match["start"].removesuffix(f"_{name}") if match else f"{name}/{path.name}"
            kept.append((path, label, film))
    return _table("HMDB51", root / HMDB_VIDEOS, class_names, kept, problems)


def ucf101_split(
    root: Path | str, table: VideoTable, number: int = 1, *, missing: str = "error"
) -> Split:
    """Official split 1, 2 or 3 of UCF101: parts "train" and "test", checked for shared groups.

    Args:
        root: as for :func:`ucf101`.
        table: what it returned.
        number: 1, 2 or 3.
        missing: "error", or "skip" to go on, with a warning, without listed videos that are not
            in the table.

    Raises:
        DataError: a list that is missing, malformed, names an unknown class, or a video twice;
            the message says which file and line.
    """
    return _official(*ucf101_lists(root, table, number), table, number, missing)


def hmdb51_split(
    root: Path | str, table: VideoTable, number: int = 1, *, missing: str = "error"
) -> Split:
    """Official split 1, 2 or 3 of HMDB51 (70 clips to train and 30 to test, a class).

    These splits keep the clips of one film apart within each class. Across classes nobody did;
    the result says how many films are in both parts. Arguments and errors: :func:`ucf101_split`.
    """
    return _official(*hmdb51_lists(root, table, number), table, number, missing)


def hmdb51_four_to_one(table: VideoTable, *, seed: int, leaky: bool = False) -> Split:
    """HMDB51 in 4:1, by films; with ``leaky=True`` clip by clip at random, as in 3D BitConv.

    (Sect. 4.1 of that paper: "a random distribution method to partition the training and test
    sets into 4:1".)
    """
    made = split(table.groups, FOUR_TO_ONE, seed=seed, labels=table.labels, leaky=leaky)
    return replace(made, how="random 4:1" if leaky else "4:1 by films")


def ucf101_lists(
    root: Path | str, table: VideoTable, number: int
) -> tuple[list[Listed], list[str]]:
    """What the files of an official split say, and what is wrong with them."""
    _check_number(number)
    labels = {name: str(k + 1) for k, name in enumerate(_ucf_classes_of(root, table))}
    listed, problems = [], []
    for part in ("train", "test"):
        path = Path(root) / UCF_LISTS / f"{part}list{number:02d}.txt"
        for line, text in _lines(path, problems):
            where = f"{path.name}, line {line}"
            video, _, label = text.partition(" ")
            name, slash, _ = video.partition("/")
            if not slash or (label and not label.strip().isdecimal()):
                problems.append(f"{where}: {text[:80]!r} is not <Class>/<file> or <Class>/<file> N")
            elif name not in labels:
                problems.append(f"{where}: unknown class {name[:80]!r}")
            elif label and label.strip() != labels[name]:
                problems.append(f"{where}: {name} has number {labels[name]}, not {label.strip()}")
            else:
                listed.append(Listed(part, video, where))
    return listed, problems + _twice(listed)


def hmdb51_lists(
    root: Path | str, table: VideoTable, number: int
) -> tuple[list[Listed], list[str]]:
    """What the files of an official split say, and what is wrong with them."""
    _check_number(number)
    folder, ending = Path(root) / HMDB_LISTS, f"_test_split{number}.txt"
    listed, problems = [], []
    there = {p.name.removesuffix(ending) for p in folder.glob("*" + ending)}
    for name in sorted(there.difference(table.class_names)):
        problems.append(f"{name}{ending}: unknown class {name!r}")
    for name in table.class_names:
        path = folder / f"{name}{ending}"
        for line, text in _lines(path, problems):
            where = f"{path.name}, line {line}"
            video, _, code = text.rpartition(" ")
            if not video.strip() or code not in _HMDB_PARTS:
                problems.append(f"{where}: {text[:80]!r} is not <file> 0, 1 or 2")
            else:
                part = _HMDB_PARTS[code] or "unused"
                listed.append(Listed(part, f"{name}/{video.strip()}", where))
    return listed, problems + _twice(listed)


def missing_videos(listed: list[Listed], table: VideoTable) -> list[str]:
    """One sentence for each listed video that the table lacks."""
    known = _rows(table)
    return [f"{e.where}: {e.video} is missing" for e in listed if e.video not in known]


def _official(
    listed: list[Listed], problems: list[str], table: VideoTable, number: int, missing: str
) -> Split:
    if missing not in ("error", "skip"):
        raise ValueError(f"missing is {missing!r}; allowed: error, skip")
    how = f"official split {number} of {table.name}"
    if problems:
        raise DataError(f"{how}: {len(problems):,} wrong lines or files: {few(problems)}")
    absent = missing_videos(listed, table)
    if absent:
        what = f"{how}: {len(absent):,} of {len(listed):,} listed videos are missing: {few(absent)}"
        if missing == "error":
            raise DataError(f'{what}; missing="skip" goes on without them')
        warnings.warn(f"{what}; left out", stacklevel=3)
    rows = _rows(table)
    parts = {
        part: [rows[e.video] for e in listed if e.part == part and e.video in rows]
        for part in ("train", "test")
    }
    for part, indices in parts.items():
        if not indices:
            raise DataError(f"{how}: no video of the part {part!r} is there")
    return official(parts, table.groups, how=how)


def _table(
    name: str, root: Path, class_names: list[str], kept: list[tuple], problems: list[str]
) -> VideoTable:
    if not kept:
        raise DataError(
            f"{root} holds no videos of {name}; expected {root.name}/<class>/<file>.avi"
        )
    paths, labels, groups = zip(*kept, strict=True)
    return VideoTable(name, root, tuple(class_names), paths, labels, groups, tuple(problems))


def _rows(table: VideoTable) -> dict[str, int]:
    """``class/file`` to row."""
    return {f"{path.parent.name}/{path.name}": row for row, path in enumerate(table.paths)}


def _twice(listed: list[Listed]) -> list[str]:
    first: dict[str, str] = {}
    return [
        f"{e.where}: {e.video} is listed before ({first[e.video]})"
        for e in listed
        if first.setdefault(e.video, e.where) != e.where
    ]


def _ucf_classes(path: Path) -> list[str]:
    """The names in classInd.txt (lines ``1 ApplyEyeMakeup``); none if there is no such file."""
    if not path.is_file():
        return []
    names, problems = [], []
    for line, text in _lines(path, problems):
        number, _, name = text.partition(" ")
        if number != str(len(names) + 1) or not name or name in names:
            raise DataError(
                f"{path}, line {line}: got {text[:80]!r}; expected {len(names) + 1} Name"
            )
        names.append(name)
    if problems:
        raise DataError(problems[0])
    return names


def _ucf_classes_of(root: Path | str, table: VideoTable) -> list[str]:
    """All classes in official order, those without videos included."""
    return _ucf_classes(Path(root) / UCF_LISTS / "classInd.txt") or list(table.class_names)


def _lines(path: Path, problems: list[str]) -> list[tuple[int, str]]:
    """Numbered lines that are not blank, blanks within them single; a bad file is a problem."""
    try:
        with path.open("rb") as file:
            data = file.read(_TEXT_LIMIT + 1)
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror})")
        return []
    if len(data) > _TEXT_LIMIT:
        problems.append(f"{path}: more than {_TEXT_LIMIT >> 20} MB: this is not a split file")
        return []
    text = data.decode("utf-8-sig", errors="replace")
    numbered = ((k, " ".join(line.split())) for k, line in enumerate(text.splitlines(), 1))
    return [(k, line) for k, line in numbered if line]


def _check_number(number: int) -> None:
    if number not in (1, 2, 3):
        raise ValueError(f"number is {number!r}; allowed: 1, 2, 3")
