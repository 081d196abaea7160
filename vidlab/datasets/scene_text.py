"""Real words from photographs: IIIT5K, SVT, IC03 and IC13, in the folders they are unpacked to.

::

    data_dir/IIIT5K/traindata.mat, testdata.mat     IIIT5K-Word_V3.0; images in train/ and test/
    data_dir/svt1/train.xml, test.xml               rectangles in the photographs of img/
    data_dir/ic03/{train,test}/word.xml             cropped words (ICDAR 2003, robust reading), or
    data_dir/ic03/{train,test}/words.xml            rectangles in whole scenes
    data_dir/ic13/{train,test}/gt.txt               cropped words (ICDAR 2013, challenge 2, task 3)

As in the benchmarks that CRNN started, words are recognised without regard to case, words with
other characters than letters and digits are left out, and of IC03 and IC13 also those shorter than
three characters. A word's crop is resized to 32 x 100 grey pixels, whatever its shape.

Files are untrusted: see :mod:`vidlab.datasets.word_annotations`; images are decoded by Pillow, and
only PNG, JPEG, GIF and BMP.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from vidlab.datasets import word_annotations as annotations
from vidlab.datasets.base import DataError
from vidlab.datasets.sequences import SequenceSample
from vidlab.datasets.word_images import HEIGHT, STEPS, WIDTH, column_slices, encode
from vidlab.datasets.words import ALPHABET

Part = Literal["train", "test"]
FORMATS = ("PNG", "JPEG", "GIF", "BMP")


@dataclass(frozen=True)
class Word:
    """One annotated word.

    Attributes:
        path: the image file.
        text: what it says, small letters and digits.
        box: left, top, right, bottom in pixels within the image; None: all of it.
        where: file and entry of the annotation.
    """

    path: Path
    text: str
    box: tuple[int, int, int, int] | None
    where: str


@dataclass(frozen=True)
class WordTable:
    """The words of one part of a data set.

    Attributes:
        name: the data set and the part.
        words: those that count.
        left_out: how many were excluded for their length or characters.
        problems: entries that cannot be used, a sentence each.
    """

    name: str
    words: tuple[Word, ...]
    left_out: int
    problems: tuple[str, ...]


def iiit5k(root: Path | str, part: Part = "test") -> WordTable:
    """IIIT 5K-word (Mishra et al., BMVC 2012) in ``root``: 2,000 training and 3,000 test words."""
    return _table(
        "IIIT5K", part, 1, annotations.matlab_records(Path(root), f"{_checked(part)}data")
    )


def svt(root: Path | str, part: Part = "test") -> WordTable:
    """Street View Text (Wang et al., ICCV 2011): 647 test words in 249 photographs."""
    return _table("SVT", part, 1, annotations.tagged(Path(root), f"{_checked(part)}.xml"))


def ic03(root: Path | str, part: Part = "test") -> WordTable:
    """ICDAR 2003 robust reading: ``word.xml`` of cropped words, else ``words.xml`` of scenes."""
    folder = Path(root) / _checked(part)
    if (folder / "word.xml").is_file():
        return _table("IC03", part, 3, annotations.cropped(folder, "word.xml"))
    return _table("IC03", part, 3, annotations.tagged(folder, "words.xml"))


def ic13(root: Path | str, part: Part = "test") -> WordTable:
    """ICDAR 2013, challenge 2, task 3: ``gt.txt`` with lines ``word_1.png, "Text"``."""
    return _table("IC13", part, 3, annotations.listed(Path(root) / _checked(part), "gt.txt"))


#: The reader of every set; its folder in ``data_dir`` is in ``annotations.FOLDERS``.
READERS: dict[str, Callable[..., WordTable]] = {
    "iiit5k": iiit5k,
    "svt": svt,
    "ic03": ic03,
    "ic13": ic13,
}


def found_sets(data_dir: Path | str | None, part: Part = "test") -> dict[str, WordTable]:
    """The sets whose folder is in ``data_dir``, by name; none for None.

    Raises:
        DataError: a set that is there and cannot be read, or whose entries have problems.
    """
    tables = {}
    for name, folder in annotations.FOLDERS.items() if data_dir is not None else ():
        if not (Path(data_dir) / folder).is_dir():
            continue
        tables[name] = table = READERS[name](Path(data_dir) / folder, part)
        if table.problems:
            raise DataError(f"{table.name}: {len(table.problems):,} problems: {table.problems[0]}")
    return tables


def read_crop(word: Word) -> np.ndarray:
    """A word's crop as grey pixels ``(32, 100)`` uint8, resized whatever its shape.

    Raises:
        DataError: a file that is no image, or a box outside of it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(word.path, formats=FORMATS) as image:
                width, height = image.size
                left, top, right, bottom = word.box or (0, 0, width, height)
                # Annotated rectangles may reach over the edge by a few pixels: they are cut there.
                box = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
                if box[0] >= box[2] or box[1] >= box[3]:
                    raise DataError(
                        f"{word.where}: the box {word.box} is outside of {word.path.name}, "
                        f"which has {width} x {height} pixels"
                    )
                grey = image.convert("L").crop(box)
    except DataError:
        raise
    # Pillow's decoders raise whatever they like on broken files.
    except Exception as error:
        what = "there is no such file" if isinstance(error, FileNotFoundError) else error
        raise DataError(f"{word.where}: {word.path} cannot be read ({what})") from error
    return np.asarray(grey.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


class SceneText(Dataset):
    """The words of a table as sequences, like :class:`~vidlab.datasets.word_images.WordImages`.

    The truth of steps is not known: ``truth`` is 0 everywhere.
    """

    def __init__(self, table: WordTable):
        if not table.words:
            raise DataError(f"{table.name} holds no word that counts")
        self.table = table
        self.targets = [encode(word.text) for word in table.words]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> SequenceSample:
        slices = column_slices(read_crop(self.table.words[index]))
        frames = torch.from_numpy(slices[:, None] / np.float32(255))
        return SequenceSample(frames, self.targets[index], torch.zeros(STEPS).long(), int(index))


def _table(
    name: str, part: Part, shortest: int, entries: Iterable[annotations.Entry | str]
) -> WordTable:
    """Filter what a reader yields: entries, or sentences about what is wrong."""
    words, problems, left_out = [], [], 0
    for entry in entries:
        if isinstance(entry, str):
            problems.append(entry)
            continue
        path, text, box, where = entry
        text = text.strip().lower()
        if len(text) < shortest or not text or set(text) - set(ALPHABET):
            left_out += 1
        elif _steps(text) > STEPS:
            problems.append(f"{where}: {text!r} needs {_steps(text)} steps; there are {STEPS}")
        else:
            words.append(Word(path, text, _corners(box), where))
    return WordTable(f"{name} {part}", tuple(words), left_out, tuple(problems))


def _steps(text: str) -> int:
    """Steps that CTC needs for a word: its characters and a blank between equal neighbours."""
    return len(text) + sum(a == b for a, b in pairwise(text))


def _corners(box: tuple[float, ...] | None) -> tuple[int, int, int, int] | None:
    if box is None:
        return None
    x, y, width, height = box
    return round(x), round(y), round(x + width), round(y + height)


def _checked(part: str) -> str:
    if part not in ("train", "test"):
        raise ValueError(f"part is {part!r}; allowed: train, test")
    return part
