"""Look through a user's folders of word images: every test word is opened, every problem kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vidlab.datasets.base import DataError, Found
from vidlab.datasets.word_annotations import FOLDERS

# progress(data set, words done, words in all)
Progress = Callable[[str, int, int], None]

SHOWN = 20  # problems that are kept word for word; the rest are counted


def check(data_dir: Path | None, progress: Progress | None = None) -> list[Found]:
    """A row for each set; the image of every test word is opened."""
    return [_check(name, data_dir, progress) for name in FOLDERS]


def _check(name: str, data_dir: Path | None, progress: Progress | None) -> Found:
    folder = FOLDERS[name]
    remedy = f"optional: unpack {name.upper()} into DATA_DIR/{folder}"
    remedy += "; the layouts are in data/README.md"
    if data_dir is None:
        return Found(name, False, "-", "no data_dir given", remedy)
    root = data_dir / folder
    if not root.is_dir():
        return Found(name, False, str(root), "there is no such folder", remedy)
    from vidlab.datasets.scene_text import READERS, read_crop  # brings torch

    try:
        table = READERS[name](root, "test")
    except DataError as error:
        return Found(name, False, str(root), str(error), remedy)
    problems = list(table.problems)
    for done, word in enumerate(table.words, 1):
        try:
            read_crop(word)
        except DataError as error:
            problems.append(str(error))
        if progress is not None:
            progress(name, done, len(table.words))
    detail = f"{len(table.words):,} test words, {table.left_out:,} left out"
    if problems:
        detail += f", {len(problems):,} problem{'s' if len(problems) > 1 else ''}"
        remedy = "optional: mend or remove what the problems name"
    return Found(
        name,
        not problems,
        str(root),
        detail,
        remedy if problems else "",
        problems=tuple(problems[:SHOWN]),
        problem_count=len(problems),
    )
